/** The runs that are looked at, with names that tell them apart and a colour each. */
import { visible } from 'deit-lt/browser';
import { latestFirst, type StudioRun, splitId } from './runs.js';

export interface ChosenRun extends StudioRun {
  readonly id: string;
  readonly name: string;
  /** Index of the run, from 0, which decides its colour. */
  readonly place: number;
}

/** Largest number of chosen runs, the number of colours. */
export const mostChosen = 6;

export function chosenRuns(byId: ReadonlyMap<string, StudioRun>, ids: readonly string[]): ChosenRun[] {
  const there = ids.filter((id) => byId.has(id));
  const names = there.map((id) => splitId(id).name);
  return there.map((id, place) => {
    const name = names[place]!;
    const isUnique = names.indexOf(name) === names.lastIndexOf(name);
    return { ...byId.get(id)!, id, place, name: visible(isUnique ? name : id) };
  });
}

/**
 * Returns the runs that a reader most likely wants first: the latest run, those that run beside it, or its teacher and
 * its rivals.
 */
export function firstChoice(byId: ReadonlyMap<string, StudioRun>): string[] {
  const latest = [...byId.values()].sort(latestFirst);
  const first = latest[0]?.view;
  if (first === undefined) return [];
  const beside = latest.filter(({ view }) => splitId(view.id).folder === splitId(first.id).folder);
  const running = beside.filter(({ view }) => view.state === 'running');
  const shown = running.length > 1 ? running.slice(0, mostChosen) : beside.slice(0, 3);
  // The oldest first: others are compared with the first, and a teacher is older than its student.
  return shown.map(({ view }) => view.id).reverse();
}
