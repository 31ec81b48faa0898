/** Images of a run that a person should look at: wrong predictions, probable label errors, near duplicates. */
import type { Guess, Review, ReviewClass, ReviewImage, ReviewKind, ReviewRow } from 'deit-lt/browser-studio';
import { useState } from 'preact/hooks';
import type { ChosenRun } from './chosen.js';
import { Mark } from './mark.js';
import { useReview } from './use-review.js';
import { count, share } from './words.js';

interface Words {
  readonly purpose: string;
  readonly search: string;
  readonly working: string;
}

const words: Readonly<Record<ReviewKind, Words>> = {
  mistakes: {
    purpose:
      'The images that this run classifies wrongly; for a student with the predictions of CLS, of DIST and of their average.',
    search: 'Classify the test images',
    working: 'Classifying images',
  },
  labels: {
    purpose: 'Images whose label is probably wrong, in the opinion of this run (confident learning).',
    search: 'Search all labels',
    working: 'Classifying images',
  },
  duplicates: {
    purpose: 'Test images that look like an image that this run was trained on.',
    search: 'Compare the images',
    working: 'Comparing images',
  },
};

export function ReviewTab({ runs, kind }: { readonly runs: readonly ChosenRun[]; readonly kind: ReviewKind }) {
  const [id, setId] = useState<string>();
  const run = runs.find((of) => of.id === id) ?? runs.find(({ view }) => view.kind === 'student') ?? runs[0]!;
  return (
    <>
      <p>{words[kind].purpose}</p>
      {runs.length > 1 && (
        <div class="choice">
          {runs.map((of) => (
            <button type="button" key={of.id} aria-pressed={of === run} onClick={() => setId(of.id)}>
              {of.name}
            </button>
          ))}
        </div>
      )}
      <OfRun key={run.id} run={run.id} kind={kind} />
    </>
  );
}

function OfRun({ run, kind }: { readonly run: string; readonly kind: ReviewKind }) {
  const [name, setName] = useState<string>();
  const [page, setPage] = useState(0);
  const { review, problem, isLoading, start, stop } = useReview({ run, kind, name, page });
  const { search } = words[kind];
  return (
    <div aria-busy={isLoading} class={isLoading ? 'loading' : ''}>
      {problem && <p class="problem">{problem}</p>}
      {(problem || review?.state === 'idle') && (
        <p class="choice">
          <button type="button" class="act" onClick={start}>
            {search}
          </button>
          <span class="faint">It takes the processors of this machine for a while; you can stop it.</span>
        </p>
      )}
      {review?.state === 'working' && (
        <p class="choice" role="status">
          <progress value={review.done} max={review.total || 1} aria-label={doing(review, kind)} />
          <span>
            {doing(review, kind)}
            {review.total > 0 ? `: ${count(review.done)} of ${count(review.total)}` : ' …'}
          </span>
          <button type="button" onClick={stop}>
            Stop
          </button>
        </p>
      )}
      {review?.state === 'ready' && (
        <Found
          review={review}
          kind={kind}
          name={name}
          onName={(name) => {
            setName(name);
            setPage(0);
          }}
          onPage={setPage}
          onAgain={start}
        />
      )}
    </div>
  );
}

const doing = ({ stage }: Extract<Review, { state: 'working' }>, kind: ReviewKind): string =>
  stage === 'reading' ? 'Reading the files' : words[kind].working;

interface FoundProps {
  readonly review: Extract<Review, { state: 'ready' }>;
  readonly kind: ReviewKind;
  readonly name: string | undefined;
  readonly onName: (name: string | undefined) => void;
  readonly onPage: (page: number) => void;
  readonly onAgain: () => void;
}

function Found({ review, kind, name, onName, onPage, onAgain }: FoundProps) {
  const { facts, classes, rows, page, pages, total } = review;
  const all = classes.reduce((sum, { rows }) => sum + rows, 0);
  return (
    <>
      {facts.map((fact) => (
        <p key={fact} class="facts">
          {fact}
        </p>
      ))}
      <div class="choice">
        {classes.length > 1 && (
          <label>
            class{' '}
            <select
              value={name ?? ''}
              onChange={({ currentTarget }) => onName(currentTarget.value === '' ? undefined : currentTarget.value)}
            >
              <option value="">all ({count(all)})</option>
              {classes.map((of) => (
                <option key={of.name} value={of.name}>
                  {of.name} ({rowsText(of)})
                </option>
              ))}
            </select>
          </label>
        )}
        <Pages page={page} pages={pages} total={total} onPage={onPage} />
        <button type="button" onClick={onAgain}>
          Search again
        </button>
      </div>
      <div class={`gallery review ${kind}`}>
        {rows.map((row) => (
          <Row key={`${row.image.split} ${row.image.name}`} row={row} />
        ))}
      </div>
      {pages > 1 && rows.length > 6 && (
        <div class="choice">
          <Pages page={page} pages={pages} total={total} onPage={onPage} />
        </div>
      )}
    </>
  );
}

