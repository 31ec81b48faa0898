/** The data of a run as words of a command, read from the command that trained it. */
import { suggestedCommand } from '../suggested-command.js';

/** Options with which a command finds the same images as the training. */
const valued = ['split', 'test-split', 'root', 'check'] as const;
const switches = ['--skip-bad', '--offline'] as const;

/** Returns the value of `--name value` or `--name=value` in the words of a command; undefined without it. */
export function optionOf(words: readonly string[], name: string): string | undefined {
  const at = words.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`));
  if (at < 0) return undefined;
  const joined = words[at]!.slice(name.length + 3);
  return words[at]!.includes('=') ? joined : words[at + 1];
}

/** The part of a run's configuration that says where its data are. */
export interface Recorded {
  readonly command: readonly string[];
}

/** Returns `--data my-images --split 0.1 …` as the run was trained; the placeholder `DATA` when its command does not say. */
export function recordedDataWords({ command }: Recorded): string[] {
  const values = valued.flatMap((name) => {
    const value = optionOf(command, name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  return [
    '--data',
    optionOf(command, 'data') ?? 'DATA',
    ...values,
    ...switches.filter((word) => command.includes(word)),
  ];
}

/** Returns the command that measures the run in `folder` again on its data and saves the figures. */
export function evaluatingCommand(folder: string, recorded: Recorded): string {
  return suggestedCommand('eval', folder, ...recordedDataWords(recorded), '--save');
}

/** Returns the command that analyses the run in `folder` on its data. */
export function analyzingCommand(folder: string, recorded: Recorded): string {
  return suggestedCommand('analyze', folder, ...recordedDataWords(recorded));
}
