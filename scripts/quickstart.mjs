// What `npm run quickstart` does after the set-up: the main job on an embedded data set. Until the training of
// teacher and student is there, that is the engine's own example, a network trained from scratch.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const example = fileURLToPath(new URL('../packages/torch/dist/examples/spirals.js', import.meta.url));

console.log('Training a small network on two spirals with @deit-lt/torch (packages/torch/examples/spirals.ts).');
const { status } = spawnSync(process.execPath, ['--enable-source-maps', example], { stdio: 'inherit' });
if (status === 0)
  console.log(
    `\nNext: ${path.join('packages', 'torch', 'README.md')} shows the engine; docs/torch-api.md lists all of it.`,
  );
process.exitCode = status ?? 1;
