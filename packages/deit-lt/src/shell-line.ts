/** Commands as a person types them. */
import { writeOut } from './text/visible.js';

/** The words as one line for a shell, which is safe to show: `$'…'`, which bash and zsh know, writes out what is not. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

function shellWord(word: string): string {
  const safe = writeOut(word.replace(/[\\']/g, '\\$&'), shellEscape);
  if (writeOut(word, () => '') !== word) return `$'${safe}'`;
  return word === '' || /[^\w./=:,@+-]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : word;
}

function shellEscape(sign: string): string {
  const code = sign.codePointAt(0)!;
  const hex = code.toString(16);
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`;
  return code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`;
}
