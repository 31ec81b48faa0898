/** The whole page: the model's state, the images, and the prediction for the selected one. */
import { visible } from 'deit-lt/browser';
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import { Camera } from './camera.js';
import { ImageSources } from './image-sources.js';
import { ImageStrip } from './image-strip.js';
import type { Seen } from './messages.js';
import { ModelClient, type ModelState } from './model-client.js';
import { Opinions } from './opinions.js';
import { Reading } from './reading.js';
import { changed, noImages, type ShownImage } from './shown-images.js';
import { aboutModel, agreement, percent, setNote, unknownNote } from './text.js';

export function App() {
  const [model, setModel] = useState<ModelState>({ status: 'loading', loaded: 0, total: 0 });
  const client = useRef<ModelClient>(undefined);
  const [images, change] = useReducer(changed, noImages);
  const [problem, setProblem] = useState('');
  const [camera, setCamera] = useState(false);
  const [live, setLive] = useState<Seen>();
  const nextId = useRef(0);
  useEffect(() => {
    if (model.status === 'ready') document.title = visible(`${model.about.name} · DeiT-LT demo`);
  }, [model.status]);
  useEffect(() => {
    client.current = new ModelClient(setModel);
  }, []);

  const look = async ({ id, name }: ShownImage, image: Blob | ImageBitmap) => {
    try {
      change({ kind: 'know', id, fact: { seen: await client.current!.look(image) } });
    } catch (error) {
      change({ kind: 'know', id, fact: { problem: `${name} ${(error as Error).message}` } });
    }
  };
  const add = (found: readonly { name: string; image: Blob | ImageBitmap }[]) => {
    setProblem('');
    setCamera(false);
    const added = found.map(({ name, image }) => ({ shown: { id: nextId.current++, name }, image }));
    change({ kind: 'add', images: added.map(({ shown }) => shown) });
    for (const { shown, image } of added) void look(shown, image);
  };

  const startCamera = () => {
    setProblem('');
    setLive(undefined);
    setCamera(true);
  };

  const selected = images.all.find(({ id }) => id === images.selected);
  const seen = camera ? live : selected?.seen;
  if (model.status === 'failed') return <Failed reason={model.reason} />;
  return (
    <>
      <Heading model={model} />
      <main>
        <ImageSources
          onFiles={(files) => add(files.map((file) => ({ name: file.name, image: file })))}
          onProblem={setProblem}
          onCamera={camera ? undefined : startCamera}
        />
        <p class="problem" role="alert">
          {problem}
        </p>
        {camera && (
          <Camera
            look={(frame) => client.current!.look(frame)}
            onSeen={setLive}
            onTake={(image) => add([{ name: 'camera picture', image }])}
            onEnd={(why = '') => {
              setCamera(false);
              setProblem(why);
            }}
          />
        )}
        <ImageStrip images={images} onChange={change} />
        <div class="verdict" aria-live="polite">
          {!camera && selected !== undefined && <Verdict image={selected} model={model} />}
        </div>
        {model.status === 'ready' && seen !== undefined && <Opinions seen={seen} about={model.about} />}
      </main>
      <Reading model={model.status === 'ready' ? model.about : undefined} />
    </>
  );
}

function Verdict({ image: { name, seen, problem }, model }: { image: ShownImage; model: ModelState }) {
  if (problem !== undefined) return <p class="problem">{problem}</p>;
  if (seen === undefined)
    return <p>{model.status === 'loading' ? `${name} waits for the model.` : `Classifying ${name} …`}</p>;
  const best = seen.top[0]!;
  return (
    <>
      <p class="best">
        {seen.unknown === true && 'unknown: '}
        <b>{best.class}</b> {percent(best.probability)}
      </p>
      <p>
        <span class="faint">{name}</span>
        {seen.cls && ` · ${agreement(seen)}`}
      </p>
      {seen.unknown === true && <p>{unknownNote}</p>}
      {seen.set !== undefined && <p>{setNote(seen.set)}</p>}
    </>
  );
}

function Heading({ model }: { model: ModelState }) {
  return (
    <header>
      <h1>Classify an image</h1>
      {model.status === 'ready' && <p class="faint">{aboutModel(model.about)}</p>}
      {model.status === 'loading' && <Loading {...model} />}
    </header>
  );
}

function Loading({ loaded, total }: { loaded: number; total: number }) {
  return (
    <p class="loading">
      <label>
        The model is loading{total > 0 && `: ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`}
        <progress {...(total > 0 && { value: loaded, max: total })} />
      </label>
    </p>
  );
}

function Failed({ reason }: { reason: string }) {
  return (
    <main>
      <h1>Classify an image</h1>
      <p class="problem" role="alert">
        {reason}
      </p>
      <button type="button" onClick={() => location.reload()}>
        Try again
      </button>
    </main>
  );
}