const rowsText = ({ rows, images }: ReviewClass): string =>
  images === undefined ? count(rows) : `${count(rows)} of ${count(images)}`;

interface PagesProps {
  readonly page: number;
  readonly pages: number;
  readonly total: number;
  readonly onPage: (page: number) => void;
}

function Pages({ page, pages, total, onPage }: PagesProps) {
  if (pages < 2) return null;
  return (
    <span class="pages">
      <button type="button" disabled={page === 0} onClick={() => onPage(page - 1)}>
        Previous
      </button>
      <span>
        page {count(page + 1)} of {count(pages)}, {count(total)} in all
      </span>
      <button type="button" disabled={page + 1 >= pages} onClick={() => onPage(page + 1)}>
        Next
      </button>
    </span>
  );
}

function Row({ row }: { readonly row: ReviewRow }) {
  if (row.kind === 'duplicates') {
    const { image, other, distance } = row;
    return (
      <div class="shown">
        <div class="views">
          <Picture image={image} />
          <Picture image={other} />
        </div>
        <p>
          {image.class === other.class ? 'the same label' : <b class="wrong">different labels</b>}, distance{' '}
          {distance.toFixed(3)}
        </p>
      </div>
    );
  }
  return (
    <div class="shown with-facts">
      <Picture image={row.image} />
      {row.kind === 'labels' ? <Doubt row={row} /> : <Wrong row={row} />}
    </div>
  );
}

function Picture({ image: { name, class: label, split, picture } }: { readonly image: ReviewImage }) {
  return (
    <div>
      <div class={picture === undefined ? 'picture missing' : 'picture'}>
        {picture === undefined ? (
          <span class="faint">This file cannot be read any more.</span>
        ) : (
          <img class="pixels" src={picture} alt={`${name}, ${label}`} />
        )}
      </div>
      <span class="name" title={name}>
        <span class="faint">{split}</span> {shortName(name)}
      </span>
    </div>
  );
}

/** The last two parts of a path: often the class and the file. */
const shortName = (name: string): string => name.split(/[\\/]/).slice(-2).join('/');

function Doubt({ row: { image, probability, suggested } }: { readonly row: Extract<ReviewRow, { kind: 'labels' }> }) {
  return (
    <dl>
      <dt>label</dt>
      <dd>
        {image.class} <span class="faint">{share(probability)}</span>
      </dd>
      <dt>the model</dt>
      <dd>
        <b>{suggested.class}</b> <span class="faint">{share(suggested.probability)}</span>
      </dd>
    </dl>
  );
}

const outputs = [
  ['avg', 'average'],
  ['cls', 'CLS'],
  ['dist', 'DIST'],
] as const;

function Wrong({
  row: { image, predictions, disagreement },
}: {
  readonly row: Extract<ReviewRow, { kind: 'mistakes' }>;
}) {
  const isAlone = predictions.cls === undefined;
  return (
    <dl>
      <dt>label</dt>
      <dd>{image.class}</dd>
      {outputs.map(([output, title]) => {
        const guess = predictions[output];
        return (
          guess && [
            <dt key={`${output} title`}>{isAlone ? 'prediction' : title}</dt>,
            <dd key={output}>
              <Opinion guess={guess} label={image.class} />
            </dd>,
          ]
        );
      })}
      {disagreement !== undefined && [
        <dt key="title">disagreement</dt>,
        <dd key="disagreement">{share(disagreement)}</dd>,
      ]}
    </dl>
  );
}

function Opinion({ guess, label }: { readonly guess: Guess; readonly label: string }) {
  return (
    <>
      <Mark isRight={guess.class === label} /> {guess.class} <span class="faint">{share(guess.probability)}</span>
    </>
  );
}
