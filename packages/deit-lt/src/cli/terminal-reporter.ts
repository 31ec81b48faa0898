/** Progress in a terminal: lines that stay, and below them a few that are redrawn. */
import type { EpochRecord, Reporter, StepReport, TrainingEnd, TrainingStart } from '../runs/reporter.js';
import { visible } from '../text/visible.js';
import type { Colors } from './colors.js';
import { type ProgressState, progressLines } from './progress-view.js';
import { endLine, epochLine, startLines } from './report-lines.js';

/** The interface on which the display draws; log-update implements it. */
export interface Canvas {
  /** Replaces the moving lines. */
  draw(text: string): void;
  /** Writes lines that stay above the moving ones. */
  keep(text: string): void;
  /** Leaves the moving lines off the screen. */
  clear(): void;
}

export interface TerminalReporterOptions {
  readonly colors: Colors;
  readonly width: () => number;
  /** Returns the time in milliseconds. */
  readonly now?: () => number;
}

/** Drawing more often than this costs time and shows nothing more. */
const redrawAfterMs = 100;

export class TerminalReporter implements Reporter {
  readonly #canvas: Canvas;
  readonly #options: Required<TerminalReporterOptions>;
  #state: ProgressState = {};
  readonly #noted = new Set<string>();
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(canvas: Canvas, { now = performance.now.bind(performance), ...options }: TerminalReporterOptions) {
    this.#canvas = canvas;
    this.#options = { now, ...options };
  }

  /** Prints a message only once, because several trainings on the same data repeat it. */
  note(...lines: readonly string[]): void {
    const key = lines.join('\n');
    if (this.#noted.has(key)) return;
    this.#noted.add(key);
    for (const line of lines) this.#keep(line);
  }

  progress(what: string, done: number, total: number | undefined): void {
    const finished = total !== undefined && done >= total;
    this.#change({ work: finished ? undefined : { what, done, total } }, what !== this.#state.work?.what);
  }

  start(training: TrainingStart): void {
    this.#state = { training };
    for (const line of startLines(training)) this.#keep(line);
  }

  step(step: StepReport): void {
    this.#change({ step, work: undefined }, false);
  }

  /** Epochs without an evaluation only move the lines below; the others leave one. */
  epoch(record: EpochRecord, epochs?: number): void {
    const { evaluated } = this.#state;
    const training = this.#state.training && { ...this.#state.training, ...(epochs !== undefined && { epochs }) };
    const hasFigures = record.evaluation !== undefined;
    this.#change({ training, evaluated: hasFigures ? record : evaluated, work: undefined }, true);
    if (hasFigures && training !== undefined) this.#keep(epochLine(training, record));
  }

  end(training: TrainingEnd): void {
    this.#state = {};
    this.#keep(this.#options.colors.bold(endLine(training)));
  }

  /** Leaves the terminal clean. */
  close(): void {
    this.#state = {};
    this.#canvas.clear();
  }

  #change(change: Partial<ProgressState>, atOnce: boolean): void {
    this.#state = { ...this.#state, ...change };
    if (atOnce || this.#options.now() - this.#drawnAt >= redrawAfterMs) this.#draw();
  }

  #keep(line: string): void {
    this.#canvas.keep(visible(line));
    this.#draw();
  }

  #draw(): void {
    const lines = progressLines(this.#state, { width: this.#options.width(), colors: this.#options.colors });
    this.#drawnAt = this.#options.now();
    if (lines.length === 0) this.#canvas.clear();
    else this.#canvas.draw(lines.join('\n'));
  }
}
