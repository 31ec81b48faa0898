/**
 * `GET /review?run=…&kind=…&class=…&page=…`: images of a run that a person should look at, once `POST /review?run=…&kind=…&do=start` has
 * started the search for them; `do=stop` ends it.
 */
import { UserError } from '../errors.js';
import { readRunConfig } from '../runs/run-folder.js';
import { type Exchange, type Route, say, sayJson } from '../serve/app.js';
import { type Found, findReview } from './find-review.js';
import type { FollowedRun } from './followed-run.js';
import type { Review, ReviewKind } from './review-view.js';
import { type DataPlace, dataOfRun, type OpenedData } from './run-data.js';
import type { RunWatcher } from './run-watcher.js';

/** Rows of a page: some screens of a phone, one or two of a monitor. */
const perPage = 24;
/** Results that are kept; the oldest is forgotten. */
const kept = 12;

interface Job {
  readonly controller: AbortController;
  stage: 'reading' | 'searching';
  done: number;
  total: number;
  found?: Found;
  /** The error that the search threw. */
  error?: unknown;
}

export interface ReviewRoute extends Disposable {
  readonly route: Route;
}

const acts: readonly string[] = ['start', 'stop'];
const kinds: readonly string[] = ['mistakes', 'labels', 'duplicates'] satisfies ReviewKind[];

/** `place` is where the images of all runs are; without it each run's own command says. Disposing ends all searches. */
export function reviewRoute(watcher: RunWatcher, opened: OpenedData, place?: DataPlace): ReviewRoute {
  const jobs = new Map<string, Job>();
  // One after the other: each takes all cores, and a network's memory.
  let before: Promise<unknown> = Promise.resolve();

  const start = (key: string, kind: ReviewKind, run: FollowedRun): void => {
    const old = jobs.get(key);
    if (old !== undefined && old.found === undefined && old.error === undefined) return; // another page started it
    const job: Job = { controller: new AbortController(), stage: 'reading', done: 0, total: 0 };
    jobs.delete(key);
    jobs.set(key, job);
    for (const old of [...jobs.keys()].slice(0, -kept)) stop(old);
    before = before.then(() => search(job, kind, run));
  };
  const search = async (job: Job, kind: ReviewKind, { folder }: FollowedRun): Promise<void> => {
    const { signal } = job.controller;
    try {
      signal.throwIfAborted();
      const config = readRunConfig(folder);
      const { background } = config.recipe.data;
      const at = (stage: Job['stage'], done: number, total = 0): void =>
        void Object.assign(job, { stage, done, total });
      const dataset = await opened.open(
        { ...(place ?? dataOfRun(config)), background },
        { again: true, signal, onProgress: ({ done, total }) => at('reading', done, total) },
      );
      const onProgress = (done: number, total: number): void => at('searching', done, total);
      job.found = await findReview(kind, { folder, config, dataset, signal, onProgress });
    } catch (error) {
      if (!signal.aborted) job.error = error;
    }
  };
  const stop = (key: string): void => {
    jobs.get(key)?.controller.abort();
    jobs.delete(key);
  };

  const route = async ({ request, response, url }: Exchange): Promise<boolean> => {
    if (url.pathname !== '/review') return false;
    const words = url.searchParams;
    const run = watcher.run(words.get('run') ?? '');
    const [kind, page] = [words.get('kind') ?? '', Number(words.get('page') ?? 0)];
    const isKnown = kinds.includes(kind) && (request.method !== 'POST' || acts.includes(words.get('do') ?? ''));
    if (run === undefined || !isKnown || !Number.isInteger(page) || page < 0) {
      say(response, 404, 'There is no such run, or no such list of images.');
      return true;
    }
    const key = JSON.stringify([run.id, run.view?.started, kind]);
    if (request.method === 'POST') {
      if (words.get('do') === 'start') start(key, kind as ReviewKind, run);
      else stop(key);
    }
    const job = jobs.get(key);
    try {
      if (job?.error !== undefined) throw job.error;
      sayJson(response, await reviewOf(job, { name: words.get('class') ?? undefined, page }));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(response, 409, error.message);
    }
    return true;
  };
  return {
    route,
    [Symbol.dispose]: () => {
      for (const key of jobs.keys()) stop(key);
    },
  };
}

interface Wanted {
  /** A class, or all. */
  readonly name: string | undefined;
  readonly page: number;
}

async function reviewOf(job: Job | undefined, { name, page: wanted }: Wanted): Promise<Review> {
  if (job === undefined) return { state: 'idle' };
  const { found, stage, done, total } = job;
  if (found === undefined) return { state: 'working', stage, done, total };
  const { facts, classes } = found;
  const rows = name === undefined ? found.rows : found.rows.filter(({ image }) => image.class === name);
  const pages = Math.max(1, Math.ceil(rows.length / perPage));
  const page = Math.min(wanted, pages - 1);
  const shown = await found.pictures(rows.slice(page * perPage, (page + 1) * perPage));
  return { state: 'ready', facts, classes, total: rows.length, page, pages, rows: shown };
}
