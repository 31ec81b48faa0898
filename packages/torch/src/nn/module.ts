/**
 * `Module`, what networks are made of: PyTorch's `torch.nn.Module`. A module is a class with parameters,
 * buffers and other modules as properties, and a `forward`; users call `call`.
 *
 * State-dict names are PyTorch's: the property `runningMean` is `running_mean`. Those that no property can
 * spell are given to `registerParameter` and `registerModule`.
 */
import type { Device } from '../devices.js';
import { describeValue, TorchError } from '../errors.js';
import { inspectCustom } from '../inspect-custom.js';
import { checkNames } from '../options.js';
import { type DType, isDType, isFloatingPoint } from '../tensor/dtype.js';
import { keep, tidy } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';
import { convertInPlace, type ModuleToOptions } from './convert.js';
import { Parameter } from './parameter.js';
import { type LoadOptions, type LoadResult, loadState, type StateDict } from './state-dict.js';

/** A module of any input and output. */
// biome-ignore lint/suspicious/noExplicitAny: hooks make the types invariant; only `any` stands for all of them
export type AnyModule = Module<any, any>;

/** Parameters and buffers by name, in PyTorch's order. */
export type NamedTensors<T extends Tensor = Tensor> = [name: string, tensor: T][];

export interface BufferOptions {
  /** Whether it is part of the state dict. Default true. */
  persistent?: boolean;
}

export type PreHook<M, A> = (module: M, args: A) => A | undefined;
export type ForwardHook<M, A, R> = (module: M, args: A, output: R) => R | undefined;
type Hook = (...args: never) => unknown;

/** A parameter, buffer or module, the path part that names it, and what `registerBuffer` said of it. */
type Slot = readonly [path: string, value: Tensor | AnyModule, isBuffer: boolean, persistent: boolean];

