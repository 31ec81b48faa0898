/** The model's results for one image: the prediction, and beside it each expert with its attention map. */
import type { ColorName, PageClass, PageModel, Ranked } from 'deit-lt/browser';
import type { ComponentChildren } from 'preact';
import { Bitmap } from '../ui/bitmap.js';
import { Heat } from '../ui/heat.js';
import type { Seen } from './messages.js';
import { classNote, percent } from './text.js';

export interface OpinionsProps {
  readonly seen: Seen;
  readonly about: PageModel;
}

export function Opinions(props: OpinionsProps) {
  return props.about.experts ? <ExpertOpinions {...props} /> : <SingleOpinion {...props} />;
}

function ExpertOpinions({ seen, about }: OpinionsProps) {
  return (
    <div class="opinions">
      <Opinion title="Prediction" note="the average of CLS and DIST" color="avg" ranked={seen.top} about={about}>
        <Input seen={seen} about={about} />
      </Opinion>
      <Opinion title="CLS" note="best on large classes" color="cls" ranked={seen.cls!} about={about}>
        <MapOf token="cls" seen={seen} about={about} />
      </Opinion>
      <Opinion title="DIST" note="best on small classes" color="dist" ranked={seen.dist!} about={about}>
        <MapOf token="dist" seen={seen} about={about} />
      </Opinion>
    </div>
  );
}

function SingleOpinion({ seen, about }: OpinionsProps) {
  const note = about.attention === null ? 'a CNN, which has no attention' : undefined;
  return (
    <div class="opinions single">
      <Opinion title="Prediction" note={note} color="avg" ranked={seen.top} about={about}>
        <Input seen={seen} about={about} />
        <MapOf token="cls" seen={seen} about={about} />
      </Opinion>
    </div>
  );
}

interface OpinionProps extends Pick<OpinionsProps, 'about'> {
  readonly title: string;
  readonly note?: string | undefined;
  readonly color: ColorName;
  readonly ranked: readonly Ranked[];
  readonly children: ComponentChildren;
}

function Opinion({ title, note, color, ranked, about, children }: OpinionProps) {
  return (
    <section class="opinion" style={{ '--own': `var(--${color})` }} aria-label={title}>
      <h2>
        {title} {note && <small class="who">{note}</small>}
      </h2>
      <div class="pictures">{children}</div>
      <ol class="ranks">
        {ranked.map((each, i) => (
          <Bar key={each.class} {...each} about={classOf(about, each.class)} first={i === 0} />
        ))}
      </ol>
    </section>
  );
}

const classOf = ({ classes }: PageModel, name: string): PageClass => classes.find((each) => each.name === name)!;

interface BarProps extends Ranked {
  readonly about: PageClass;
  readonly first: boolean;
}

function Bar({ class: name, probability, about, first }: BarProps) {
  return (
    <li>
      <span class="name">
        {first ? <b>{name}</b> : name} <small>{classNote(about)}</small>
      </span>
      <span class="share">{percent(probability)}</span>
      <span class="bar">
        <span style={{ width: `${100 * probability}%` }} />
      </span>
    </li>
  );
}

function Input({ seen, about: { input } }: OpinionsProps) {
  const pixels = `${input.size} × ${input.size}`;
  return (
    <figure>
      <div class="picture">
        <Bitmap of={seen.input} alt={`The image as the model sees it, ${pixels} pixels`} />
      </div>
      <figcaption>as the model sees it, {pixels}</figcaption>
    </figure>
  );
}

/** Nothing where the model has no attention. */
function MapOf({ token, seen, about: { attention } }: OpinionsProps & { token: 'cls' | 'dist' }) {
  const map = seen.maps[token];
  if (attention === null || map === undefined) return null;
  const who = token.toUpperCase();
  return (
    <figure>
      <div class="picture dim">
        <Bitmap of={seen.view} alt="" />
        <Heat map={map} grid={attention.grid} who={who} />
      </div>
      <figcaption>where {who} looks</figcaption>
    </figure>
  );
}
