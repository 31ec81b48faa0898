/** Reads on in a `metrics.jsonl` that somebody else is writing. */
import { closeSync, fstatSync } from 'node:fs';
import { isValues } from '../recipe/merge.js';
import { LineReader, openAtOnce, readLine } from '../runs/metrics-file.js';
import type { CurveRecord, GroupFigures } from './run-view.js';

/**
 * Reads only complete lines; an incomplete line is read later. A file that was written again is read from its beginning. A line that is
 * no epoch is left out; a report of the run tells of it.
 */
export class MetricsTail {
  readonly #file: string;
  #inode = 0;
  #reader = new LineReader();
  #records: CurveRecord[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  get records(): readonly CurveRecord[] {
    return this.#records;
  }

  /** Reads what is new. Returns the place of the first record that changed; undefined when none did. */
  read(): number | undefined {
    const before = this.#records.length;
    try {
      const file = openAtOnce(this.#file);
      try {
        const isNew = this.#readFrom(file);
        const changed = this.#records.length > (isNew ? 0 : before) || (isNew && before > 0);
        return changed ? (isNew ? 0 : before) : undefined;
      } finally {
        closeSync(file);
      }
    } catch {
      // Not there yet, or not any more.
      this.#restart(0);
      return before > 0 ? 0 : undefined;
    }
  }

  /** Returns whether it began again. */
  #readFrom(file: number): boolean {
    const stat = fstatSync(file);
    if (!stat.isFile()) return false; // a device may never end
    const isNew = stat.ino !== this.#inode || stat.size < this.#reader.offset;
    if (isNew) this.#restart(stat.ino);
    this.#reader.read(file, (line = '') => {
      const record = recordOf(line);
      if (record !== undefined) this.#records.push(record);
    });
    return isNew;
  }

  #restart(inode: number): void {
    this.#inode = inode;
    this.#reader = new LineReader();
    this.#records = [];
  }
}

/** Undefined for a line that is not a record. */
function recordOf(line: string): CurveRecord | undefined {
  const found = readLine(line);
  if (found === undefined || !('record' in found)) return undefined;
  const { epoch, loss, seconds, evaluation, emaEvaluation, evaluatedOn } = found.record;
  const averaged = groupFigures(emaEvaluation?.avg);
  const outputs = (['cls', 'dist', 'avg'] as const).flatMap((name) => {
    const of = groupFigures(evaluation?.[name]);
    return of === undefined ? [] : [[name, of] as const];
  });
  return {
    epoch,
    loss: Number.isFinite(loss) ? loss : null,
    seconds,
    ...(outputs.length > 0 && { evaluation: Object.fromEntries(outputs) }),
    ...(averaged && { averaged }),
    ...(evaluatedOn === 'validation' && { evaluatedOn }),
  };
}

/** The accuracies of figures as metrics.jsonl and evaluation.json have them, and the warning about few test images. */
export function groupFigures(given: Partial<GroupFigures> | undefined): GroupFigures | undefined {
  if (typeof given !== 'object' || given === null || typeof given.overall !== 'number') return undefined;
  const of = (value: unknown): number | null => (typeof value === 'number' ? value : null);
  const { few, intervals } = given;
  return {
    ...{ balanced: of(given.balanced), overall: given.overall },
    ...{ head: of(given.head), mid: of(given.mid), tail: of(given.tail) },
    ...(isValues(few) && { few }),
    ...(isValues(few) && isValues(intervals) && { intervals }),
  };
}
