/** `predict --review`: all images in one CSV file, those that a person should look at first at its top. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../runs/files.js';
import { csvCell } from '../text/cells.js';
import type { Prediction } from './predict-files.js';
import type { EarlierRow } from './predict-output.js';
import { requireWritablePlace } from './writable-place.js';

interface Row {
  readonly file: string;
  readonly class: string;
  readonly probability: number;
  readonly margin: number;
  /** CLS and DIST, where they differ. */
  readonly differ: string;
  readonly unknown: boolean;
}

export class ReviewFile {
  readonly #rows: Row[] = [];

  /**
   * Throws UserError RUN_FOLDER for a place where no file can be written, and USAGE for a file that exists, before the work. Only
   * `resume` replaces one, which must then be as `write` left it.
   */
  constructor(
    readonly file: string,
    { resume }: { readonly resume: boolean },
  ) {
    requireWritablePlace(file);
    if (existsSync(file) && statSync(file).size > 0 && !(resume && startsWith(file, header)))
      throw new UserError(
        'USAGE',
        `--review ${file} exists${resume ? ' and is not a list of this command' : ''}. Remove it, or choose another file.`,
      );
  }

  add(predictions: readonly Prediction[]): void {
    for (const { file, top, cls, dist, margin, unknown = false } of predictions) {
      const [a, b] = [cls?.[0]?.class, dist?.[0]?.class];
      const differ = a === undefined || b === undefined || a === b ? '' : `CLS ${a}, DIST ${b}`;
      this.#rows.push({
        file,
        class: top[0]?.class ?? '',
        probability: top[0]?.probability ?? 0,
        margin,
        differ,
        unknown,
      });
    }
  }

  /** Adds an image of the file that is continued. */
  addEarlier({ margin = 0, ...row }: EarlierRow): void {
    this.#rows.push({ ...row, margin, differ: '' });
  }

  /** Writes it whole: "unknown" first, then by the margin, the least first. Throws UserError RUN_FOLDER. */
  write(): void {
    const sorted = this.#rows.toSorted(
      (a, b) => Number(b.unknown) - Number(a.unknown) || a.margin - b.margin || a.probability - b.probability,
    );
    writeFileAtomic(this.file, linesOf(sorted));
  }
}

const header = 'file,class,probability,margin,experts,unknown\n';

function startsWith(file: string, text: string): boolean {
  const descriptor = openSync(file, 'r');
  try {
    const found = Buffer.alloc(Buffer.byteLength(text));
    return readSync(descriptor, found) === found.length && found.toString() === text;
  } finally {
    closeSync(descriptor);
  }
}

function* linesOf(rows: readonly Row[]): Generator<Buffer, void, void> {
  yield Buffer.from(header);
  for (const { file, class: name, probability, margin, differ, unknown } of rows)
    yield Buffer.from(`${[file, name, probability, margin, differ, String(unknown)].map(csvCell).join(',')}\n`);
}
