/** The images so far, small, with what the model says of each; one is selected. */
import { Bitmap } from '../ui/bitmap.js';
import type { Change, ShownImage, ShownImages } from './shown-images.js';
import { percent } from './text.js';

export interface ImageStripProps {
  readonly images: ShownImages;
  readonly onChange: (change: Change) => void;
}

/** Nothing for a single image. */
export function ImageStrip({ images: { all, selected }, onChange }: ImageStripProps) {
  if (all.length < 2) return null;
  return (
    <section class="strip" aria-label="Images so far">
      <ul>
        {all.map((image) => (
          <li key={image.id}>
            <button
              type="button"
              aria-pressed={image.id === selected}
              title={image.name}
              onClick={() => onChange({ kind: 'select', id: image.id })}
            >
              <Thumbnail image={image} />
            </button>
          </li>
        ))}
      </ul>
      <button type="button" onClick={() => onChange({ kind: 'clear' })}>
        Remove all
      </button>
    </section>
  );
}

function Thumbnail({ image: { name, seen, problem } }: { image: ShownImage }) {
  const [best] = seen?.top ?? [];
  return (
    <>
      {seen === undefined ? (
        <span class="blank">{problem === undefined ? '…' : '!'}</span>
      ) : (
        <Bitmap of={seen.view} alt={name} />
      )}
      <span class="said">
        {best === undefined
          ? problem
            ? 'no image'
            : 'waits'
          : `${seen?.unknown === true ? 'unknown: ' : ''}${best.class}`}
      </span>
      {best !== undefined && <span class="share">{percent(best.probability)}</span>}
    </>
  );
}
