// Packs what `bench/gpu/run.sh` needs on a machine with a card but without Node and a network: node, the addon for its
// PyTorch, the compiled packages with their dependencies, and real images. `node bench/gpu/prepare.mjs [--version 2.11.0] [--data FILE] [--out FOLDER]`
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { buildAddon } from '../../packages/torch/setup/build-addon.mjs';
import { buildDistributed } from '../../packages/torch/setup/build-distributed.mjs';
import { defaultBuildDir, findCompiler, requestOf } from '../../packages/torch/setup/current-build.mjs';
import { filesUnder } from '../../packages/torch/setup/files.mjs';
import { findLibtorch } from '../../packages/torch/setup/find-libtorch.mjs';
import { installPytorch } from '../../packages/torch/setup/install-pytorch.mjs';
import { runMain, SetupError } from '../../packages/torch/setup/setup-error.mjs';

const root = path.resolve(fileURLToPath(new URL('../..', import.meta.url)));
/** What a machine that takes the folder with the checkout allows for both. */
const limitMb = 64;

const usage = `Usage: node bench/gpu/prepare.mjs [--version VERSION] [--data ARCHIVE] [--out FOLDER]

Packs what bench/gpu/run.sh needs on a machine with a card and PyTorch's VERSION (default 2.11.0): Node, the engine built for it,
the programs and ARCHIVE (default: ../shared/data/cifar10-images.tar.xz), into FOLDER (default: bench/gpu/pack).`;

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      version: { type: 'string', default: '2.11.0' },
      data: { type: 'string', default: path.join(root, '../shared/data/cifar10-images.tar.xz') },
      out: { type: 'string', default: path.join(root, 'bench/gpu/pack') },
    },
  });
  if (values.help) return console.log(usage);
  const { torchFolder } = await installPytorch({ version: values.version });
  const env = { ...process.env, LIBTORCH: torchFolder };
  const libtorch = await findLibtorch({ env });
  const compiler = findCompiler();
  if (libtorch === null || compiler === null) throw new SetupError('No C++ compiler: install g++.', 'NO_COMPILER');
  const { addon, key } = await buildAddon(libtorch, { compiler });
  const distributed = await buildDistributed(libtorch, { compiler });
  const record = {
    addon,
    key,
    libtorch,
    distributed,
    request: requestOf(env),
    compiler,
    builtAt: new Date().toISOString(),
  };
  const tree = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-gpu-'));
  try {
    stage(tree, record);
    rmSync(values.out, { recursive: true, force: true });
    mkdirSync(values.out, { recursive: true });
    const archive = path.join(values.out, 'deit-lt.tar.xz');
    console.log(`Packing ${archive} …`);
    execFileSync('tar', ['-cJf', archive, '-C', tree, '.'], {
      env: { ...process.env, XZ_OPT: '-9 -T2' },
      stdio: 'inherit',
    });
    if (existsSync(values.data)) copyFileSync(values.data, path.join(values.out, 'cifar10-images.tar.xz'));
    else console.log(`${values.data} does not exist: the steps with real images will fail. --data names another file.`);
    report(values.out);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
});

/** @param {string} tree @param {{ addon: string, distributed: import('../../packages/torch/setup/build-distributed.mjs').Distributed }} record */
function stage(tree, record) {
  const copy = (/** @type {string} */ from, /** @type {string} */ to = from) =>
    cpSync(path.join(root, from), path.join(tree, to), {
      recursive: true,
      filter: (file) => !/\.(d\.ts|map|tsbuildinfo)$|__pycache__/.test(file),
    });
  mkdirSync(path.join(tree, 'bin'));
  copyFileSync(process.execPath, path.join(tree, 'bin/node'));
  execFileSync('strip', [path.join(tree, 'bin/node')]);
  copy('package.json');
  for (const file of ['package.json', 'dist', 'setup', 'native', 'test/reference/server.py'])
    copy(`packages/torch/${file}`);
  for (const page of ['api-page', 'readme']) // tests of the documentation, which is not packed
    rmSync(path.join(tree, `packages/torch/dist/test/${page}.test.js`), { force: true });
  const { addon, distributed } = record;
  for (const built of 'addon' in distributed ? [addon, distributed.addon] : [addon])
    copy(path.relative(root, path.join(defaultBuildDir, built)), `packages/torch/build/${built}`);
  writeFileSync(path.join(tree, 'packages/torch/build/current.json'), JSON.stringify(record, null, 2));
  for (const file of ['package.json', 'bin', 'dist/src', 'recipes']) copy(`packages/deit-lt/${file}`);
  for (const file of ['package.json', 'dist', 'build']) copy(`packages/web/${file}`);
  for (const file of ['bench/dist', 'bench/train/reference.py', 'bench/train/networks.py']) copy(file);
  for (const name of dependenciesOf(['packages/deit-lt', 'packages/torch'])) copy(`node_modules/${name}`);
  mkdirSync(path.join(tree, 'node_modules/@deit-lt'), { recursive: true });
  symlinkSync('../../packages/torch', path.join(tree, 'node_modules/@deit-lt/torch'));
  symlinkSync('../../packages/web', path.join(tree, 'node_modules/@deit-lt/web'));
  symlinkSync('../packages/deit-lt', path.join(tree, 'node_modules/deit-lt'));
}

/**
 * All packages that `folders` depend on, theirs included; of builds for other systems those that are installed here.
 *
 * @param {string[]} folders
 */
function dependenciesOf(folders) {
  /** @type {Set<string>} */
  const found = new Set();
  const visit = (/** @type {string} */ folder) => {
    const file = path.join(root, folder, 'package.json');
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(file, 'utf8'));
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (found.has(name) || name.startsWith('@deit-lt/') || /musl|wasm32/.test(name)) continue;
      if (!existsSync(path.join(root, 'node_modules', name))) continue;
      found.add(name);
      visit(path.join('node_modules', name));
    }
  };
  for (const folder of folders) visit(folder);
  return found;
}

/** Returns the size of all files that git would take, the new ones included. */
function checkoutMb() {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\0');
  const size = (/** @type {string} */ file) => statSync(path.join(root, file), { throwIfNoEntry: false })?.size ?? 0;
  return files.filter((file) => file !== '').reduce((sum, file) => sum + size(file), 0) / 2 ** 20;
}

/** @param {string} folder */
function report(folder) {
  const sizes = filesUnder(folder).map((file) => /** @type {const} */ ([file, statSync(file).size / 2 ** 20]));
  for (const [file, size] of sizes) console.log(`${size.toFixed(1).padStart(6)} MiB  ${path.relative(root, file)}`);
  const packed = sizes.reduce((sum, [, size]) => sum + size, 0);
  const checkout = checkoutMb();
  console.log(
    `${(packed + checkout).toFixed(1).padStart(6)} MiB with the files of the checkout (${checkout.toFixed(1)} MiB)`,
  );
  if (packed + checkout > limitMb)
    throw new SetupError(
      `${folder} and the files of the checkout have ${(packed + checkout).toFixed(1)} MiB; expected at most ${limitMb} MiB, so that both travel together.`,
      'SIZE',
    );
  console.log(`Ready: OUT=results bash bench/gpu/run.sh (from the checkout, or with this folder as its argument)`);
}
