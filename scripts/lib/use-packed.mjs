// Uses the packed packages in a folder of their own, outside of the repository.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { filesUnder, isFile, listFolder } from '../../packages/torch/setup/files.mjs';
import { lastLines, runCommand, shellLine } from '../../packages/torch/setup/run-command.mjs';
import { SetupError } from '../../packages/torch/setup/setup-error.mjs';
import { step } from '../../packages/torch/setup/step.mjs';
import { npm } from './npm.mjs';
import { runExamples } from './packed-examples.mjs';

const root = path.resolve(fileURLToPath(new URL('../..', import.meta.url)));

const small = ['teacher', 'student'].flatMap((part) => [
  `${part}.epochs=1`,
  `${part}.imageSize=16`,
  `${part}.batchSize=8`,
]);

/**
 * Installs packed packages and uses them as their users do: set-up, types, training, prediction, export, demo.
 *
 * @param {string} app an empty folder
 * @param {string} packages with the .tgz files
 * @throws {SetupError} and AssertionError, when something does not work
 */
export async function usePacked(app, packages) {
  mkdirSync(app, { recursive: true });
  await step('Installing into an empty folder, as npm install does', () => install(app, packages));
  await step('deit-torch-setup --no-install', () => setUp(app));
  await step('Types, with node16 and bundler', () => checkTypes(app));
  await step('Training on 26 images', () => train(app));
  await step('Prediction by command and by library', () => predict(app));
  await step('Export', () => exportModel(app));
  await step('Demo', () => demo(app));
  await step('Examples of modules of --plugin', () => examples(app));
}

/** @param {string} app */
async function examples(app) {
  const names = await runExamples(path.join(root, 'examples'), app, (words, cwd) => run(app, words, { cwd }));
  assert.ok(names.length >= 7, `examples: ${names.join(', ')}`);
}

/** @param {string} app @param {string} packages */
async function install(app, packages) {
  const files = listFolder(packages).filter((name) => name.endsWith('.tgz'));
  if (files.length !== 3)
    throw new SetupError(
      `${packages}: expected three .tgz files, found ${files.join(', ') || 'none'}. Make them with npm run release.`,
    );
  writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }\n');
  const { devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const tools = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund'];
  await npm([...args, ...files.map((name) => path.join(packages, name)), ...tools], { cwd: app });
  assert.ok(
    !isFile(path.join(app, 'node_modules/onnxruntime-node/package.json')),
    'onnxruntime-node is optional, and was installed',
  );
}

/** Runs a command of the installed packages. @param {string} app @param {string[]} args @param {{ code?: number, cwd?: string }} [expected] */
async function run(app, [name = '', ...args], { code: expected = 0, cwd = app } = {}) {
  const bin = path.join(app, 'node_modules/.bin', name);
  const { code, stdout, output } = await runCommand(bin, args, { cwd, env: userEnvironment() });
  if (code !== expected)
    throw new SetupError(
      `${shellLine([name, ...args])}: expected exit code ${expected}, received ${code}:\n${lastLines(output)}`,
    );
  return { stdout, output };
}

/** Without what `npm run` adds: the packages are used from a shell. */
function userEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) && name !== 'INIT_CWD'),
  );
}

/** @param {string} app */
async function setUp(app) {
  const { output } = await run(app, ['deit-torch-setup', '--no-install']);
  assert.match(output, /^Ready: .*node_modules\/@deit-lt\/torch\/build\/.*\.node$/m);
}

/** The engine's types need ES2022 alone; the library's also those of Node or of the browser, which zod's need. @param {string} app */
async function checkTypes(app) {
  for (const name of ['engine-types.ts', 'library-types.ts'])
    copyFileSync(path.join(root, 'scripts/packed', name), path.join(app, name));
  const cases = [
    { file: 'engine-types.ts', lib: ['ES2022'], types: [] },
    { file: 'library-types.ts', lib: ['ES2022', 'DOM'], types: [] },
    { file: 'library-types.ts', lib: ['ES2022'], types: ['node'] },
  ];
  for (const [module, moduleResolution] of [
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ])
    for (const { file, ...libraries } of cases) {
      const compilerOptions = {
        module,
        moduleResolution,
        target: 'ES2022',
        strict: true,
        skipLibCheck: false,
        noEmit: true,
        ...libraries,
      };
      writeFileSync(path.join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
      await run(app, ['tsc', '--pretty', 'false']);
    }
}

/** @param {string} app */
async function train(app) {
  const draw = await runCommand(process.execPath, [library(app), 'draw', 'images'], { cwd: app });
  assert.equal(draw.code, 0, draw.output);
  const settings = small.flatMap((setting) => ['--set', setting]);
  const { output } = await run(app, [
    'deit-lt',
    'train',
    '--data',
    'images',
    '--split',
    '0.25',
    '--budget',
    'small',
    '--out',
    'run',
    ...settings,
  ]);
  assert.match(output, /The run is in run\./);
}

/** A module is found from the file that imports it: it must lie in the folder of the packages. @param {string} app */
function library(app) {
  const file = path.join(app, 'library.mjs');
  copyFileSync(path.join(root, 'scripts/packed/library.mjs'), file);
  return file;
}

/** @param {string} app */
async function predict(app) {
  const image = filesUnder(path.join(app, 'images'))[0] ?? '';
  const { stdout } = await run(app, ['deit-lt', 'predict', 'run', image, '--json']);
  const {
    code,
    output,
    stdout: classified,
  } = await runCommand(process.execPath, [library(app), 'classify', 'run', image], { cwd: app });
  assert.equal(code, 0, output);
  const [command] = JSON.parse(stdout);
  const { top } = JSON.parse(classified);
  assert.deepEqual(command.top, top);
  assert.equal(top.length, 3);
}

/** @param {string} app */
async function exportModel(app) {
  await run(app, ['deit-lt', 'export', 'run', '--format', 'safetensors', '--out', 'model.safetensors']);
  await run(app, ['deit-lt', 'eval', 'model.safetensors', '--data', 'images', '--split', '0.25']);
  const { output } = await run(app, ['deit-lt', 'export', 'run', '--format', 'onnx', '--out', 'model.onnx']);
  assert.match(output, /not checked.*npm install onnxruntime-node/);
  const refused = await run(app, ['deit-lt', 'predict', 'model.onnx', 'images'], { code: 1 });
  assert.match(refused.output, /npm install onnxruntime-node/);
}

/** Starts the server, loads the page and its model, and stops it as Ctrl-C does. @param {string} app */
async function demo(app) {
  const bin = path.join(app, 'node_modules/.bin/deit-lt');
  const child = spawn(bin, ['demo', 'run', '--port', '0'], {
    cwd: app,
    env: userEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
  let output = '';
  const address = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
        const found = /^http:\/\/\S+/m.exec(output)?.[0];
        if (found) resolve(found);
      });
    child.on('close', () => reject(new SetupError(`deit-lt demo ended without an address:\n${output}`)));
  });
  try {
    const url = String(await address);
    const page = await fetch(url);
    assert.equal(page.status, 200);
    const html = await page.text();
    const [, script] = /<script[^>]* src="([^"]+)"/.exec(html) ?? [];
    assert.ok(script, 'the page has no script');
    const loaded = await fetch(new URL(script, url));
    assert.equal(loaded.status, 200);
    assert.ok((await loaded.text()).length > 10_000);
  } finally {
    child.kill('SIGINT');
  }
  assert.equal(await ended, 0, `deit-lt demo did not end well:\n${output}`);
}
