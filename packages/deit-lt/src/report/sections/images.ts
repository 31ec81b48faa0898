/** Images: what the experts look at, and the tail classes that are taken for others. */
import type { ConfusedClass, GalleryItem, Guess, ShownImage } from '../../analysis/run/analysis-file.js';
import { heatMap } from '../heat-map.js';
import { peakOf } from '../heat-pixels.js';
import { type Html, html } from '../html.js';
import type { ReportRun } from '../report-run.js';

/** Undefined for a run that was not analysed, or has no maps. */
export async function gallerySection(run: ReportRun): Promise<Html | undefined> {
  const items = run.analysis?.gallery ?? [];
  const grid = run.analysis?.attention?.grid;
  if (items.length === 0 || grid === undefined) return undefined;
  const cards = await Promise.all(items.map((item) => galleryCard(run, item, grid[1])));
  return html`<h3>${run.name}</h3><div class="gallery">${cards}</div>`;
}

async function galleryCard({ config: { data } }: ReportRun, item: GalleryItem, columns: number): Promise<Html> {
  const label = data.classNames[item.label]!;
  const views: Html[] = [];
  for (const token of ['cls', 'dist'] as const) {
    const map = item.maps[token];
    if (map === undefined) continue;
    const alt = `Attention map of ${token.toUpperCase()}: highest at ${peakOf(map, columns)} of the patches`;
    views.push(
      html`<div><div class="picture dim"><img class="pixels" src="${item.picture}" alt=""><img src="${await heatMap(map, columns)}" alt="${alt}"></div>${token.toUpperCase()}</div>`,
    );
  }
  const guesses = (['teacher', 'cls', 'dist', 'avg'] as const).flatMap((who) => {
    const guess = item.guesses[who];
    return guess === undefined ? [] : [guessLine(names[who], guess, item.label, data.classNames)];
  });
  return html`<div class="shown"><div class="views"><div><div class="picture"><img class="pixels" src="${item.picture}" alt="Test image of the class ${label}"></div>input</div>${views}</div>
<ul><li><b>${label}</b> <span class="faint">${data.groups[item.label]}, ${item.name}</span></li>${guesses}</ul></div>`;
}

const names = { teacher: 'teacher', cls: 'CLS', dist: 'DIST', avg: 'prediction' } as const;

function guessLine(who: string, guess: Guess, label: number, classNames: readonly string[]): Html {
  const right = guess.class === label;
  const mark = right ? html`<span class="right">✓</span>` : html`<span class="wrong">✗</span>`;
  return html`<li>${mark} ${who}: ${classNames[guess.class]!} <span class="faint">${(100 * guess.probability).toFixed(0)} %</span></li>`;
}

/** Undefined for a run that was not analysed, or confuses nothing. */
export function confusedSection(run: ReportRun): Html | undefined {
  const classes = run.analysis?.confused ?? [];
  if (classes.length === 0) return undefined;
  return html`<h3>${run.name}</h3>${classes.map((each) => confusedClass(run, each))}`;
}

function confusedClass(
  { config: { data } }: ReportRun,
  { class: c, accuracy, images, takenFor, examples }: ConfusedClass,
): Html {
  const others = takenFor.map((other) => `${data.classNames[other.class]} (${other.images})`).join(', ');
  return html`<div class="shown" style="margin-bottom: 0.8rem"><p style="margin: 0 0 0.4rem"><b>${data.classNames[c]!}</b>: ${(100 * accuracy).toFixed(0)} % of ${images} test images are right; ${data.trainCounts[c]!} training images. Confused with ${others}.</p>
<div class="strip">${examples.map((example) => wrongImage(example, data.classNames))}</div></div>`;
}

function wrongImage({ picture, label, guesses }: ShownImage, classNames: readonly string[]): Html {
  const guess = guesses.avg;
  const said = guess === undefined ? '' : `${classNames[guess.class]} ${(100 * guess.probability).toFixed(0)} %`;
  return html`<figure><div class="picture"><img class="pixels" src="${picture}" alt="Image of ${classNames[label]!}, predicted as ${said}"></div><figcaption>${said}</figcaption></figure>`;
}
