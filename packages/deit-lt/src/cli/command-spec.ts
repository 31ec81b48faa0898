/** The description of a command, and its input when it runs. */
import type { CliContext } from './context.js';
import type { Options } from './option-table.js';

export interface ArgumentSpec {
  /** Name in commander's notation: `<run>` must be given, `[name]` may be, `<image...>` one or more. */
  readonly name: string;
  readonly description: string;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** More than the summary says; for the help of the command itself. */
  readonly details?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options: readonly (keyof Options)[];
  /** Values of `--format`; the first is the default, unless there is none. */
  readonly formats?: readonly string[];
  /** Whether `--format` takes also names that a plugin registers, so that the command itself checks it. */
  readonly moreFormats?: boolean;
  /** Values of `--precision`. */
  readonly precisions?: readonly string[];
  readonly examples: readonly string[];
  /** Runs until Ctrl-C, which is then its usual end: nothing is saved or printed. */
  readonly serves?: boolean;
  /** Commands are loaded when they run: help needs none of them. */
  readonly load: () => Promise<{ readonly run: Run }>;
}

/** A command line that was understood. */
export interface Parsed {
  readonly spec: CommandSpec;
  readonly args: readonly string[];
  readonly options: Options;
}

export interface CommandInput {
  readonly args: readonly string[];
  readonly options: Options;
  readonly spec: CommandSpec;
  /** All commands, for one that is about them. */
  readonly commands?: readonly CommandSpec[];
  readonly context: CliContext;
  /** Reads the words of another command line, after the program's name. Throws for what is none. */
  readonly parse: (words: readonly string[]) => Parsed | undefined;
  /** The recipe of a command that has one of its own; else the data decide. */
  readonly recipeByDefault?: string;
}

/** A command. Resolves to its exit code; undefined is 0. */
export type Run = (input: CommandInput) => Promise<number | undefined>;
