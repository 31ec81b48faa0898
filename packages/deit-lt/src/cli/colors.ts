/**
 * Colours for terminals, or none: https://no-color.org, FORCE_COLOR, and dumb terminals are respected. A colour in a
 * text is a mark of ours, which becomes a terminal's code when it is written: a code that is in the text already is
 * foreign, and is shown instead of obeyed. The marks are noncharacters of Unicode, which no text is made of.
 */

export interface Colors {
  bold(text: string): string;
  dim(text: string): string;
  /** Colour of the group of a class. */
  head(text: string): string;
  mid(text: string): string;
  tail(text: string): string;
}

/** A mark, and the parameter of the terminal's code (SGR) that it stands for. */
const codes = {
  '\uFDD0': 1,
  '\uFDD1': 22,
  '\uFDD2': 2,
  '\uFDD3': 34,
  '\uFDD4': 33,
  '\uFDD5': 35,
  '\uFDD6': 39,
} as const;

type Mark = keyof typeof codes;

const paint =
  (start: Mark, end: Mark) =>
  (text: string): string =>
    `${start}${text}${end}`;

/** Marks the text for `inColor`. */
export const markedColors: Colors = {
  bold: paint('\uFDD0', '\uFDD1'),
  dim: paint('\uFDD2', '\uFDD1'),
  head: paint('\uFDD3', '\uFDD6'),
  mid: paint('\uFDD4', '\uFDD6'),
  tail: paint('\uFDD5', '\uFDD6'),
};

const same = (text: string): string => text;
export const plainColors: Colors = { bold: same, dim: same, head: same, mid: same, tail: same };

/** `text` with the terminal's codes in place of the marks, or without both. */
export function inColor(text: string, shown: boolean): string {
  return text.replace(/[\uFDD0-\uFDD6]/g, (mark) => (shown ? `\u001B[${codes[mark as Mark]}m` : ''));
}

/** Returns whether `stream` shows colours. */
export function showsColors(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0') return true;
  return stream.isTTY === true && env.TERM !== 'dumb';
}
