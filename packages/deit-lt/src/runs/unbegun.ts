/** A run folder in which no run has begun: none, an empty one, or what a process left that was killed at once. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors.js';
import { claimName } from './claim.js';

/** Folders that a training makes before its `config.json`: of the checkpoints, and of each model of `train` and `study`. */
const ownFolders = /^(checkpoints|teacher|vit|student|teacher-[a-z]+|student-[a-z]+-of-[a-z]+)$/;

/** Whether a file of this name is what a killed process may leave: under a temporary name, or the claim of a training. */
export function isLeftover(name: string): boolean {
  return /\.tmp(-\d+)?$|^probe$/.test(name) || name === claimName;
}

/**
 * Whether a run may begin in `folder` although it exists: it has nothing but leftovers of a killed process, so that
 * nothing is lost. False for a file, and for a folder that has anything else, such as a checkpoint.
 */
export function isUnbegun(folder: string): boolean {
  if (!existsSync(folder)) return true;
  if (!statSync(folder).isDirectory()) return false;
  return readdirSync(folder, { withFileTypes: true }).every((entry) =>
    entry.isDirectory()
      ? ownFolders.test(entry.name) && isUnbegun(path.join(folder, entry.name))
      : isLeftover(entry.name),
  );
}

/** What is said of a folder in which no run may begin: it is a file, has a run, or something else. */
export function occupied(folder: string): UserError {
  const problem = (what: string): UserError => new UserError('RUN_FOLDER', `${folder} ${what}`);
  if (!statSync(folder).isDirectory())
    return problem('is a file; expected a new or empty folder. Choose another folder with --out.');
  if (firstRunIn(folder) !== undefined)
    return problem(
      'is not empty. Choose another folder with --out, or resume the run there: give the same command with --resume.',
    );
  return problem('is not empty and has no run that can be resumed (no config.json). Choose another folder with --out.');
}

/** What is trained first in a run of several models: by `train`, and by `study ood`, in both by the recipe itself. */
const firstModels = ['teacher', 'teacher-weak'];

/** The folder of the run, or of the first of its models, that has a `config.json`; undefined when there is none. */
export function firstRunIn(folder: string): string | undefined {
  return [folder, ...firstModels.map((name) => path.join(folder, name))].find((home) =>
    existsSync(path.join(home, 'config.json')),
  );
}
