/** Refuses processes that would not train together what one of them trains alone: other versions, recipes, data. */
import os from 'node:os';
import * as torch from '@deit-lt/torch';
import type { LabelledSource, TrainingData } from '../data/prepare-data.js';
import { UserError } from '../errors.js';
import { hashOfImages } from '../runs/predictions.js';
import type { RunConfig } from '../runs/run-folder.js';
import { projectVersion } from '../version.js';
import { LeaderFailed, type Processes } from './processes.js';
import { firstDifference } from './run-config.js';

/** The versions of this process, and how it exchanges gradients. */
function versions({ bucketBytes }: Processes): Facts & Readonly<Record<string, string>> {
  const megabytes = bucketBytes === undefined ? 'not set' : String(bucketBytes / 1e6);
  const { version: pytorch } = torch.diagnose().libtorch;
  return { host: os.hostname(), version: projectVersion(), pytorch, megabytes };
}

/** Throws UserError USAGE, in the first process alone, when one has other versions. All processes call it. */
export function requireSameVersions(processes: Processes): void {
  const wanted: Record<string, string> = { version: 'deit-lt', pytorch: 'PyTorch', megabytes: 'DEIT_LT_BUCKET_MB' };
  requireSame(processes, versions(processes), (name) => wanted[name] ?? name);
}

/** Throws UserError USAGE, in the first process alone, when one has another recipe, data or teacher. All processes call it. */
export function requireSameTraining(processes: Processes, config: RunConfig, data: TrainingData): void {
  if (processes.count === 1) return;
  const { kind, task, recipe, teacherSha256, from, plugins = [] } = config;
  const facts = {
    host: os.hostname(),
    recipe: { ...recipe, device: null },
    training: [kind, ...(task === undefined ? [] : [task])].join(' '),
    images: Object.fromEntries(
      (['train', 'validation', 'test'] as const).map((split) => [split, imagesOf(data[split])]),
    ),
    teacher: teacherSha256,
    from: from?.sha256 ?? null,
    plugins: plugins.map(({ sha256 }) => sha256),
  };
  requireSame(processes, facts, nameOfFact);
}

function imagesOf(split: LabelledSource | undefined): string {
  if (split === undefined) return 'none';
  const { nameOf, labels, classNames } = split;
  return `${labels.length} images (${hashOfImages(nameOf, labels, classNames).slice(0, 12)})`;
}

function nameOfFact(key: string): string {
  if (key.startsWith('recipe.')) return key.slice('recipe.'.length);
  if (key.startsWith('images.')) return `the ${key.slice('images.'.length)} split`;
  if (key === 'training') return 'what is trained';
  if (key === 'from') return 'the weights of --from';
  return key.startsWith('plugins') ? 'the modules of --plugin' : `the ${key}`;
}

interface Facts {
  readonly host: string;
}

/** Compares the facts of all processes with those of the first; the others leave the report to it. */
export function requireSame<F extends Facts>(processes: Processes, own: F, nameOf: (key: string) => string): void {
  const all = processes.exchange(own);
  const [first = own] = all;
  for (const [rank, facts] of all.entries()) {
    const key = firstDifference({ ...first, host: null }, { ...facts, host: null });
    if (key === undefined) continue;
    if (processes.rank > 0) throw new LeaderFailed(2);
    const [found, expected] = [facts, first].map((each) => valueAt(each, key));
    throw new UserError(
      'USAGE',
      `process ${rank} of ${all.length} (from 0; on ${facts.host}) differs from process 0 (on ${first.host}): ${nameOf(key)} is ${found}, and ${expected} there. All processes of a training need the same versions, recipe and data: start all with the same command.`,
    );
  }
}

function valueAt(facts: unknown, key: string): string {
  const value = key.split('.').reduce((at, name) => (at as Record<string, unknown> | undefined)?.[name], facts);
  return value === undefined ? 'not set' : typeof value === 'string' ? value : JSON.stringify(value);
}
