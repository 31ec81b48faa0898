/** One of the processes of `run.ts`: trains a small ViT in four shards, and prints the times of its updates and exchanges. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import * as torch from '@deit-lt/torch';
import { drawShapes } from '#deit-lt/data/shapes/index.js';
import { loadRecipe } from '#deit-lt/recipe/load.js';
import { silentReporter } from '#deit-lt/runs/reporter.js';
import { joinProcesses } from '#deit-lt/training/process-group.js';
import { alone, type Processes } from '#deit-lt/training/processes.js';
import { trainVit } from '#deit-lt/training/train.js';
import { median } from '../rounds.js';

const [, , updates = '12', folder = ''] = process.argv;
const [shards, batchSize, warmUp, exchanges] = [4, 32, 2, 5];

const recipe = loadRecipe('default', {
  settings: [
    'precision=float32',
    'device=cpu',
    'data.imbalance=null',
    'data.validation=0',
    'evaluation.select=last',
    ...[
      'epochs=1',
      `shards=${shards}`,
      `batchSize=${batchSize}`,
      'imageSize=32',
      'dropLast=true',
      'drw.epoch=null',
    ].map((setting) => `student.${setting}`),
    'student.model={ name: deit, patchSize: 4, embedDim: 192, numHeads: 3, depth: 4 }',
    'student.sampler=shuffle',
  ],
});

const { WORLD_SIZE, BUCKET_BYTES } = process.env;
const buckets = BUCKET_BYTES === undefined ? {} : { bucketBytes: Number(BUCKET_BYTES) };
const processes: Processes = WORLD_SIZE === undefined ? alone : await joinProcesses(600, buckets);
const run = folder === '' ? mkdtempSync(path.join(os.tmpdir(), 'deit-lt-bench-')) : folder;
let parameters = 0;
const stamps: { seconds: number; cpu: number }[] = [];
await trainVit({
  dataset: drawShapes({
    trainPerClass: Math.ceil((shards * batchSize * Number(updates)) / 10),
    testPerClass: 1,
    size: 32,
  }),
  recipe,
  folder: path.join(run, 'run'),
  processes,
  reporter: {
    ...silentReporter,
    start: (facts) => {
      parameters = facts.parameters;
    },
    step: () => {
      const { user, system } = process.cpuUsage();
      stamps.push({ seconds: performance.now() / 1000, cpu: (user + system) / 1e6 });
    },
  },
});
const [first, last] = [stamps[warmUp]!, stamps.at(-1)!];
const images = (stamps.length - 1 - warmUp) * shards * batchSize;
console.log(
  JSON.stringify({
    times: [(last.seconds - first.seconds) / images],
    cpuSeconds: (last.cpu - first.cpu) / images,
    exchangeSeconds: exchangeSeconds(),
    parameters,
    threads: torch.getNumThreads(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }),
);
if (processes.rank === 0) rmSync(run, { recursive: true, force: true });

/** Seconds to add the gradients of all shards of all processes. */
function exchangeSeconds(): number {
  if (processes.count === 1) return 0;
  const rows = torch.zeros([shards / processes.count, 4 * Math.ceil(parameters / 4)]);
  const times = Array.from({ length: exchanges }, () => {
    const start = performance.now();
    torch.tidy(() => processes.addRows(rows).numel());
    return (performance.now() - start) / 1000;
  });
  return median(times);
}
