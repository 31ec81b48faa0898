/**
 * An optimizer's state in the form that PyTorch saves: parameters by number, names in snake_case.
 * Kept apart from the optimizers so that reading foreign data has one place.
 */
import { noGrad } from '../autograd/modes.js';
import { camelCase } from '../binding/operator.js';
import { describeValue, TorchError } from '../errors.js';
import { zerosLike } from '../functions.generated.js';
import { tensor } from '../tensor/create.js';
import { isPlainObject, keep, tidy } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';
import type { ParameterGroup, ParameterState } from './parameter-group.js';

export interface OptimizerStateDict {
  /** State by the parameter's number. Parameters that were never updated are absent. */
  state: Record<string, Record<string, unknown>>;
  param_groups: (Record<string, unknown> & { params: number[] })[];
}

/** Names of a parameter's state, as saved. Optional ones may be absent or null. */
export type StateNames = Readonly<Record<string, 'required' | 'optional'>>;

/** `weightDecay` → `weight_decay`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `options` are the names of the options that are saved, in their order. */
export function writeStateDict<O extends object>(
  groups: readonly ParameterGroup<O>[],
  state: ReadonlyMap<Tensor, ParameterState>,
  options: readonly string[],
): OptimizerStateDict {
  const dict: OptimizerStateDict = { state: {}, param_groups: [] };
  let next = 0;
  for (const group of groups) {
    const numbers = group.params.map((param) => {
      const entry = state.get(param);
      const saved = writeEntry(entry ?? {});
      if (Object.keys(saved).length > 0) dict.state[next] = saved;
      return next++;
    });
    const entries = options.map(
      (name) => [snakeCase(name), copyOption((group as Record<string, unknown>)[name])] as const,
    );
    dict.param_groups.push({ ...Object.fromEntries(entries), params: numbers });
  }
  return dict;
}

function copyOption(value: unknown): unknown {
  return Array.isArray(value) ? [...(value as unknown[])] : value;
}

function writeEntry(entry: ParameterState): Record<string, unknown> {
  const present = Object.entries(entry).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present.map(([name, value]) => [name, name === 'step' ? tensor(value as number) : value]));
}

/** The properties of the optimizer that reading needs. */
interface Target<O extends object> {
  name: string;
  groups: readonly ParameterGroup<O>[];
  check(group: Required<O>, where: string): void;
  stateNames(group: Required<O>): StateNames;
}

/** Options for each group, and copies of the state tensors. Throws `TorchError` (`STATE_DICT`) with everything that does not fit. */
export function readStateDict<O extends object>(
  dict: OptimizerStateDict,
  target: Target<O>,
): { options: Partial<O>[]; state: Map<Tensor, ParameterState> } {
  const problems: string[] = [];
  checkForm(dict, target, problems);
  stopAt(problems, target.name);
  const options = target.groups.map((group, i) =>
    readOptions(dict.param_groups[i] as Record<string, unknown>, group, i, target, problems),
  );
  const places = placesOf(dict, target.groups);
  const state = keep(
    tidy(() =>
      noGrad(() => {
        const read = new Map<Tensor, ParameterState>();
        for (const [number, entry] of Object.entries(dict.state)) {
          const place = places.get(number);
          if (!place) problems.push(`state has an entry '${number}', and no group has that parameter`);
          else if (!isPlainObject(entry))
            problems.push(`state of parameter ${number} must be an object, got ${describeValue(entry)}`);
          else
            read.set(
              place.param,
              readEntry(
                entry,
                place,
                target.stateNames({ ...place.group, ...options[place.index] }),
                `parameter ${number}`,
                problems,
              ),
            );
        }
        stopAt(problems, target.name);
        return read;
      }),
    ),
  );
  return { options, state };
}

function stopAt(problems: readonly string[], name: string): void {
  if (problems.length === 0) return;
  const shown = problems.slice(0, 20).map((problem) => `\n  - ${problem}`);
  const rest = problems.length > 20 ? `\n  and ${problems.length - 20} more` : '';
  throw new TorchError(
    'STATE_DICT',
    `${name}: this state dict does not fit, and nothing was loaded:${shown.join('')}${rest}`,
  );
}

