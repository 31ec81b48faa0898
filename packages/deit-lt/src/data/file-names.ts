/**
 * Names of files that are no UTF-8: Linux allows any bytes, and a disk from an older system has Latin-1. Node gives them as
 * texts with U+FFFD, by which such a file cannot be opened. They are found and named, never left out without a word.
 */
import { isUtf8 } from 'node:buffer';
import fs from 'node:fs/promises';
import path from 'node:path';
import { readableBytes } from './text-chunks.js';

/** Stands for bytes that are no UTF-8. */
const replacement = '\uFFFD';

/** Advice about a name that is not UTF-8. */
export const renameHint = 'rename it, for example by "convmv -f latin1 -t utf-8 -r --notest FOLDER"';

/** The name of `file` with its bytes as `\xE9`, when it is in its folder and no UTF-8; undefined otherwise. */
export async function nameNotUtf8(file: string): Promise<string | undefined> {
  const wanted = path.basename(file);
  if (!wanted.includes(replacement)) return undefined;
  const names = await fs.readdir(path.dirname(file), { encoding: 'buffer' }).catch((): Buffer[] => []);
  const found = names.find((name) => !isUtf8(name) && name.toString() === wanted);
  return found && readableBytes(found);
}
