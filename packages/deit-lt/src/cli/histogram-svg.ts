/** The class histogram as an SVG picture, drawn by Observable Plot on a document without a browser. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { type Group, groupNames } from '../data/groups.js';
import { visible, visibleLines } from '../text/visible.js';
import { textWidth } from '../text/width.js';
import type { ClassRow } from './class-rows.js';

/** Colours that colour-blind people can tell apart (Okabe and Ito). */
const fills: Readonly<Record<Group, string>> = { head: '#0072B2', mid: '#E69F00', tail: '#D55E00' };

/** Classes beyond which their names do not fit below the bars. */
const mostNames = 60;

/** A whole SVG document. `title` is drawn above the bars. */
export function histogramSvg(rows: readonly ClassRow[], title: string): string {
  const named = rows.length <= mostNames;
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const longest = named ? Math.max(...rows.map(({ name }) => textWidth(visible(name)))) : 0;
  const svg = Plot.plot({
    document,
    title: undefined,
    width: 800,
    height: 400,
    marginTop: 48,
    marginLeft: 60,
    marginBottom: named ? Math.min(140, 24 + 5 * longest) : 36,
    x: named
      ? {
          type: 'band',
          domain: rows.map((_, rank) => rank),
          tickFormat: (rank: number) => visible(rows[rank]!.name),
          tickRotate: -40,
          label: null,
        }
      : { domain: [0, rows.length], label: 'classes, from the largest to the smallest' },
    y: { grid: true, label: null },
    marks: [
      named
        ? Plot.barY(rows, {
            x: (_: ClassRow, rank: number) => rank,
            y: 'train',
            fill: ({ group }: ClassRow) => fills[group],
          })
        : Plot.rectY(runs(rows), {
            x1: 'from',
            x2: 'to',
            y: 'train',
            fill: ({ group }: Run) => fills[group],
            inset: 0,
          }),
      Plot.ruleY([0]),
      Plot.text(['↑ training images'], { frameAnchor: 'top-left', dx: -40, dy: -18 }),
      Plot.text([visible(title)], { frameAnchor: 'top-left', dy: -40, fontSize: 13, fontWeight: 'bold' }),
      ...groupNames.map((group, i) =>
        Plot.text([`■ ${group}`], {
          frameAnchor: 'top-right',
          dx: 44 * (i - 2),
          dy: -22,
          fontSize: 12,
          fill: fills[group],
        }),
      ),
    ],
  });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('style', 'background: white; color: #222');
  return `${visibleLines(svg.outerHTML)}\n`;
}

/** Neighbouring classes of one size and group: one bar instead of thousands. */
interface Run {
  from: number;
  to: number;
  readonly train: number;
  readonly group: Group;
}

function runs(rows: readonly ClassRow[]): Run[] {
  const found: Run[] = [];
  rows.forEach(({ train, group }, rank) => {
    const last = found.at(-1);
    if (last?.train === train && last.group === group) last.to = rank + 1;
    else found.push({ from: rank, to: rank + 1, train, group });
  });
  return found;
}
