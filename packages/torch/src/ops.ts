/**
 * `torch.ops.aten.<name>.<overload>(…)`: every operator of the dispatcher, as in PyTorch. Overloads of
 * the empty name are `default`; `torch.ops.aten.<name>(…)` chooses the overload by the arguments.
 */
import { type Operator, requireOperator } from './binding/operator.js';
import { Packet, packet } from './binding/packet.js';
import { inspectCustom } from './inspect-custom.js';
import type { AtenOperators } from './ops.generated.js';

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

function overloadsOf(whole: Packet): unknown {
  const call = (...args: readonly unknown[]): unknown => whole.call(args);
  Object.defineProperty(call, 'name', { value: whole.name });
  describedAs(call, `[${whole.name}: ${whole.overloads.join(', ')}]`);
  lazily(call, (overload) => requireOperator(whole.name, overload === 'default' ? '' : overload));
  return call;
}

function namespace(name: string): object {
  const operators = {};
  describedAs(operators, `[operators of ${name}]`);
  lazily(operators, (operator) => overloadsOf(name === 'aten' ? packet(operator) : new Packet(name, operator)));
  return operators;
}

const namespaces = {};
describedAs(namespaces, '[operators by namespace]');
lazily(namespaces, namespace);

/** Operators by namespace, name and overload. */
export const ops = namespaces as { readonly aten: AtenOperators } & Readonly<
  Record<string, Readonly<Record<string, UntypedOperator>>>
>;
