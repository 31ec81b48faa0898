/** The work of bench/predict in this project: a process that answers questions. */
import { performance } from 'node:perf_hooks';
import * as torch from '@deit-lt/torch';
import { openAnyClassifier } from '#deit-lt/classifier/any-classifier.js';
import type { AnyClassifier } from '#deit-lt/classifier/classifier.js';
import { openImages, predictFiles } from '#deit-lt/cli/predict-files.js';
import { loadRuntime } from '#deit-lt/onnx/runtime.js';
import { answerQuestions } from '../peer.js';
import { batchSize } from './cases.js';

/** Precision is auto (what users get), float32 or bfloat16. */
type Asked = { readonly weights: string; readonly settings: readonly string[]; readonly precision: string };

export type Question =
  /** Logits of files, to compare both sides. */
  | ({ readonly do: 'logits'; readonly paths: readonly string[] } & Asked)
  /** Files to classes, as `deit-lt predict` works. */
  | ({ readonly do: 'files'; readonly paths: readonly string[] } & Asked)
  /** The network alone, on images that lie ready. */
  | ({ readonly do: 'model'; readonly images: number } & Asked)
  /** An exported model alone, by onnxruntime. */
  | { readonly do: 'onnx'; readonly file: string; readonly images: number; readonly imageSize: number };

export interface Timed {
  readonly seconds: number;
}

const opened = new Map<string, Promise<AnyClassifier>>();

function classifierOf({ weights, settings, precision }: Asked): Promise<AnyClassifier> {
  const key = `${weights} ${precision}`;
  const known = opened.get(key);
  const classifier =
    known ?? openAnyClassifier(weights, { settings: ['device=cpu', `precision=${precision}`, ...settings] });
  opened.set(key, classifier);
  return classifier;
}

async function logits(question: Asked & { paths: readonly string[] }): Promise<object> {
  const classifier = await classifierOf(question);
  const all: number[][] = [];
  const asked: AnyClassifier = {
    ...classifier,
    logits: (images) => {
      const said = classifier.logits(images);
      all.push(...(said.avg.toArray() as number[][]));
      return said;
    },
  };
  await classify(question.paths, asked);
  return { logits: all };
}

async function classify(paths: readonly string[], classifier: AnyClassifier): Promise<void> {
  await using source = openImages(paths);
  const { unreadable } = await predictFiles(paths, { source, classifier, top: 5 });
  if (unreadable.length > 0) throw new Error(`${unreadable[0]!.file} ${unreadable[0]!.reason}`);
}

async function timed(work: () => unknown): Promise<Timed> {
  const since = performance.now();
  await work();
  return { seconds: (performance.now() - since) / 1e3 };
}

async function timeModel(question: Asked & { images: number }): Promise<Timed> {
  const classifier = await classifierOf(question);
  const { imageSize } = classifier.recipe;
  using images = torch.randn([batchSize, 3, imageSize, imageSize]);
  return timed(() => {
    for (let done = 0; done < question.images; done += batchSize)
      torch.tidy(() => torch.noGrad(() => classifier.logits(images)).avg.toTypedArray());
  });
}

async function timeOnnx({ file, images, imageSize }: Extract<Question, { do: 'onnx' }>): Promise<Timed> {
  const runtime = await loadRuntime();
  if (runtime === undefined) throw new Error('onnxruntime-node is not installed: npm install onnxruntime-node');
  const session = await runtime.InferenceSession.create(file, {});
  const shape = [batchSize, 3, imageSize, imageSize];
  const pixels = torch.tidy(() => torch.randn(shape).toTypedArray<'float32'>());
  const feeds = { pixel_values: new runtime.Tensor('float32', pixels, shape) };
  await session.run(feeds); // memory is laid out
  const result = await timed(async () => {
    for (let done = 0; done < images; done += batchSize) await session.run(feeds);
  });
  await session.release();
  return result;
}

await answerQuestions<Question>(async (question) => {
  switch (question.do) {
    case 'logits':
      return logits(question);
    case 'files': {
      const classifier = await classifierOf(question);
      return timed(() => classify(question.paths, classifier));
    }
    case 'model':
      return timeModel(question);
    case 'onnx':
      return timeOnnx(question);
  }
});
