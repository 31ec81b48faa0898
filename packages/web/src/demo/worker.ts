/** The model, in a thread of its own: it is loaded, then each image is answered in the order of the questions. */
import { decideValues, type PageModel, rankValues } from 'deit-lt/browser';
import { loadModel, type Model } from './load-model.js';
import type { Answer, Question, Seen } from './messages.js';
import { pixelsOf, sightOf } from './pixels.js';
import { mapsOf } from './rollout-maps.js';

/** The used part of a worker's global scope; TypeScript's types of pages and of workers exclude each other. */
interface WorkerScope {
  postMessage(message: Answer, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<Question>) => void) | null;
}
const scope = globalThis as unknown as WorkerScope;

/** Number of classes that fit beside the pictures. */
const ranks = 5;

let model: Model | undefined;
/** The runtime takes one image after the other. */
let last = Promise.resolve();
scope.onmessage = ({ data }) => {
  last = last.then(() => (data.kind === 'load' ? load(data.from) : answer(data.id, data.image)));
};

async function load(from: string): Promise<void> {
  try {
    model = await loadModel(from, (loaded, total) => scope.postMessage({ kind: 'loading', loaded, total }));
    scope.postMessage({ kind: 'ready', about: model.about });
  } catch (error) {
    scope.postMessage({ kind: 'failed', reason: messageOf(error) });
  }
}

/** Without a model there is nothing to say: the page knows of it already. */
async function answer(id: number, image: Blob | ImageBitmap): Promise<void> {
  if (model === undefined) return;
  try {
    const seen = await look(model, image);
    scope.postMessage({ kind: 'seen', id, seen }, [seen.view, seen.input]);
  } catch (error) {
    scope.postMessage({ kind: 'unreadable', id, reason: messageOf(error) });
  }
}

async function look({ about, run }: Model, image: Blob | ImageBitmap): Promise<Seen> {
  const raw = await pixelsOf(image, about.input.background);
  const { numbers, view, input } = await sightOf(raw, about.input);
  const { logits, cls, dist, attentions } = await run(numbers);
  const ranked = (values: Float32Array) => rankValues(values, namesOf(about), ranks, about.logitScale);
  return {
    view,
    input,
    top:
      about.rules?.occurs === undefined ? ranked(logits) : ranked(logits).filter(({ probability }) => probability > 0),
    ...(cls && { cls: ranked(cls) }),
    ...(dist && { dist: ranked(dist) }),
    ...(about.rules && decideValues(logits, namesOf(about), about.rules, about.logitScale)),
    maps: mapsOf(attentions, about.attention),
  };
}

const namesOf = ({ classes }: PageModel): string[] => classes.map(({ name }) => name);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
