/** Programs of the documentation, run as a user would: in a process of their own, in a folder of their own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { after } from 'node:test';
import type { CliResult } from '../cli-helpers.js';

/** One thread, so that the tests beside this one have the other cores. */
const env = { ...process.env, OMP_NUM_THREADS: '1' };

export type Program = ChildProcessByStdio<null, Readable, Readable>;

/** Where programs run (`folder`) and where their files are (`files`): inside the package, so that they import it by its name. */
export interface ProgramFolders {
  readonly folder: string;
  readonly files: string;
}

/** Makes both folders, and removes them after the tests of the file. */
export function programFolders(): ProgramFolders {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-pages-'));
  const files = mkdtempSync(path.resolve(import.meta.dirname, '../../pages-'));
  after(() => {
    for (const each of [folder, files]) rmSync(each, { recursive: true });
  });
  return { folder, files };
}

/** Writes `code` as `name` and starts it. */
export function startProgram(
  name: string,
  code: string,
  { folder, files, words = [] }: ProgramFolders & { words?: readonly string[] },
): Program {
  const file = path.join(files, name);
  writeFileSync(file, code);
  return startNode([file, ...words], folder);
}

/** Starts node. */
export function startNode(words: readonly string[], folder: string): Program {
  return spawn(process.execPath, words, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What a program printed, when it has ended. */
export function resultOf(program: Program): Promise<CliResult> {
  let [stdout, stderr] = ['', ''];
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  program.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => program.on('close', (status) => resolve({ status, stdout, stderr })));
}

/** The first address that a program prints. Rejects when it ends without one. */
export function firstAddress(program: Program): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    for (const stream of [program.stdout, program.stderr])
      stream.on('data', (chunk: unknown) => {
        text += String(chunk);
        const found = /(http:\/\/[\w.:]+\S*)\s/.exec(text)?.[1];
        if (found !== undefined) resolve(found);
      });
    program.on('close', () => reject(new Error(`no address: ${text}`)));
  });
}
