/** The shares of the classes where a model is used. */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Adaptation } from '../classifier/adaptation.js';
import { UserError } from '../errors.js';
import { nearest } from '../nearest.js';
import { listed } from '../published/checkpoint-layout.js';
import { readJson } from '../runs/read-json.js';

export type TargetPrior = Adaptation['prior'];

export interface PriorOptions {
  readonly classNames: readonly string[];
  /** Training images of each class; zeros: not known. */
  readonly trainCounts: readonly number[];
}

const shareFile = z.record(z.string(), z.number().nonnegative());

/**
 * Returns the prior that `given` names: `uniform`, `training`, or a JSON file with a share or a number of images for each
 * class that occurs. Throws UserError USAGE for a name that is neither, ADAPTATION for a file that cannot be used.
 */
export function namedPrior(given: string, { classNames, trainCounts }: PriorOptions): TargetPrior {
  if (given === 'uniform') return { from: 'uniform', source: null, shares: normalised(classNames.map(() => 1)) };
  if (given === 'training') {
    if (trainCounts.every((count) => count === 0))
      throw new UserError(
        'USAGE',
        '--prior training: the model does not say how many images of each class it was trained on. Give a JSON file with the shares.',
      );
    return { from: 'training', source: null, shares: normalised(trainCounts) };
  }
  if (!existsSync(given))
    throw new UserError(
      'USAGE',
      `--prior ${given}: no such file; expected uniform, training, or a JSON file such as {"cat": 0.7, "lynx": 0.3}.`,
    );
  return { from: 'file', source: given, shares: normalised(sharesIn(given, classNames)) };
}

function sharesIn(file: string, classNames: readonly string[]): number[] {
  let shares: Record<string, number>;
  try {
    shares = readJson(file, shareFile, { uniqueKeys: true });
  } catch (error) {
    throw new UserError(
      'ADAPTATION',
      `${file}: ${(error as Error).message}; expected a share for each class that occurs, such as {"cat": 0.7, "lynx": 0.3}.`,
      { cause: error },
    );
  }
  const byName = new Map<string, number>();
  for (const [given, share] of Object.entries(shares)) {
    const name = spelling(given, classNames);
    if (byName.has(name))
      throw new UserError('ADAPTATION', `${file}: the class "${name}" occurs twice, in two spellings; give one share.`);
    byName.set(name, share);
  }
  requireClasses([...byName.keys()], classNames, file);
  const values = classNames.map((name) => byName.get(name) ?? 0);
  if (values.some((share) => share > 0)) return values;
  throw new UserError('ADAPTATION', `${file}: no class has a share above 0.`);
}

/** The class with the same letters, which Unicode may compose in another way: file systems and editors differ. */
function spelling(name: string, classNames: readonly string[]): string {
  if (classNames.includes(name)) return name;
  return classNames.find((each) => each.normalize() === name.normalize()) ?? name;
}

/** Throws UserError ADAPTATION for a name that is not a class of the model. */
export function requireClasses(names: readonly string[], classNames: readonly string[], where: string): void {
  const unknown = names.find((name) => !classNames.includes(name));
  if (unknown === undefined) return;
  const near = nearest(unknown, classNames);
  const hint = near === undefined ? `its classes are ${listed(classNames, 8)}` : `did you mean "${near}"?`;
  throw new UserError('ADAPTATION', `${where}: "${unknown}" is not a class of the model: ${hint}`);
}

/** Returns the prior with a share of 0 for all classes but `only`. Throws UserError ADAPTATION where none is left. */
export function limitedTo(prior: TargetPrior, only: readonly string[], classNames: readonly string[]): TargetPrior {
  const shares = prior.shares.map((share, c) => (only.includes(classNames[c]!) ? share : 0));
  if (shares.some((share) => share > 0)) return { ...prior, shares: normalised(shares) };
  throw new UserError(
    'ADAPTATION',
    '--only-classes: by the prior, none of these classes occurs. Name others, or another --prior.',
  );
}

export function normalised(shares: ArrayLike<number>): number[] {
  const most = Array.from(shares).reduce((greatest, share) => Math.max(greatest, share), 0);
  const values = Array.from(shares, (share) => share / most); // large numbers would add up to infinity
  const sum = values.reduce((all, share) => all + share, 0);
  return values.map((share) => share / sum);
}
