/**
 * `torch.ops.aten.<name>.<overload>(…)`: every operator of the dispatcher, as in PyTorch. Overloads of
 * the empty name are `default`; `torch.ops.aten.<name>(…)` chooses the overload by the arguments.
 * `torch.ops.unsafe.aten.<name>` also has the operators that do not check their arguments (binding/unsafe.ts).
 */
import { type Operator, requireOperator } from './binding/operator.js';
import { Packet, packet } from './binding/packet.js';
import { unsafeReason } from './binding/unsafe.js';
import { TorchError } from './errors.js';
import { inspectCustom } from './inspect-custom.js';
import type { AtenOperators, UnsafeAtenOperators } from './ops.generated.js';

/** One operator of a namespace without generated types. */
export type UntypedOperator = ((...args: readonly unknown[]) => unknown) & Readonly<Record<string, Operator>>;

/** Inspecting would ask for names that are no operators. */
function describedAs(target: object, text: string): void {
  Object.defineProperty(target, inspectCustom, { value: () => text });
}

/** Looks names up once: a getter miss on the prototype defines the property on the object itself. */
function lazily(target: object, resolve: (name: string) => unknown): void {
  const prototype: object = typeof target === 'function' ? Function.prototype : Object.prototype;
  Object.setPrototypeOf(
    target,
    new Proxy(prototype, {
      get(known, name, receiver: object) {
        if (typeof name === 'symbol' || name in known || name === 'then' || name === 'toJSON')
          return Reflect.get(known, name, receiver) as unknown;
        const value = resolve(name);
        Object.defineProperty(receiver, name, { value, enumerable: true });
        return value;
      },
    }),
  );
}

/** Called in the place of an operator that does not check its arguments. */
function refusal({ schema }: Operator, reason: string): Operator {
  const [namespace, name] = schema.name.split('::');
  const refuse = (): never => {
    throw new TorchError(
      'UNSAFE',
      `${schema.name}: this operator does not check its arguments, and wrong ones can end the process: ${reason}. ` +
        `If yours are right, call torch.ops.unsafe.${namespace}.${name}`,
    );
  };
  return Object.assign(refuse, { schema, invoke: refuse, accepts: () => false, check: refuse });
}

function overloadsOf(whole: Packet, reason: string | null): unknown {
  const overload = (name: string): Operator => {
    const operator = requireOperator(whole.name, name === 'default' ? '' : name);
    return reason === null ? operator : refusal(operator, reason);
  };
  const call = (...args: readonly unknown[]): unknown =>
    reason === null ? whole.call(args) : overload(whole.overloads[0] as string)();
  Object.defineProperty(call, 'name', { value: whole.name });
  describedAs(call, `[${whole.name}: ${whole.overloads.join(', ')}]`);
  lazily(call, overload);
  return call;
}

/** The operators of one namespace. With `allowed`, also those that do not check their arguments. */
function namespace(name: string, allowed: boolean): object {
  const operators = {};
  describedAs(operators, `[operators of ${name}]`);
  lazily(operators, (operator) =>
    overloadsOf(
      name === 'aten' ? packet(operator) : new Packet(name, operator),
      allowed ? null : unsafeReason(name, operator),
    ),
  );
  return operators;
}

function namespaces(allowed: boolean): object {
  const all = {};
  describedAs(all, allowed ? '[operators by namespace, also unchecked ones]' : '[operators by namespace]');
  lazily(all, (name) => (name === 'unsafe' && !allowed ? namespaces(true) : namespace(name, allowed)));
  return all;
}

type Namespaces = Readonly<Record<string, Readonly<Record<string, UntypedOperator>>>>;

/**
 * Operators by namespace, name and overload. Those that do not check their arguments throw `TorchError` (`UNSAFE`) here,
 * and are called at `torch.ops.unsafe`.
 */
export const ops = namespaces(false) as {
  readonly aten: AtenOperators;
  readonly unsafe: { readonly aten: AtenOperators & UnsafeAtenOperators } & Namespaces;
} & Namespaces;
