/** A process that stays and answers questions, one JSON line each way: what it loads and warms up, it does once. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** Longer arguments, such as a whole configuration, are left out of messages. */
const longest = 200;

export class Peer {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #name: string;

  /** Runs `command`; on the core with the number `core` alone when that is given. */
  constructor(command: string, args: readonly string[], { core }: { core?: number | undefined } = {}) {
    this.#name = [path.basename(command), ...args.map((arg) => (arg.length > longest ? '…' : arg))].join(' ');
    const [program = command, ...rest] = core === undefined ? [command, ...args] : pinned(core, [command, ...args]);
    this.#process = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process.stdin!.on('error', () => {}); // it ended: the next answer, which does not come, tells
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  /** Its answer. Throws when it ended instead, and ends it when it gives none within `patience` seconds (default: any time). */
  async ask<A>(question: object, { patience }: { patience?: number } = {}): Promise<A> {
    this.#process.stdin!.write(`${JSON.stringify(question)}\n`);
    let isLate = false;
    const late = (): void => {
      isLate = true;
      this.#process.kill('SIGKILL');
    };
    const timer = patience === undefined ? undefined : setTimeout(late, 1000 * patience);
    const { value, done } = await this.#lines.next();
    clearTimeout(timer);
    if (!done) return JSON.parse(value) as A;
    const why = isLate ? `gave no answer within ${patience} s` : 'ended without an answer; its message stands above';
    throw new Error(`${this.#name} ${why}`);
  }

  end(): void {
    this.#process.stdin!.end();
    this.#process.kill();
  }
}

/** Whether processes can be bound to a core here. */
export function canPin(): boolean {
  try {
    execFileSync('taskset', ['-c', '0', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function pinned(core: number, command: readonly string[]): string[] {
  return ['taskset', '-c', `${core}`, ...command];
}

/** The other end: answers each line of standard input with `answer`, one after the other. */
export async function answerQuestions<Q>(answer: (question: Q) => Promise<object>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin }))
    console.log(JSON.stringify(await answer(JSON.parse(line) as Q)));
}
