/** The data of a run for the studio's page: the messages between its server and the browser. Types alone, for both. */
import type { Group } from '../data/groups.js';
import type { Accuracies, ClassFigures } from '../evaluation/class-figures.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import type { OutputName } from '../runs/predictions.js';

/** Figures in %; null where there are no images, and for balanced accuracy in files of earlier versions. */
export type GroupFigures = Accuracies & Pick<ClassFigures, 'few' | 'intervals'>;

/** The data of a curve: a line of metrics.jsonl without the accuracies of single classes. */
export interface CurveRecord {
  /** Epoch, from 0. */
  readonly epoch: number;
  /** Null when it was no number. */
  readonly loss: number | null;
  readonly seconds: number;
  readonly evaluation?: Readonly<Partial<Record<OutputName, GroupFigures>>>;
  /** Accuracies of the prediction with averaged weights. */
  readonly averaged?: GroupFigures;
  /** The evaluated images. Default: test images. */
  readonly evaluatedOn?: 'validation';
}

/** Running: there was news lately. Stopped: none for a while, before the last epoch. */
export type RunState = 'running' | 'stopped' | 'finished';

export interface RunView {
  /** The folder from the one that is served, with `/`; `.` is that one itself. */
  readonly id: string;
  readonly kind: TrainingKind;
  readonly state: RunState;
  /** When it began, and when its files last changed: milliseconds since 1970. */
  readonly started: number;
  readonly news: number;
  /** Epochs of the recipe, and how many are done. */
  readonly epochs: number;
  readonly epochsDone: number;
  /** For the epochs that are left, while it runs; undefined before the first is done. */
  readonly secondsLeft?: number | undefined;
  readonly model: string;
  readonly imageSize: number;
  readonly data: {
    readonly name: string;
    readonly classes: number;
    readonly images: number;
  };
  /** Accuracies of the best checkpoint, else of the last evaluation with the weights that the recipe keeps. */
  readonly figures?: GroupFigures | undefined;
  /** Split of these accuracies. */
  readonly split: 'test' | 'validation';
  /** Changes with the files that the parts of a report are made of. */
  readonly version: string;
}

/** Over server-sent events: `run` for a new run or one with news, `gone` for one that is no longer there. */
export type StudioEvent =
  | {
      readonly type: 'run';
      readonly run: RunView;
      /** Records before `from` stay, those from there on are `records`. */
      readonly from: number;
      readonly records: readonly CurveRecord[];
    }
  | { readonly type: 'gone'; readonly id: string }
  /** After the runs that were there when the page asked. */
  | { readonly type: 'ready'; readonly folder: string };

/** A part of a report. */
export interface StudioPart {
  readonly id: string;
  readonly title: string;
  readonly html: string;
}

export interface StudioParts {
  readonly parts: readonly StudioPart[];
  /** Missing parts, and the commands that add them. */
  readonly notes: readonly string[];
}

/** An answer of the teacher. */
export interface Guess {
  readonly class: string;
  /** 0 … 1 */
  readonly probability: number;
}

/** An image in one of the forms in which a network is trained on it. */
export interface TrainingForm {
  readonly form: 'clean' | 'augmented' | 'mixed';
  /** A `data:` address. */
  readonly picture: string;
  /** The label: classes with their shares, the largest first. */
  readonly label: readonly { readonly class: string; readonly share: number }[];
  /** The kind of mixing. */
  readonly mixing?: 'mixup' | 'cutmix' | undefined;
  /** Its most probable classes, best first; absent for runs without a teacher. */
  readonly teacher?: readonly Guess[] | undefined;
}

export interface TrainingImage {
  readonly name: string;
  readonly class: string;
  readonly group: Group;
  readonly forms: readonly TrainingForm[];
}

export interface TrainingImages {
  readonly images: readonly TrainingImage[];
  /** Warnings. */
  readonly notes: readonly string[];
}
