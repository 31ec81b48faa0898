/**
 * Images per second of the pass that `deit-lt analyze` makes over the images, against the plain evaluation of the same
 * model on the same images: in turns, several rounds, medians.
 *
 *   npm run bench:analyze -- [--rounds 5] [--images 2000] [--large-images 128] [--only teacher,student,deit-tiny-224]
 *   npm run bench:analyze -- --run RUN --data DATA     a model of your own, on all its test images
 *
 * What an analysis does once, whatever the number of images (the teacher's answers, sharpness, pictures), is in the last
 * column. Drawn images and models of one epoch stand for real ones: both sides compute the same with any weights.
 */
import os from 'node:os';
import path from 'node:path';
import { analyzeRun } from '#deit-lt/analysis/run/analyze-run.js';
import { defaultBatchSize, forwardPass } from '#deit-lt/analysis/run/forward-pass.js';
import { PassState } from '#deit-lt/analysis/run/pass-state.js';
import { openSubject, type Subject } from '#deit-lt/analysis/run/subject.js';
import type { Dataset } from '#deit-lt/data/dataset.js';
import { openDataset } from '#deit-lt/data/open.js';
import { evaluate } from '#deit-lt/evaluation/evaluate.js';
import { parseOptions } from '../options.js';
import { median, ratios, turns, withRange } from '../rounds.js';
import { withScratch } from '../scratch.js';
import { caseNames, cases, isCase, makeRun } from './cases.js';

const { values: options } = parseOptions({
  options: {
    rounds: { type: 'string', default: '5' },
    images: { type: 'string', default: '2000' },
    'large-images': { type: 'string', default: '128' },
    only: { type: 'string', default: caseNames.join() },
    run: { type: 'string' },
    data: { type: 'string' },
  },
});
const [rounds, images, largeImages] = [options.rounds, options.images, options['large-images']].map(Number) as [
  number,
  number,
  number,
];
const only = options.only.split(',');
const unknown = only.find((name) => !isCase(name));
if (unknown !== undefined) fail(`--only ${unknown}: expected some of ${caseNames.join()}`);
if (!(rounds >= 1 && images >= 10 && largeImages >= 10))
  fail('--rounds must be a whole number from 1 on, --images and --large-images from 10 on');
if ((options.run === undefined) !== (options.data === undefined)) fail('--run and --data belong together');

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

/** Seconds by the clock and of the processor, in all threads. */
interface Times {
  readonly wall: number;
  readonly cpu: number;
}

async function timed(work: () => Promise<unknown>): Promise<Times> {
  const [began, usage] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(usage);
  return { wall: (performance.now() - began) / 1e3, cpu: (user + system) / 1e6 };
}

function plainEvaluation({ classifier, classNames, groups, evaluated }: Subject): Promise<unknown> {
  const { pipeline, placement } = classifier;
  return evaluate({
    ...evaluated,
    groups,
    outputClasses: classNames,
    pipeline,
    batchSize: 256, // as `deit-lt eval` does
    device: placement.device,
    logits: (xs) => classifier.logits(xs),
  });
}

async function analysisPass(subject: Subject, partialFile: string): Promise<void> {
  using state = new PassState(subject.evaluated.labels.length, 'bench');
  await forwardPass(subject, state, { batchSize: defaultBatchSize(subject.classifier), partialFile });
}

interface Measured {
  readonly what: string;
  readonly folder: string;
  readonly dataset: Dataset;
}

/** One row of the table. */
async function measure(scratch: string, { what, folder, dataset }: Measured): Promise<void> {
  const times = { plain: [] as Times[], pass: [] as Times[] };
  const partial = path.join(scratch, 'partial.safetensors');
  await using subject = await openSubject(folder, dataset);
  const work = { plain: () => plainEvaluation(subject), pass: () => analysisPass(subject, partial) };
  for (const side of ['plain', 'pass'] as const) await work[side](); // warm up
  for (const side of turns(['plain', 'pass'], rounds)) times[side].push(await timed(work[side]));
  const whole = await timed(() => analyzeRun(folder, dataset));
  const count = subject.evaluated.labels.length;
  const rates = (side: 'plain' | 'pass', of: keyof Times): number[] => times[side].map((one) => count / one[of]);
  const [plain, pass] = (['plain', 'pass'] as const).map((side) => median(rates(side, 'wall')).toFixed(0));
  const ratio = (of: keyof Times): string => withRange(ratios(rates('pass', of), rates('plain', of)));
  const once = Math.max(0, whole.wall - median(times.pass.map(({ wall }) => wall))).toFixed(1);
  console.log(`| ${what} | ${pass} | ${plain} | **${ratio('wall')}** | ≥ 0.7 | ${ratio('cpu')} | ${once} |`);
}

async function measureCases(scratch: string): Promise<void> {
  for (const name of caseNames.filter((of) => only.includes(of))) {
    const count = cases[name].large ? largeImages : images;
    const { folder, dataset } = await makeRun(name, path.join(scratch, name), count);
    await measure(scratch, { what: cases[name].what, folder, dataset });
  }
}

const machine = `${os.cpus()[0]?.model ?? 'CPU'}, ${os.availableParallelism()} cores, Node ${process.version}`;
console.log(`${machine}, ${rounds} rounds, ${new Date().toISOString().slice(0, 10)}\n`);
console.log(
  '| model | analyze, images/s | eval, images/s | ratio (min–max) | goal | ratio of processor time | once, s |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
await withScratch('bench-analyze', async (scratch) => {
  if (options.run === undefined) await measureCases(scratch);
  else
    await measure(scratch, {
      what: path.basename(options.run),
      folder: options.run,
      dataset: await openDataset(options.data!),
    });
});
