/** Trainings that are killed again and again and started by the same command until they end, compared with an unkilled one. */
import assert from 'node:assert/strict';
import path from 'node:path';
import {
  assertNoStackTrace,
  type JobEnd,
  type JobStart,
  type Kill,
  progressIn,
  runFoldersIn,
  startJob,
} from './killed-training.js';
import { assertSameRun } from './same-run.js';

export interface Tally {
  /** Processes that were killed. */
  kills: number;
  /** Places that no process came to: it was at its end before. */
  missed: number;
  /** Runs that ended, and were compared with the unkilled one. */
  compared: number;
  /** Times a checkpoint was damaged, or behind what it had before, or a run could not be ended. */
  lost: number;
  /** Runs that ended differently from the unkilled one. */
  wrong: number;
  stackTraces: number;
  /** What went wrong. */
  readonly problems: string[];
}

export interface CampaignOptions {
  readonly job: string;
  readonly command: string;
  /** Where an unkilled run of the command is. */
  readonly reference: string;
  /** Folders are made of this name and a number. */
  readonly name: string;
}

export class KillCampaign {
  readonly tally: Tally = { kills: 0, missed: 0, compared: 0, lost: 0, wrong: 0, stackTraces: 0, problems: [] };
  readonly #options: CampaignOptions;
  #folders = 0;
  #progress = 0;

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  /** Each kill in a process of its own, all in one run, or in as many as end on the way; the last one is ended and compared too. */
  async inTurn(kills: readonly Kill[]): Promise<void> {
    this.#newFolder();
    for (const kill of kills) if (!(await this.#killed(kill)) && !(await this.#killed(kill))) this.tally.missed++;
    await this.#finish();
  }

  /** Each kill at the start of a run of its own, whose first start has `--resume` or not; the second always has it. */
  async atFirstStart(kills: readonly Kill[], resume: boolean): Promise<void> {
    for (const kill of kills) {
      this.#newFolder();
      if (!(await this.#killed(kill, resume))) this.tally.missed++;
      else await this.#finish();
    }
  }

  get #start(): JobStart {
    const { job, command, name } = this.#options;
    return { job, command, out: path.join(job, `${name}-${this.#folders}`) };
  }

  #newFolder(): void {
    this.#folders++;
    this.#progress = 0;
  }

  async #killed(kill: Kill, resume = true): Promise<boolean> {
    const end = await startJob({ ...this.#start, resume }, kill);
    this.#examine(end);
    if (end.signal === 'SIGKILL') {
      this.tally.kills++;
      return true;
    }
    this.#compare(end);
    this.#newFolder();
    return false;
  }

  async #finish(): Promise<void> {
    const end = await startJob(this.#start);
    this.#examine(end);
    this.#compare(end);
  }

  #examine(end: JobEnd): void {
    this.#count('stackTraces', () => assertNoStackTrace(end));
    this.#count('lost', () => {
      const before = this.#progress;
      this.#progress = progressIn(this.#start.out);
      assert.ok(this.#progress >= before, `${this.#progress} after ${before}`);
    });
  }

  #compare({ status, stderr }: JobEnd): void {
    this.#count('lost', () => assert.equal(status, 0, stderr));
    if (status !== 0) return;
    this.tally.compared++;
    const { reference } = this.#options;
    const { out } = this.#start;
    this.#count('wrong', () => {
      const [found, wanted] = [out, reference].map((folder) =>
        runFoldersIn(folder).map((run) => path.relative(folder, run)),
      );
      assert.deepEqual(found, wanted);
      for (const run of wanted!) assertSameRun(path.join(out, run), path.join(reference, run));
    });
  }

  #count(what: 'lost' | 'wrong' | 'stackTraces', check: () => void): void {
    try {
      check();
    } catch (error) {
      this.tally[what]++;
      this.tally.problems.push(`${what}: ${this.#start.out}: ${(error as Error).message}`);
    }
  }
}
