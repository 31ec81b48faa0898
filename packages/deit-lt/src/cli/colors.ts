/** Colours for terminals, or none: https://no-color.org, FORCE_COLOR, and dumb terminals are respected. */

export interface Colors {
  bold(text: string): string;
  dim(text: string): string;
  /** By the group of a class. */
  head(text: string): string;
  mid(text: string): string;
  tail(text: string): string;
}

const paint =
  (start: number, end: number) =>
  (text: string): string =>
    `\u001B[${start}m${text}\u001B[${end}m`;

const painted: Colors = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  head: paint(34, 39),
  mid: paint(33, 39),
  tail: paint(35, 39),
};

const same = (text: string): string => text;
export const plainColors: Colors = { bold: same, dim: same, head: same, mid: same, tail: same };

/** Colours where `stream` shows them. */
export function colorsFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Colors {
  if (env.NO_COLOR) return plainColors;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0') return painted;
  return stream.isTTY === true && env.TERM !== 'dumb' ? painted : plainColors;
}
