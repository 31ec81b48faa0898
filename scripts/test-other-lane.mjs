// `npm run test:other-lane [-- words]`: the tests on the other libtorch. Where `npm test` uses Debian's 1.13, this installs
// today's PyTorch (as `npm run setup:torch`) and runs on it; where it uses that, this runs on the system's.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { readCurrent } from '../packages/torch/setup/current-build.mjs';
import { installPytorch } from '../packages/torch/setup/install-pytorch.mjs';
import { runMain, SetupError } from '../packages/torch/setup/setup-error.mjs';
import { isAtLeast } from '../packages/torch/setup/torch-version.mjs';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));

await runMain(async () => {
  const current = readCurrent();
  if (current === null) throw new SetupError('The addon is not built yet. Run npm test first.', 'NOT_BUILT');
  const LIBTORCH = isAtLeast(current.libtorch.version, '2.0') ? '/usr' : (await installPytorch()).torchFolder;
  console.log(`\nThe other lane: LIBTORCH=${LIBTORCH} npm test`);
  // Variables that name a Python or a libtorch of the first lane would mix the two.
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, LIBTORCH };
  delete env.PYTHON_TORCH;
  for (const args of [
    ['scripts/setup.mjs', '--test'],
    ['scripts/test.mjs', ...process.argv.slice(2)],
  ]) {
    const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
});
