/**
 * The file of `predict --out`: lines are appended batch by batch, so that `--resume` continues after the last whole image.
 */
import { closeSync, existsSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { UserError } from '../errors.js';
import { appendBytes, writeError } from '../runs/files.js';
import type { Prediction } from './predict-files.js';
import { headerOf, type LineFormat, type LineShape, linesOf } from './predict-lines.js';

/** An image that the file has already. */
export interface EarlierRow {
  readonly file: string;
  readonly class: string;
  readonly probability: number;
  /** Undefined where the file does not say it. */
  readonly margin: number | undefined;
  readonly unknown: boolean;
}

export interface OutputOptions {
  readonly format: LineFormat;
  readonly resume: boolean;
  /** Gets each image that the file has already. */
  readonly onEarlier?: (row: EarlierRow) => void;
}

export class PredictionOutput {
  /** Paths of the images that the file has already. */
  readonly done = new Set<string>();
  #header: string | undefined;

  private constructor(
    private readonly file: string,
    private readonly format: LineFormat,
  ) {}

  /**
   * Opens `file` for appending; what a stopped command left of its last image is removed. Throws UserError USAGE for a
   * file that exists without `resume`, and RUN_FOLDER for one that is not such an output.
   */
  static open(file: string, { format, resume, onEarlier }: OutputOptions): PredictionOutput {
    const output = new PredictionOutput(file, format);
    PredictionOutput.check(file, resume);
    if (!existsSync(file)) appendBytes(file, '');
    else output.#read(onEarlier);
    return output;
  }

  /** Throws UserError USAGE for a file that exists without `resume`. */
  static check(file: string, resume: boolean): void {
    if (!resume && existsSync(file) && statSync(file).size > 0)
      throw new UserError(
        'USAGE',
        `--out ${file} exists. Continue it with --resume, remove it, or choose another file.`,
      );
  }

  /** Appends the lines of images. Throws UserError RUN_FOLDER, also when the columns are not those of the file. */
  append(predictions: readonly Prediction[], shape: LineShape): void {
    if (predictions.length === 0) return;
    this.requireShape(shape);
    const header = headerOf(this.format, shape);
    const lines = predictions.flatMap((prediction) => linesOf(this.format, prediction, shape));
    const first = this.#header === undefined && header !== undefined ? [header] : [];
    appendBytes(this.file, `${[...first, ...lines].join('\n')}\n`);
    this.#header = header;
  }

  /** Throws UserError RUN_FOLDER when the columns of the file are others. */
  requireShape(shape: LineShape): void {
    const header = headerOf(this.format, shape);
    if (this.#header !== undefined && header !== this.#header)
      throw new UserError(
        'RUN_FOLDER',
        `${this.file} has other columns than these predictions: its options (--top, --format, --wide) or its model were others. Repeat them, or choose another file.`,
      );
  }

  #read(onEarlier: ((row: EarlierRow) => void) | undefined): void {
    this.#requireOurs();
    let [end, last, lastStart]: [number, string | undefined, number] = [0, undefined, 0];
    for (const record of recordsOf(this.file, this.format !== 'json-lines')) {
      if (end === 0 && this.format !== 'json-lines') {
        this.#header = record.text;
        this.#requireHeader(record.text);
      } else {
        const row = this.#rowOf(record.text);
        if (row.file !== last) {
          lastStart = end;
          if (this.format !== 'csv') onEarlier?.(row);
        }
        last = row.file;
        this.done.add(row.file);
      }
      end = record.end;
    }
    // Of CSV with several rows for an image, the last image may lack some: it is classified again.
    const isWhole = this.format !== 'csv' || last === undefined;
    if (!isWhole) this.done.delete(last!);
    this.#truncate(isWhole ? end : lastStart);
  }

  /** A first line that was cut off begins as ours do: anything else is somebody's, and stays. */
  #requireOurs(): void {
    const wanted = this.format === 'json-lines' ? '{"file":' : 'file,';
    const descriptor = openSync(this.file, 'r');
    try {
      const piece = Buffer.alloc(wanted.length);
      const found = piece.toString('latin1', 0, readSync(descriptor, piece));
      if (!wanted.startsWith(found)) throw this.#foreign();
    } finally {
      closeSync(descriptor);
    }
  }

  #requireHeader(header: string): void {
    const [, second] = csvCells(header);
    const expected = this.format === 'csv' ? 'output' : 'class';
    if (csvCells(header)[0] !== 'file' || second !== expected) throw this.#foreign();
  }

  #rowOf(text: string): EarlierRow {
    if (this.format === 'json-lines') return this.#jsonRow(text);
    const cells = csvCells(text);
    if (cells.length < 4) throw this.#foreign();
    const names = csvCells(this.#header!);
    const unknown = names.indexOf('unknown');
    const [file, name, probability, margin] = cells as [string, string, string, string];
    return {
      file,
      class: name,
      probability: Number(probability),
      margin: Number(margin),
      unknown: unknown >= 0 && cells[unknown] === 'true',
    };
  }

  #jsonRow(text: string): EarlierRow {
    try {
      const { file, top, margin, unknown = false } = JSON.parse(text) as Prediction;
      if (typeof file !== 'string') throw new Error('no file');
      return { file, class: top[0]?.class ?? '', probability: top[0]?.probability ?? 0, margin, unknown };
    } catch (cause) {
      throw this.#foreign(cause);
    }
  }

  #foreign(cause?: unknown): UserError {
    const options = this.format === 'wide' ? '--wide' : `--format ${this.format}`;
    return new UserError(
      'RUN_FOLDER',
      `${this.file} is not an output of "predict ${options}", so --resume cannot continue it. Choose another file.`,
      { cause },
    );
  }

  #truncate(bytes: number): void {
    try {
      if (statSync(this.file).size > bytes) truncateSync(this.file, bytes);
    } catch (error) {
      throw writeError(this.file, error);
    }
  }
}

interface FileRecord {
  readonly text: string;
  /** Offset behind its line end. */
  readonly end: number;
}

const pieceBytes = 1 << 20;
const [lineEnd, quote] = [0x0a, 0x22];

/** Whole records of a file that may be larger than memory; with `quoted`, line ends in quotes belong to a record. */
function* recordsOf(file: string, quoted: boolean): Generator<FileRecord, void, void> {
  const descriptor = openSync(file, 'r');
  try {
    const piece = Buffer.allocUnsafe(pieceBytes);
    let [rest, start, inQuotes] = [Buffer.alloc(0), 0, false];
    for (let bytes = readSync(descriptor, piece); bytes > 0; bytes = readSync(descriptor, piece)) {
      const scanned = rest.length;
      const text = Buffer.concat([rest, piece.subarray(0, bytes)]);
      let from = 0;
      for (let i = scanned; i < text.length; i++) {
        if (quoted && text[i] === quote) inQuotes = !inQuotes;
        if (text[i] !== lineEnd || inQuotes) continue;
        yield { text: text.toString('utf8', from, i), end: start + i + 1 };
        from = i + 1;
      }
      start += from;
      rest = Buffer.from(text.subarray(from));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The cells of a record of CSV (RFC 4180). */
export function csvCells(record: string): string[] {
  return Array.from(record.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
  );
}
