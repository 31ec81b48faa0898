/** Commands that messages suggest, in the spelling in which the program was started. */
import { shellLine } from './shell-line.js';

/** The words that start the program: through npm in a clone, or installed. */
export function programWords(env: NodeJS.ProcessEnv = process.env): string[] {
  return env.npm_command === undefined ? ['deit-lt'] : ['npx', 'deit-lt'];
}

/** `npx deit-lt eval runs/x --data DATA` for a shell, of the words after the program's name. */
export function suggestedCommand(...words: readonly string[]): string {
  return shellLine([...programWords(), ...words]);
}
