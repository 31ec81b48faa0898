/** Finds out where the processes of a group meet, as PyTorch's rendezvous.py: by torchrun's variables, an address or a file. */
import { lookup } from 'node:dns/promises';
import { statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { TorchError } from '../errors.js';

/** The rank of this process, the number of processes, and where they meet. */
export interface MeetingPlace {
  readonly rank: number;
  readonly worldSize: number;
  readonly host: string;
  readonly port: number;
  /** A file in place of an address, or an empty string. */
  readonly file: string;
  /** Whether this process starts the server at the address. */
  readonly serves: boolean;
  /** The number of torchrun's attempt, where the server is torchrun's; or an empty string. */
  readonly attempt: string;
}

interface Given {
  readonly rank?: number | undefined;
  readonly worldSize?: number | undefined;
}

const where = 'initProcessGroup()';
const fail = (message: string): TorchError => new TorchError('DISTRIBUTED', `${where}: ${message}`);

/** Returns the meeting place of `initMethod`. Throws `TorchError` (`DISTRIBUTED`) that names the variable or option that is wrong. */
export function meetingPlace(initMethod: string, given: Given, env: NodeJS.ProcessEnv = process.env): MeetingPlace {
  if (initMethod === 'env://') return fromEnvironment(given, env);
  const [, host, port] = /^tcp:\/\/(.+):(\d+)$/.exec(initMethod) ?? [];
  const isFile = initMethod.startsWith('file://');
  if (!isFile && (host === undefined || port === undefined))
    throw fail(`initMethod must be "env://", "tcp://host:port" or "file:///path", got ${JSON.stringify(initMethod)}`);
  const ranks = checked(required('rank', given.rank), required('worldSize', given.worldSize), 'rank', 'worldSize');
  if (isFile) return { ...ranks, host: '', port: 0, file: pathOf(initMethod), serves: false, attempt: '' };
  return {
    ...ranks,
    host: String(host),
    port: portOf(String(port), 'the port of initMethod'),
    file: '',
    serves: ranks.rank === 0,
    attempt: '',
  };
}

function fromEnvironment(given: Given, env: NodeJS.ProcessEnv): MeetingPlace {
  const rank = given.rank ?? wholeNumber(env, 'RANK');
  const worldSize = given.worldSize ?? wholeNumber(env, 'WORLD_SIZE');
  const ranks = checked(rank, worldSize, 'RANK', 'WORLD_SIZE');
  const host = variable(env, 'MASTER_ADDR');
  const port = portOf(variable(env, 'MASTER_PORT'), 'MASTER_PORT');
  // torchrun's agent has a server of its own at this address, for all ranks.
  const agentServes = env.TORCHELASTIC_USE_AGENT_STORE === 'True';
  const attempt = agentServes ? (env.TORCHELASTIC_RESTART_COUNT ?? '0') : '';
  return { ...ranks, host, port, file: '', serves: ranks.rank === 0 && !agentServes, attempt };
}

/**
 * Checks at once what PyTorch would try for as long as the timeout: that the host is known, that the file can be made. Throws
 * `TorchError` (`DISTRIBUTED`).
 */
export async function checkReachable({ host, file }: MeetingPlace): Promise<void> {
  if (file !== '') {
    const isFolder = (name: string): boolean => statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (isFolder(path.dirname(file)) && !isFolder(file)) return;
    throw fail(`the file ${file} cannot be made; name a new file in an existing folder that all processes share`);
  }
  try {
    await lookup(host);
  } catch (error) {
    throw fail(`the host ${host} (MASTER_ADDR) is not known on this machine: ${(error as Error).message}`);
  }
}

/** Returns the rank on this machine by torchrun's LOCAL_RANK; 0 where it is not set. */
export function localRank(env: NodeJS.ProcessEnv = process.env): number {
  return env.LOCAL_RANK === undefined ? 0 : wholeNumber(env, 'LOCAL_RANK');
}

function variable(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (value) return value;
  throw fail(
    `the environment variable ${name} is not set. torchrun sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT for the processes that it starts: ` +
      'start with torchrun --no-python, set them, or give initMethod, rank and worldSize',
  );
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string): number {
  const text = variable(env, name);
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw fail(`the environment variable ${name} must be a whole number, got ${JSON.stringify(text)}`);
}

function portOf(text: string, name: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw fail(`${name} must be a port from 1 to 65535, got ${JSON.stringify(text)}`);
}

function required(name: string, value: number | undefined): number {
  if (value !== undefined) return value;
  throw fail(`${name} must be given where initMethod is not "env://"`);
}

function checked(
  rank: number,
  worldSize: number,
  rankName: string,
  sizeName: string,
): { rank: number; worldSize: number } {
  if (!Number.isSafeInteger(worldSize) || worldSize < 1) throw fail(`${sizeName} must be at least 1, got ${worldSize}`);
  if (!Number.isSafeInteger(rank) || rank < 0 || rank >= worldSize)
    throw fail(`${rankName} must be from 0 to ${sizeName} - 1, which is ${worldSize - 1}, got ${rank}`);
  return { rank, worldSize };
}

function pathOf(initMethod: string): string {
  try {
    return fileURLToPath(initMethod);
  } catch {
    throw fail(`initMethod must name a file as "file:///path", got ${JSON.stringify(initMethod)}`);
  }
}
