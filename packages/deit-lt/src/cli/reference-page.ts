/** Makes `docs/command-line.md` from the tables of commands and options. */

import type { CommandSpec } from './command-spec.js';
import { commandTable } from './command-table.js';
import { flagsOf, type Options, optionTable } from './option-table.js';

const preface = `# Command line

<!-- Made from packages/deit-lt/src/cli by packages/deit-lt/scripts/command-line-page.mjs; do not edit. -->

In a clone of this repository the command is \`npx deit-lt\`, after an installation \`deit-lt\`. \`deit-lt --help\` lists the
commands, \`deit-lt help COMMAND\` describes one.

- **Output.** Results go to the standard output; progress, notes and errors go to the standard error. With \`--json\` the standard
  output is one JSON document.
- **Exit codes.** 0: done. 1: failed, or some files could not be read. 2: wrong usage or recipe. Stopped by a signal: 130 after
  Ctrl-C, 143 after SIGTERM, 129 when the terminal was closed.
- **Stopping.** The first Ctrl-C (or SIGTERM or SIGHUP) during a training saves a checkpoint and prints the command that resumes. The second
  one quits at once.
- **Closed terminals** send SIGHUP. \`nohup\` does not keep it away, because Node handles the signal again: start a training that must
  outlive its terminal with \`setsid\` or in tmux.
- **Resuming.** You can give \`--resume\` from the first start on and repeat the same command: it starts the run if there is none, resumes
  it if it was stopped, and exits with 0 if it is finished.
- **Pipes.** \`… | head\` ends a command without an error. If results cannot be written, for example to a full disk, the command fails;
  if messages cannot be written, it continues.
- **Terminal.** In a terminal the progress is updated in place; elsewhere (a pipe, a log, \`CI\` set) there is one line per epoch. \`NO_COLOR\`
  turns colours off, \`FORCE_COLOR\` turns them on.
- **Control characters** in names of classes and files and in messages of other programs are escaped (\`\\x1b\`, \`\\n\`, \`\\u202e\`), also in
  reports, figures, Markdown and LaTeX, so that they cannot change your terminal. CSV and JSON keep them in their own quoting (CSV in a terminal
  escapes them). A name that begins with \`=\` stays as it is in CSV: load such a file into a spreadsheet as text.
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
