/** The images of a training with their labels and the predictions of the teacher. */
import type { TrainingForm, TrainingImage, TrainingImages } from 'deit-lt/browser-studio';
import { useState } from 'preact/hooks';
import type { ChosenRun } from './chosen.js';
import { useFetched } from './fetched.js';
import { Mark } from './mark.js';
import { share } from './words.js';

export function TrainingImagesTab({ runs }: { readonly runs: readonly ChosenRun[] }) {
  const [draw, setDraw] = useState(0);
  const [id, setId] = useState<string>();
  const run = runs.find((of) => of.id === id) ?? runs.find(({ view }) => view.kind === 'student') ?? runs[0]!;
  const words = new URLSearchParams({ run: run.id, draw: `${draw}` });
  const { value, problem, isLoading } = useFetched<TrainingImages>(`images?${words}`);
  return (
    <>
      <p>
        {run.view.kind === 'student'
          ? 'CLS is trained on the label. DIST is trained on the prediction of the teacher for the augmented image, whether it is right or wrong.'
          : 'Training images, and how this run augments them.'}
      </p>
      <div class="choice">
        {runs.length > 1 &&
          runs.map((of) => (
            <button type="button" key={of.id} aria-pressed={of === run} onClick={() => setId(of.id)}>
              {of.name}
            </button>
          ))}
        <button type="button" class="act" disabled={isLoading} onClick={() => setDraw(draw + 1)}>
          {isLoading ? 'Drawing …' : 'Draw others'}
        </button>
      </div>
      {problem && <p class="problem">{problem}</p>}
      {value?.notes.map((note) => (
        <p key={note} class="faint">
          {note}
        </p>
      ))}
      <div class={`gallery training ${isLoading ? 'loading' : ''}`}>
        {value?.images.map((image, i) => (
          <Shown key={i} image={image} />
        ))}
      </div>
    </>
  );
}

function Shown({ image: { name, class: label, group, forms } }: { readonly image: TrainingImage }) {
  return (
    <div class="shown">
      <b>{label}</b> <span class="faint">{group}</span>
      <div class="views">
        {forms.map((form) => (
          <Form key={form.form} form={form} name={name} />
        ))}
      </div>
    </div>
  );
}

function Form({ form, name }: { readonly form: TrainingForm; readonly name: string }) {
  const { picture, label, teacher, mixing } = form;
  const what = mixing === 'cutmix' ? 'CutMix' : mixing === 'mixup' ? 'Mixup' : form.form;
  return (
    <div>
      <div class="picture">
        <img class="pixels" src={picture} alt={`${name}, ${what}`} />
      </div>
      {what}
      <dl>
        <dt>label</dt>
        {label.map((of) => (
          <dd key={of.class}>
            {of.class} {label.length > 1 && <span class="faint">{share(of.share)}</span>}
          </dd>
        ))}
        {teacher?.[0] && (
          <>
            <dt>teacher</dt>
            <dd>
              <Mark isRight={teacher[0].class === label[0]?.class} /> {teacher[0].class}{' '}
              <span class="faint">{share(teacher[0].probability)}</span>
            </dd>
            {teacher.slice(1).map(
              (guess) =>
                guess.probability >= 0.05 && (
                  <dd key={guess.class} class="faint">
                    {guess.class} {share(guess.probability)}
                  </dd>
                ),
            )}
          </>
        )}
      </dl>
    </div>
  );
}
