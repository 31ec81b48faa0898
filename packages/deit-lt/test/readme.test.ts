/** The README's commands for one's own images, run in its order on a few drawn images; its program; the server of the guide. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, suite, test } from 'node:test';
import sharp from 'sharp';
import { commandTable } from '../src/cli/command-table.js';
import { drawShapes } from '../src/data/shapes/index.js';
import { deitLt } from './cli-helpers.js';
import { codeBlocks, commandsIn, readPage } from './helpers/pages.js';
import { firstAddress, programFolders, resultOf, startNode, startProgram } from './helpers/programs.js';

const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');
const readme = readPage('README.md');
const folders = programFolders();
const { folder } = folders;

/** `my-images` with 40, 20 and 10 drawn images in three classes, and `photo.jpg`. */
async function drawImages(): Promise<void> {
  const { train } = drawShapes({ trainPerClass: 40, testPerClass: 1 });
  assert.equal(train.images.kind, 'memory');
  const { pixels, width, height } = train.images as Extract<typeof train.images, { kind: 'memory' }>;
  const [area, counts] = [width * height, [40, 20, 10]];
  for (const [c, name] of ['ring', 'star', 'cross'].entries()) {
    mkdirSync(path.join(folder, 'my-images', name), { recursive: true });
    for (let i = 0; i < counts[c]!; i++) {
      const start = 3 * area * (40 * c + i);
      const planes = pixels.subarray(start, start + 3 * area);
      const raw = Uint8Array.from({ length: 3 * area }, (_, j) => planes[(j % 3) * area + Math.floor(j / 3)]!);
      const file = path.join(folder, 'my-images', name, `${i}.png`);
      await sharp(raw, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(file);
    }
  }
  await sharp(path.join(folder, 'my-images/ring/0.png')).jpeg().toFile(path.join(folder, 'photo.jpg'));
}

/** What makes a command of the README short enough for a test. */
const shorter: Readonly<Record<string, readonly string[]>> = {
  inspect: ['--no-speed'],
  plan: ['--no-speed'],
  train: ['--budget', 'small'],
};

/** Starts a command that serves a page, fetches the page, and stops it with Ctrl-C. */
async function served(words: readonly string[]): Promise<{ page: string; status: number | null }> {
  const program = startNode([bin, ...words, '--port', '0'], folder);
  const ended = resultOf(program);
  const page = await (await fetch(await firstAddress(program))).text();
  program.kill('SIGINT');
  return { page, status: (await ended).status };
}

suite('"Your own images" of the README, line by line', () => {
  before(drawImages);
  const section = readme.slice(readme.indexOf('## Your own images'), readme.indexOf('## In a container'));
  const commands = commandsIn(section);
  const expected: Readonly<Record<string, RegExp>> = {
    inspect: /6\d training images of 3 classes/,
    plan: /^Plan for my-images: 6\d training images of 3 classes/,
    train: /student average/,
    eval: /student average/,
    predict: /photo\.jpg .*(ring|star|cross) \d/,
    analyze: /attention distance/,
    report: /report\.html/,
    compare: /student average/,
    demo: /<html/,
    studio: /<html/,
  };

  test('has every command that is checked here, in this order', () => {
    assert.deepEqual(commands.map(([command]) => command).sort(), Object.keys(expected).sort());
  });

  for (const words of commands) {
    const command = words[0]!;
    test(`deit-lt ${words.join(' ')}`, async () => {
      if (commandTable.find(({ name }) => name === command)?.serves === true) {
        const { page, status } = await served(words);
        assert.match(page, expected[command]!);
        assert.ok(status === 0 || status === 130, String(status));
      } else {
        const { status, stdout, stderr } = deitLt([...words, ...(shorter[command] ?? [])], { cwd: folder });
        assert.equal(status, 0, stderr);
        assert.match(stdout, expected[command]!);
      }
    });
  }

  test('the program prints a class and its probability', async () => {
    const [code = ''] = codeBlocks(section, 'js');
    const { status, stdout, stderr } = await resultOf(startProgram('readme.mjs', code, folders));
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^(ring|star|cross) 0\.\d+\n$/);
  });

  test('the server of docs/guides/server.md classifies images and refuses other files', async () => {
    const [code = ''] = codeBlocks(readPage('docs/guides/server.md'), 'js');
    const program = startProgram('server.mjs', code, { ...folders, words: ['runs/mine', '0'] });
    const ended = resultOf(program);
    const address = await firstAddress(program);
    // No connection is kept: the server closes idle ones, and a slow machine would reuse one that is being closed.
    const headers = { connection: 'close' };
    const post = (body: Buffer) => fetch(address, { method: 'POST', headers, body: new Uint8Array(body) });
    const image = readFileSync(path.join(folder, 'photo.jpg'));
    const answers = await Promise.all([post(image), post(image)]);
    const [first, second] = await Promise.all(answers.map((answer) => answer.json()));
    const { stdout } = deitLt(['predict', 'runs/mine', 'photo.jpg', '--json', '--top', '3'], { cwd: folder });
    const [{ top, cls, dist }] = JSON.parse(stdout);
    assert.deepEqual(first, { top, cls, dist });
    assert.deepEqual(second, first);
    const bad = await post(Buffer.from('no image'));
    assert.equal(bad.status, 400);
    assert.match(((await bad.json()) as { error: string }).error, /image/);
    assert.equal((await post(Buffer.alloc(21 * 1024 * 1024))).status, 413);
    assert.equal((await fetch(address, { headers })).status, 404);
    program.kill('SIGTERM');
    assert.equal((await ended).status, 0);
  });
});
