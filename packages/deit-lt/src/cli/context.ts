/** The outputs of a command, and the signal that stops it. */
import type { Reporter } from '../runs/reporter.js';
import type { Colors } from './colors.js';

export interface CliContext {
  /** Results go to the standard output … */
  print(text: string): void;
  /** … so do lines of data, such as CSV, whose names a program gets as they are … */
  printData(line: string): void;
  printJson(value: unknown): void;
  /** … and everything else to the standard error. A line each. */
  note(...lines: readonly string[]): void;
  readonly colors: Colors;
  /** Columns of the terminal; 80 when there is none. */
  readonly width: number;
  /** Shows work in progress on the standard error. Made when it is first asked for. */
  reporter(): Promise<Reporter>;
  /** Aborted by the first Ctrl-C, with UserError INTERRUPTED. */
  readonly signal: AbortSignal;
}
