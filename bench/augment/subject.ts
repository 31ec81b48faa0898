/**
 * The student's augmentation in this project: `node subject.js` answers questions from standard input, one JSON line
 * each.
 *
 * `check` writes images and says what was drawn for each; `time` measures one of the cases; `load` measures the loader
 * with an idle consumer and `decode` the decoder alone, both on files.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import * as torch from '@deit-lt/torch';
import type { Pipeline } from '#deit-lt/augment/transform.js';
import { packPaths } from '#deit-lt/data/file-paths.js';
import { FileSource } from '#deit-lt/data/file-source.js';
import { fileImages } from '#deit-lt/data/file-split.js';
import { Loader } from '#deit-lt/data/loader.js';
import { MemorySource } from '#deit-lt/data/memory-source.js';
import type { PixelSource } from '#deit-lt/data/pixel-source.js';
import { answerQuestions } from '../peer.js';
import { batchSize, type CaseName, cases, plainPipeline, studentPipeline } from './cases.js';
import { planOf } from './plan.js';

/** The images: a file of pixels, `[n, 32, 32, 3]`, and a folder of JPEG files, `0.jpg` and so on. */
export interface Sources {
  readonly pixels: string;
  readonly folder: string;
  readonly files: number;
}

export type Question = Sources &
  (
    | { readonly do: 'check'; readonly case: CaseName; readonly count: number; readonly images: string }
    | { readonly do: 'time'; readonly case: CaseName; readonly count: number; readonly epoch: number }
    | {
        readonly do: 'load';
        readonly threads: number;
        readonly whole: boolean;
        readonly start: number;
        readonly count: number;
      }
    | { readonly do: 'decode'; readonly threads: number; readonly start: number; readonly count: number }
  );

/** Seconds: by the clock, and of processor time in all threads. */
export interface Timed {
  readonly wall: number;
  readonly cpu: number;
}

torch.setNumThreads(1);
const side = 32;
const opened = new Map<string, PixelSource>();

/** Stays open: its threads and the sizes of its files are those of a training that runs. */
function sourceOf(kind: 'memory' | 'files', sources: Sources, threads = 1): PixelSource {
  const known = opened.get(kind);
  if (known !== undefined) return known;
  const source = kind === 'memory' ? memorySource(sources) : fileSource(sources, threads);
  opened.set(kind, source);
  return source;
}

function memorySource({ pixels: file }: Sources): PixelSource {
  const pixels = new Uint8Array(readFileSync(file));
  const length = pixels.length / (side * side * 3);
  return new MemorySource({ kind: 'memory', length, width: side, height: side, pixels, nameOf: (i) => `image ${i}` });
}

const pathsOf = ({ folder, files }: Sources): string[] =>
  Array.from({ length: files }, (_, i) => path.join(folder, `${i}.jpg`));

function fileSource(sources: Sources, threads: number): PixelSource {
  const paths = pathsOf(sources);
  return new FileSource(fileImages(packPaths(paths)), { threads });
}

interface Epoch {
  readonly source: PixelSource;
  readonly pipeline: Pipeline;
  readonly ids: Int32Array;
  readonly epoch?: number;
}

/** All batches, each given to `consume`, which leaves it. */
async function load(
  { source, pipeline, ids, epoch = 0 }: Epoch,
  consume: (images: torch.Tensor) => void = () => {},
): Promise<void> {
  const labels = new Int32Array(source.length);
  for await (const { images } of new Loader({ source, labels, pipeline, ids, batchSize, epoch })) {
    consume(images);
    images.dispose();
  }
}

async function timed(work: () => Promise<unknown>): Promise<Timed> {
  const cpu = process.cpuUsage();
  const wall = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { wall: (performance.now() - wall) / 1e3, cpu: (user + system) / 1e6 };
}

/** `count` images from `start` on, from the first again after the last. */
const idsFrom = (start: number, count: number, { length }: PixelSource): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => (start + i) % length);

async function check(question: Question & { do: 'check' }): Promise<object> {
  const { source: kind, ...rest } = cases[question.case];
  const source = sourceOf(kind, question);
  const pipeline = studentPipeline(rest);
  const ids = idsFrom(0, question.count, source);
  const file = openSync(question.images, 'w');
  await load({ source, pipeline, ids }, (images) => {
    writeSync(file, images.toTypedArray());
  });
  closeSync(file);
  return { plans: Array.from(ids, (id) => planOf(pipeline, id, source.sizeOf(id))) };
}

/** Batches of one case, as a training's epoch has them. */
function time(question: Question & { do: 'time' }): Promise<Timed> {
  const { source: kind, ...rest } = cases[question.case];
  const source = sourceOf(kind, question);
  const ids = idsFrom(question.epoch * question.count, question.count, source);
  return timed(() => load({ source, pipeline: studentPipeline(rest), ids, epoch: question.epoch }));
}

/** Batches from files for a consumer that does nothing: of the whole pipeline, or of crop, flip and normalisation. */
async function loadFiles(question: Question & { do: 'load' }): Promise<object> {
  const source = sourceOf('files', question, question.threads);
  const pipeline = question.whole ? studentPipeline(cases['files-224']) : plainPipeline(cases['files-224'].size);
  const ids = idsFrom(question.start, question.count, source);
  return { ...(await timed(() => load({ source, pipeline, ids }))), rss: process.memoryUsage.rss() };
}

const threads: Worker[] = [];

/** The same files, decoded and left, in as many threads. */
async function decodeFiles(question: Question & { do: 'decode' }): Promise<object> {
  const { start, count, threads: threadCount } = question;
  const files = pathsOf(question);
  while (threads.length < threadCount) threads.push(new Worker(new URL('./decode-thread.js', import.meta.url)));
  const share = Math.ceil(count / threadCount);
  const answers = threads.map((thread, i) => {
    const from = start + i * share;
    thread.postMessage(files.slice(from, Math.min(from + share, start + count)));
    return new Promise((resolve, reject) => thread.once('message', resolve).once('error', reject));
  });
  return timed(() => Promise.all(answers));
}

const answers = { check, time, load: loadFiles, decode: decodeFiles } as Record<
  Question['do'],
  (question: Question) => Promise<object>
>;
await answerQuestions<Question>(async (question) => {
  const answer = await answers[question.do](question);
  return { ...answer, peakBytes: process.resourceUsage().maxRSS * 1024 };
});
process.exit(); // threads would keep it alive
