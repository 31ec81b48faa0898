/** The one place through which text of the command line reaches a terminal, a pipe or a log. */
import type { WriteStream } from 'node:tty';
import { visible, visibleJson, visibleLines } from '../text/visible.js';
import { inColor, showsColors } from './colors.js';

/** A stream as commands write to it. */
export interface Writer {
  /** Lines for people. What would steer a terminal is written out; line breaks are ours. */
  text(text: string): void;
  /** A line of data: raw for a program, and written out where a person sees it. */
  data(line: string): void;
  /** JSON, safe to look at, the same value for a program. */
  json(value: unknown): void;
}

export type OutputStream = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean };

export function makeWriter(stream: OutputStream, env: NodeJS.ProcessEnv = process.env): Writer {
  return {
    text: (text) => void stream.write(`${printable(text, showsColors(stream, env))}\n`),
    data: (line) => void stream.write(`${stream.isTTY === true ? visible(line) : line}\n`),
    json: (value) => void stream.write(`${visibleJson(value, 2)}\n`),
  };
}

/** `text` as it may reach a terminal. */
export function printable(text: string, colors: boolean): string {
  return inColor(visibleLines(text), colors);
}