/** `runningMean` → `running_mean`; digits stay with the word before them. */
function pathName(property: string): string {
  return property
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

function checkedName(name: string, kind: string): string {
  if (typeof name === 'string' && name !== '' && !name.includes('.')) return name;
  throw new TorchError(
    'ARGUMENT',
    `a ${kind} name is a string without dots that is not empty, got ${describeValue(name)}`,
  );
}

/**
 * A part of a network: `A` are the arguments of `forward`, `R` its result. A property that is a `Parameter`
 * is a parameter, one that is a `Module` a child, one given to `registerBuffer` a buffer; null is an empty
 * slot. Arrays of modules are not searched: use `ModuleList`.
 */
export abstract class Module<A extends unknown[] = [input: Tensor], R = Tensor> {
  /** True in training, false after `eval()`: dropout, batch norm and the like read it. */
  training = true;
  readonly #buffers = new Map<string, boolean>();
  readonly #registered = new Map<string, Parameter | AnyModule>();
  readonly #preHooks = new Set<Hook>();
  readonly #hooks = new Set<Hook>();

  /** The computation. Users call `call`, which runs this and the hooks and releases what is left over. */
  abstract forward(...args: A): R;

  /**
   * Runs the module, as PyTorch's `module(...)`: hooks and `forward` in a `tidy` scope, so that of the tensors
   * made inside only those in the result (a tensor, or arrays, plain objects, Maps and Sets of them) and what
   * autograd saved stay. A tensor that a module or hook stores elsewhere must be given to `torch.keep`.
   */
  call(...args: A): R {
    return tidy(() => {
      let given = args;
      for (const hook of this.#preHooks) given = (hook as PreHook<this, A>)(this, given) ?? given;
      let output = this.forward(...given);
      for (const hook of this.#hooks) output = (hook as ForwardHook<this, A, R>)(this, given, output) ?? output;
      return output;
    });
  }

  /**
   * Runs `hook(module, args)` before every `forward`; an array that it returns replaces the arguments. Returns what
   * removes it.
   */
  registerForwardPreHook(hook: PreHook<this, A>): () => void {
    this.#preHooks.add(hook);
    return () => void this.#preHooks.delete(hook);
  }

  /**
   * Runs `hook(module, args, output)` after every `forward`; what it returns, if anything, replaces the output. Returns
   * what removes it.
   */
  registerForwardHook(hook: ForwardHook<this, A, R>): () => void {
    this.#hooks.add(hook);
    return () => void this.#hooks.delete(hook);
  }

  /**
   * Makes `tensor` the property `name` and a buffer: state that is saved and moved but not learned. No scope releases
   * it. Returns it.
   */
  registerBuffer<T extends Tensor | null>(name: string, tensor: T, options: BufferOptions = {}): T {
    const { persistent = true } = checkNames('registerBuffer()', options, ['persistent']);
    this.#buffers.set(checkedName(name, 'buffer'), persistent);
    (this as Record<string, unknown>)[name] = keep(tensor);
    return tensor;
  }

  /** Counts `parameter` among this module's under exactly this name. Returns it. */
  registerParameter(name: string, parameter: Parameter): Parameter {
    if (!(parameter instanceof Parameter))
      throw new TorchError(
        'ARGUMENT',
        `registerParameter: ${name} must be a Parameter, got ${describeValue(parameter)}`,
      );
    this.#registered.set(checkedName(name, 'parameter'), parameter);
    return parameter;
  }

  /** Counts `module` among the children under exactly this name. Returns it. */
  registerModule<M extends AnyModule>(name: string, module: M): M {
    if (!(module instanceof Module))
      throw new TorchError(
        'ARGUMENT',
        `${this.constructor.name}: ${name} must be a Module, got ${describeValue(module)}`,
      );
    this.#registered.set(checkedName(name, 'module'), module);
    return module;
  }

  /** Tensors and modules of this module itself, in the order in which they were assigned. */
  *#slots(): Generator<Slot> {
    const rest = new Map(this.#registered);
    for (const [property, value] of Object.entries(this)) {
      const isBuffer = this.#buffers.has(property) && value instanceof Tensor;
      if (!isBuffer && !(value instanceof Parameter || value instanceof Module)) continue;
      const explicit = [...rest].find(([, item]) => item === value)?.[0];
      if (explicit !== undefined) rest.delete(explicit);
      yield [
        explicit ?? pathName(property),
        value as Tensor | AnyModule,
        isBuffer,
        this.#buffers.get(property) ?? true,
      ];
    }
    for (const [name, value] of rest) yield [name, value, false, true];
  }

  #ownTensors(buffers: boolean): NamedTensors {
    const own: NamedTensors = [];
    for (const [name, value, isBuffer] of this.#slots())
      if (value instanceof Tensor && isBuffer === buffers) own.push([name, value]);
    return own;
  }

  #namedTensors(buffers: boolean, prefix: string): NamedTensors {
    const seen = new Set<Tensor>();
    const found: NamedTensors = [];
    for (const [path, module] of this.namedModules(prefix)) {
      for (const [name, tensor] of module.#ownTensors(buffers)) {
        if (seen.has(tensor)) continue;
        seen.add(tensor);
        found.push([joined(path, name), tensor]);
      }
    }
    return found;
  }

  /** The modules directly inside this one. */
  namedChildren(): [name: string, module: AnyModule][] {
    const children: [string, AnyModule][] = [];
    for (const [name, value] of this.#slots()) if (value instanceof Module) children.push([name, value]);
    return children;
  }

  /** The same without names. */
  children(): AnyModule[] {
    return this.namedChildren().map(([, module]) => module);
  }

  /** This module (its name is `prefix`, '' unless given) and all inside it, each once. */
  namedModules(prefix = ''): [name: string, module: AnyModule][] {
    const seen = new Set<AnyModule>();
    const found: [string, AnyModule][] = [];
    const visit = (path: string, module: AnyModule): void => {
      if (seen.has(module)) return;
      seen.add(module);
      found.push([path, module]);
      for (const [name, child] of module.namedChildren()) visit(joined(path, name), child);
    };
    visit(prefix, this);
    return found;
  }

  /** The same without names. */
  modules(): AnyModule[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** All parameters, each once: a module's own before its children's. */
  namedParameters(prefix = ''): NamedTensors<Parameter> {
    return this.#namedTensors(false, prefix) as NamedTensors<Parameter>;
  }

  /** The same without names: what an optimizer takes. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** All buffers, each once, also those that are not part of the state dict. */
  namedBuffers(prefix = ''): NamedTensors {
    return this.#namedTensors(true, prefix);
  }

  /** The same without names. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** Returns the number of elements of all parameters, or with `trainableOnly` of those that require a gradient. */
  parameterCount(options: { trainableOnly?: boolean } = {}): number {
    const { trainableOnly = false } = checkNames('parameterCount()', options, ['trainableOnly']);
    const counted = this.parameters().filter((parameter) => parameter.requiresGrad || !trainableOnly);
    return counted.reduce((sum, parameter) => sum + parameter.numel(), 0);
  }

  /** Puts this module and all inside it into training, or evaluation. Returns itself. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Sets evaluation mode: `train(false)`. Returns itself. */
  eval(): this {
    return this.train(false);
  }

  /** Makes all parameters require a gradient, or not. Returns itself. */
  requiresGrad_(requiresGrad = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(requiresGrad);
    return this;
  }

  /** Frees the gradients of all parameters; with `setToNone: false` fills them with zeros instead. */
  zeroGrad(options: { setToNone?: boolean } = {}): void {
    const { setToNone = true } = checkNames('zeroGrad()', options, ['setToNone']);
    tidy(() => {
      for (const parameter of this.parameters()) {
        if (setToNone) parameter.grad = null;
        else if (parameter.grad !== null) parameter.grad = parameter.grad.detach().zero_();
      }
    });
  }

  /** Runs `visit` on all modules, children first. Returns itself. */
  apply(visit: (module: AnyModule) => void): this {
    for (const child of this.children()) child.apply(visit);
    visit(this);
    return this;
  }

  /**
   * Moves and converts parameters, buffers and gradients in place: each stays the object that it is, so
   * optimizers keep working. A dtype applies to what is floating point. Returns itself.
   * Throws `TorchError` for a dtype that is not floating point.
   */
  to(target: DType | Device | ModuleToOptions): this {
    const wanted = typeof target !== 'string' ? target : isDType(target) ? { dtype: target } : { device: target };
    checkNames('Module.to()', wanted, ['dtype', 'device', 'memoryFormat']);
    if (wanted.dtype !== undefined && !isFloatingPoint(wanted.dtype)) {
      throw new TorchError(
        'ARGUMENT',
        `Module.to() only accepts floating point dtypes, got ${describeValue(wanted.dtype)}`,
      );
    }
    for (const tensor of [...this.parameters(), ...this.buffers()]) convertInPlace(tensor, wanted);
    return this;
  }

  /** Parameters and persistent buffers by their PyTorch names, detached and sharing their memory. */
  stateDict(): Map<string, Tensor> {
    return new Map(this.#state('').map(([name, tensor]) => [name, tensor.detach()]));
  }

  /**
   * Copies tensors by name into this module's, converting dtype and device. Throws one `TorchError`
   * (`STATE_DICT`) that lists all missing, unexpected and mis-shaped entries, and then has changed nothing;
   * with `strict: false` (default true) only mis-shaped ones are an error, the others are returned. With `assign: true`
   * (default false) this module's tensors share the memory of the given ones where they can.
   */
  loadStateDict(dict: StateDict, options: LoadOptions = {}): LoadResult {
    return loadState(this.constructor.name, this.#state(''), dict, options);
  }

  #state(prefix: string): NamedTensors {
    const slots = [...this.#slots()];
    const kept = slots.filter((slot) => slot[1] instanceof Tensor && slot[3]);
    const own = [...kept.filter((slot) => !slot[2]), ...kept.filter((slot) => slot[2])];
    const inside = slots.filter((slot) => slot[1] instanceof Module);
    return [
      ...own.map(([name, tensor]): [string, Tensor] => [joined(prefix, name), tensor as Tensor]),
      ...inside.flatMap(([name, module]) => (module as AnyModule).#state(joined(prefix, name))),
    ];
  }

  /** Releases all parameters and buffers now; the module cannot be used afterwards. */
  dispose(): void {
    for (const tensor of [...this.parameters(), ...this.buffers()]) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Returns the text between the brackets of this module's line when it is printed. */
  extraRepr(): string {
    return '';
  }

  /** The module and all inside it, printed as PyTorch prints them. */
  toString(): string {
    const extra = this.extraRepr();
    const inside = this.namedChildren().map(
      ([name, module]) => `(${name}): ${module.toString().replaceAll('\n', '\n  ')}`,
    );
    const name = this.constructor.name;
    if (inside.length === 0)
      return `${name}(${extra.includes('\n') ? `\n  ${extra.replaceAll('\n', '\n  ')}\n` : extra})`;
    return `${name}(\n  ${[...(extra ? extra.split('\n') : []), ...inside].join('\n  ')}\n)`;
  }

  [inspectCustom](): string {
    return this.toString();
  }
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