function checkForm<O extends object>(dict: unknown, { groups }: Target<O>, problems: string[]): void {
  if (!isPlainObject(dict) || !isPlainObject(dict.state) || !Array.isArray(dict.param_groups)) {
    problems.push(`expected an object with 'state' and 'param_groups', got ${describeValue(dict)}`);
    return;
  }
  const saved: unknown[] = dict.param_groups;
  if (saved.length !== groups.length)
    problems.push(`it has ${saved.length} parameter groups, the optimizer has ${groups.length}`);
  saved.forEach((group, i) => {
    const params = isPlainObject(group) ? group.params : undefined;
    if (!Array.isArray(params)) problems.push(`group ${i} must be an object with 'params', an array of numbers`);
    else if (groups[i] && params.length !== groups[i].params.length)
      problems.push(`group ${i} has ${params.length} parameters, the optimizer's has ${groups[i].params.length}`);
  });
}

/** The group's options under our names; those that PyTorch has and we have not are left out. */
function readOptions<O extends object>(
  saved: Record<string, unknown>,
  group: ParameterGroup<O>,
  index: number,
  target: Target<O>,
  problems: string[],
): Partial<O> {
  const known = Object.entries(saved)
    .map(([name, value]) => [camelCase(name), copyOption(value)] as const)
    .filter(([name]) => name !== 'params' && name !== 'name' && Object.hasOwn(group, name));
  const options = Object.fromEntries(known) as Partial<O>;
  try {
    target.check({ ...group, ...options }, `group ${index}`);
  } catch (error) {
    if (!(error instanceof TorchError)) throw error;
    problems.push(error.message);
  }
  return options;
}

interface Place<O extends object> {
  param: Tensor;
  group: ParameterGroup<O>;
  index: number;
}

/** The parameter that each saved number stands for: those of a group in their order. */
function placesOf<O extends object>(
  dict: OptimizerStateDict,
  groups: readonly ParameterGroup<O>[],
): Map<string, Place<O>> {
  const places = new Map<string, Place<O>>();
  groups.forEach((group, index) => {
    const numbers = dict.param_groups[index]?.params ?? [];
    for (const [i, param] of group.params.entries()) places.set(String(numbers[i]), { param, group, index });
  });
  return places;
}

/** `step` becomes a number (PyTorch keeps it in a tensor), tensors become copies in the parameter's dtype and layout. */
function readEntry<O extends object>(
  saved: Record<string, unknown>,
  { param }: Place<O>,
  names: StateNames,
  where: string,
  problems: string[],
): ParameterState {
  const entry: ParameterState = {};
  for (const [name, need] of Object.entries(names)) {
    const value = saved[name] ?? null; // PyTorch's SGD without momentum saves None
    if (value === null && need === 'optional') continue;
    const problem =
      value === null ? 'is missing' : name === 'step' ? readStep(value, entry) : readTensor(name, value, param, entry);
    if (problem) problems.push(`${where}: ${name} ${problem}`);
  }
  return entry;
}

/** These two give what is wrong with the value, or null. */
function readStep(value: unknown, entry: ParameterState): string | null {
  const step = value instanceof Tensor && value.numel() === 1 ? value.toNumber() : value;
  if (!Number.isSafeInteger(step) || (step as number) < 0)
    return `must be a whole number of at least 0, got ${describeValue(step)}`;
  entry.step = step as number;
  return null;
}

function readTensor(name: string, value: unknown, param: Tensor, entry: ParameterState): string | null {
  if (!(value instanceof Tensor)) return `must be a Tensor, got ${describeValue(value)}`;
  if (value.shape.join() !== param.shape.join())
    return `has the shape [${value.shape.join(', ')}], the parameter has [${param.shape.join(', ')}]`;
  entry[name] = zerosLike(param).copy_(value);
  return null;
}
