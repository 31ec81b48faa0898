/** The display that fits a stream: one that moves in a terminal, plain lines anywhere else. */
import type { WriteStream } from 'node:tty';
import type { Reporter } from '../runs/reporter.js';
import { markedColors, showsColors } from './colors.js';
import { LineReporter } from './line-reporter.js';
import { TerminalReporter } from './terminal-reporter.js';
import { makeWriter, printable } from './writer.js';

export interface MadeReporter {
  readonly reporter: Reporter;
  /** Must be called before anything else is written to the stream, and at the end. */
  readonly close: () => void;
}

export async function makeReporter(stream: WriteStream, env: NodeJS.ProcessEnv = process.env): Promise<MadeReporter> {
  if (!stream.isTTY || env.TERM === 'dumb' || env.CI)
    return { reporter: new LineReporter(makeWriter(stream, env).text), close: () => {} };
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(stream);
  const colors = showsColors(stream, env);
  const canvas = {
    draw: (text: string) => update(printable(text, colors)),
    keep: (text: string) => update.persist(printable(text, colors)),
    clear: () => update.clear(),
  };
  const reporter = new TerminalReporter(canvas, { colors: markedColors, width: () => stream.columns ?? 80 });
  return {
    reporter,
    close: () => {
      reporter.close();
      update.done(); // shows the cursor again
    },
  };
}
