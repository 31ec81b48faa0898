/** The camera: what the model says of what is before it, picture after picture, until one is taken. */
import { useEffect, useRef } from 'preact/hooks';
import type { Seen } from './messages.js';
import { cameraReason, noCameraHere } from './text.js';

export interface CameraProps {
  readonly look: (frame: ImageBitmap) => Promise<Seen>;
  readonly onSeen: (seen: Seen) => void;
  readonly onTake: (picture: ImageBitmap) => void;
  /** Receives a sentence when the camera does not work. */
  readonly onEnd: (why?: string) => void;
}

export function Camera({ look, onSeen, onTake, onEnd }: CameraProps) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const end = new AbortController();
    watch(video.current!, end.signal, async (frame) => onSeen(await look(frame))).catch((error: unknown) => {
      if (!end.signal.aborted) onEnd(error instanceof MissingCamera ? error.message : cameraReason(error));
    });
    return () => end.abort();
  }, []);
  const take = async () => {
    // Zero until it has begun.
    if (video.current!.videoWidth > 0) onTake(await createImageBitmap(video.current!));
  };
  return (
    <section class="camera" aria-label="Camera">
      <video ref={video} autoplay playsInline muted aria-label="What the camera sees" />
      <div>
        <button type="button" class="main" onClick={take}>
          Take this picture
        </button>
        <button type="button" onClick={() => onEnd()}>
          Stop the camera
        </button>
      </div>
    </section>
  );
}

class MissingCamera extends Error {}

/** Gives picture after picture to `see`, each when the one before is done, until `signal`; then the camera is let go. */
async function watch(
  video: HTMLVideoElement,
  signal: AbortSignal,
  see: (frame: ImageBitmap) => Promise<void>,
): Promise<void> {
  // Absent where the page is not trusted, whatever its type says.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) throw new MissingCamera(noCameraHere);
  const stream = await devices.getUserMedia({ video: { facingMode: 'environment' } });
  const stop = () => {
    for (const track of stream.getTracks()) track.stop();
  };
  if (signal.aborted) return stop();
  signal.addEventListener('abort', stop);
  video.srcObject = stream;
  await video.play();
  while (!signal.aborted) {
    await see(await createImageBitmap(video));
    await new Promise(requestAnimationFrame);
  }
}
