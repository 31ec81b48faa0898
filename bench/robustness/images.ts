/**
 * `npm run robustness:images -- [--count 2000] [--commands 200]`: seeded mutations of image files for each parser, decoded in
 * processes whose death is noticed, then folders of them given to `deit-lt inspect`. Exit code 1 when anything does not hold.
 */
import { fork, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutation, type ParserName, parsers, seedsOf } from '#deit-lt-test/helpers/mutated-images.js';
import { parseOptions } from '../options.js';
import { withScratch } from '../scratch.js';
import type { Message } from './images-process.js';

const { values } = parseOptions({
  options: { count: { type: 'string', default: '2000' }, commands: { type: 'string', default: '200' } },
});

/** An image that takes longer hangs. */
const hangMs = 30_000;
/** The budget of the decoders, a gibibyte, and what Node, libvips and file buffers take besides. */
const mostMib = 1700;

interface Found {
  read: number;
  refused: number;
  crashed: number;
  hung: number;
  wrong: string[];
  mib: number;
}

const processFile = fileURLToPath(new URL('./images-process.js', import.meta.url));

/** Mutations [first, end) in a process; returns the number of the one after which to go on. */
function judgeFrom(parser: ParserName, first: number, end: number, folder: string, found: Found): Promise<number> {
  return new Promise((resolve) => {
    const child = fork(processFile, [parser, String(first), String(end - first), folder], { stdio: 'ignore' });
    let [index, ended, hangs] = [first, false, false];
    const alarm = setTimeout(() => {
      hangs = true;
      child.kill('SIGKILL');
    }, hangMs);
    child.on('message', (message: Message) => {
      alarm.refresh();
      if (message.kind === 'begin') index = message.index;
      else if (message.kind === 'verdict') found[message.verdict]++;
      else if (message.kind === 'wrong') found.wrong.push(`${parser} ${message.index}: ${message.why}`);
      else [ended, found.mib] = [true, Math.max(found.mib, message.mib)];
    });
    child.on('exit', (code, signal) => {
      clearTimeout(alarm);
      if (ended) return resolve(end);
      found[hangs ? 'hung' : 'crashed']++;
      found.wrong.push(`${parser} ${index}: ${hangs ? 'hangs' : `the process ended with ${signal ?? code}`}`);
      resolve(index + 1);
    });
  });
}

async function judgeParser(parser: ParserName, count: number, folder: string): Promise<Found> {
  const found: Found = { read: 0, refused: 0, crashed: 0, hung: 0, wrong: [], mib: 0 };
  for (let next = 0; next < count; ) next = await judgeFrom(parser, next, count, folder, found);
  return found;
}

const bin = fileURLToPath(new URL('../../../packages/deit-lt/bin/deit-lt.mjs', import.meta.url));

/** `inspect` of a folder with `count` mutated files: it names those that cannot be read and shows no stack trace. */
async function inspectFolder(parser: ParserName, count: number, folder: string): Promise<string | undefined> {
  const root = path.join(folder, `${parser.replace(' ', '-')}-images`);
  const seeds = await seedsOf(parser);
  for (const name of ['a', 'b']) {
    mkdirSync(path.join(root, 'train', name), { recursive: true });
    writeFileSync(path.join(root, 'train', name, 'whole.png'), (await seedsOf('png'))[0]!);
  }
  for (let i = 0; i < count; i++)
    writeFileSync(path.join(root, 'train', i % 2 ? 'a' : 'b', `${i}.jpg`), mutation(seeds, i));
  const words = [bin, 'inspect', root, '--skip-bad', '--no-speed'];
  const env = { ...process.env, DEIT_LT_CACHE: path.join(folder, 'cache'), OMP_NUM_THREADS: '1' };
  const { status, stderr, signal } = spawnSync(process.execPath, words, { env, encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) return `${parser}: inspect ended with ${signal ?? status}: ${stderr.slice(-300)}`;
  return /^ +at |internal:|undefined/m.test(stderr) ? `${parser}: inspect said ${stderr.slice(-300)}` : undefined;
}

const wrong: string[] = [];
await withScratch('deit-lt-mutated', async (folder) => {
  console.log('parser        files    read  refused  crashed  hung  wrong  most MiB');
  for (const parser of Object.keys(parsers) as ParserName[]) {
    const found = await judgeParser(parser, Number(values.count), folder);
    const { read, refused, crashed, hung, mib } = found;
    const cells = [values.count, read, refused, crashed, hung, found.wrong.length - crashed - hung, Math.round(mib)];
    console.log(parser.padEnd(12) + cells.map((cell, i) => String(cell).padStart([7, 8, 9, 9, 6, 7, 10][i]!)).join(''));
    wrong.push(...found.wrong);
    if (mib > mostMib) wrong.push(`${parser}: ${Math.round(mib)} MiB`);
    const said = await inspectFolder(parser, Number(values.commands), folder);
    if (said !== undefined) wrong.push(said);
  }
  const mib = await largeImages(folder);
  console.log(`four PNG files of 16,000 × 16,000 pixels: ${Math.round(mib)} MiB`);
  if (!(mib <= mostMib)) wrong.push(`large images: ${mib} MiB`);
});
/** MiB that `large-images.ts` takes; NaN when it ends without a word. */
function largeImages(folder: string): Promise<number> {
  return new Promise((resolve) => {
    const file = fileURLToPath(new URL('./large-images.js', import.meta.url));
    const child = fork(file, [folder], { stdio: 'ignore' });
    let mib = Number.NaN;
    child.on('message', (message: number) => {
      mib = message;
    });
    child.on('exit', (code, signal) => {
      if (code !== 0) console.log(`the process of large images ended with ${signal ?? code}`);
      resolve(mib);
    });
  });
}

console.log(wrong.length === 0 ? 'All held.' : wrong.join('\n'));
process.exitCode = wrong.length === 0 ? 0 : 1;
