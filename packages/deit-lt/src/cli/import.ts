/** `deit-lt import`: a checkpoint from elsewhere becomes a run folder, which every other command takes. */

import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { byClass } from '../by-class.js';
import { modelOrder } from '../classifier/class-names.js';
import { checkpointFile } from '../classifier/classifier.js';
import { describeForeign, type ForeignWeights, withForeignWeights } from '../classifier/foreign-weights.js';
import { groupsOfData } from '../classifier/model-groups.js';
import { classCounts, type Dataset } from '../data/dataset.js';
import { UserError } from '../errors.js';
import { isForeign } from '../published/weight-source.js';
import { partOf } from '../recipe/part.js';
import { type RunConfig, RunFolder } from '../runs/run-folder.js';
import { readWeights, saveWeights } from '../runs/training-state.js';
import { visible } from '../text/visible.js';
import { required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import { commandWords } from './command-words.js';
import { openData } from './open-data.js';

export async function run({ args, options, spec, context }: CommandInput): Promise<undefined> {
  const file = args[0]!;
  const out = required(options.out, '--out is missing: the run folder to make');
  const dataset = options.data === undefined ? undefined : await openData(options.data, options, context);
  const folder = new RunFolder(path.resolve(out));
  const command = [...commandWords(spec.name, options), file];
  const take = ({ config: given, epoch }: Pick<ForeignWeights, 'config' | 'epoch'>, tensors: Tensors): RunConfig => {
    const config = { ...configFor(given, dataset), command };
    folder.begin(config, false);
    saveWeights(folder.checkpoint('best'), tensors, config, epoch);
    return config;
  };
  const { line, notes, config } = await importInto(checkpointFile(file, 'best'), options, take);
  context.print(visible(`${file} → ${out}: ${line}`));
  for (const note of notes) context.note(note);
  if (config.data.namesUnknown === true)
    context.note('The checkpoint has no class names; --data DATA takes them from the data set that it was trained on.');
}

type Tensors = ReadonlyMap<string, torch.Tensor>;
type Take = (opened: Pick<ForeignWeights, 'config' | 'epoch'>, tensors: Tensors) => RunConfig;

/** Returns the result of `take` and the messages, for a checkpoint of another program or one of our runs. */
async function importInto(
  file: string,
  { weights, set }: CommandInput['options'],
  take: Take,
): Promise<{ line: string; notes: readonly string[]; config: RunConfig }> {
  if (isForeign(file))
    return withForeignWeights(file, { weights, settings: set }, (opened) =>
      torch.tidy(() => {
        const { tensors, leftOut } = opened.read();
        const config = take(opened, tensors);
        return { line: describeForeign(opened, leftOut), notes: opened.notes, config };
      }),
    );
  if (set !== undefined)
    throw new UserError('USAGE', `--set is only for checkpoints of other programs; ${file} has its own recipe.`);
  return torch.tidy(() => {
    const opened = readWeights(file, { weights });
    const config = take(opened, opened.tensors);
    return { line: describeOwn(config), notes: [], config };
  });
}

function describeOwn(config: RunConfig): string {
  const { model, imageSize } = partOf(config);
  return `${model.name} for ${config.data.classNames.length} classes, ${imageSize} × ${imageSize} pixels`;
}

/**
 * Returns the configuration with the counts and groups of the data where the checkpoint does not name them, and names
 * for classes that have none. Throws UserError DATA_CLASSES for data of other classes.
 */
function configFor(config: RunConfig, dataset: Dataset | undefined): RunConfig {
  const { data } = config;
  const started = new Date().toISOString();
  if (dataset === undefined) return { ...config, started };
  const namesKnown = data.namesUnknown !== true;
  const { classNames: given } = dataset;
  const order = modelOrder({ classNames: data.classNames, namesKnown, file: data.name }, given);
  const known = data.trainCounts.some((count) => count > 0);
  const counts = known
    ? { trainCounts: data.trainCounts, groups: data.groups }
    : {
        trainCounts: order.values(byClass(given, classCounts(dataset.train.labels, given.length))),
        groups: order.values(groupsOfData(dataset)),
      };
  const { namesUnknown: _, ...rest } = data;
  return { ...config, started, data: { ...rest, ...counts, classNames: order.to } };
}
