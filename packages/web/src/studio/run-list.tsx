/** The runs to choose from, each with how far it is. */
import { runColor } from 'deit-lt/browser';
import { accuracyNames, fewWarning, type RunView, withInterval } from 'deit-lt/browser-studio';
import { byFolder, type StudioRun, splitId } from './runs.js';
import { count, duration } from './words.js';

export interface RunListProps {
  readonly runs: Iterable<StudioRun>;
  readonly chosen: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly onToggle: (id: string) => void;
}

export function RunList({ runs, chosen, now, onToggle }: RunListProps) {
  return (
    <>
      {byFolder(runs).map(({ folder, runs: of }) => (
        <section key={folder} class="folder">
          {folder !== '' && <h3>{folder}</h3>}
          <ul>
            {of.map(({ view }) => (
              <li key={view.id}>
                <RunCard view={view} place={chosen.indexOf(view.id)} now={now} onToggle={() => onToggle(view.id)} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

const kinds = { teacher: 'teacher', student: 'student', vit: 'plain ViT' } as const;

interface RunCardProps {
  readonly view: RunView;
  /** Among the chosen ones; −1 when it is none. */
  readonly place: number;
  readonly now: number;
  readonly onToggle: () => void;
}

function RunCard({ view, place, now, onToggle }: RunCardProps) {
  const { id, kind, model, data, figures } = view;
  const { name } = splitId(id);
  const isChosen = place >= 0;
  return (
    <label class={`run ${isChosen ? 'chosen' : ''}`} style={isChosen ? { '--run': runColor(place) } : {}}>
      <span class="title">
        <input type="checkbox" checked={isChosen} onChange={onToggle} />
        <b>{name === '.' ? 'this folder' : name}</b>
        <State view={view} />
      </span>
      <span class="faint">
        {name === kind ? '' : `${kinds[kind]}, `}
        {model}, {data.name.split('/').at(-1)}, {count(data.classes)} classes
      </span>
      {view.state !== 'finished' && <Progress view={view} now={now} />}
      {figures && (
        <span class="groups">
          {accuracyNames.map((name) => (
            <span key={name}>
              <b>{withInterval(figures[name], figures.few && figures.intervals?.[name])}</b> {name}
            </span>
          ))}
        </span>
      )}
      {figures?.few && <span class="faint">{fewWarning(figures.few, view.split)}</span>}
    </label>
  );
}

function State({ view: { state } }: Pick<RunCardProps, 'view'>) {
  return <span class={`state ${state}`}>{state}</span>;
}

function Progress({ view, now }: Pick<RunCardProps, 'view' | 'now'>) {
  const { state, epochs, epochsDone, secondsLeft, news } = view;
  const rest =
    state === 'stopped'
      ? `no news for ${duration((now - news) / 1000)}`
      : secondsLeft === undefined
        ? ''
        : `${duration(secondsLeft)} left`;
  return (
    <span class="progress">
      <progress value={epochsDone} max={epochs} aria-label="Epochs" />
      <span class="faint">
        epoch {epochsDone} of {epochs}
        {rest && `, ${rest}`}
      </span>
    </span>
  );
}
