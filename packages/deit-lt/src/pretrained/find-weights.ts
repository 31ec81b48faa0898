/**
 * Finds the file of initial weights: a path, or a name that is searched in the folders where programs keep weights that
 * they downloaded. Nothing is downloaded.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { defaultCacheDir } from '../data/cache/cache-folder.js';
import { weightsIn } from '../description/hugging-face.js';
import { UserError } from '../errors.js';
import { listed } from '../published/checkpoint-layout.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** A file of weights in a cache, and the names it can be asked by. */
interface Cached {
  /** `deit_tiny_patch16_224-a1311bcf`, or `timm/deit_tiny_patch16_224.fb_in1k`. */
  readonly name: string;
  readonly path: string;
}

const weightFile = /\.(safetensors|pth|pt|bin|pth\.tar)$/;

/**
 * Returns `given` when it exists, else the only cached file of that name: the name of a file or a repository, whole or up to
 * a hyphen or a dot. Throws UserError RUN_FOLDER when there is none, or more than one.
 */
export function findWeights(given: string, option: string, env: Environment = process.env): string {
  if (existsSync(given)) return given;
  const folders = cacheFolders(env);
  const cached = [...plainFiles(folders.own), ...plainFiles(folders.torch), ...hubRepositories(folders.hub)];
  const found = cached.filter(({ name }) => isNamed(name, given));
  const exact = found.filter(({ name }) => name === given);
  const [only, ...others] = exact.length === 1 ? exact : found;
  if (only !== undefined && others.length === 0) return only.path;
  if (only !== undefined)
    throw new UserError(
      'RUN_FOLDER',
      `${option} ${given}: several cached files have that name. Give the path of one.`,
      {
        lines: found.map((each) => each.path),
      },
    );
  throw missing(given, option, Object.values(folders), cached);
}

function missing(given: string, option: string, folders: readonly string[], cached: readonly Cached[]): UserError {
  const isPath = path.isAbsolute(given) || given.startsWith('.') || weightFile.test(given);
  const start = `${option} ${given} does not exist; expected a run folder or a checkpoint`;
  if (isPath) return new UserError('RUN_FOLDER', `${start} (.safetensors, .pth, .pt).`);
  const names = cached.length === 0 ? 'they have no weights' : `they have ${listed(cached.map(({ name }) => name))}`;
  return new UserError(
    'RUN_FOLDER',
    `${start}, or the name of weights in ${folders.join(', ')}: ${names}. Nothing is downloaded: docs/pretrained.md lists where weights are published.`,
  );
}

/** `deit_tiny` is neither `deit_tiny_distilled` nor `my_deit_tiny`; `timm/NAME` is also called NAME. */
function isNamed(name: string, given: string): boolean {
  const alone = given.includes('/') ? name : name.slice(name.lastIndexOf('/') + 1);
  return alone === given || alone.startsWith(`${given}-`) || alone.startsWith(`${given}.`);
}

/** Our own folder, torch hub's (also torchvision's) and Hugging Face's, by the variables that move them. */
function cacheFolders(env: Environment): { own: string; torch: string; hub: string } {
  const base = env.XDG_CACHE_HOME || path.join(homeFolder(), '.cache');
  return {
    own: path.join(defaultCacheDir(env), 'weights'),
    torch: path.join(env.TORCH_HOME || path.join(base, 'torch'), 'hub', 'checkpoints'),
    hub: env.HF_HUB_CACHE || path.join(env.HF_HOME || path.join(base, 'huggingface'), 'hub'),
  };
}

function homeFolder(): string {
  try {
    return os.homedir();
  } catch {
    return os.tmpdir();
  }
}

/** Files, and folders that have a Hugging Face model or a run in them. */
function plainFiles(folder: string): Cached[] {
  return entriesOf(folder).flatMap(({ name, isFolder }) => {
    const place = path.join(folder, name);
    if (!isFolder) return weightFile.test(name) ? [{ name: name.replace(weightFile, ''), path: place }] : [];
    return weightsIn(place) === undefined ? [] : [{ name, path: place }];
  });
}

/** `models--timm--deit_tiny_patch16_224.fb_in1k/snapshots/REVISION/model.safetensors`; the main revision where several are there. */
function hubRepositories(folder: string): Cached[] {
  return entriesOf(folder).flatMap(({ name }) => {
    if (!name.startsWith('models--')) return [];
    const snapshots = path.join(folder, name, 'snapshots');
    const revisions = entriesOf(snapshots).map((each) => path.join(snapshots, each.name));
    const whole = revisions.filter((revision) => weightsIn(revision) !== undefined);
    const main = path.join(snapshots, textOf(path.join(folder, name, 'refs', 'main')));
    const chosen = whole.includes(main) ? [main] : whole;
    return chosen.map((place) => ({ name: repositoryOf(name), path: place }));
  });
}

/** `models--timm--vit.x` → `timm/vit.x`. */
export function repositoryOf(folder: string): string {
  return folder.replace(/^models--/, '').replaceAll('--', '/');
}

/** The entries of a folder; none where it cannot be read. */
function entriesOf(folder: string): { name: string; isFolder: boolean }[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      isFolder: entry.isDirectory(),
    }));
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
