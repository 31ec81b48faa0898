/**
 * The curves of a run beside `metrics.jsonl`, for other programs: `metrics.csv` for spreadsheets and data frames, and an
 * event file that TensorBoard shows (`tensorboard --logdir runs`). Both can be made again from `metrics.jsonl`.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { scalarRecord, versionRecord } from './event-records.js';
import { appendBytes, writeFileAtomic } from './files.js';
import { type Scalars, scalarsCsv, scalarsOf } from './metric-scalars.js';
import type { EpochRecord } from './reporter.js';

interface Entry {
  readonly epoch: number;
  readonly scalars: Scalars;
  /** Since 1970: the start of the run and the seconds of all epochs up to this one. */
  readonly seconds: number;
}

export class MetricsLog {
  readonly #folder: string;
  readonly #startSeconds: number;
  #entries: Entry[];

  /** `records` are those that `metrics.jsonl` has; `started` is when the run began, in ISO 8601. */
  constructor(folder: string, { started, records }: { started: string; records: readonly EpochRecord[] }) {
    this.#folder = folder;
    this.#startSeconds = Date.parse(started) / 1000;
    this.#entries = [];
    for (const record of records) this.#enter(record);
  }

  get csvFile(): string {
    return path.join(this.#folder, 'metrics.csv');
  }

  /** TensorBoard looks for `tfevents` in the name. */
  get eventFile(): string {
    return path.join(this.#folder, 'events.out.tfevents.deit-lt');
  }

  /** Writes both files again. Throws UserError RUN_FOLDER. */
  rewrite(): void {
    writeFileAtomic(this.csvFile, scalarsCsv(this.#entries));
    writeFileAtomic(this.eventFile, Buffer.concat([versionRecord(this.#startSeconds), ...this.#entries.map(recordOf)]));
  }

  /** Adds an epoch to both. Throws UserError RUN_FOLDER. */
  append(record: EpochRecord): void {
    const entry = this.#enter(record);
    if (!existsSync(this.eventFile)) {
      this.rewrite();
      return;
    }
    writeFileAtomic(this.csvFile, scalarsCsv(this.#entries)); // whole: a later epoch may have more columns
    appendBytes(this.eventFile, recordOf(entry)); // TensorBoard reads on from where it was
  }

  #enter(record: EpochRecord): Entry {
    const before = this.#entries.at(-1)?.seconds ?? this.#startSeconds;
    const entry = { epoch: record.epoch, scalars: scalarsOf(record), seconds: before + record.seconds };
    this.#entries.push(entry);
    return entry;
  }
}

const recordOf = ({ seconds, epoch, scalars }: Entry): Uint8Array => scalarRecord(seconds, epoch, scalars);
