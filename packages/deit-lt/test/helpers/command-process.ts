/** A drawn command as a process in its circumstance, and what is wrong with how it ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { commandTable } from '../../src/cli/command-table.js';
import type { Circumstance, DrawnCommand } from './drawn-commands.js';
import { halfWritten } from './workplace.js';

const bin = path.resolve(import.meta.dirname, '../../../bin/deit-lt.mjs');

/** A command that still works then is asked to stop; a server gets this from its start. */
const workMs = 8000;
const serveMs = 2500;
/** What has not ended so long after it was asked to hangs. */
const hangMs = 90_000;
/** Bytes of data that a process may have, so that a drawn size cannot take the memory of the machine. */
const dataLimitKb = 8_000_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
  /** What was sent to it. */
  readonly asked: NodeJS.Signals | undefined;
  readonly hung: boolean;
}

/** The redirections and limits of a circumstance, as a shell has them. */
const shells: Partial<Record<Circumstance, string>> = {
  'standard output: a full disk': 'exec "$@" >/dev/full',
  'standard output: closed': 'exec "$@" >&-',
  'messages: a full disk': 'exec "$@" 2>/dev/full',
  'messages: closed': 'exec "$@" 2>&-',
  'no output at all': 'exec "$@" >&- 2>&- <&-',
  'working folder removed': 'mkdir gone && cd gone && rmdir ../gone && exec "$@"',
  'few open files': 'ulimit -n 200; exec "$@"',
  'little address space': 'ulimit -v 6000000; exec "$@"',
};

function environmentOf(circumstance: Circumstance, folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    OMP_NUM_THREADS: '1',
    FORCE_COLOR: undefined,
    npm_command: undefined,
    DEIT_LT_CACHE: path.join(folder, 'cache'),
    ...(circumstance === 'home: a place without folders' && {
      HOME: '/proc',
      DEIT_LT_CACHE: undefined,
      XDG_CACHE_HOME: undefined,
    }),
    ...(circumstance === 'cache: a file' && { DEIT_LT_CACHE: path.join(folder, 'notes.txt') }),
    ...(circumstance === 'no temporary folder' && { TMPDIR: path.join(folder, 'nowhere') }),
  };
}

const signals: readonly string[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Runs `command` in the workplace `folder`; `unprivileged` are words before it that take the rights of root from it. */
export async function runCommand(
  command: DrawnCommand,
  folder: string,
  unprivileged: readonly string[] = [],
): Promise<Ended> {
  const { words, circumstance, signalMs } = command;
  const shell = `ulimit -d ${dataLimitKb}; ${shells[circumstance] ?? 'exec "$@"'}`;
  const began = performance.now();
  const child = spawn('bash', ['-c', shell, 'bash', ...unprivileged, process.execPath, bin, ...words], {
    cwd: folder,
    env: environmentOf(circumstance, folder),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {}).end('data/test/ant/0.png\nnowhere.png\n');
  if (circumstance === 'standard output: a pipe that nobody reads') child.stdout.destroy();
  const asked: { by?: NodeJS.Signals; hung: boolean } = { hung: false };
  const ask = (name: NodeJS.Signals, ms: number): NodeJS.Timeout =>
    setTimeout(() => {
      asked.by ??= name;
      child.kill(asked.by);
    }, ms);
  const serves = commandTable.some(({ name, serves }) => serves === true && words.includes(name));
  const timers = [
    ...(signals.includes(circumstance) ? [ask(circumstance as NodeJS.Signals, signalMs)] : []),
    ask('SIGINT', serves ? serveMs : workMs),
    setTimeout(() => {
      asked.hung = true;
      child.kill('SIGKILL');
    }, workMs + hangMs),
  ];
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
  const [code, signal] = await ending(child);
  timers.forEach(clearTimeout);
  const ms = performance.now() - began;
  return { code, signal, stdout: stdout(), stderr: stderr(), ms, asked: asked.by, hung: asked.hung };
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (piece: string) => {
    text += piece;
  });
  return () => text;
}

const ending = (child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> =>
  new Promise((resolve) => child.on('close', (...end) => resolve(end)));

const asStopped: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** What looks like a bug of ours in messages. */
export const bugWords =
  /^\s+at .*:\d+|this is a bug|internal:|^\w*Error(:| \[)|node:internal|Unhandled|^\(node:\d+\)|\bundefined\b|\[object /m;

/** Everything that is wrong with how `command` ended in `folder`; empty when it ended as documented. */
export function faultsOf(command: DrawnCommand, ended: Ended, folder: string): string[] {
  const { code, signal, stderr, asked, hung } = ended;
  if (hung) return ['hangs'];
  const { circumstance } = command;
  const usual = [0, 1, 2, ...(asked === undefined ? [] : [asStopped[asked]!])];
  const atStart = asked !== undefined && signal === asked; // before the program listens
  const saysNothing = /messages|no output/.test(circumstance);
  const bug = bugWords.exec(stderr);
  return [
    ...(signal !== null && !atStart ? [`ended with ${signal}`] : []),
    ...(signal === null && !usual.includes(code!) ? [`exit code ${code}`] : []),
    ...(bug !== null && !command.words.some((word) => word.includes(bug[0])) ? [`looks like a bug: ${bug[0]}`] : []),
    ...(code !== 0 && signal === null && !saysNothing && stderr.trim() === ''
      ? [`exit code ${code} without a message`]
      : []),
    ...(stderr.length > 20_000 ? [`${stderr.length} characters of messages`] : []),
    ...(signal === null ? halfWritten(path.join(folder, 'out')).map((file) => `half-written: ${file}`) : []),
    ...(signal === null ? halfWritten(path.join(folder, 'run')).map((file) => `half-written: ${file}`) : []),
    ...jsonFaults(command, ended),
  ];
}

/** With `--json` a command that succeeds prints one JSON document. */
function jsonFaults({ words, circumstance }: DrawnCommand, { code, stdout }: Ended): string[] {
  const helps = words.some((word) => /^(-h|--help|-V|--version|help)$/.test(word));
  if (!words.includes('--json') || words.indexOf('--') >= 0 || helps || code !== 0 || /output/.test(circumstance))
    return [];
  try {
    JSON.parse(stdout);
    return [];
  } catch {
    return ['--json: the standard output is no JSON document'];
  }
}

/** Words that start a process without the rights of root to read and write everything; empty where the user is not root or they cannot be taken. */
export function withoutRights(): string[] {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/setpriv')) return [];
  return ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-dac_override,-dac_read_search'];
}

/** An empty folder for what the workplace is compared with. */
export function emptyFolder(folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}
