/** The thread in which the networks of the server run, one batch after the other; `NetworkThread` gives it work. */
import { parentPort, workerData } from 'node:worker_threads';
import * as torch from '@deit-lt/torch';
import { answersOf } from '../classifier/answers.js';
import { openAnyClassifier } from '../classifier/any-classifier.js';
import type { AnyClassifier } from '../classifier/classifier.js';
import { toFloat, toImages } from '../data/file-source.js';
import { Loader } from '../data/loader.js';
import type { PixelSource } from '../data/pixel-source.js';
import { UserError } from '../errors.js';
import type { Opinion } from '../evaluation/ranking.js';
import type { ModelFacts, NetworkAnswer, NetworkStart, NetworkTask, SentError } from './network-messages.js';
import { chooseThreads, type ThreadChoice } from './network-threads.js';

const { models, options, plugin } = workerData as NetworkStart;

/** Images that were cut and resized already. */
class ReadyPixels implements PixelSource {
  constructor(
    private readonly pixels: Uint8Array,
    readonly length: number,
    private readonly size: number,
  ) {}

  sizeOf(): { width: number; height: number } {
    return { width: this.size, height: this.size };
  }

  async read(): Promise<torch.Tensor> {
    return toFloat(toImages(this.pixels, this.size));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const sizeOf = ({ recipe }: AnyClassifier): number =>
  ('evalSize' in recipe && typeof recipe.evalSize === 'number' ? recipe.evalSize : undefined) ?? recipe.imageSize;

async function classify(classifier: AnyClassifier, pixels: readonly Uint8Array[], top: number): Promise<Opinion[]> {
  const size = sizeOf(classifier);
  const all = new Uint8Array(pixels.length * size * size * 3);
  pixels.forEach((each, i) => {
    all.set(each, i * each.length);
  });
  const { pipeline, placement } = classifier;
  const ids = Int32Array.from(pixels, (_, i) => i);
  const source = new ReadyPixels(all, ids.length, size);
  const labels = new Int32Array(ids.length);
  const loader = new Loader({ source, labels, pipeline, ids, batchSize: ids.length, device: placement.device });
  for await (const batch of loader) {
    using images = batch.images;
    return answersOf(classifier, images, top);
  }
  throw new Error('internal: a loader without a batch');
}

function factsOf(classifier: AnyClassifier): ModelFacts {
  const { kind, file, epoch, recipe, classNames, background, adaptation, notes = [] } = classifier;
  const input = { size: sizeOf(classifier), filter: recipe.filter, background };
  return { kind, file, epoch, recipe, classNames, input, ...(adaptation && { adaptation }), notes };
}

function errorOf(error: unknown): SentError {
  const code = error instanceof UserError ? error.code : undefined;
  const message =
    error instanceof Error ? (code === undefined ? (error.stack ?? error.message) : error.message) : String(error);
  return { code, message };
}

const send = (answer: NetworkAnswer): void => parentPort?.postMessage(answer);

interface Opened {
  readonly classifier: AnyClassifier;
  readonly threads: ThreadChoice;
}

/** Opens the models, and runs each: what a first call loads and lays out is not for a client to wait for. */
async function open(): Promise<Opened[]> {
  if (plugin !== undefined) {
    const [{ loadPlugin }, library] = await Promise.all([import('../plugin.js'), import('../index.js')]);
    await loadPlugin(plugin, library);
  }
  const opened: Opened[] = [];
  const most = torch.getNumThreads();
  for (const model of models) {
    const classifier = await openAnyClassifier(model, options);
    const blank = new Uint8Array(3 * sizeOf(classifier) ** 2);
    const run = async (images: number): Promise<void> => {
      await classify(classifier, new Array<Uint8Array>(images).fill(blank), 1);
    };
    await run(1);
    const threads = await chooseThreads(run, { most, setThreads: torch.setNumThreads });
    opened.push({ classifier, threads });
  }
  return opened;
}

async function start(): Promise<void> {
  try {
    const opened = await open();
    let last = Promise.resolve();
    parentPort?.on('message', (task: NetworkTask) => {
      last = last.then(() => work(opened, task));
    });
    send({ opened: opened.map(({ classifier }) => factsOf(classifier)) });
  } catch (error) {
    send({ error: errorOf(error) });
  }
}

async function work(opened: readonly Opened[], { id, model, pixels, top }: NetworkTask): Promise<void> {
  const { classifier, threads } = opened[model]!;
  try {
    torch.setNumThreads(threads.of(pixels.length));
    send({ id, opinions: await classify(classifier, pixels, top) });
  } catch (error) {
    send({ id, error: errorOf(error) });
  }
}

await start();
