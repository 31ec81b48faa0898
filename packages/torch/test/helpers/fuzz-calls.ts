/**
 * Runs random calls of every operator, in a process of its own: helpers/fuzz-campaign.ts starts it and looks at how it
 * ends. Arguments: the first case, the case after the last, the seed, and a file that always names the call under way,
 * and, to try the campaign itself, how to fail in place of each call. A case depends on its number and the seed alone, so that one can be run again by itself.
 */
import { openSync, writeSync } from 'node:fs';
import { native } from '../../src/binding/addon.js';
import { camelCase, type Operator, requireOperator } from '../../src/binding/operator.js';
import { unsafeReason } from '../../src/binding/unsafe.js';
import * as torch from '../../src/index.js';
import { Random } from './fuzz-values.js';
import { describeArgument, makeArguments, makeScene } from './operator-arguments.js';

type Callable = (...args: readonly unknown[]) => unknown;
interface Surface {
  text: string;
  operator: Operator;
  call: Callable;
}

/** Those that `torch.ops` does not refuse as a whole. */
const namespaces = ['aten', 'bridge'];

/** Every way to call every overload: by its full name, as a function of the package, as a method. */
function surface(): Surface[] {
  const ways: Surface[] = [];
  for (const namespace of namespaces) {
    const names = native().listOperators(namespace);
    for (const name of Object.keys(names).sort())
      for (const overload of (names[name] as string[]).sort()) ways.push(...waysOf(namespace, name, overload));
  }
  return ways;
}

function waysOf(namespace: string, name: string, overload: string): Surface[] {
  if (unsafeReason(namespace, name) !== null) return [];
  const operator = requireOperator(`${namespace}::${name}`, overload);
  const shown = overload || 'default';
  const ways: Surface[] = [];
  const add = (text: string, call: Callable) => ways.push({ text, operator, call });
  const overloads = (torch.ops as unknown as Record<string, Record<string, Record<string, Callable>>>)[namespace]?.[
    name
  ];
  add(`torch.ops.${namespace}.${name}.${shown}`, (...args) => overloads?.[shown]?.(...args));
  if (namespace !== 'aten' || name.startsWith('_')) return ways;
  const exported = (torch as unknown as Record<string, unknown>)[camelCase(name)];
  if (typeof exported === 'function') add(`torch.${camelCase(name)} (${shown})`, exported as Callable);
  const method = methodOf(camelCase(name));
  if (method !== undefined && operator.schema.arguments[0]?.name === 'self')
    add(`Tensor.${camelCase(name)} (${shown})`, (self, ...args) => method.apply(asTensor(self), args));
  return ways;
}

/** The method of that name, looked up without running a getter. */
function methodOf(name: string): Callable | undefined {
  for (let at: object | null = torch.Tensor.prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const value: unknown = Object.getOwnPropertyDescriptor(at, name)?.value;
    if (typeof value === 'function') return value as Callable;
  }
  return undefined;
}

const asTensor = (value: unknown): unknown =>
  value instanceof torch.Tensor ? value : torch.tensor(value as number | bigint | boolean);

/** Uses what came out: reads its values, and goes backward through it. */
function use(random: Random, result: unknown): void {
  for (const value of [result].flat(2)) {
    if (!(value instanceof torch.Tensor)) continue;
    if (value.layout === 'strided' && value.device === 'cpu' && value.numel() < 10_000) {
      if (!value.dtype.startsWith('complex')) value.toArray();
      String(value);
    }
    if (value.requiresGrad && value.numel() > 0 && value.numel() < 100_000 && random.chance(0.5))
      value.sum().backward();
  }
}

const [first = '0', end = '1000', seed = '1', file = '/dev/null', probe = ''] = process.argv.slice(2);
const log = openSync(file, 'w');
const room = 4000;
const ways = surface();
let succeeded = 0;
let refused = 0;

/** Puts the call under way into the file, whatever becomes of the process. */
function note(call: readonly unknown[]): string {
  const line = JSON.stringify(call).slice(0, room - 1);
  writeSync(log, `${line}\n`.padEnd(room), 0);
  return line;
}

function runCase(i: number): void {
  const random = new Random(Number(seed) * 1_000_003 + i * 7919);
  torch.manualSeed(i);
  const { text, operator, call } = random.pick(ways);
  note([i, text, 'making the arguments']);
  let args: unknown[];
  try {
    args = makeArguments(random, operator, makeScene(random));
  } catch (error) {
    throw new Error(`case ${i}: ${text}: the arguments could not be made`, { cause: error });
  }
  const line = note([i, text, ...args.map(describeArgument)]);
  if (probe === 'end') process.kill(process.pid, 'SIGSEGV');
  if (probe === 'hang') for (;;);
  try {
    use(random, call(...args));
    succeeded++;
  } catch (error) {
    if (!(error instanceof torch.TorchError)) throw new Error(`${line} threw no TorchError`, { cause: error });
    if (/Exception raised from|frame #\d/.test(error.message)) throw new Error(`a C++ backtrace: ${error.message}`);
    if (process.env.FUZZ_SHOW) console.error(text, error.message);
    refused++;
  }
}

for (let i = Number(first); i < Number(end); i++) torch.tidy(() => runCase(i));
// On a line of its own: LAPACK writes to the standard output too.
process.stdout.write(
  `\n${JSON.stringify({ operators: ways.length, succeeded, refused, live: native().liveTensors() })}`,
);
