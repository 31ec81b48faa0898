/**
 * A run on disk: `config.json` (enough to repeat it), `metrics.jsonl` (one line per epoch; the same as `metrics.csv`
 * and as an event file for TensorBoard), `checkpoints/`, and at the end `evaluation.json` (the figures of the best
 * checkpoint) and `predictions.safetensors` (what it says of each image). A run of `train` has such a folder for each
 * of its models: `teacher/`, `student/`, and `vit/` if asked for.
 */

import { existsSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Group } from '../data/groups.js';
import { UserError } from '../errors.js';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import { passMachineFault } from '../machine-fault.js';
import { makeFolder } from '../make-folder.js';
import type { LoadedPlugin } from '../plugin.js';
import type { Recipe } from '../recipe/schema.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import { Claim, claimName, requireUnclaimed } from './claim.js';
import { appendLine, writeError, writeFileAtomic } from './files.js';
import { readMetricsFile } from './metrics-file.js';
import { MetricsLog } from './metrics-log.js';
import { readJson } from './read-json.js';
import { evaluatingCommand, type Recorded } from './recorded-data.js';
import type { EpochRecord } from './reporter.js';
import { configSchema, evaluationSchema } from './run-schema.js';

/** The run or file that a training began with. */
export interface StartingWeights {
  readonly path: string;
  /** SHA-256 of the checkpoint. */
  readonly sha256: string;
  /** The network's name, where it was recognised. */
  readonly model?: string;
  /** As the files beside the weights say it. */
  readonly licence?: string;
  /** An address or the name of a repository. */
  readonly source?: string;
  /** The weights that the run of this checkpoint began with. */
  readonly from?: StartingWeights;
}

/** The content of `config.json`. */
export interface RunConfig {
  readonly format: 'deit-lt run 1';
  readonly kind: TrainingKind;
  readonly recipe: Recipe;
  readonly data: {
    readonly name: string;
    readonly classNames: readonly string[];
    /** Whether they are only numbers, since a checkpoint from elsewhere does not say what its classes are. */
    readonly namesUnknown?: boolean;
    /** Training images per class after the long tail and the validation split were made. */
    readonly trainCounts: readonly number[];
    /** The same before that split and `data.limit`; absent in runs of earlier versions. */
    readonly countsBefore?: readonly number[];
    /** Head, mid or tail, of each class. */
    readonly groups: readonly Group[];
    /** SHA-256 over labels and names of the training images: a resumed run must see the same. */
    readonly fingerprint: string;
  };
  /** Name of a program's own task (`trainTask`), in place of the recipe's loss; absent for others. */
  readonly task?: string;
  /** Logit scale of a model that was imported, where its file says it, or of an own task; absent where it is that of the recipe's loss. */
  readonly logitScale?: number;
  /** The teacher's run folder or checkpoint; null for a teacher and a plain ViT. */
  readonly teacher: string | null;
  /** Hash of the teacher's checkpoint: a resumed student must have the same. */
  readonly teacherSha256: string | null;
  /** The weights that it began with; absent for one that began with random ones. */
  readonly from?: StartingWeights;
  /** The strength of a τ-normalisation of that run's classifier; absent for a training. */
  readonly tau?: number;
  /** The modules of the user's own that were loaded; absent for a training without. */
  readonly plugins?: readonly LoadedPlugin[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | number>>;
  readonly started: string;
}

/** The content of `evaluation.json`: the accuracies of the best checkpoint. */
export interface FinalEvaluation extends EvaluationResult {
  readonly split: 'test' | 'validation';
  readonly checkpoint: 'best';
  /** Epoch of the checkpoint, from 0. */
  readonly epoch: number;
}

/** Fields of an evaluation that are left out of `metrics.jsonl`. */
const notLogged: ReadonlySet<string> = new Set(['classNames', 'groups', 'imagesPerClass', 'confusion']);

/** Files that a killed process may leave: those with a temporary name, and its claim. */
const isLeftover = (name: string): boolean => /\.tmp(-\d+)?$|^probe$/.test(name) || name === claimName;

/**
 * Returns whether a run may begin in `folder`: it does not exist, or holds no file but temporary ones, as a training
 * leaves that was killed before it had a configuration. False for a file.
 */
export function holdsNoRun(folder: string): boolean {
  if (!existsSync(folder)) return true;
  if (!statSync(folder).isDirectory()) return false;
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.every((entry) => entry.isDirectory() || (entry.isFile() && isLeftover(entry.name)));
}

/**
 * The model that is trained first in a run of several models: by `train`, by `study ood` and by `study ladder`, always by
 * the recipe itself.
 */
const firstModels = ['teacher', 'teacher-weak', 'teacher-1-1'];

/** The folder of the run, or of the first of its models, that has a `config.json`; undefined when there is none. */
export function firstRunIn(folder: string): string | undefined {
  return [folder, ...firstModels.map((name) => path.join(folder, name))].find((home) =>
    existsSync(path.join(home, 'config.json')),
  );
}

/**
 * Returns the error for a folder in which a run cannot start: a file, a folder with a run, or a folder with other
 * files.
 */
export function occupied(folder: string): UserError {
  const problem = (what: string): UserError => new UserError('RUN_FOLDER', `${folder} ${what}`);
  if (!statSync(folder).isDirectory())
    return problem('is a file; expected a new or empty folder. Choose another folder with --out.');
  if (firstRunIn(folder) === undefined)
    return problem(
      'is not empty and has no config.json, so there is no run to resume. Choose another folder with --out.',
    );
  return problem('is not empty. Choose another folder with --out, or add --resume to resume the run in it.');
}

/** The files of the run in `folder`, which need not be there yet: its configuration, metrics, evaluation, predictions and checkpoints. */
export class RunFolder {
  #claim: Claim | undefined;
  #log: MetricsLog | undefined;
  /** Size of metrics.jsonl after the last write of this training. */
  #metricsBytes: number | undefined;

