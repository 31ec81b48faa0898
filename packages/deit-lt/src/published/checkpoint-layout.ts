/** The places of weights in checkpoints of training scripts, and other useful values there. */
import { fromTorch } from '../description/formats.js';
import type { ModelFacts } from '../description/model-description.js';
import { UserError } from '../errors.js';
import { Namespace } from '../pickle/containers.js';
import type { PickleValue } from '../pickle/values.js';
import { PickledTensor } from '../torch-files/pickled-tensor.js';

type StateDict = Map<string, PickledTensor>;

/** Keys for both kinds of weights, the likelier first. */
const places = {
  raw: ['model', 'state_dict', 'model_state_dict', 'model_state', 'student', 'net', 'network', 'weights'],
  ema: ['model_ema', 'state_dict_ema', 'ema', 'ema_state_dict', 'ema_model'],
} as const;

/** The weights in a checkpoint's object. Throws UserError CHECKPOINT when there are none of that kind. */
export function stateOf(value: PickleValue, weights: 'ema' | 'raw', file: string): StateDict {
  const state = search(value, weights, 3);
  if (state !== undefined) return state;
  const names = value instanceof Map ? [...value.keys()].filter((key) => typeof key === 'string') : [];
  const found = names.length === 0 ? '' : ` It has ${listed(names)}.`;
  const what = weights === 'ema' ? `averaged weights (${places.ema.join(', ')})` : 'weights';
  throw new UserError('CHECKPOINT', `${file} has no ${what}.${found}`);
}

/** The object itself for weights as trained, or what it has under one of the usual names, not deeper than `depth`. */
function search(value: PickleValue, weights: 'ema' | 'raw', depth: number): StateDict | undefined {
  if (!(value instanceof Map) || depth === 0) return undefined;
  const inner = places[weights].find((name) => value.get(name) instanceof Map);
  const found = inner === undefined ? undefined : search(value.get(inner)!, 'raw', depth - 1);
  if (found !== undefined || weights === 'ema') return found;
  return asStateDict(value);
}

/** Its tensors, when half of its entries or more are some; else undefined. */
function asStateDict(map: Map<unknown, PickleValue>): StateDict | undefined {
  const tensors = [...map].filter(
    (entry): entry is [string, PickledTensor] => typeof entry[0] === 'string' && entry[1] instanceof PickledTensor,
  );
  return tensors.length > 0 && 2 * tensors.length >= map.size ? new Map(tensors) : undefined;
}

/** Facts from what our export, or the published training script, writes beside the weights. Throws UserError CHECKPOINT. */
export function factsOf(value: PickleValue, file: string): ModelFacts {
  if (!(value instanceof Map)) return {};
  const { epoch, args } = { epoch: value.get('epoch'), args: value.get('args') };
  const options =
    args instanceof Namespace ? args.values : args instanceof Map ? args : new Map<unknown, PickleValue>();
  const [counts, size] = [options.get('cls_num_list'), options.get('input_size')];
  return {
    ...fromTorch(value, file),
    // PyTorch's ImageNet example, and LDAM and PaCo after it, count from 1 and say state_dict.
    ...(isNatural(epoch) && { epoch: value.has('state_dict') ? Math.max(0, epoch - 1) : epoch }),
    ...(Array.isArray(counts) && counts.every(isNatural) && { trainCounts: counts }),
    ...(isNatural(size) && size > 0 && size <= 4096 && { inputSize: size }),
  };
}

function isNatural(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The first names of many. */
export function listed(names: readonly string[], most = 12): string {
  const shown = names.slice(0, most).map((name) => (name.length > 80 ? `${name.slice(0, 80)}…` : name));
  return `${shown.join(', ')}${names.length > most ? ` and ${names.length - most} more` : ''}`;
}
