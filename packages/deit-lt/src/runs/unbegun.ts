/** A run folder in which no run has begun: none, an empty one, or what a process left that was killed at once. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
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
