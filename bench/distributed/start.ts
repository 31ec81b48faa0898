/**
 * The start of a training of hundreds of thousands of listed files in several processes of one machine: seconds until each has opened
 * its data, when nothing is cached and later, and the memory of each.
 *
 *   node bench/dist/distributed/start.js [--images 500000] [--processes 8] [--rounds 3] [--folder DIR]
 *
 * The files are hard links of small JPEG files, as in `bench:large-data`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '#deit-lt/cli/free-port.js';
import { writeLayout } from '../large-data/layout.js';
import { parseOptions } from '../options.js';
import { median } from '../rounds.js';

const { values: options } = parseOptions({
  options: {
    images: { type: 'string', default: '500000' },
    processes: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: os.tmpdir() },
  },
});
const [count, rounds] = [Number(options.processes), Number(options.rounds)];
const root = mkdtempSync(path.join(options.folder, 'deit-lt-start-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

type Figures = Readonly<
  Record<'joined' | 'opened' | 'ready' | 'cpu' | 'checked' | 'heapMb' | 'buffersMb' | 'peakMb', number>
>;

/** Starts all processes at once; the figures of each. */
async function start(): Promise<Figures[]> {
  const port = await freePort();
  const ranks = Array.from({ length: count }, async (_, rank) => {
    const env = {
      ...process.env,
      ...{ RANK: String(rank), WORLD_SIZE: String(count), LOCAL_RANK: String(rank), OMP_NUM_THREADS: '1' },
      ...{ MASTER_ADDR: '127.0.0.1', MASTER_PORT: String(port), GLOO_SOCKET_IFNAME: 'lo' },
    };
    const subject = path.join(import.meta.dirname, 'start-subject.js');
    const args = ['--expose-gc', subject, path.join(root, 'many/train.txt'), path.join(root, 'cache')];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`process ${rank} ended with ${code}`);
    return JSON.parse(text) as Figures;
  });
  return Promise.all(ranks);
}

console.log(
  `${os.cpus()[0]?.model}, ${os.availableParallelism()} cores, load ${os.loadavg()[0]!.toFixed(1)}, Node ${process.version}`,
);
const { train, test } = await writeLayout(path.join(root, 'many'), Number(options.images));
console.log(`${train} training and ${test} test images, ${count} processes\n`);
console.log(
  '| start | joined, s | data opened, s | compared, s | processor seconds of all | processes that checked files | heap, MB | buffers, MB | peak of all, MB |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
for (let round = 0; round <= rounds; round++) {
  const all = await start();
  const most = (name: keyof Figures): string => Math.max(...all.map((each) => each[name])).toFixed(1);
  const sum = (name: keyof Figures): string => all.reduce((total, each) => total + each[name], 0).toFixed(1);
  const middle = (name: keyof Figures): string => median(all.map((each) => each[name])).toFixed(0);
  console.log(
    `| ${round === 0 ? 'first' : `later ${round}`} | ${most('joined')} | ${most('opened')} | ${most('ready')} | ${sum('cpu')} | ${sum('checked')} | ${middle('heapMb')} | ${middle('buffersMb')} | ${sum('peakMb')} |`,
  );
}
