/** The names of the models of `deit-lt serve`: `NAME=RUN`, or the last part of a path. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors.js';

export interface NamedModel {
  readonly name: string;
  /** A run folder, a checkpoint or an ONNX model. */
  readonly path: string;
}

/** Returns the models that `given` names. Throws UserError USAGE for a name that is not allowed or that two have. */
export function namedModels(given: readonly string[]): NamedModel[] {
  const models = given.map(namedModel);
  for (const [i, { name, path: place }] of models.entries()) {
    const other = models.slice(0, i).find((model) => model.name === name);
    if (other !== undefined)
      throw new UserError(
        'USAGE',
        `${other.path} and ${place} would both be called "${name}". Name them, such as first=${other.path} second=${place}.`,
      );
  }
  return models;
}

function namedModel(given: string): NamedModel {
  const [, name, place] = /^([^=]*)=(.+)$/s.exec(given) ?? [];
  if (name === undefined || place === undefined || existsSync(given)) return { name: nameOf(given), path: given };
  if (/^[\w.-]+$/.test(name)) return { name, path: place };
  throw new UserError('USAGE', `"${name}" is not a name for a model: use letters, digits, ".", "-" and "_".`);
}

/** `runs/birds` and `runs/birds/student` are "birds"; `models/birds.onnx` is "birds". */
function nameOf(place: string): string {
  const parts = path
    .resolve(place)
    .split(path.sep)
    .filter((part) => part !== '');
  const names = parts.filter((part) => !['student', 'teacher', 'vit', 'checkpoints'].includes(part));
  const isFile = /\.(safetensors|pth|pt|tar|onnx)$/i.test(parts.at(-1) ?? '');
  const name = isFile && /^(best|last)\./.test(parts.at(-1)!) ? names.at(-2) : (names.at(-1) ?? parts.at(-1));
  return (name ?? 'model').replace(/(\.pth)?\.(safetensors|pth|pt|tar|onnx)$/i, '') || 'model';
}
