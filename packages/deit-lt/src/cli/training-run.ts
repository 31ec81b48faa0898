/** Prepares a training from options: recipe, data, run folder. Shared by the commands that train. */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Dataset } from '../data/dataset.js';
import type { Rgb } from '../data/decode/background.js';
import { UserError } from '../errors.js';
import { durationWord } from '../format.js';
import { findWeights } from '../pretrained/find-weights.js';
import type { Recipe } from '../recipe/schema.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import { holdsNoRun, occupied } from '../runs/run-folder.js';
import { shellLine } from '../shell-line.js';
import { programWords } from '../suggested-command.js';
import type { Processes } from '../training/processes.js';
import { interrupted } from '../training/resume-advice.js';
import type { TrainOptions } from '../training/train.js';
import { backgroundOfOptions } from './background.js';
import { checkEarly, required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import { commandWords } from './command-words.js';
import { canAsk, requireYes } from './confirm.js';
import type { CliContext } from './context.js';
import { type EarlierRun, earlierRun, type Resuming } from './earlier-run.js';
import { firstOnMachine } from './first-on-machine.js';
import { openData } from './open-data.js';
import type { Options } from './option-table.js';
import { readyRecipe, trainsOfCommand } from './planned-recipe.js';
import { joined } from './processes.js';

export interface PreparedRun {
  readonly training: TrainOptions;
  /** The given options, with those of the resumed run. */
  readonly options: Options;
}

/**
 * Opens the data and settles recipe and run folder. What can be wrong without the data is found first. With `--resume`
 * a run that does not exist yet is started. Throws UserError USAGE, RECIPE, RUN_FOLDER, INTERRUPTED, and what
 * `openDataset` throws.
 */
export async function prepareRun({
  args,
  options: given,
  context,
  spec,
  parse,
  recipeByDefault,
}: CommandInput): Promise<PreparedRun> {
  const earlier = given.resume === true ? earlierOf({ command: spec.name, given, parse }) : undefined;
  const options: Options = { ...earlier?.options, ...given };
  if (options.data === undefined) throw dataMissing(spec.name, given);
  const { data } = options;
  if (earlier === undefined || options.recipe !== undefined) checkEarly(options, spec.name);
  if (options.teacher !== undefined) requireExists('--teacher', options.teacher);
  if (options.from !== undefined && earlier === undefined) options.from = findWeights(options.from, '--from');
  if (options.out !== undefined && earlier === undefined && !holdsNoRun(options.out)) throw occupied(options.out);

  if (given.resume === true && earlier === undefined)
    context.note(`${given.out} has no run to resume: a new one starts`);

  const background = earlierBackground(earlier, options) ?? backgroundOfOptions(options);
  const { signal } = context;
  const beforeTraining = (error: unknown): never => {
    if (!signal.aborted) throw error;
    throw interrupted({ command: commandWords([spec.name, ...args], options) }, 'before the training began', null);
  };
  const processes = await joined(signal).catch(beforeTraining);
  const open = (): Promise<Dataset> => openData(data, options, context, { background });
  const dataset = await firstOnMachine(processes, open).catch(beforeTraining);
  if (processes.count > 1) await requireSameOptions(processes, spec.name, given);
  const circumstances = { dataset, context, recipeByDefault, trains: trainsOfCommand(spec.name, options) };
  const choose = (): Promise<StartRecipe> =>
    recipeOf(options, earlier, { ...circumstances, asks: spec.name === 'train' && options.dryRun !== true });
  const { recipe, base, name } = await processes.lead(choose); // a plan depends on the clock
  const folder = await processes.lead(() => path.resolve(options.out ?? defaultFolder(name))); // its name has the time
  if (processes.any(signal.aborted))
    throw interrupted({ command: commandWords([spec.name, ...args], options) }, 'before the training began', null);
  const command = commandWords([spec.name, ...args], { ...options, out: folder });
  const reporter = await context.reporter();
  const { from, saveEvery, fitMemory } = options;
  const common = {
    dataset,
    recipe,
    baseRecipe: base,
    folder,
    resume: given.resume === true,
    reporter,
    signal,
    command,
    processes,
  };
  const training = {
    ...common,
    ...(from !== undefined && { from }),
    ...(saveEvery !== undefined && { saveEverySeconds: saveEvery }),
    ...(fitMemory === true && { fitMemory }),
  };
  return { training, options };
}

/** Returns the background of a run that is resumed with its own recipe. */
function earlierBackground(earlier: EarlierRun | undefined, { recipe }: Options): Rgb | undefined {
  return recipe === undefined ? earlier?.recipe.data.background : undefined;
}

/** Returns whether there is a run to resume: `--resume` is also given to a command that starts the first time. */
export function resumes({ resume, out }: Options): boolean {
  return resume === true && !holdsNoRun(required(out, outMissing));
}

const outMissing = '--resume needs the run folder: --out DIR';

/** Undefined where nothing was begun yet: the same command, repeated until it ends, then starts the run. */
function earlierOf(resuming: Resuming): EarlierRun | undefined {
  const out = required(resuming.given.out, outMissing);
  return earlierRun(out, resuming);
}

/** The first process chooses the recipe for all: the others must have been given the same options for it. */
async function requireSameOptions(processes: Processes, command: string, given: Options): Promise<void> {
  const { requireSame } = await import('../training/same-processes.js');
  const { out, data, root, procs, resume, saveEvery, teacher, from, plugin, ...options } = given;
  requireSame(processes, { host: os.hostname(), command, ...options }, (key) =>
    key === 'command' ? 'the command' : `--${key.replace(/\..*$/, '').replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`,
  );
}

interface RecipeCircumstances {
  readonly dataset: TrainOptions['dataset'];
  readonly context: CliContext;
  readonly recipeByDefault: string | undefined;
  /** The trainings that share the time. */
  readonly trains: readonly TrainingKind[];
  /** Whether the user must accept a plan on a terminal. */
  readonly asks: boolean;
}

/** A recipe, the same before the user's values, and its name for the run folder. */
interface StartRecipe {
  readonly recipe: Recipe;
  readonly base?: Recipe;
  readonly name: string;
}

async function recipeOf(
  options: Options,
  earlier: EarlierRun | undefined,
  { dataset, context, recipeByDefault, trains, asks }: RecipeCircumstances,
): Promise<StartRecipe> {
  const kept = earlier === undefined ? undefined : keptTime(earlier, options, context);
  if (earlier !== undefined && options.recipe === undefined) return { recipe: earlier.recipe, name: 'resumed' };
  const { lines, isPlanned, recipe, base, name } = await readyRecipe(dataset, options, context, {
    trains,
    recipeByDefault,
    kept,
  });
  if (lines.length > 0) context.note(...lines);
  if (options.budget !== undefined) context.note(budgetNote);
  const asking = { input: process.stdin, output: process.stderr, env: process.env, signal: context.signal };
  if (isPlanned && asks && options.yes !== true && !agreed.has(context) && canAsk(asking))
    await requireYes('Start this training?', notStarted, asking);
  agreed.add(context);
  return { recipe, base, name };
}

/** The limits of time of the run that is resumed; says so when `--time` is another. */
function keptTime(
  { recipe, time: begun }: EarlierRun,
  { time, out }: Options,
  { note }: CliContext,
): readonly string[] {
  if (time !== undefined && time !== begun)
    note(`--time ${durationWord(time)} changes nothing: ${out} ${timeOf(begun, recipe)}`);
  return [`teacher.timeLimit=${recipe.teacher.timeLimit}`, `student.timeLimit=${recipe.student.timeLimit}`];
}

function timeOf(begun: number | undefined, { teacher, student }: Recipe): string {
  if (begun !== undefined) return `was begun with --time ${durationWord(begun)}, which a resumed run keeps`;
  return teacher.timeLimit === null && student.timeLimit === null
    ? 'was begun without a limit of time, and a resumed run gets none'
    : 'has limits in its recipe (teacher.timeLimit, student.timeLimit), which a resumed run keeps';
}

/** Commands whose plan was agreed to: `--seeds` has several trainings of one. */
const agreed = new WeakSet<CliContext>();

const notStarted =
  'nothing was started. "deit-lt plan DATA --save my.yaml" writes the plan as a recipe file, which you can edit.';

const budgetNote =
  'budget small: tiny images and networks, two epochs. This only shows that the training works; the accuracies say nothing about the recipe.';

function dataMissing(command: string, { resume, out = 'DIR' }: Options): UserError {
  const missing = '--data is missing: a name, a folder, an archive or a list file.';
  const words = [...programWords(), command, '--data', 'cifar10'];
  if (resume !== true) return new UserError('USAGE', missing, { lines: [`For example: ${shellLine(words)}`] });
  const lines = [`For example: ${shellLine([...words, '--out', out, '--resume'])}`];
  return new UserError('USAGE', `${out} has no run to resume. To start one there, ${missing}`, { lines });
}

function requireExists(option: string, run: string): void {
  if (!existsSync(run))
    throw new UserError('RUN_FOLDER', `${option} ${run} does not exist; expected a run folder or a checkpoint.`);
}

/** `runs/2026-02-03-141503-quickstart`, in local time. */
export function defaultFolder(recipe: string, now: Date = new Date()): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('');
  return path.join('runs', `${date}-${time}-${recipe}`);
}
