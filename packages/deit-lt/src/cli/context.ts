/** What a command gets: its words and options, where to print, and how it is told to stop. */
import type { Reporter } from '../training/reporter.js';
import type { Colors } from './colors.js';
import type { CommandSpec } from './command-table.js';
import type { Options } from './option-table.js';

export interface CommandInput {
  readonly args: readonly string[];
  readonly options: Options;
  readonly spec: CommandSpec;
  readonly context: CliContext;
  /** The recipe of a command that has one of its own; else the data decide. */
  readonly recipeByDefault?: string;
}

/** A command. Resolves to its exit code; undefined is 0. */
export type Run = (input: CommandInput) => Promise<number | undefined>;

export interface CliContext {
  /** Results go to the standard output … */
  print(text: string): void;
  printJson(value: unknown): void;
  /** … and everything else to the standard error. */
  note(text: string): void;
  readonly colors: Colors;
  /** Columns of the terminal; 80 when there is none. */
  readonly width: number;
  /** Shows work in progress on the standard error. Made when it is first asked for. */
  reporter(): Promise<Reporter>;
  /** Aborted by the first Ctrl-C, with UserError INTERRUPTED. */
  readonly signal: AbortSignal;
}
