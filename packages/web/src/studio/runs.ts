/** The runs as the server tells of them, and the connection to it. */
import type { CurveRecord, RunView, StudioEvent } from 'deit-lt/browser-studio';
import { useEffect, useState } from 'preact/hooks';

export interface StudioRun {
  readonly view: RunView;
  readonly records: readonly CurveRecord[];
}

export interface Runs {
  /** The folder that is served; undefined until the server has told of all runs. */
  readonly folder: string | undefined;
  readonly isConnected: boolean;
  readonly byId: ReadonlyMap<string, StudioRun>;
}

const nothing: Runs = { folder: undefined, isConnected: false, byId: new Map() };

/** Follows the server; after an interruption it receives everything again. */
export function useRuns(): Runs {
  const [runs, setRuns] = useState(nothing);
  useEffect(() => {
    const source = new EventSource('events');
    /** The runs of the server's first messages, until all have arrived; then undefined. */
    let first: Map<string, StudioRun> | undefined = new Map();
    source.onopen = () => {
      first = new Map();
    };
    source.onerror = () => setRuns((before) => ({ ...before, isConnected: false }));
    source.onmessage = ({ data }: MessageEvent<string>) => {
      const event = JSON.parse(data) as StudioEvent;
      if (event.type === 'ready') {
        const byId = first ?? new Map<string, StudioRun>();
        first = undefined;
        setRuns({ folder: event.folder, isConnected: true, byId });
      } else if (first !== undefined) change(first, event);
      else
        setRuns((before) => {
          const byId = new Map(before.byId);
          change(byId, event);
          return { ...before, byId };
        });
    };
    return () => source.close();
  }, []);
  return runs;
}

function change(runs: Map<string, StudioRun>, event: Exclude<StudioEvent, { type: 'ready' }>): void {
  if (event.type === 'gone') {
    runs.delete(event.id);
    return;
  }
  const kept = runs.get(event.run.id)?.records.slice(0, event.from) ?? [];
  runs.set(event.run.id, { view: event.run, records: [...kept, ...event.records] });
}

/** The folder of a run in the one that is served, and its own name. */
export function splitId(id: string): { readonly folder: string; readonly name: string } {
  const at = id.lastIndexOf('/');
  return { folder: at < 0 ? '' : id.slice(0, at), name: id.slice(at + 1) };
}

/** The runs of each folder: first those that run, then by their start, the latest first; folders by their latest run. */
export function byFolder(runs: Iterable<StudioRun>): { folder: string; runs: StudioRun[] }[] {
  const folders = new Map<string, StudioRun[]>();
  for (const run of [...runs].sort(latestFirst)) {
    const { folder } = splitId(run.view.id);
    folders.set(folder, [...(folders.get(folder) ?? []), run]);
  }
  return [...folders].map(([folder, of]) => ({ folder, runs: of }));
}

const isRunning = ({ view }: StudioRun): number => Number(view.state === 'running');

export function latestFirst(a: StudioRun, b: StudioRun): number {
  return isRunning(b) - isRunning(a) || b.view.started - a.view.started;
}
