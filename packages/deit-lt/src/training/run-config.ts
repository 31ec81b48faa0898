/** Makes the `config.json` of a training, and checks that a resumed training is still the same. */
import os from 'node:os';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import type { TrainingData } from '../data/prepare-data.js';
import { UserError } from '../errors.js';
import { loadedPlugins } from '../plugin.js';
import type { Placement } from '../recipe/device.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import type { RunConfig, RunFolder } from '../runs/run-folder.js';
import type { Plan, TrainOptions } from './train-options.js';

/** Returns the configuration that repeats the run. */
export function configOf(
  kind: TrainingKind,
  { recipe, command = [] }: TrainOptions,
  { teacher, teacherSha256, from, own }: Pick<Plan, 'teacher' | 'own'> & Pick<RunConfig, 'teacherSha256' | 'from'>,
  data: TrainingData,
  { device, precision }: Placement,
): RunConfig {
  const [cpu] = os.cpus();
  return {
    format: 'deit-lt run 1',
    kind,
    recipe,
    data: {
      name: data.name,
      classNames: data.classNames,
      trainCounts: [...data.trainCounts],
      countsBefore: [...data.countsBefore],
      groups: [...data.groups],
      fingerprint: data.fingerprint,
    },
    teacher: teacher && path.resolve(teacher),
    teacherSha256,
    ...(from && { from }),
    ...(own && { task: own.name, logitScale: own.logitScale }),
    ...(loadedPlugins().length > 0 && { plugins: loadedPlugins() }),
    command,
    environment: {
      node: process.version,
      platform: `${process.platform} ${process.arch} ${os.release()}`,
      cpu: cpu?.model ?? 'unknown',
      cores: os.availableParallelism(),
      threads: torch.getNumThreads(),
      device,
      precision,
    },
    started: new Date().toISOString(),
  };
}

/**
 * Throws when a resumed run is not the same run: kind, data, recipe and teacher. The device and the number of threads
 * may differ.
 */
export function checkSameRun(config: RunConfig, wanted: RunConfig, { folder }: RunFolder): void {
  const wrong = (what: string): UserError =>
    new UserError('RUN_FOLDER', `${folder} cannot be resumed: ${what}. Start a new run with another --out.`);
  if (config.kind !== wanted.kind) throw wrong(`it is a run of a ${config.kind}, not of a ${wanted.kind}`);
  if (config.task !== wanted.task) throw wrong(tasksDiffer(config));
  const changed = firstDifference({ ...config.recipe, device: null }, { ...wanted.recipe, device: null });
  if (changed !== undefined) throw wrong(`its recipe differs in ${changed}`);
  if (config.data.fingerprint !== wanted.data.fingerprint)
    throw wrong(
      `its ${config.data.trainCounts.reduce((a, b) => a + b, 0)} training images are not those of ${wanted.data.name}`,
    );
  if (firstDifference(config.data.classNames, wanted.data.classNames) !== undefined)
    throw wrong(`the names or the order of its classes differ from those of ${wanted.data.name}`);
  if (hashesOf(config) !== hashesOf(wanted)) throw wrong(pluginsDiffer(config));
  if (config.from?.sha256 !== wanted.from?.sha256)
    throw wrong(`it started from the weights of ${config.from?.path ?? 'no other run'}, not from those given`);
  if (config.teacherSha256 !== wanted.teacherSha256)
    throw wrong(`its teacher, ${config.teacher}, is not the same as ${wanted.teacher} now`);
}

function tasksDiffer({ task }: RunConfig): string {
  if (task === undefined) return "it was trained with the loss of its recipe, not with a program's own task";
  return `it was trained by a program with its own task "${task}" (trainTask), and only that resumes it`;
}

function pluginsDiffer({ plugins = [] }: RunConfig): string {
  if (plugins.length === 0) return 'it was trained without a module of --plugin';
  return `it was trained with ${plugins.map(({ path: file }) => file).join(' and ')} as it was then (--plugin), which is not loaded or has changed`;
}

const hashesOf = ({ plugins = [] }: RunConfig): string => plugins.map(({ sha256 }) => sha256).join();

/** Returns the dotted key of the first value in which two recipes differ. */
export function firstDifference(a: unknown, b: unknown, path: readonly string[] = []): string | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Object.is(a, b) ? undefined : path.join('.');
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) {
    const found = firstDifference((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], [
      ...path,
      key,
    ]);
    if (found !== undefined) return found;
  }
  return undefined;
}
