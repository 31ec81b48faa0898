/** Parts of a report of the chosen runs, as the server writes them. */
import type { StudioParts } from 'deit-lt/browser-studio';
import type { ChosenRun } from './chosen.js';
import { useFetched } from './fetched.js';

export interface PartsProps {
  readonly runs: readonly ChosenRun[];
  /** Ids of the parts. */
  readonly ids: readonly string[];
}

export function Parts({ runs, ids }: PartsProps) {
  const words = new URLSearchParams(runs.map(({ id }) => ['run', id]));
  const version = runs.map(({ view }) => view.version).join(';');
  const { value, problem, isLoading } = useFetched<StudioParts>(`parts?${words}`, version);
  const parts = value?.parts.filter(({ id }) => ids.includes(id)) ?? [];
  return (
    <div aria-busy={isLoading} class={isLoading ? 'loading' : ''}>
      {problem && <p class="problem">{problem}</p>}
      {value === undefined && isLoading && <p class="faint">Reading the runs …</p>}
      {parts.map(({ id, title, html }) => (
        <section key={id}>
          {ids.length > 1 && <h2>{title}</h2>}
          {/* The server escapes what comes from the runs. */}
          <div dangerouslySetInnerHTML={{ __html: html }} />
        </section>
      ))}
      {value && parts.length === 0 && <p>The chosen runs have no such results yet.</p>}
      {value?.notes.map((note) => (
        <p key={note} class="faint">
          {note}
        </p>
      ))}
    </div>
  );
}
