/** `GET /images?run=…&draw=…`: training images as the run sees them. */
import { UserError } from '../errors.js';
import { readRunConfig } from '../runs/run-folder.js';
import { type Route, say, sayJson } from '../serve/app.js';
import { type DataPlace, dataOfRun, type OpenedData } from './run-data.js';
import type { RunWatcher } from './run-watcher.js';
import { trainingImages } from './training-images.js';

/** `place` is where the images of all runs are; without it each run's own command says. */
export function imagesRoute(watcher: RunWatcher, opened: OpenedData, place?: DataPlace): Route {
  // One after the other: each takes all cores, and a teacher's memory.
  let before: Promise<unknown> = Promise.resolve();
  const take = <T>(work: () => Promise<T>): Promise<T> => {
    const done = before.then(work);
    before = done.catch(() => {});
    return done;
  };
  return async ({ response, url }) => {
    if (url.pathname !== '/images') return false;
    const run = watcher.run(url.searchParams.get('run') ?? '');
    const draw = Number(url.searchParams.get('draw') ?? 0);
    if (run === undefined || !Number.isInteger(draw) || draw < 0) {
      say(response, 404, 'There is no such run.');
      return true;
    }
    try {
      const config = readRunConfig(run.folder);
      const dataset = await opened.open({ ...(place ?? dataOfRun(config)), background: config.recipe.data.background });
      sayJson(response, await take(() => trainingImages(config, dataset, { draw })));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(response, 409, error.message);
    }
    return true;
  };
}
