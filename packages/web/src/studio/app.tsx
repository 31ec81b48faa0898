/** The whole page: the runs at the side, and what is in the chosen ones. */
import type { ReviewKind } from 'deit-lt/browser-studio';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type ChosenRun, chosenRuns, firstChoice, mostChosen } from './chosen.js';
import { Curves } from './curves.js';
import { Parts } from './parts.js';
import { usePlace } from './place.js';
import { ReviewTab } from './review.js';
import { RunList } from './run-list.js';
import { type Runs, useRuns } from './runs.js';
import { TrainingImagesTab } from './training-images.js';

interface Tab {
  readonly id: string;
  readonly title: string;
  /** Parts of a report; absent for what the page makes itself. */
  readonly parts?: readonly string[];
  /** Images to look at, which the server finds when it is asked to. */
  readonly review?: ReviewKind;
}

const tabs: readonly Tab[] = [
  { id: 'curves', title: 'Curves' },
  { id: 'accuracy', title: 'Accuracy', parts: ['accuracy'] },
  { id: 'classes', title: 'Classes', parts: ['classes'] },
  { id: 'experts', title: 'Experts', parts: ['experts', 'paper'] },
  { id: 'mistakes', title: 'Confusion', parts: ['confusion', 'confused'] },
  { id: 'wrong', title: 'Wrong predictions', review: 'mistakes' },
  { id: 'labels', title: 'Label errors', review: 'labels' },
  { id: 'duplicates', title: 'Near duplicates', review: 'duplicates' },
  { id: 'attention', title: 'Attention', parts: ['gallery'] },
  { id: 'images', title: 'Training images' },
  { id: 'settings', title: 'Settings', parts: ['settings'] },
];

export function App() {
  const runs = useRuns();
  const [place, go] = usePlace();
  const now = useNow(5000);
  const ids = place.runs ?? firstChoice(runs.byId);
  const chosen = chosenRuns(runs.byId, ids);
  const there = chosen.map(({ id }) => id);
  const toggle = (id: string): void => {
    const without = there.filter((other) => other !== id);
    go({ runs: without.length < there.length ? without : [...without, id].slice(-mostChosen) });
  };
  const tab = tabs.find(({ id }) => id === place.tab) ?? tabs[0]!;
  return (
    <>
      <header>
        <h1>DeiT-LT studio</h1>
        <Connection runs={runs} />
      </header>
      <div class="studio">
        <aside aria-label="Runs">
          <RunList runs={runs.byId.values()} chosen={there} now={now} onToggle={toggle} />
        </aside>
        <main>
          <Tabs tab={tab} onGo={(id) => go({ tab: id })} />
          {runs.folder !== undefined && <View tab={tab} chosen={chosen} runs={runs} />}
        </main>
      </div>
    </>
  );
}

function Tabs({ tab, onGo }: { readonly tab: Tab; readonly onGo: (id: string) => void }) {
  const current = useRef<HTMLButtonElement>(null);
  // A phone shows some of them.
  useEffect(() => current.current?.scrollIntoView({ block: 'nearest', inline: 'center' }), [tab]);
  return (
    <nav aria-label="Views">
      {tabs.map(({ id, title }) => (
        <button
          type="button"
          key={id}
          ref={id === tab.id ? current : null}
          aria-current={id === tab.id}
          onClick={() => onGo(id)}
        >
          {title}
        </button>
      ))}
    </nav>
  );
}

function Connection({ runs: { folder, isConnected } }: { readonly runs: Runs }) {
  const state = isConnected ? 'live' : folder === undefined ? 'connecting …' : 'the server is gone';
  return (
    <p class="faint" role="status">
      <span class={`light ${isConnected ? 'on' : ''}`} /> {state}
      {folder && <span class="path">{folder}</span>}
    </p>
  );
}

interface ViewProps {
  readonly tab: Tab;
  readonly chosen: readonly ChosenRun[];
  readonly runs: Runs;
}

function View({ tab: { id, parts, review }, chosen, runs }: ViewProps) {
  if (runs.byId.size === 0)
    return <p>There are no runs in {runs.folder} yet. A run that starts there appears here by itself.</p>;
  if (chosen.length === 0) return <p>Choose one or more runs.</p>;
  if (parts !== undefined) return <Parts key={id} runs={chosen} ids={parts} />;
  if (review !== undefined) return <ReviewTab key={id} runs={chosen} kind={review} />;
  return id === 'images' ? <TrainingImagesTab runs={chosen} /> : <Curves runs={chosen} />;
}

/** The time, every `periodMs`. */
function useNow(periodMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), periodMs);
    return () => clearInterval(timer);
  }, [periodMs]);
  return now;
}
