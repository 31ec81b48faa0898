/** Scripts that complete commands, options and their values in a shell, made from the tables of commands and options. */
import type { CommandSpec } from './command-spec.js';
import { flagsOf, type Options, optionTable } from './option-table.js';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The values that only the program knows. */
export interface KnownNames {
  /** Names of data sets. */
  readonly data: readonly string[];
  readonly recipes: readonly string[];
  /** Keys of the recipe. */
  readonly keys: readonly string[];
}

/** Returns the script for `shell` with the commands of `table`. */
export function completionScript(shell: Shell, table: readonly CommandSpec[], known: KnownNames): string {
  const commands = table.map((spec) => completed(spec, known));
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands);
}

interface CompletedOption {
  readonly flag: string;
  readonly takesValue: boolean;
  /** Undefined: not known in advance. */
  readonly values: readonly string[] | undefined;
  readonly takesFiles: boolean;
  readonly description: string;
}

interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** Words that an argument may be, beside files. */
  readonly words: readonly string[];
}

function completed(spec: CommandSpec, known: KnownNames): CompletedCommand {
  const { name, summary } = spec;
  const help: CompletedOption = {
    ...{ flag: '--help', takesValue: false, values: undefined, takesFiles: false },
    description: 'prints this help',
  };
  const options = [...spec.options.map((option) => optionOf(option, spec, known)), help];
  return { name, summary, options, words: wordsOf(name, known) };
}

/** The first words of commands that take names. */
function wordsOf(command: string, { data, recipes }: KnownNames): readonly string[] {
  const words: Readonly<Record<string, readonly string[]>> = {
    inspect: data,
    study: ['ood', 'ladder'],
    recipes: ['show', ...recipes],
    completion: shells,
  };
  return words[command] ?? [];
}

function optionOf(name: keyof Options, { formats, precisions }: CommandSpec, known: KnownNames): CompletedOption {
  const { value, type, choices, description } = optionTable[name];
  const names: Partial<Record<keyof Options, readonly string[] | undefined>> = {
    format: formats,
    precision: precisions,
    data: known.data,
    recipe: known.recipes,
    diff: known.recipes,
    set: known.keys.map((key) => `${key}=`),
    prior: ['uniform', 'training'],
  };
  const values = choices ?? names[name];
  const isNumber = type === 'number' || type === 'integer';
  const isWord = choices !== undefined || ['format', 'precision', 'set', 'host', 'seeds', 'option'].includes(name);
  return {
    flag: flagsOf(name).split(' ')[0]!,
    takesValue: value !== undefined,
    values,
    takesFiles: value !== undefined && !isNumber && !isWord,
    description,
  };
}

/** `'…'` for bash and zsh. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Lines of `case` for the values of each option of each command. */
function valueCases(commands: readonly CompletedCommand[], files: string, words: (list: string) => string): string[] {
  return commands.flatMap(({ name, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flag, values = [], takesFiles }) => {
        const steps = [...(values.length > 0 ? [words(values.join(' '))] : []), ...(takesFiles ? [files] : [])];
        return `    ${name}:${flag}) ${[...steps, 'return'].join('; ')} ;;`;
      }),
  );
}

const flagsIn = ({ options }: CompletedCommand): string => options.map(({ flag }) => flag).join(' ');

function bashScript(commands: readonly CompletedCommand[]): string {
  const words = (list: string): string => `_deit_lt_words ${quoted(list)}`;
  return [
    '# Completion of deit-lt for bash, made by "deit-lt completion bash".',
    '_deit_lt_words() { COMPREPLY+=($(compgen -W "$1" -- "$cur")); }',
    '_deit_lt_files() {',
    "  local IFS=$'\\n'",
    '  COMPREPLY+=($(compgen -f -- "$cur"))',
    '  compopt -o filenames 2>/dev/null',
    '}',
    '_deit_lt() {',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
    '  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}',
    '  COMPREPLY=()',
    // `--data=x` are three words for bash.
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
    '  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi',
    `  if (( COMP_CWORD == 1 )); then ${words(['help', '--help', '--version', ...commands.map(({ name }) => name)].join(' '))}; return; fi`,
    '  case "$command:$prev" in',
    `    help:help) ${words(commands.map(({ name }) => name).join(' '))}; return ;;`,
    ...valueCases(commands, '_deit_lt_files', words),
    '  esac',
    ...wordCases(commands, words),
    '  _deit_lt_files',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
    '  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null',
    '}',
    'complete -F _deit_lt deit-lt',
    '',
  ].join('\n');
}

/** The cases that bash and zsh have in common: the flags of the command behind a dash, else the words that are its arguments. */
function wordCases(commands: readonly CompletedCommand[], words: (list: string) => string): string[] {
  return [
    '  if [[ $cur == -* ]]; then',
    '    case "$command" in',
    ...commands.map((command) => `      ${command.name}) ${words(flagsIn(command))} ;;`),
    '    esac',
    '    return',
    '  fi',
    '  case "$command" in',
    ...commands
      .filter((command) => command.words.length > 0)
      .map((command) => `    ${command.name}) ${words(command.words.join(' '))} ;;`),
    '  esac',
  ];
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const words = (list: string): string => `compadd -- ${list}`;
  const values = (list: string): string => (list.includes('=') ? `compadd -S '' -- ${list}` : words(list));
  return [
    '#compdef deit-lt',
    '# Completion of deit-lt for zsh, made by "deit-lt completion zsh".',
    '_deit_lt() {',
    '  local cur=$words[CURRENT] prev=$words[CURRENT-1] command=$words[2]',
    `  if (( CURRENT == 2 )); then ${words(['help', ...commands.map(({ name }) => name)].join(' '))}; return; fi`,
    '  case "$command:$prev" in',
    `    help:help) ${words(commands.map(({ name }) => name).join(' '))}; return ;;`,
    ...valueCases(commands, '_files', values),
    '  esac',
    ...wordCases(commands, words),
    '  _files',
    '}',
    'compdef _deit_lt deit-lt',
    '',
  ].join('\n');
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const text = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const all = commands.map(({ name }) => name).join(' ');
  return [
    '# Completion of deit-lt for fish, made by "deit-lt completion fish".',
    ...commands.map(
      ({ name, summary }) => `complete -c deit-lt -f -n __fish_use_subcommand -a ${name} -d ${text(summary)}`,
    ),
    `complete -c deit-lt -f -n __fish_use_subcommand -a help -d 'prints the help of a command'`,
    `complete -c deit-lt -f -n '__fish_seen_subcommand_from help' -a ${text(all)}`,
    ...commands.flatMap(({ name, options, words }) => [
      ...(words.length > 0
        ? [`complete -c deit-lt -n '__fish_seen_subcommand_from ${name}' -a ${text(words.join(' '))}`]
        : []),
      ...options.map(({ flag, takesValue, values = [], takesFiles, description }) =>
        [
          `complete -c deit-lt -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}`,
          ...(takesValue ? [takesFiles ? '-r' : '-x'] : []),
          ...(values.length > 0 ? [`-a ${text(values.join(' '))}`] : []),
          `-d ${text(description)}`,
        ].join(' '),
      ),
    ]),
    '',
  ].join('\n');
}
