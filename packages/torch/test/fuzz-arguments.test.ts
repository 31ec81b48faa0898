import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { native } from '../src/binding/addon.js';
import { camelCase, type Operator, requireOperator } from '../src/binding/operator.js';
import { Packet } from '../src/binding/packet.js';
import * as torch from '../src/index.js';
import { fitting, Random, useTorch, wild, withGetter } from './helpers/fuzz-values.js';

const cases = Number(process.env.FUZZ_CASES ?? 20_000);
const seed = Number(process.env.FUZZ_SEED ?? 1);
const namespaces = [
  'aten',
  'bridge',
  'quantized',
  '_quantized',
  'mkldnn',
  'mkldnn_prepacked',
  'sparse',
  'profiler',
  'prim',
  'prims',
  'static_runtime',
  'xnnpack',
];

/** Every operator with a schema, in an order that does not depend on libtorch's hash tables. */
function allOperators(): Operator[] {
  return namespaces.flatMap((namespace) =>
    Object.entries(native().listOperators(namespace))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, overloads]) =>
        overloads.sort().map((overload) => requireOperator(`${namespace}::${name}`, overload)),
      ),
  );
}

const packets = new Map<string, Packet>();

function packetOf({ schema }: Operator): Packet {
  const [namespace = '', name = ''] = schema.name.split('::');
  let packet = packets.get(schema.name);
  if (packet === undefined) {
    packet = new Packet(namespace, name);
    packets.set(schema.name, packet);
  }
  return packet;
}

/** Positional values, too few or too many at times, and a last object with some by name. */
function makeArguments(random: Random, { schema }: Operator): unknown[] {
  const value = (type: string): unknown => (random.chance(0.8) ? fitting(random, type) : wild(random));
  const given = random.chance(0.1)
    ? random.below(schema.arguments.length + 2)
    : schema.arguments.filter((a) => !a.keywordOnly).length;
  const args = random
    .times(given, () => undefined as unknown)
    .map((_, i) => value(schema.arguments[i]?.type ?? 'Tensor'));
  if (random.chance(0.3)) args.length = random.below(args.length + 1);
  if (random.chance(0.4)) {
    const named: Record<string, unknown> = {};
    for (const argument of schema.arguments.slice(args.length)) {
      if (!random.chance(0.7) || argument.name in named) continue; // one schema of libtorch's has a name twice
      named[random.chance(0.5) ? argument.name : camelCase(argument.name)] = value(argument.type);
      if (random.chance(0.05)) withGetter(random, named, argument.name);
    }
    args.push(random.chance(0.02) ? wild(random) : named);
  }
  return args;
}

/** Runs what may only succeed or throw a `TorchError` of modest length without C++ in it. Returns whether it succeeded. */
function tried(run: () => unknown, context: () => string): boolean {
  try {
    run();
    return true;
  } catch (error) {
    assert.ok(error instanceof torch.TorchError, `${context()}: ${String((error as Error)?.stack ?? error)}`);
    assert.ok(error.message.length < 5000, `${context()}: a message of ${error.message.length} characters`);
    assert.doesNotMatch(error.message, /Exception raised from|frame #\d/, context());
    return false;
  }
}

suite('the argument converter', () => {
  test(`accepts or refuses ${cases} random calls (FUZZ_SEED=${seed}), and never fails in another way`, () => {
    const operators = allOperators();
    assert.ok(operators.length > 2000);
    let accepted = 0;
    for (let i = 0; i < cases; i++) {
      const random = new Random(seed + i * 7919);
      torch.tidy(() => {
        const operator = random.pick(operators);
        const args = makeArguments(random, operator);
        const context = () => `case ${i}, ${operator.schema.name}.${operator.schema.overload}`;
        if (tried(() => operator.check(args), context)) accepted++;
        if (random.chance(0.2)) tried(() => packetOf(operator).choose(args), context);
      });
    }
    assert.ok(accepted > cases * 0.2 && accepted < cases * 0.9, `${accepted} of ${cases} were accepted`);
  });
});

suite('arguments that use torch while they are read', () => {
  const x = torch.ones(2, 3);

  test('work in the options object, which is read before anything is written', () => {
    const random = new Random(3);
    for (let i = 0; i < 50; i++) {
      const options = {
        get alpha() {
          useTorch(random);
          return 2;
        },
      };
      assert.deepEqual(torch.ops.aten.add.Tensor(x, x, options).toArray(), [
        [3, 3, 3],
        [3, 3, 3],
      ]);
      assert.deepEqual(x.add(x, options).toArray(), [
        [3, 3, 3],
        [3, 3, 3],
      ]);
    }
  });

  test('are refused in lists and as Proxies, and never read as something else', () => {
    const random = new Random(4);
    for (let i = 0; i < 200; i++) {
      const list = new Proxy([1, 6], {
        get: (target, name) => {
          useTorch(random);
          return Reflect.get(target, name) as unknown;
        },
      });
      assert.throws(() => torch.ops.aten.view.default(x, list), {
        name: 'TorchError',
        code: 'ARGUMENT',
        message: /aten::view: an argument used torch while it was being read/,
      });
      const item = [1, 6];
      Object.defineProperty(item, 1, {
        get: () => {
          useTorch(random);
          return 6;
        },
      });
      assert.throws(() => torch.ops.aten.view.default(x, item), {
        name: 'TorchError',
        message: /used torch while it was being read/,
      });
      const proxied = new Proxy(x, {
        get: (target, name) => {
          if (name === 'handle') useTorch(random);
          return Reflect.get(target, name) as unknown;
        },
      });
      assert.throws(() => torch.ops.aten.add.Tensor(proxied, x), {
        name: 'TorchError',
        message: /used torch while it was being read/,
      });
    }
    assert.deepEqual(x.view(1, 6).shape, [1, 6]);
  });

  test('that throw are the cause of a TorchError', () => {
    const boom = new RangeError('boom');
    const throwing = () => {
      throw boom;
    };
    const bad: unknown[] = [
      new Proxy([1], { get: throwing }),
      new Proxy({}, { getPrototypeOf: throwing }),
      Object.defineProperty({}, 'keepdim', { get: throwing, enumerable: true }),
      new Proxy(x, { get: throwing }),
    ];
    for (const value of bad) {
      for (const call of [
        () => x.sum(value as number),
        () => torch.ops.aten.sum.dim_IntList(x, value as number),
        () => torch.cat(value as torch.Tensor[]),
        () => x.add(value as torch.Tensor),
      ]) {
        assert.throws(call, (error) => error instanceof torch.TorchError && error.code === 'ARGUMENT');
      }
    }
    assert.throws(() => torch.ops.aten.sum.dim_IntList(x, bad[0] as number), {
      message: /an argument threw when it was read: RangeError: boom/,
      cause: boom,
    });
  });
});
