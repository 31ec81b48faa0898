/** A map over a picture: strong where the model looks most. */
import { heatPixels, peakOf } from 'deit-lt/browser';
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface HeatProps {
  /** A value for each patch, row by row. */
  readonly map: Float64Array;
  readonly grid: readonly [rows: number, columns: number];
  /** Whose map it is. */
  readonly who: string;
}

export function Heat({ map, grid: [rows, columns], who }: HeatProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const pixels = new ImageData(columns, rows);
    pixels.data.set(heatPixels(map));
    canvas.current!.getContext('2d')!.putImageData(pixels, 0, 0);
  }, [map, rows, columns]);
  const alt = `Attention map of ${who}: highest at ${peakOf(map, columns)} of ${rows} × ${columns} patches`;
  return <canvas ref={canvas} class="heat" width={columns} height={rows} role="img" aria-label={alt} />;
}
