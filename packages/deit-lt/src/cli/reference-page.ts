/** `docs/command-line.md`, from the tables of commands and options. */

import type { CommandSpec } from './command-spec.js';
import { commandTable } from './command-table.js';
import { flagsOf, type Options, optionTable } from './option-table.js';

const preface = `# Command line

<!-- Made from packages/deit-lt/src/cli by packages/deit-lt/scripts/command-line-page.mjs; do not edit. -->

In a checkout of the project the command is \`npx deit-lt\`; installed, it is \`deit-lt\`. \`deit-lt --help\` lists the
commands, \`deit-lt help COMMAND\` shows one.

- Results go to the standard output; progress, notes and errors go to the standard error. With \`--json\`, the standard
  output is one JSON document and nothing else.
- Exit codes: 0 done; 1 failed, or something could not be read; 2 wrong usage or recipe; stopped by a
  signal: 130 Ctrl-C, 143 termination, 129 the end of the terminal.
- \`… | head\` ends a command quietly. Results that cannot be written, as to a full disk, are a failure; messages that cannot be
  written end no work.
- The first Ctrl-C in a training saves a checkpoint and says how to resume; so do SIGTERM and SIGHUP. The second quits at once.
  SIGHUP comes when the terminal closes, and \`nohup\` does not keep it away, since Node handles it again: start a training that
  must outlive its terminal with \`setsid\` or in tmux.
- With \`--resume\` from the first start on, the same command can be started again and again: it begins the run where there is
  none, resumes it where it was killed, and ends with 0 when it is finished.
- In a terminal, progress moves; elsewhere (a pipe, a log, \`CI\` set) there is one line per epoch. \`NO_COLOR\` turns
  colours off, \`FORCE_COLOR\` turns them on.
- Names of classes and files, values and messages of other programs are printed so that they steer no terminal: what would is
  written out (\`\\x1b\`, \`\\n\`, \`\\u202e\`), also in reports, figures, Markdown and LaTeX. CSV, JSON and files for programs have
  them as they are, in their format's own quoting (in a terminal CSV is written out too). A name that begins with \`=\` stays so in
  CSV: load such a file into a spreadsheet as text.
- Errors are explained in [errors.md](errors.md).
`;

/** The whole page. */
export function referencePage(): string {
  return `${[preface, ...commandTable.map(section), optionsSection()].join('\n')}`;
}

function section({
  name,
  summary,
  details,
  arguments: words = [],
  options,
  formats,
  precisions,
  examples,
}: CommandSpec): string {
  const usage = ['deit-lt', name, ...words.map((word) => word.name), '[options]'].join(' ');
  const lines = [
    `## ${name}`,
    '',
    `${sentence(summary)}${details === undefined ? '' : ` ${details}`}`,
    '',
    '```sh',
    usage,
    '',
    ...examples,
    '```',
    '',
    ...words.map(({ name: word, description }) => `- \`${word}\`: ${description}`),
    `- Options: ${options.map((option) => `\`${flagOf(option)}\``).join(', ')}`,
    ...choicesLine('format', formats),
    ...choicesLine('precision', precisions),
    '',
  ];
  return lines.join('\n');
}

function choicesLine(name: keyof Options, choices: readonly string[] | undefined): string[] {
  return choices === undefined
    ? []
    : [`- \`${flagOf(name)}\`: one of ${choices.map((each) => `\`${each}\``).join(', ')}`];
}

function optionsSection(): string {
  const rows = (Object.keys(optionTable) as (keyof Options)[]).map((name) => {
    const { description, choices } = optionTable[name];
    const allowed = choices === undefined ? '' : `; one of ${choices.map((choice) => `\`${choice}\``).join(', ')}`;
    return `| \`${flagsOf(name).replaceAll('|', '\\|')}\` | ${description}${allowed} |`;
  });
  return `## Options\n\n| option | meaning |\n|---|---|\n${rows.join('\n')}\n`;
}

const flagOf = (name: keyof Options): string => flagsOf(name).split(' ')[0]!;
const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
