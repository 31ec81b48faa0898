/**
 * The base of all optimizers: parameter groups with their options, state per parameter, and both as a
 * state dict. As `torch.optim.Optimizer`, under PyTorch's names in camelCase.
 */
import { noGrad } from '../autograd/modes.js';
import { describeValue, TorchError } from '../errors.js';
import { checkNames, checkOption } from '../options.js';
import { describeTensor } from '../tensor/describe.js';
import { keep, tidy } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';
import { type Batch, type Entry, singles } from './batches.js';
import { foreachKernels, hasForeach, type Kernels, SingleKernels } from './kernels.js';
import type { Checks } from './options.js';
import type { ParameterGroup, ParameterState } from './parameter-group.js';
import { type OptimizerStateDict, readStateDict, type StateNames, writeStateDict } from './state-dict.js';

/** One parameter, or several in any collection (`model.parameters()`). */
export type ParameterList = Tensor | Iterable<Tensor>;

/** A group as it is given: options that are absent have the optimizer's defaults. */
export type GroupOptions<O extends object> = Partial<O> & {
  params: ParameterList;
  /** For messages. */
  name?: string;
};

/** The first argument of an optimizer: parameters, or groups of them. */
export type Parameters<O extends object> = ParameterList | Iterable<GroupOptions<O>>;

/** The base of all optimizers: parameter groups, state and both as a state dict. */
export abstract class Optimizer<O extends object, S extends ParameterState = ParameterState> {
  /** The groups, in the order that a state dict numbers their parameters in. */
  readonly paramGroups: ParameterGroup<O>[] = [];
  /** State of the parameters that were updated at least once. The tensors are the optimizer's own. */
  readonly state = new Map<Tensor, S>();
  /** Options of groups that do not give their own. */
  readonly defaults: Required<O>;
  readonly #checks: Checks<O>;

  /**
   * `options` replace `defaults` where they are given; `checks` say what each may be.
   * Throws `TorchError` (`ARGUMENT`) that names the group and the option or parameter that is not fit.
   */
  constructor(params: Parameters<O>, options: Partial<O>, defaults: Required<O>, checks: Checks<O>) {
    this.defaults = { ...defaults, ...withoutUndefined(options) };
    this.#checks = checks;
    checkNames<object>(this.name, options, Object.keys(defaults) as never[]);
    this.#checkOptions(this.defaults, this.name);
    const groups = this.#asGroups(params);
    if (groups.length === 0) throw new TorchError('ARGUMENT', `${this.name}: got no parameters`);
    for (const group of groups) this.addParamGroup(group);
  }

  /** The optimizer's name, for messages. */
  get name(): string {
    return this.constructor.name;
  }

  /**
   * Adds a group; options that it does not give are the defaults. For unfreezing layers in the middle of a run.
   * Throws `TorchError` for a parameter that is in a group already, is not a leaf, or is complex, and for unknown or unfit options.
   */
  addParamGroup(given: GroupOptions<O>): void {
    const { params, name, ...options } = given;
    const where = this.#describeGroup(this.paramGroups.length, name);
    checkNames<object>(where, options, Object.keys(this.defaults) as never[]);
    const group = {
      ...this.defaults,
      ...withoutUndefined(options),
      params: this.#parameters(params, where),
      ...(name === undefined ? {} : { name }),
    } as ParameterGroup<O>;
    this.#checkOptions(group, where);
    this.paramGroups.push(group);
  }

  /**
   * Forgets the gradients of all parameters. With `setToNone` (default true) their memory is freed and the next
   * backward pass writes new ones; otherwise they are filled with zeros, and parameters that the next pass
   * does not reach are still decayed and moved by momentum.
   */
  zeroGrad(options: { setToNone?: boolean } = {}): void {
    const { setToNone = true } = checkNames('zeroGrad()', options, ['setToNone']);
    tidy(() =>
      noGrad(() => {
        for (const { params } of this.paramGroups) {
          for (const param of params) {
            if (setToNone) param.grad = null;
            else param.grad?.zero_();
          }
        }
      }),
    );
  }

  /**
   * Updates every parameter that has a gradient, in place. Leaves no tensors behind but the state.
   * Throws `TorchError`, before anything changed, when an option of a group is not fit (a NaN learning rate).
   */
  step(): void {
    for (const [i, group] of this.paramGroups.entries()) this.#checkOptions(group, this.#describeGroup(i, group.name));
    tidy(() => noGrad(() => this.update(new SingleKernels())));
  }

  /** Updates all groups. `single` are the kernels for batches of one parameter. */
  protected update(single: Kernels): void {
    for (const group of this.paramGroups) this.updateGroup(group, single);
  }

  protected abstract updateGroup(group: ParameterGroup<O>, single: Kernels): void;

  /**
   * Returns the names in `state` for a parameter of the group after an update; the rest of a loaded state is left out.
   */
  protected abstract stateNames(group: Required<O>): StateNames;

  /** Throws for options that are fit one by one but not together. */
  protected checkTogether(_group: Required<O>, _where: string): void {}

