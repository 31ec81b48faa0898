/** A picture that is in memory; pixels stay square where there are few. */
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface BitmapProps {
  readonly of: ImageBitmap;
  readonly alt: string;
}

/** Below this side a picture is shown by its pixels, which smoothing would hide. */
const coarse = 128;

export function Bitmap({ of, alt }: BitmapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    context.clearRect(0, 0, of.width, of.height);
    context.drawImage(of, 0, 0);
  }, [of]);
  return (
    <canvas
      ref={canvas}
      width={of.width}
      height={of.height}
      class={of.width < coarse ? 'pixels' : undefined}
      role="img"
      aria-label={alt}
    />
  );
}
