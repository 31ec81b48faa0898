/** `deit-lt import`: a checkpoint from elsewhere becomes a run folder, which every other command takes. */
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { modelOrder } from '../classifier/class-names.js';
import { describeForeign, type ForeignWeights, withForeignWeights } from '../classifier/foreign-weights.js';
import { groupsOfData } from '../classifier/model-groups.js';
import { classCounts, type Dataset } from '../data/dataset.js';
import { groupsOf } from '../data/groups.js';
import { type RunConfig, RunFolder } from '../runs/run-folder.js';
import { saveWeights } from '../runs/training-state.js';
import { required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import { commandWords } from './command-words.js';
import { openData } from './open-data.js';

export async function run({ args, options, spec, context }: CommandInput): Promise<undefined> {
  const file = args[0]!;
  const out = required(options.out, '--out is missing: the run folder to make');
  const dataset = options.data === undefined ? undefined : await openData(options.data, options, context);
  const { weights, set } = options;
  const folder = new RunFolder(path.resolve(out));
  const line = await withForeignWeights(file, { weights, settings: set }, (opened) =>
    torch.tidy(() => {
      const { tensors, leftOut } = opened.read();
      const config = { ...configFor(opened, dataset), command: [...commandWords(spec.name, options), file] };
      folder.begin(config, false);
      saveWeights(folder.checkpoint('best'), tensors, config, opened.epoch);
      return describeForeign(opened, leftOut);
    }),
  );
  context.print(`${file} → ${out}: ${line}`);
  if (dataset === undefined)
    context.note(
      'The checkpoint does not name its classes; --data DATA takes them from the data that it was trained on.',
    );
}

/** With the names, counts and groups of the data, whose classes are those of the checkpoint in their order. */
function configFor({ config }: ForeignWeights, dataset: Dataset | undefined): RunConfig {
  const { data } = config;
  const started = new Date().toISOString();
  if (dataset === undefined) return { ...config, started };
  modelOrder({ classNames: data.classNames, namesKnown: false, file: data.name }, dataset.classNames);
  const known = data.trainCounts.some((count) => count > 0);
  const counts = known
    ? { trainCounts: data.trainCounts, groups: groupsOf(data.trainCounts).of }
    : { trainCounts: [...classCounts(dataset.train.labels, data.classNames.length)], groups: groupsOfData(dataset) };
  const { namesUnknown: _, ...rest } = data;
  return { ...config, started, data: { ...rest, ...counts, classNames: dataset.classNames } };
}
