/** `GET /parts?run=…&run=…`: the sections of a report of these runs, to be shown in the page. */
import { UserError } from '../errors.js';
import { reportSections } from '../report/report.js';
import { readRuns } from '../report/report-run.js';
import { type Route, say, sayJson } from '../serve/app.js';
import type { StudioParts } from './run-view.js';
import type { RunWatcher } from './run-watcher.js';

export function partsRoute(watcher: RunWatcher): Route {
  let last: { readonly key: string; readonly parts: Promise<StudioParts> } | undefined;
  return async ({ response, url }) => {
    if (url.pathname !== '/parts') return false;
    const runs = url.searchParams.getAll('run').map((id) => watcher.run(id));
    if (runs.length === 0 || runs.includes(undefined)) {
      say(response, 404, 'There is no such run.');
      return true;
    }
    const folders = runs.map((run) => run!.folder);
    const key = JSON.stringify(runs.map((run) => [run!.id, run!.view?.version]));
    if (last?.key !== key) last = { key, parts: partsOf(folders) };
    try {
      sayJson(response, await last.parts);
    } catch (error) {
      last = undefined;
      if (!(error instanceof UserError)) throw error;
      say(response, 409, error.message);
    }
    return true;
  };
}

async function partsOf(folders: readonly string[]): Promise<StudioParts> {
  const { sections, notes } = await reportSections(readRuns(folders));
  return { parts: sections.map(({ id, title, body }) => ({ id, title, html: body.text })), notes };
}
