/** Reading a state dict into a module's tensors: everything is checked before anything is changed. */
import { noGrad } from '../autograd/modes.js';
import { describeValue, TorchError } from '../errors.js';
import { ops } from '../ops.js';
import { checkNames } from '../options.js';
import { tidy } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';

/** Tensors by PyTorch's dotted names. */
export type StateDict = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

export interface LoadOptions {
  /** Whether missing and unexpected entries are an error. Default true. */
  strict?: boolean;
  /**
   * Whether the module takes the dict's memory, where dtype and layout are its own, instead of copying from it. Default
   * false.
   */
  assign?: boolean;
}

export interface LoadResult {
  /** Names that the module has and the dict does not. */
  missingKeys: string[];
  /** Names that the dict has and the module does not. */
  unexpectedKeys: string[];
}

const listed = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

/** Copies `dict` into `targets` by name; see `Module.loadStateDict`. */
export function loadState(
  owner: string,
  targets: readonly (readonly [string, Tensor])[],
  dict: StateDict,
  options: LoadOptions,
): LoadResult {
  const { strict = true, assign = false } = checkNames('loadStateDict()', options, ['strict', 'assign']);
  const given = entriesOf(dict);
  const known = new Set(targets.map(([name]) => name));
  const missingKeys = [...known].filter((name) => !given.has(name));
  const unexpectedKeys = [...given.keys()].filter((name) => !known.has(name));
  const problems = targets.flatMap(([name, target]) => misfit(name, target, given));
  if (strict && unexpectedKeys.length > 0)
    problems.unshift(`Unexpected key(s) in state_dict: ${listed(unexpectedKeys)}.`);
  if (strict && missingKeys.length > 0) problems.unshift(`Missing key(s) in state_dict: ${listed(missingKeys)}.`);
  if (problems.length > 0)
    throw new TorchError('STATE_DICT', `Error(s) in loading state_dict for ${owner}:\n\t${problems.join('\n\t')}`);
  const load = assign ? adopt : (target: Tensor, source: Tensor) => void target.copy_(source);
  noGrad(() => {
    for (const [name, target] of targets) if (given.has(name)) tidy(() => load(target, given.get(name) as Tensor));
  });
  return { missingKeys, unexpectedKeys };
}

/** Replaces a tensor's values and memory, as `parameter.data = …` does in PyTorch: the tensor stays the same object. */
function adopt(target: Tensor, source: Tensor): void {
  ops.aten.set_data.default(target, source.detach().to({ dtype: target.dtype, device: target.device }).contiguous());
}

function entriesOf(dict: StateDict): ReadonlyMap<string, unknown> {
  if (dict instanceof Map) return dict;
  if (dict !== null && typeof dict === 'object') return new Map(Object.entries(dict));
  throw new TorchError('ARGUMENT', `loadStateDict: expected a Map or an object of Tensors, got ${describeValue(dict)}`);
}

function misfit(name: string, target: Tensor, given: ReadonlyMap<string, unknown>): string[] {
  if (!given.has(name)) return [];
  const source = given.get(name);
  if (!(source instanceof Tensor)) return [`${name}: expected a Tensor, got ${describeValue(source)}.`];
  const [from, into] = [source.shape.join(', '), target.shape.join(', ')];
  if (from === into) return [];
  return [
    `size mismatch for ${name}: copying a param with shape [${from}] from checkpoint, the shape in current model is [${into}].`,
  ];
}
