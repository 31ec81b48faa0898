/** The studio: a page that lists the runs of a folder, follows those that run, and shows what is in them. */
import { existsSync, statSync } from 'node:fs';
import { UserError } from '../errors.js';
import type { Route } from '../serve/app.js';
import { eventsRoute } from './events-route.js';
import { imagesRoute } from './images-route.js';
import { partsRoute } from './parts-route.js';
import { reviewRoute } from './review-route.js';
import { type DataPlace, OpenedData } from './run-data.js';
import { RunWatcher, type WatchOptions } from './run-watcher.js';

export interface StudioOptions extends WatchOptions {
  /** The data set of the runs. Default: that of each run's own command. */
  readonly data?: DataPlace | undefined;
}

export interface Studio extends Disposable {
  readonly routes: readonly Route[];
  readonly watcher: RunWatcher;
}

/** Follows the runs of `folder` until it is disposed. Throws UserError RUN_FOLDER when that is not a folder. */
export function openStudio(folder: string, { data, ...watching }: StudioOptions = {}): Studio {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new UserError('RUN_FOLDER', `${folder} is not a folder; expected a folder with run folders in it.`);
  const watcher = new RunWatcher(folder, watching);
  const opened = new OpenedData();
  const review = reviewRoute(watcher, opened, data);
  return {
    watcher,
    routes: [eventsRoute(watcher), partsRoute(watcher), imagesRoute(watcher, opened, data), review.route],
    [Symbol.dispose]: () => {
      review[Symbol.dispose]();
      opened[Symbol.dispose]();
      watcher[Symbol.dispose]();
    },
  };
}