  constructor(readonly folder: string) {}

  get configFile(): string {
    return path.join(this.folder, 'config.json');
  }

  get metricsFile(): string {
    return path.join(this.folder, 'metrics.jsonl');
  }

  get evaluationFile(): string {
    return path.join(this.folder, 'evaluation.json');
  }

  get predictionsFile(): string {
    return path.join(this.folder, 'predictions.safetensors');
  }

  checkpoint(name: 'last' | 'best'): string {
    return path.join(this.folder, 'checkpoints', `${name}.safetensors`);
  }

  hasCheckpoint(name: 'last' | 'best'): boolean {
    return existsSync(this.checkpoint(name));
  }

  /**
   * Makes the folder and writes `config`. With `resume`, an existing run stays and its configuration is returned;
   * otherwise no run may have begun there. What a killed process left is removed. Throws UserError RUN_FOLDER, also
   * while another process trains there.
   */
  begin(config: RunConfig, resume: boolean): RunConfig {
    const isThere = existsSync(this.configFile);
    if (isThere ? !resume : !holdsNoRun(this.folder)) throw occupied(this.folder);
    requireUnclaimed(this.folder);
    try {
      makeFolder(path.dirname(this.checkpoint('last')));
    } catch (error) {
      throw writeError(this.folder, error);
    }
    if (!isThere) writeFileAtomic(this.configFile, `${JSON.stringify(config, null, 2)}\n`);
    this.#removeLeftovers();
    return readRunConfig(this.folder);
  }

  /**
   * Claims the folder for this process, until the claim is disposed of: `appendMetrics` and `checkOurs` notice when
   * that is no longer so. Throws UserError RUN_FOLDER.
   */
  claim(): Claim {
    this.#claim = new Claim(this.folder);
    return this.#claim;
  }

  /** Throws UserError RUN_FOLDER when the folder was removed, moved or claimed by another training since `claim`. */
  checkOurs(): void {
    this.#claim?.check();
  }

  #removeLeftovers(): void {
    for (const folder of [this.folder, path.dirname(this.checkpoint('last'))])
      for (const name of existsSync(folder) ? readdirSync(folder) : [])
        if (isLeftover(name)) rmSync(path.join(folder, name), { force: true });
  }

  /** Fails now, not hours later, when the folder cannot take `bytes` more. Throws UserError RUN_FOLDER. */
  checkWritable(bytes: number): void {
    const probe = path.join(this.folder, 'checkpoints', 'probe');
    writeFileAtomic(probe, 'x'.repeat(4096));
    rmSync(probe, { force: true });
    const { bavail, bsize } = statfsSync(this.folder);
    if (bavail * bsize < bytes)
      throw new UserError(
        'RUN_FOLDER',
        `${this.folder}: the checkpoints take ${megabytes(bytes)} and the disk has ${megabytes(bavail * bsize)} left. Free some space, or choose another folder with --out.`,
      );
  }

  /**
   * Without what each epoch would repeat, and the confusion matrices, which grow with the square of the classes. Throws
   * UserError RUN_FOLDER.
   */
  appendMetrics(record: EpochRecord): void {
    this.checkOurs();
    this.#log ??= this.#openLog(this.readMetrics());
    this.#requireAlone();
    appendLine(
      this.metricsFile,
      JSON.stringify(record, (key, value: unknown) => (notLogged.has(key) ? undefined : value)),
    );
    this.#metricsBytes = bytesOf(this.metricsFile);
    this.#log.append(record);
  }

