/** The display that fits a stream: one that moves in a terminal, plain lines anywhere else. */
import type { WriteStream } from 'node:tty';
import type { Reporter } from '../runs/reporter.js';
import { colorsFor } from './colors.js';
import { LineReporter } from './line-reporter.js';
import { TerminalReporter } from './terminal-reporter.js';

export interface MadeReporter {
  readonly reporter: Reporter;
  /** Must be called before anything else is written to the stream, and at the end. */
  readonly close: () => void;
}

export async function makeReporter(stream: WriteStream, env: NodeJS.ProcessEnv = process.env): Promise<MadeReporter> {
  if (!stream.isTTY || env.TERM === 'dumb' || env.CI)
    return { reporter: new LineReporter((line) => stream.write(`${line}\n`)), close: () => {} };
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(stream);
  const canvas = {
    draw: (text: string) => update(text),
    keep: (text: string) => update.persist(text),
    clear: () => update.clear(),
  };
  const reporter = new TerminalReporter(canvas, { colors: colorsFor(stream, env), width: () => stream.columns ?? 80 });
  return {
    reporter,
    close: () => {
      reporter.close();
      update.done(); // shows the cursor again
    },
  };
}
