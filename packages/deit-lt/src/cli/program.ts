/** The parser of the command line, made by commander from the tables of commands and options. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../format.js';
import { beginning, visible } from '../text/visible.js';
import { projectVersion } from '../version.js';
import type { CommandSpec, Parsed } from './command-spec.js';
import { commandTable } from './command-table.js';
import { flagsOf, type OptionSpec, type Options, optionTable } from './option-table.js';

export interface Writers {
  writeOut(text: string): void;
  writeErr(text: string): void;
}

/** The error of a wrong command line, with its command. Exit code 2. */
export class UsageError extends Error {
  constructor(
    message: string,
    readonly command: string | undefined,
  ) {
    super(visible(beginning(message, 1000)));
  }
}

/**
 * Parses `words`, those after the program's name; undefined when help or the version was printed, which it does itself.
 * Throws UsageError.
 */
export function parseWords(words: readonly string[], writers: Writers): Parsed | undefined {
  let parsed: Parsed | undefined;
  const program = makeProgram(writers, (found) => {
    parsed = found;
  });
  try {
    program.parse(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    const command = commandTable.find(({ name }) => name === words[0]);
    throw new UsageError(messageOf(error, words, command), command?.name);
  }
  return parsed;
}

function messageOf({ code, message }: CommanderError, words: readonly string[], command?: CommandSpec): string {
  if (code === 'commander.help') return 'a command is missing';
  const option = code === 'commander.missingArgument' && command && takingAll(words, command);
  if (!option) return tidied(message);
  return `${tidied(message)}; ${option} takes all words after it, so put arguments before it`;
}

/** The last option in `words` that takes any number of values and has some; they may include a missing argument. */
function takingAll(words: readonly string[], { options }: CommandSpec): string | undefined {
  const lists = options.filter((name) => optionTable[name].type === 'list').map((name) => flagsOf(name).split(' ')[0]!);
  return words.findLast((word, i) => lists.includes(word) && words[i + 1]?.startsWith('-') === false);
}

/** Makes the whole program; `found` is called with the parsed command. */
export function makeProgram(writers: Writers, found: (parsed: Parsed) => void): Command {
  const program = new Command('deit-lt')
    .description('Trains Vision Transformers on long-tailed image collections, from scratch (DeiT-LT).')
    .version(projectVersion(), '-V, --version', 'prints the version')
    .helpOption('-h, --help', 'prints this help')
    .helpCommand('help [command]', 'prints the help of a command')
    .addHelpText('after', '\nTo begin: deit-lt quickstart\nHelp for one command: deit-lt help COMMAND');
  settle(program, writers);
  for (const spec of commandTable) program.addCommand(makeCommand(spec, writers, found));
  return program;
}

function makeCommand(spec: CommandSpec, writers: Writers, found: (parsed: Parsed) => void): Command {
  const { name, summary, details, examples } = spec;
  const command = new Command(name)
    .summary(summary)
    .description(details === undefined ? sentence(summary) : `${sentence(summary)}\n${details}`)
    .helpOption('-h, --help', 'prints this help')
    .addHelpText('after', `\nFor example:\n${examples.map((example) => `  ${example}`).join('\n')}`);
  settle(command, writers);
  for (const argument of spec.arguments ?? []) command.addArgument(new Argument(argument.name, argument.description));
  for (const option of spec.options) command.addOption(makeOption(option, spec));
  command.action(() => found({ spec, args: command.args, options: optionsOf(command, spec) }));
  return command;
}

/** The values under the names of the table: an option may have another word on the command line. */
function optionsOf(command: Command, { options }: CommandSpec): Options {
  const given = command.opts<Record<string, unknown>>();
  for (const name of options) {
    const { word } = optionTable[name];
    if (word === undefined || given[word] === undefined) continue;
    given[name] = given[word];
    delete given[word];
  }
  return given;
}

function settle(command: Command, { writeOut, writeErr }: Writers): void {
  // Errors are thrown, and printed in one place.
  command.exitOverride().configureOutput({ writeOut, writeErr, outputError: () => {} });
}

/** Returns the choices of an option that differ between commands. */
function choicesOf(name: keyof Options, { formats, precisions }: CommandSpec): readonly string[] | undefined {
  if (name === 'format') return formats;
  return name === 'precision' ? precisions : undefined;
}

function makeOption(name: keyof Options, command: CommandSpec): Option {
  const choices = choicesOf(name, command);
  const spec = { ...optionTable[name], ...(choices && { choices }) };
  const option = new Option(flagsOf(name), spec.description);
  if (spec.choices !== undefined && name === 'format' && command.moreFormats === true) {
    option.argChoices = [...spec.choices]; // for the help alone
    return option.argParser(notEmpty);
  }
  if (spec.choices !== undefined) option.choices(spec.choices);
  if (spec.type === 'number' || spec.type === 'integer') option.argParser((text) => numberOf(text, spec));
  else if (spec.type === 'duration') option.argParser(secondsIn);
  else if (spec.value !== undefined && spec.choices === undefined && spec.type !== 'list') option.argParser(notEmpty);
  return option;
}

/** Refuses empty values, as of `--out "$RUN"` without such a variable, which would be the current folder. */
function notEmpty(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('expected a value');
  return text;
}

/** Seconds of `30m`, `1h30m`, `90s`. Throws for anything else, also for a number without a unit. */
function secondsIn(text: string): number {
  const seconds = parseDuration(text);
  if (seconds !== undefined) return seconds;
  throw new InvalidArgumentError('expected a time with its unit, such as 30m, 8h, 1h30m or 90s');
}

function numberOf(text: string, spec: OptionSpec): number {
  const {
    type,
    min = Number.NEGATIVE_INFINITY,
    above = Number.NEGATIVE_INFINITY,
    below = Number.POSITIVE_INFINITY,
  } = spec;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const fits = Number.isFinite(value) && value >= min && value > above && value < below;
  if (!fits || (type === 'integer' && !Number.isInteger(value))) throw new InvalidArgumentError(expected(spec));
  return value;
}

function expected({ type, min, above, below }: OptionSpec): string {
  const limits = [
    ...(min === undefined ? [] : [`of at least ${min}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
  ];
  return `expected a ${type === 'integer' ? 'whole number' : 'number'}${limits.length > 0 ? ` ${limits.join(' and ')}` : ''}`;
}

const sentence = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}.`;

/** Commander's messages in the form of ours: what was expected, what was received. */
function tidied(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (.+)\?\)$/s, '; did you mean $1?')
    .replace(/^option '(--[\w-]+).*?' argument '(.*)' is invalid\. (.+?)\.?$/s, '$1: $3, got "$2"')
    .replace('Allowed choices are', 'expected one of');
}
