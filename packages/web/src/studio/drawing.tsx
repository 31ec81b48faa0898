/** A figure of the reports, drawn here by Observable Plot at the width that there is. */
import * as Plot from '@observablehq/plot';
import type { DrawOptions, LegendItem } from 'deit-lt/browser-studio';
import { useEffect, useRef, useState } from 'preact/hooks';

export function Drawing({ options }: { readonly options: DrawOptions | undefined }) {
  const [width, setWidth] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, [options === undefined]);
  useEffect(() => {
    if (options === undefined || width === 0) return;
    box.current?.replaceChildren(draw(options, width));
  }, [options, width]);
  if (options === undefined) return null;
  const { title, legend = [], caption } = options;
  return (
    <figure>
      <b>{title}</b>
      <Legend items={legend} />
      <div ref={box} class="drawing" />
      <figcaption>{caption}</figcaption>
    </figure>
  );
}

function draw({ alt, plot }: DrawOptions, width: number): Element {
  const svg = Plot.plot({
    ...(plot as Plot.PlotOptions),
    width,
    marginBottom: 40,
    style: { fontSize: '12px', background: 'none', color: 'currentColor', overflow: 'visible' },
  });
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', alt);
  return svg;
}

function Legend({ items }: { readonly items: readonly LegendItem[] }) {
  return (
    <span class="legend">
      {items.map(({ label, color }) => (
        <span key={label}>
          <span class="swatch" style={{ background: color }} />
          {label}
        </span>
      ))}
    </span>
  );
}
