/** A project as a user of the published packages has it: they are linked into its node_modules, and nothing else is there. */
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './temporary-folder.js';

const root = path.resolve(import.meta.dirname, '../../../../..');

/** Returns the folder of a new project that has the files of `examples/<example>`. */
export function ownProject(t: TestContext, example: string): string {
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder, 'node_modules'));
  symlinkSync(path.join(root, 'packages/deit-lt'), path.join(folder, 'node_modules/deit-lt'), 'dir');
  cpSync(path.join(root, 'examples', example), folder, { recursive: true });
  return folder;
}
