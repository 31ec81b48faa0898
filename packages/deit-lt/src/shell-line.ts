/** Commands as a person types them. */

/** The words as one line for a shell. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => (/[^\w./=:,@+-]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : word)).join(' ');
}