  /** The parameters of a group that have a gradient, with their state; `create` makes the first one. */
  protected entries(group: ParameterGroup<O>, create: (param: Tensor, grad: Tensor) => S): Entry<S>[] {
    const entries: Entry<S>[] = [];
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      let state = this.state.get(param);
      if (state === undefined) {
        state = keep(create(param, grad));
        this.state.set(param, state);
      }
      entries.push({ param, grad, state });
    }
    return entries;
  }

  /** Runs `update` on entries as the device likes them: one by one on the CPU, all together elsewhere. */
  protected eachBatch(batch: Batch<S>, single: Kernels, update: (batch: Batch<S>, kernels: Kernels) => void): void {
    if (batch.device !== 'cpu' && hasForeach()) update(batch, foreachKernels);
    else for (const one of singles(batch)) update(one, single);
  }

  /**
   * The state in PyTorch's form and names: `{ state: { 0: { step, exp_avg, … } }, param_groups: [{ lr, …, params: [0, …] }] }`,
   * with parameters numbered group by group. `step` is a new float32 tensor, as in PyTorch; the other tensors are
   * the optimizer's own, which the next step changes: clone them to keep a snapshot.
   */
  stateDict(): OptimizerStateDict {
    return writeStateDict(this.paramGroups, this.state, Object.keys(this.defaults));
  }

  /**
   * Takes a state that `stateDict` or PyTorch's `state_dict` gave, copying its tensors to the parameters' dtype and
   * device. Options that the saved groups lack stay as they are; saved entries that this optimizer does not know are left out.
   * Throws `TorchError` (`STATE_DICT`) with all that does not fit (numbers and sizes of groups, shapes, missing
   * tensors, unfit options); then nothing has changed.
   */
  loadStateDict(stateDict: OptimizerStateDict): void {
    const { options, state } = readStateDict<O>(stateDict, {
      name: this.name,
      groups: this.paramGroups,
      check: (group, where) => this.#checkOptions(group, where),
      stateNames: (group) => this.stateNames(group),
    });
    for (const [i, group] of options.entries()) Object.assign(this.paramGroups[i] as object, group);
    this.dispose();
    for (const [param, entry] of state) this.state.set(param, entry as S);
  }

  /** Releases the state; the next step starts with a new one. The parameters are not changed. */
  dispose(): void {
    for (const entry of this.state.values()) {
      for (const value of Object.values(entry)) if (value instanceof Tensor) value.dispose();
    }
    this.state.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #asGroups(params: Parameters<O>): GroupOptions<O>[] {
    if (params instanceof Tensor) return [{ params } as GroupOptions<O>];
    if (!isIterable(params))
      throw new TorchError(
        'ARGUMENT',
        `${this.name}: expected parameters or groups of parameters, got ${describeValue(params)}`,
      );
    const items = [...(params as Iterable<Tensor | GroupOptions<O>>)];
    if (items.length > 0 && items.every((item) => item instanceof Tensor))
      return [{ params: items } as unknown as GroupOptions<O>];
    items.forEach((item, i) => {
      if (item instanceof Tensor || item === null || typeof item !== 'object' || !('params' in item)) {
        throw new TorchError(
          'ARGUMENT',
          `${this.name}: expected only Tensors, or only groups such as { params, lr }; item ${i} is ${describeValue(item)}`,
        );
      }
    });
    return items as GroupOptions<O>[];
  }

  #parameters(params: ParameterList, where: string): Tensor[] {
    const list: unknown[] = params instanceof Tensor ? [params] : isIterable(params) ? [...params] : [params];
    const known = new Set<unknown>(this.paramGroups.flatMap((group) => group.params));
    list.forEach((param, i) => {
      if (!(param instanceof Tensor))
        throw new TorchError('ARGUMENT', `${where}: parameter ${i} must be a Tensor, got ${describeValue(param)}`);
      const what = `${where}: parameter ${i} (${describeTensor(param)})`;
      if (known.has(param))
        throw new TorchError('ARGUMENT', `${what} is in a group already; a parameter can be in one group once`);
      if (!param.isLeaf)
        throw new TorchError(
          'ARGUMENT',
          `${what} is not a leaf, it was computed by ${param.origin}; take detach().requiresGrad_() of it`,
        );
      if (param.dtype.startsWith('complex'))
        throw new TorchError(
          'ARGUMENT',
          `${what} is complex; only real parameters can be optimized, such as torch.viewAsReal() of it`,
        );
      known.add(param);
    });
    return list as Tensor[];
  }

  #checkOptions(group: Required<O>, where: string): void {
    for (const name of Object.keys(this.defaults) as (keyof O & string)[])
      checkOption(where, name, group[name], this.#checks[name]);
    this.checkTogether(group, where);
  }

  #describeGroup(index: number, name?: string): string {
    return `${this.name}: group ${index}${name === undefined ? '' : ` '${name}'`}`;
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return value !== null && typeof value === 'object' && Symbol.iterator in value;
}

function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
