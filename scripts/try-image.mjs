// `npm run test:image -- ROOT [TORCH=cpu]`: runs the steps of the Dockerfile in a folder that has a Debian (debootstrap
// --variant=minbase bookworm ROOT) and Node in place of the image that they begin with; for machines without a container engine.
// Changes ROOT. Needs root, and Linux.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { runMain, SetupError } from '../packages/torch/setup/setup-error.mjs';
import { assignment, parseDockerfile } from './lib/dockerfile.mjs';
import { copyAsCloned } from './lib/pack.mjs';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));
const usage = 'Usage: npm run test:image -- ROOT [TORCH=debian|cpu|cuda]';

await runMain(async () => {
  const [folder, ...given] = process.argv.slice(2);
  if (folder === undefined || !existsSync(path.join(folder, 'etc/debian_version')))
    throw new SetupError(
      `${folder ?? 'ROOT'}: expected a folder with a Debian, as debootstrap makes it.\n\n${usage}`,
      'USAGE',
    );
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new SetupError('Only root may do this, on Linux.', 'USAGE');
  const image = await build(path.resolve(folder), Object.fromEntries(given.map(assignment)));
  const { stdout } = inside(image, [...image.entrypoint, 'doctor'], { stdio: ['ignore', 'pipe', 'inherit'] });
  console.log(stdout);
  inside(image, [
    ...image.entrypoint,
    'train',
    '--data',
    'shapes',
    '--budget',
    'small',
    '--set',
    'data.limit=100',
    '--out',
    'run',
  ]);
});

/** @typedef {{ folder: string, env: Record<string, string>, workdir: string, entrypoint: string[] }} Image */

/** @param {string} folder @param {Record<string, string>} args @returns {Promise<Image>} */
async function build(folder, args) {
  /** @type {Image} */
  const image = {
    folder,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' },
    workdir: '/',
    entrypoint: [],
  };
  for (const { instruction, value } of parseDockerfile(readFileSync(path.join(root, 'Dockerfile'), 'utf8'))) {
    if (instruction === 'ARG' || instruction === 'ENV') {
      const [name, standard] = assignment(value);
      image.env[name] = (instruction === 'ARG' ? args[name] : undefined) ?? standard;
    } else if (instruction === 'WORKDIR') {
      image.workdir = value;
      rmSync(path.join(folder, value), { recursive: true, force: true });
      inside({ ...image, workdir: '/' }, ['mkdir', '-p', value]);
    } else if (instruction === 'COPY') await copyAsCloned(root, path.join(folder, image.workdir));
    else if (instruction === 'RUN') inside(image, ['sh', '-c', value]);
    else if (instruction === 'ENTRYPOINT') image.entrypoint = JSON.parse(value);
  }
  return image;
}

/**
 * Runs a command in the folder as its root, with mounts of its own that end with it.
 *
 * @param {Image} image
 * @param {string[]} command
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
function inside({ folder, env, workdir }, command, options = { stdio: 'inherit' }) {
  const enter =
    'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && root="$0" && dir="$1" && shift && exec chroot "$root" sh -c \'cd "$0" && exec "$@"\' "$dir" "$@"';
  const args = ['--mount', '--pid', '--fork', 'sh', '-c', enter, folder, workdir, ...command];
  // The network of this machine may need these.
  const passed = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /proxy$|^NODE_EXTRA_CA_CERTS$|^PIP_/i.test(name)),
  );
  const result = spawnSync('unshare', args, { ...options, env: { ...passed, ...env }, encoding: 'utf8' });
  if (result.status !== 0)
    throw new SetupError(`${command.join(' ')} failed in ${folder} (exit code ${result.status}).`, 'IMAGE');
  return result;
}
