/** Images that show what a model looks at, and those on which it fails: the parts of an analysis with pictures. */
import * as torch from '@deit-lt/torch';
import { classesBySize, groupNames } from '../../data/groups.js';
import { Loader } from '../../data/loader.js';
import { accuraciesByClass, talliesOf } from '../../evaluation/class-figures.js';
import { VisionTransformer } from '../../models/vit.js';
import { outputNames } from '../../runs/predictions.js';
import { attentionRollout } from '../attention-rollout.js';
import { teacherAnswers } from '../teacher-answers.js';
import type { ConfusedClass, GalleryItem, Guess, ShownImage } from './analysis-file.js';
import type { PassState } from './pass-state.js';
import { pictures } from './pictures.js';
import type { Subject } from './subject.js';
import type { TeacherHandle } from './teacher-stage.js';

/** Images of each group in the gallery. */
const perGroup = 4;
/** Classes that are shown as confused, and images of each. */
const mostClasses = 6;
const mostExamples = 6;

/**
 * Four images of each group: first one that CLS alone gets right, then one that DIST alone does, then others, of classes
 * as different as there are. With `teacher` also its guess.
 */
export async function galleryOf(
  subject: Subject,
  state: PassState,
  teacher: TeacherHandle | undefined,
): Promise<GalleryItem[]> {
  const ids = groupNames.flatMap((group) => chosen(subject, state, group));
  if (ids.length === 0) return [];
  const shown = await shownImages(subject, state, ids);
  const seen = await closeLook(subject, Int32Array.from(ids), teacher);
  return shown.map((image, i) => ({
    ...image,
    guesses: { ...image.guesses, ...(seen.teacher && { teacher: seen.teacher[i] }) },
    maps: Object.fromEntries(Object.entries(seen.maps).map(([token, maps]) => [token, maps[i]!])),
  }));
}

function chosen({ groups, evaluated }: Subject, state: PassState, group: (typeof groupNames)[number]): number[] {
  const { labels } = evaluated;
  const [cls, dist] = [state.numbers('predicted.cls'), state.numbers('predicted.dist')];
  const all = Array.from(labels, (_, i) => i).filter((i) => groups[labels[i]!] === group);
  const right = (of: Float64Array | undefined, i: number): boolean => of?.[i] === labels[i];
  const picked: number[] = [];
  const take = (fits: (i: number) => boolean): void => {
    const fresh = (i: number): boolean => !picked.includes(i) && !picked.some((other) => labels[other] === labels[i]);
    const next = all.find((i) => fits(i) && fresh(i)) ?? all.find((i) => fits(i) && !picked.includes(i));
    if (next !== undefined && picked.length < perGroup) picked.push(next);
  };
  take((i) => right(cls, i) && !right(dist, i));
  take((i) => right(dist, i) && !right(cls, i));
  while (picked.length < Math.min(perGroup, all.length)) take(() => true);
  return picked;
}

interface CloseLook {
  readonly maps: Partial<Record<'cls' | 'dist', number[][]>>;
  readonly teacher?: Guess[];
}

/** Rollout of CLS and DIST, and the teacher's guess, for a few images in one batch. */
async function closeLook(
  { classifier, evaluated: { source, labels } }: Subject,
  ids: Int32Array,
  teacher: TeacherHandle | undefined,
): Promise<CloseLook> {
  const { model, pipeline, placement } = classifier;
  const loader = new Loader({ source, labels, pipeline, ids, batchSize: ids.length, device: placement.device });
  for await (const batch of loader) {
    using images = batch.images;
    return torch.tidy(() =>
      torch.noGrad(() => ({
        maps: model instanceof VisionTransformer ? rolloutMaps(model, images) : {},
        ...(teacher && { teacher: guessesOf(teacher.logits(images).mul(teacher.scale)) }),
      })),
    );
  }
  throw new Error('internal: a gallery without images');
}

function rolloutMaps(model: VisionTransformer, images: torch.Tensor): CloseLook['maps'] {
  const attention: torch.Tensor[] = [];
  model.prefixFeaturesWatched(images, (view) => {
    attention.push(torch.keep(view.attention.mean(1, true))); // the mean of the heads is all that rollout needs
  });
  const rollout = attentionRollout(attention);
  for (const map of attention) map.dispose();
  const patches = rollout.size(-1) - model.prefixTokens;
  const rows = (token: number): number[][] =>
    (rollout.select(1, token).narrow(1, model.prefixTokens, patches).toArray() as number[][]).map((row) =>
      row.map((value) => Number(value.toPrecision(4))),
    );
  return { cls: rows(0), ...(model.distilled && { dist: rows(1) }) };
}

function guessesOf(logits: torch.Tensor): Guess[] {
  const { predicted, confidence } = teacherAnswers(logits);
  return Array.from(predicted, (label, i) => ({ class: label, probability: confidence[i]! }));
}

async function shownImages(
  { classifier, evaluated: { source, labels, nameOf } }: Subject,
  state: PassState,
  ids: readonly number[],
): Promise<ShownImage[]> {
  const shown = await pictures(source, ids, classifier.pipeline);
  return ids.map((id, i) => ({
    image: id,
    name: nameOf(id).replace(/^.*[\\/]/, ''),
    picture: shown[i]!,
    label: labels[id]!,
    guesses: Object.fromEntries(
      outputNames.flatMap((name): [string, Guess][] => {
        const [predicted, confidence] = [state.numbers(`predicted.${name}`), state.numbers(`confidence.${name}`)];
        if (predicted === undefined || confidence === undefined) return [];
        return [[name, { class: predicted[id]!, probability: confidence[id]! }]];
      }),
    ),
  }));
}

/** The tail classes (without any: the smallest ones) with the lowest accuracy, and images of them that went wrong. */
export async function confusedClasses(subject: Subject, state: PassState): Promise<ConfusedClass[]> {
  const { evaluated, groups, trainCounts } = subject;
  const predicted = state.numbers('predicted.avg')!;
  const ofClass = imagesByClass(evaluated.labels, groups.length);
  const accuracies = accuraciesByClass(talliesOf(evaluated, predicted));
  const smallest = classesBySize(trainCounts).reverse();
  const tail = smallest.filter((c) => groups[c] === 'tail');
  const candidates = (tail.length > 0 ? tail : smallest.slice(0, mostClasses)).filter((c) => ofClass[c]!.length > 0);
  const worst = candidates
    .map((c) => ({ c, accuracy: accuracies[c]! / 100 }))
    .filter((each) => each.accuracy < 1)
    .sort((a, b) => a.accuracy - b.accuracy)
    .slice(0, mostClasses);
  const found: ConfusedClass[] = [];
  for (const each of worst) {
    const wrong = ofClass[each.c]!.filter((i) => predicted[i] !== each.c);
    found.push({
      class: each.c,
      images: ofClass[each.c]!.length,
      accuracy: each.accuracy,
      takenFor: mostOften(wrong.map((i) => predicted[i]!)).slice(0, 3),
      examples: await shownImages(subject, state, wrong.slice(0, mostExamples)),
    });
  }
  return found;
}

function imagesByClass(labels: Int32Array, classes: number): number[][] {
  const found: number[][] = Array.from({ length: classes }, () => []);
  labels.forEach((label, i) => {
    found[label]!.push(i);
  });
  return found;
}

function mostOften(classes: readonly number[]): { class: number; images: number }[] {
  const counts = new Map<number, number>();
  for (const c of classes) counts.set(c, (counts.get(c) ?? 0) + 1);
  return [...counts]
    .map(([c, images]) => ({ class: c, images }))
    .sort((a, b) => b.images - a.images || a.class - b.class);
}
