/** All measures of one trained model, into `analysis.json` of its run folder. */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { OpenClassifierOptions } from '../../classifier/classifier.js';
import type { Dataset } from '../../data/dataset.js';
import { VisionTransformer } from '../../models/vit.js';
import { partName, trainingName } from '../../recipe/training-kind.js';
import { type Reporter, silentReporter } from '../../runs/reporter.js';
import { type Analysis, writeAnalysis } from './analysis-file.js';
import { defaultBatchSize, forwardPass } from './forward-pass.js';
import { confusedClasses, galleryOf } from './gallery.js';
import { PassState } from './pass-state.js';
import { sharpnessStage } from './sharpness-stage.js';
import { openSubject, type Subject } from './subject.js';
import { expertFigures, outputAnalysis, transformerFigures } from './summaries.js';
import { openTeacher, teacherNote, teacherStage } from './teacher-stage.js';

export interface AnalyzeOptions extends OpenClassifierOptions {
  /** Images that go through the network at once. Default `defaultBatchSize`. */
  readonly batchSize?: number;
  readonly reporter?: Reporter;
  /** Aborting saves what is done, and throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Seconds between two saves of what is done. Default 20. */
  readonly saveEverySeconds?: number;
}

export interface AnalyzeResult {
  readonly analysis: Analysis;
  /** Images a second of the pass over the evaluated images; undefined when it was done before. */
  readonly imagesPerSecond: number | undefined;
  /** The name of the training for its reader: `plain ViT`. */
  readonly name: string;
}

/**
 * Measures the model of the run folder `folder` on its data and writes `analysis.json`, whole or not at all. What was done
 * when it was stopped is in `analysis.partial.safetensors`: the next call resumes there. Throws what `openSubject` throws,
 * and UserError RUN_FOLDER.
 */
export async function analyzeRun(
  folder: string,
  dataset: Dataset,
  { reporter = silentReporter, signal, saveEverySeconds, batchSize: asked, ...which }: AnalyzeOptions = {},
): Promise<AnalyzeResult> {
  await using subject = await openSubject(folder, dataset, which);
  const batchSize = asked ?? defaultBatchSize(subject.classifier);
  for (const note of subject.notes) reporter.note(note);
  const partialFile = path.join(folder, 'analysis.partial.safetensors');
  using state = new PassState(subject.evaluated.labels.length, keyOf(subject, { batchSize, weights: which.weights }));
  if (state.load(partialFile, subject.classifier.placement.device) && state.done < state.images)
    reporter.note(`${folder}: resumes after image ${state.done} of ${state.images}`);
  const { kind, recipe } = subject.config;
  const name = trainingName(kind, recipe[partName(kind)].model.name);
  const what = `analysing ${name}`;
  const [before, began] = [state.done, performance.now()];
  await forwardPass(subject, state, {
    batchSize,
    partialFile,
    onProgress: (done, total) => reporter.progress(what, done, total),
    ...(signal && { signal }),
    ...(saveEverySeconds !== undefined && { saveEverySeconds }),
  });
  const seconds = (performance.now() - began) / 1000;
  const analysis = await figuresOf(subject, state, { reporter, ...(signal && { signal }) });
  writeAnalysis(folder, analysis);
  rmSync(partialFile, { force: true });
  return { analysis, imagesPerSecond: state.done > before ? (state.done - before) / seconds : undefined, name };
}

/** Changes with everything that the state depends on. */
function keyOf(
  { checkpoint, evaluated, classifier, groups }: Subject,
  { batchSize, weights }: { batchSize: number; weights: AnalyzeOptions['weights'] },
): string {
  const { precision } = classifier.placement;
  const { imagesSha256 } = evaluated;
  const parts = [checkpoint.sha256, weights ?? null, classifier.file, imagesSha256, batchSize, precision, groups];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

async function figuresOf(
  subject: Subject,
  state: PassState,
  { reporter, signal }: { reporter: Reporter; signal?: AbortSignal },
): Promise<Analysis> {
  const { classifier, classNames, groups, config, checkpoint, evaluated, dataName, notes } = subject;
  const step = (what: string): void => {
    signal?.throwIfAborted();
    reporter.progress(what, 0, undefined);
  };
  const { model } = classifier;
  const [cls, dist, avg] = (['cls', 'dist', 'avg'] as const).map((name) => outputAnalysis(name, state, subject));
  using teacher = await openTeacher(subject);
  if (teacher !== undefined) step('evaluating the teacher');
  const answers = teacher && (await teacherStage(subject, teacher, signal));
  if (config.kind === 'teacher') step('measuring the sharpness');
  const sharpness = config.kind === 'teacher' ? await sharpnessStage(subject) : undefined;
  step('choosing images');
  return {
    format: 'deit-lt analysis 2',
    kind: config.kind,
    checkpoint,
    data: {
      name: dataName,
      split: evaluated.split,
      images: evaluated.labels.length,
      imagesSha256: evaluated.imagesSha256,
      classNames,
      groups: [...groups],
    },
    outputs: { avg: avg!, ...(cls && { cls }), ...(dist && { dist }) },
    ...expertFigures(state, subject),
    ...(model instanceof VisionTransformer && transformerFigures(model, state, subject)),
    ...(answers && { teacher: answers }),
    ...(sharpness && { sharpness }),
    gallery: await galleryOf(subject, state, teacher),
    confused: await confusedClasses(subject, state),
    notes: [...notes, ...teacherNote(subject)],
  };
}
