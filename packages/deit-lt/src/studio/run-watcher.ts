/** All runs of a folder: finds them, follows them, and tells what is new. It reads, and never writes. */
import { type FSWatcher, watch } from 'node:fs';
import path from 'node:path';
import { findRunFolders } from './find-run-folders.js';
import { FollowedRun } from './followed-run.js';
import type { StudioEvent } from './run-view.js';

export interface WatchOptions {
  /** Milliseconds between two looks at the runs. Default 2000. Changes that the system tells of come at once. */
  readonly lookMs?: number;
  /** Milliseconds between two searches for new runs. Default 5000. */
  readonly findMs?: number;
  /** Whether the system is asked to tell of changes; where it cannot, looking is all there is. Default true. */
  readonly notify?: boolean;
  readonly now?: () => number;
}

/** Delay in which changes are collected and handled together. */
const gatherMs = 100;

export class RunWatcher implements Disposable {
  readonly root: string;
  readonly #options: Required<WatchOptions>;
  readonly #runs = new Map<string, { readonly run: FollowedRun; readonly watcher: FSWatcher | undefined }>();
  readonly #listeners = new Set<(event: StudioEvent) => void>();
  #timers: NodeJS.Timeout[] = [];
  #soon: NodeJS.Timeout | undefined;

  /** Begins at once. */
  constructor(root: string, { lookMs = 2000, findMs = 5000, notify = true, now = Date.now }: WatchOptions = {}) {
    this.root = path.resolve(root);
    this.#options = { lookMs, findMs, notify, now };
    this.find();
    this.#timers = [setInterval(() => this.look(), lookMs), setInterval(() => this.find(), findMs)];
    for (const timer of this.#timers) timer.unref();
  }

  /** Those whose configuration can be read. */
  get runs(): readonly FollowedRun[] {
    return [...this.#runs.values()].map(({ run }) => run).filter(({ view }) => view !== undefined);
  }

  /** The run of that id, as the page names it; undefined for all other words. */
  run(id: string): FollowedRun | undefined {
    return this.runs.find((run) => run.id === id);
  }

  /** Sends the current state, then updates. Returns a function that stops it. */
  follow(listener: (event: StudioEvent) => void): () => void {
    for (const run of this.runs) listener({ type: 'run', run: run.view!, from: 0, records: run.records });
    listener({ type: 'ready', folder: this.root });
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Searches for runs that are new, and for those that are gone. */
  find(): void {
    const folders = findRunFolders(this.root);
    for (const folder of this.#runs.keys()) if (!folders.includes(folder)) this.#forget(folder);
    for (const folder of folders) if (!this.#runs.has(folder)) this.#add(folder);
    this.look();
  }

  /** Looks at all runs. */
  look(): void {
    for (const { run } of this.#runs.values()) {
      const news = run.look(this.#options.now());
      if (news === undefined) continue;
      this.#tell({ type: 'run', run: news.view, from: news.from, records: run.records.slice(news.from) });
    }
  }

  #add(folder: string): void {
    const id = path.relative(this.root, folder).split(path.sep).join('/') || '.';
    this.#runs.set(folder, { run: new FollowedRun(id, folder), watcher: this.#watch(folder) });
  }

  #forget(folder: string): void {
    const { run, watcher } = this.#runs.get(folder)!;
    watcher?.close();
    this.#runs.delete(folder);
    if (run.view !== undefined) this.#tell({ type: 'gone', id: run.id });
  }

  #watch(folder: string): FSWatcher | undefined {
    if (!this.#options.notify) return undefined;
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#lookSoon());
      return watcher.on('error', () => watcher.close());
    } catch {
      return undefined; // network drives, or too many already: looking now and then is enough
    }
  }

  #lookSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.look();
    }, gatherMs).unref();
  }

  #tell(event: StudioEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  [Symbol.dispose](): void {
    for (const timer of [...this.#timers, this.#soon]) clearInterval(timer);
    for (const { watcher } of this.#runs.values()) watcher?.close();
    this.#listeners.clear();
  }
}
