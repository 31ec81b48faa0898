/** The sources of images: dropped, pasted, chosen, or from the camera. */
import { useEffect, useRef, useState } from 'preact/hooks';

export interface ImageSourcesProps {
  readonly onFiles: (files: readonly File[]) => void;
  readonly onProblem: (sentence: string) => void;
  /** Undefined while the camera is on. */
  readonly onCamera: (() => void) | undefined;
}

const notDropped = 'This is not a file. Save the image first and drop the file, or copy the image and paste it.';
const notPasted = 'There is no image among what was pasted.';

export function ImageSources({ onFiles, onProblem, onCamera }: ImageSourcesProps) {
  const input = useRef<HTMLInputElement>(null);
  const take = (list: FileList | null | undefined, otherwise: string) => {
    const files = [...(list ?? [])];
    if (files.length > 0) onFiles(files);
    else onProblem(otherwise);
  };
  const dragged = useDropAndPaste(take);
  return (
    <section class={dragged ? 'sources dragged' : 'sources'} aria-label="Images">
      <p>Drop images anywhere on this page, paste them, or</p>
      <button type="button" class="main" onClick={() => input.current!.click()}>
        Choose images …
      </button>
      <button type="button" onClick={onCamera} disabled={onCamera === undefined}>
        Use the camera
      </button>
      <input
        ref={input}
        type="file"
        accept="image/*"
        multiple
        hidden
        onChange={({ currentTarget }) => {
          if (currentTarget.files!.length > 0) onFiles([...currentTarget.files!]);
          currentTarget.value = ''; // so that the same file can be chosen again
        }}
      />
    </section>
  );
}

/** Whether something is dragged over the page. */
function useDropAndPaste(take: (list: FileList | null | undefined, otherwise: string) => void): boolean {
  const [dragged, setDragged] = useState(false);
  useEffect(() => {
    const end = new AbortController();
    const listen = <K extends keyof WindowEventMap>(type: K, act: (event: WindowEventMap[K]) => void) =>
      addEventListener(type, act, { signal: end.signal });
    listen('dragover', (event) => {
      event.preventDefault(); // else the browser opens what is dropped
      setDragged(true);
    });
    listen('dragleave', ({ relatedTarget }) => {
      if (relatedTarget === null) setDragged(false);
    });
    listen('drop', (event) => {
      event.preventDefault();
      setDragged(false);
      take(event.dataTransfer?.files, notDropped);
    });
    listen('paste', ({ clipboardData }) => take(clipboardData?.files, notPasted));
    return () => end.abort();
  });
  return dragged;
}
