/** Sentences of the page. */
import type { PageClass, PageModel } from 'deit-lt/browser';
import type { Seen } from './messages.js';

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const count = (n: number): string => n.toLocaleString('en');
const images = (n: number): string => `${count(n)} image${n === 1 ? '' : 's'}`;

/** Group and training images of a class, to stand beside its name. */
export function classNote({ trained }: PageClass): string {
  return trained === undefined ? '' : `${trained.group}, ${images(trained.images)}`;
}

const kinds: Readonly<Record<PageModel['kind'], string>> = {
  student: 'DeiT-LT student',
  teacher: 'teacher',
  vit: 'plain Vision Transformer',
};

/** Describes the model in one line. */
export function aboutModel({ name: model, kind, architecture, classes, input }: PageModel): string {
  const sizes = classes.flatMap(({ name, trained }) => (trained === undefined ? [] : [{ name, n: trained.images }]));
  const [most, ...others] = sizes.toSorted((a, b) => b.n - a.n);
  const least = others.at(-1);
  const tail =
    most === undefined || least === undefined || most.n === least.n
      ? ''
      : ` Its training set was long-tailed: ${images(most.n)} of ${most.name}, ${count(least.n)} of ${least.name}.`;
  return `${model}, a ${kinds[kind]} (${architecture}), has ${count(classes.length)} classes and takes images of ${input.size} × ${input.size} pixels.${tail}`;
}

/** Says whether CLS and DIST of a student agree; empty for other models. */
export function agreement({ cls, dist }: Seen): string {
  const [a, b] = [cls?.[0], dist?.[0]];
  if (a === undefined || b === undefined) return '';
  if (a.class === b.class) return `CLS and DIST agree: ${a.class}.`;
  return `CLS and DIST differ: ${a.class} and ${b.class}.`;
}

export const unknownNote = 'The answer is "unknown": the probability is below the threshold of this class.';

/** Names the classes of the conformal set. */
export function setNote(set: readonly string[]): string {
  return set.length === 0 ? 'The set of classes is empty.' : `Set of classes: ${set.join(', ')}.`;
}

/** Says why the camera cannot be used. */
export function cameraReason(error: unknown): string {
  const reasons: Readonly<Record<string, string>> = {
    NotAllowedError: 'The browser may not use the camera. Allow it in the settings beside the address, then try again.',
    NotFoundError: 'No camera was found.',
    NotReadableError: 'The camera is in use by another program.',
  };
  const name = error instanceof Error ? error.name : '';
  return reasons[name] ?? `The camera does not start: ${error instanceof Error ? error.message : error}`;
}

export const noCameraHere =
  "Browsers give the camera only to pages of https and of this machine's own address (http://127.0.0.1, http://localhost).";
