/** Progress as plain lines, for logs and pipes: one line per epoch, nothing that moves. */

import { count } from '../format.js';
import type { EpochRecord, Reporter, TrainingStart } from '../runs/reporter.js';
import { visible } from '../text/visible.js';
import { endLine, epochLine, startLines } from './report-lines.js';

export class LineReporter implements Reporter {
  readonly #write: (line: string) => void;
  #training: TrainingStart | undefined;
  #work = '';
  readonly #noted = new Set<string>();

  /** `write` gets each line without its end, safe to show. */
  constructor(write: (line: string) => void) {
    this.#write = (line) => write(visible(line));
  }

  /** Prints a message only once, because several trainings on the same data repeat it. */
  note(...lines: readonly string[]): void {
    const key = lines.join('\n');
    if (this.#noted.has(key)) return;
    this.#noted.add(key);
    for (const line of lines) this.#write(line);
  }

  /** Says once what is being done before a training; evaluations within it show in the epoch's line. */
  progress(what: string, _done: number, total: number | undefined): void {
    if (what === this.#work || this.#training !== undefined) return;
    this.#work = what;
    this.#write(total === undefined ? what : `${what}: ${count(total)}`);
  }

  start(training: TrainingStart): void {
    this.#training = training;
    for (const line of startLines(training)) this.#write(line);
  }

  step(): void {}

  epoch(record: EpochRecord, epochs?: number): void {
    const training = this.#training ?? { kind: 'student', model: '', epochs: record.epoch + 1 };
    this.#write(epochLine({ ...training, ...(epochs !== undefined && { epochs }) }, record));
  }

  end(training: Parameters<Reporter['end']>[0]): void {
    this.#training = undefined;
    this.#write(endLine(training));
  }
}
