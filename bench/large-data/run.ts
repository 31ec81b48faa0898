/**
 * How long a start takes on hundreds of thousands of listed files, without and with what is remembered of them, and how
 * much memory the loader needs.
 *
 *   npm run bench:large-data -- [--images 500000] [--few 50000] [--rounds 3] [--batches 200] [--folder DIR]
 *
 * The files are hard links of small JPEG files in the temporary folder: a start looks at names, headers and ends, not at pixels. They are in the
 * system's cache then; on a disk that is slow to find files, the first start takes as long as finding them.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseOptions } from '../options.js';
import { withRange } from '../rounds.js';
import { writeLayout } from './layout.js';

const { values: options } = parseOptions({
  options: {
    images: { type: 'string', default: '500000' },
    few: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '3' },
    batches: { type: 'string', default: '200' },
    folder: { type: 'string', default: os.tmpdir() },
  },
});

const root = mkdtempSync(path.join(options.folder, 'deit-lt-large-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
const rounds = Number(options.rounds);

type Figures = Record<string, number>;

function start(spec: string, cache: string, batches = 0): Figures {
  const subject = path.join(import.meta.dirname, 'subject.js');
  const args = ['--expose-gc', subject, spec, path.join(root, cache), String(batches)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Figures;
}

const figure = (all: readonly Figures[], name: string): string => withRange(all.map((each) => each[name]!));

console.log(
  `${os.cpus()[0]?.model}, ${os.availableParallelism()} cores, load ${os.loadavg()[0]!.toFixed(1)}, Node ${process.version}`,
);
const [many, few] = [path.join(root, 'many'), path.join(root, 'few')];
const written = await writeLayout(many, Number(options.images));
await writeLayout(few, Number(options.few));
console.log(`${written.train} training and ${written.test} test images, load ${os.loadavg()[0]!.toFixed(1)}\n`);

console.log('| start | seconds | processor seconds | heap, MB | buffers, MB |\n| --- | --- | --- | --- | --- |');
for (const [what, spec] of [
  ['list files', path.join(many, 'train.txt')],
  ['annotations', path.join(many, 'train.json')],
  ['folders', many],
] as const) {
  const first = start(spec, what);
  const later = Array.from({ length: rounds }, () => start(spec, what));
  for (const [which, all] of [
    ['first', [first]],
    ['later', later],
  ] as const)
    console.log(
      `| ${what}, ${which} | ${['openSeconds', 'openCpuSeconds', 'heapMb', 'buffersMb'].map((name) => figure(all, name)).join(' | ')} |`,
    );
}

console.log(
  `\n| images | to the first batch, s | resident after 20 batches, MB | after ${options.batches} |\n| --- | --- | --- | --- |`,
);
for (const tree of [few, many]) {
  const spec = path.join(tree, 'train.txt');
  const { images, firstSeconds, earlyMb, lateMb } = start(spec, 'list files', Number(options.batches));
  console.log(`| ${images} | ${firstSeconds!.toFixed(2)} | ${earlyMb!.toFixed(0)} | ${lateMb!.toFixed(0)} |`);
}
