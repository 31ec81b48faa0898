/** The current view: runs and tab, kept in the address, so that reloading and links lead back. */
import { useEffect, useState } from 'preact/hooks';

export interface Place {
  readonly tab: string;
  /** Chosen runs in the order of their colours; undefined until the reader chooses. */
  readonly runs: readonly string[] | undefined;
}

export function usePlace(): [Place, (change: Partial<Place>) => void] {
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const follow = (): void => setPlace(read());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const go = (change: Partial<Place>): void => {
    const next = { ...read(), ...change };
    history.replaceState(null, '', `#${written(next)}`);
    setPlace(next);
  };
  return [place, go];
}

function read(): Place {
  const words = new URLSearchParams(location.hash.slice(1));
  return { tab: words.get('tab') ?? 'curves', runs: words.has('runs') ? words.getAll('run') : undefined };
}

function written({ tab, runs }: Place): string {
  const words = new URLSearchParams({ tab });
  if (runs !== undefined) words.set('runs', `${runs.length}`);
  for (const run of runs ?? []) words.append('run', run);
  return `${words}`;
}
