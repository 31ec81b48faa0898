/** `--dry-run`: everything that a training checks before its first step, and what it would train; nothing is written. */
import { prepareData } from '../data/prepare-data.js';
import { count, images } from '../format.js';
import { totalEpochs } from '../optim/schedules.js';
import { idleStopping, unreachedReweighting, unusualValues } from '../recipe/contradictions.js';
import { placementOf } from '../recipe/device.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import { partName, type TrainingKind } from '../recipe/training-kind.js';
import { modelOf } from '../tasks/model-of.js';
import { visible } from '../text/visible.js';
import { requireCaptures } from '../training/captured-passes.js';
import { checkProcesses } from '../training/check-processes.js';
import { checkFrom } from '../training/initial-weights.js';
import { alone } from '../training/processes.js';
import type { CliContext } from './context.js';
import type { PreparedRun } from './training-run.js';

/** Prints what the trainings of `kinds` would be. Throws the errors of the recipe and the data. */
export async function dryRun(
  { training: { dataset, recipe, folder, from: given, processes = alone } }: PreparedRun,
  kinds: readonly TrainingKind[],
  { print, note }: CliContext,
): Promise<undefined> {
  const data = prepareData(dataset, recipe);
  for (const split of [data.train, data.validation, data.test]) await split?.source[Symbol.asyncDispose]();
  const placement = placementOf(recipe);
  const { device, precision } = placement;
  requireCaptures(recipe, { placement, processes });
  const parts = [...new Set(kinds.map(partName))];
  for (const part of parts) {
    const from = given ?? recipe[part].from;
    checkFrom(part, recipe[part], from);
    checkProcesses(part, recipe[part], processes);
  }
  const trained = data.train.labels.length;
  const sizes = [...data.trainCounts].filter((size) => size > 0);
  print(
    [
      `data      ${visible(data.name)}: ${images(trained)} of ${data.classNames.length} classes (${Math.max(...sizes)} to ${Math.min(...sizes)} per class), ${images(data.validation?.labels.length ?? 0)} for validation, ${images(data.test?.labels.length ?? 0)} to test`,
      ...kinds.map((kind) => partLine(kind, recipe[partName(kind)], data.classNames.length, trained)),
      `computes  on ${device} in ${precision}, with the seed ${recipe.seed}`,
      `folder    ${visible(folder)} (not made)`,
    ].join('\n'),
  );
  const warnings = parts.flatMap((part) => [
    ...unusualValues(part, recipe[part]),
    ...[unreachedReweighting(part, recipe[part]), idleStopping(part, recipe.evaluation, recipe[part])].filter(
      (line) => line !== undefined,
    ),
  ]);
  for (const line of [...data.notes, ...warnings]) note(line);
  note('Nothing was trained (--dry-run).');
}

function partLine(kind: TrainingKind, part: TrainingRecipe, classes: number, trained: number): string {
  using model = modelOf(kind, part, classes);
  const parameters = model.parameters().reduce((sum, parameter) => sum + parameter.numel(), 0);
  const { batchSize, shards, accumulation } = part;
  const batch = batchSize * shards * accumulation;
  const epochs = totalEpochs(part.schedule, part.epochs);
  const size = `${part.imageSize} × ${part.imageSize}`;
  return `${kind.padEnd(8)}  ${part.model.name}, ${count(parameters)} parameters, images of ${size}: ${epochs} epochs of ${images(trained)}, ${count(batch)} in each update`;
}