  /** Two trainings at once would mix their epochs. A device, such as /dev/full, has no size. */
  #requireAlone(): void {
    const there = bytesOf(this.metricsFile);
    if (there === undefined || this.#metricsBytes === undefined || there === this.#metricsBytes) return;
    throw new UserError(
      'RUN_FOLDER',
      `${this.metricsFile} was changed by another process: ${this.folder} is being trained twice at once. This training ends here; the other one continues. If none runs any more, resume with --resume.`,
    );
  }

  #openLog(records: readonly EpochRecord[]): MetricsLog {
    const { started } = readRunConfig(this.folder);
    return new MetricsLog(this.folder, { started, records });
  }

  /**
   * Undefined when there is none. Throws UserError RUN_FOLDER when it cannot be used, or is not of `classes` classes.
   */
  readEvaluation(classes?: number): FinalEvaluation | undefined {
    if (!existsSync(this.evaluationFile)) return undefined;
    try {
      const found = readJson(this.evaluationFile, evaluationSchema);
      requireClasses(found, classes);
      return found;
    } catch (error) {
      passMachineFault(error);
      const why = (error as Error).message;
      throw new UserError(
        'RUN_FOLDER',
        `${this.evaluationFile} cannot be used: ${why}. Make it again with: ${evaluatingCommand(this.folder, recordedIn(this.folder))}`,
        { cause: error },
      );
    }
  }

  /** Throws UserError RUN_FOLDER. */
  writeEvaluation(evaluation: FinalEvaluation): void {
    writeFileAtomic(this.evaluationFile, `${JSON.stringify(evaluation)}\n`);
  }

  /** Forgets epochs from `epoch` on, which a resumed run will repeat, and a last line that is half written. */
  keepMetricsBefore(epoch: number): void {
    this.#metricsBytes = 0;
    if (!existsSync(this.metricsFile)) return;
    const kept = this.readMetrics().filter((record) => record.epoch < epoch);
    writeFileAtomic(this.metricsFile, kept.map((record) => `${JSON.stringify(record)}\n`).join(''));
    this.#metricsBytes = bytesOf(this.metricsFile);
    this.#log = this.#openLog(kept);
    this.#log.rewrite();
  }

  /** All whole lines of metrics.jsonl that are of an epoch. `onBad` gets a sentence on each other line. */
  readMetrics({ onBad }: { onBad?: (note: string) => void } = {}): EpochRecord[] {
    return readMetricsFile(this.metricsFile, onBad);
  }
}

/** Throws Error for figures of another number of classes; figures of single classes may be absent. */
function requireClasses(found: FinalEvaluation, classes = found.avg.perClass.length): void {
  const { avg, cls = avg, dist = avg, classNames = [], groups = [] } = found;
  const byClass = [avg, cls, dist].flatMap(({ perClass, imagesPerClass = [], confusion = [] }) => [
    perClass,
    imagesPerClass,
    confusion,
    ...confusion,
  ]);
  for (const { length } of [classNames, groups, ...byClass])
    if (length !== classes && length !== 0)
      throw new Error(`it has accuracies of ${length} classes, but the run has ${classes}`);
}

/** 0 where there is no file; undefined for what is none. */
function bytesOf(file: string): number | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  return found.isFile() ? found.size : undefined;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

/**
 * Returns whether a folder has a `config.json` that may be ours: other programs have files of that name, without our
 * format.
 */
export function isRunFolder(folder: string): boolean {
  const { configFile } = new RunFolder(folder);
  if (!existsSync(configFile)) return false;
  try {
    return z.looseObject({ format: z.string() }).safeParse(readJson(configFile, z.unknown())).success;
  } catch {
    return true; // a damaged one is a run that says so when it is read
  }
}

/** The command that trained the run in `folder`, for messages; no words when its configuration cannot be read. */
export function recordedIn(folder: string): Recorded {
  try {
    const { command } = z
      .object({ command: z.array(z.string()) })
      .parse(readJson(path.join(folder, 'config.json'), z.unknown()));
    return { command };
  } catch {
    return { command: [] };
  }
}

/** `config.json` of a run folder. Throws UserError RUN_FOLDER when there is none, or it is not one. */
export function readRunConfig(folder: string): RunConfig {
  const file = path.join(folder, 'config.json');
  if (!existsSync(file)) throw new UserError('RUN_FOLDER', `${folder} is not a run folder: it has no config.json.`);
  try {
    return readJson(file, configSchema);
  } catch (error) {
    if (error instanceof UserError && error.code === 'PLUGIN')
      throw new UserError('PLUGIN', `${file}: ${error.message}`);
    throw new UserError('RUN_FOLDER', `${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}
