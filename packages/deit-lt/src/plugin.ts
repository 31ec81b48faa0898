/**
 * Modules of a user's own that register losses, networks, optimizers and the like before a command runs. Nothing is ever
 * loaded but what the user names: a run says which module it was trained with, and never loads it.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from './errors.js';
import { registrationCount } from './registry.js';

/** A module that was loaded, as `config.json` names it. */
export interface LoadedPlugin {
  /** Absolute. */
  readonly path: string;
  /** Hash of the file itself, without its imports. */
  readonly sha256: string;
}

const loaded: LoadedPlugin[] = [];

/** The modules that were loaded so far, in their order. */
export function loadedPlugins(): readonly LoadedPlugin[] {
  return loaded;
}

/**
 * Imports the module `file`, which registers what it has: at once, by `import { registerLoss } from 'deit-lt'`, or in a
 * function that it exports as its default and that receives the library. Throws `UserError`: USAGE when there is no
 * such file, PLUGIN when it cannot be loaded, registers nothing, or what it registers does not fit.
 */
export async function loadPlugin(file: string, library: object): Promise<void> {
  const found = path.resolve(file);
  if (!existsSync(found) || !statSync(found).isFile())
    throw new UserError(
      'USAGE',
      `--plugin ${file}: there is no such file; expected a JavaScript module, such as my-loss.mjs.`,
    );
  const real = realpathSync(found); // as stack traces name it
  if (loaded.some((plugin) => plugin.path === real)) return;
  const sha256 = createHash('sha256').update(readFileSync(real)).digest('hex');
  loaded.push({ path: real, sha256 });
  const before = registrationCount();
  try {
    const module: unknown = await import(pathToFileURL(real).href);
    const register = (module as { readonly default?: unknown }).default;
    if (typeof register === 'function') await register(library);
  } catch (error) {
    throw loadError(file, error);
  }
  if (registrationCount() === before) throw nothingRegistered(file);
}

function loadError(file: string, error: unknown): UserError {
  const { message = String(error), code } = error as { readonly message?: string; readonly code?: string };
  if (error instanceof UserError) return new UserError('PLUGIN', `${file}: ${message}`, { cause: error });
  if (code === 'ERR_MODULE_NOT_FOUND' && /package '(deit-lt|@deit-lt\/torch|zod)'/.test(message))
    return new UserError(
      'PLUGIN',
      `${file}: ${message.split(' imported from')[0]}: install deit-lt in its folder (npm install deit-lt), or export a default function, which receives the library.`,
      { cause: error },
    );
  const hint = error instanceof SyntaxError ? `"node --check ${file}" shows where` : undefined;
  const where = placeIn(error) ?? hint ?? file;
  const name = error instanceof Error ? `${error.name}: ` : '';
  return new UserError('PLUGIN', `${file} cannot be loaded: ${name}${message.split('\n')[0]} (${where})`, {
    cause: error,
  });
}

function nothingRegistered(file: string): UserError {
  return new UserError(
    'PLUGIN',
    `${file} registers nothing here: call registerLoss, registerModel or another register function of the deit-lt that runs. Where it imports another copy of deit-lt, export a default function, which receives the library.`,
  );
}

/**
 * Returns where in a loaded module `error` came from, `my-loss.mjs:12:5`; undefined when it did not pass through one.
 */
export function placeIn(error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const { path: file } of loaded)
    for (const name of [pathToFileURL(file).href, file]) {
      const at = stack.indexOf(`${name}:`);
      if (at === -1) continue;
      const [place = ''] = /^:\d+(:\d+)?/.exec(stack.slice(at + name.length)) ?? [];
      return `${path.relative(process.cwd(), file)}${place}`;
    }
  return undefined;
}
