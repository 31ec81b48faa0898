import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { camelCase } from '../src/binding/operator.js';
import * as torch from '../src/index.js';
import { type Expression, type PythonCall, parseCalls } from './helpers/python-calls.js';
import { functionRecipes, makeInputs, recipes } from './helpers/recipes.js';
import { assertClose, Reference, type Value } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const methods = parseCalls(recipes);
const functions = parseCalls(functionRecipes);
const inputs = makeInputs();

/** float32 on the same kernels; the BLAS may be told another processor, which changes the order of sums. */
const tolerance = { atol: 2e-6, rtol: 2e-5 };

interface Outcome {
  outputs: Value[];
  gradients: Record<string, torch.Tensor>;
  /** Why there are no gradients: some operators have none. */
  failure: string;
  inPlace: Value;
}

/** Runs every call as it stands, the gradients of its outputs weighted by cos(0, 1, …), and its in-place variant. */
const python = `
import warnings; warnings.simplefilter('ignore')
def flat(r): return [p for q in r for p in flat(q)] if isinstance(r, (tuple, list)) else [r]
def one(source, self, method, isFunction):
  env = {n: t.detach().clone() for n, t in inputs.items()}
  leaves = {n: t.requires_grad_() for n, t in env.items() if t.is_floating_point()}
  call = source.replace(f'{self}.{method}(', f'torch.{method}({self}, ' , 1) if isFunction else source
  try: outputs = flat(eval(call, {'torch': torch}, env))
  except RuntimeError as e:
    if 'is now removed' in str(e): return None
    raise
  loss = sum((o * torch.arange(o.numel(), dtype=o.dtype).view(o.shape).cos()).sum().to(torch.float64) for o in outputs if torch.is_tensor(o) and o.requires_grad and o.is_floating_point())
  failure = ''
  try:
    if torch.is_tensor(loss): loss.backward()
  except RuntimeError as e: failure = str(e)
  gradients = {n: t.grad for n, t in leaves.items() if t.grad is not None}
  inPlace = None
  if hasattr(torch.Tensor, method + '_') and not isFunction:
    fresh = {n: t.detach().clone() for n, t in inputs.items()}
    try: inPlace = eval(source.replace(f'.{method}(', f'.{method}_(', 1), {'torch': torch}, fresh)
    except Exception: inPlace = 'error'
  return dict(outputs=outputs, gradients=gradients, failure=failure, inPlace=inPlace)
out['all'] = [one(c['source'], c['self'], c['method'], isFunction) for c in calls]
`;

/** Null for a method that this PyTorch's front end has removed (`cholesky`, `qr` in 2.14). */
async function runPython(calls: PythonCall[], isFunction: boolean): Promise<(Outcome | null)[]> {
  const wire = calls.map(({ source, self, method }) => ({ source, self, method }));
  const { all } = await reference.run<Record<string, Value>>(python, { inputs, calls: wire, isFunction });
  return all as unknown as (Outcome | null)[];
}

type Callable = (...args: unknown[]) => unknown;

function argumentsOf(call: PythonCall, env: Record<string, torch.Tensor>, names: (name: string) => string): unknown[] {
  const value = (expression: Expression): unknown => {
    if (Array.isArray(expression)) return expression.map(value);
    return expression !== null && typeof expression === 'object' ? env[expression.input] : expression;
  };
  const named = Object.entries(call.named).map(([name, expression]) => [names(name), value(expression)]);
  return [...call.args.map(value), ...(named.length > 0 ? [Object.fromEntries(named)] : [])];
}

const freshInputs = () => Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensor.clone()]));

function runOurs(call: PythonCall, isFunction: boolean, names: (name: string) => string): Outcome {
  const env = freshInputs();
  for (const tensor of Object.values(env)) if (tensor.isFloatingPoint()) tensor.requiresGrad_();
  const self = env[call.self] as torch.Tensor;
  const name = camelCase(call.method);
  const args = argumentsOf(call, env, names);
  const method = (isFunction ? (torch as unknown as Record<string, Callable>)[name] : self[name as 'add']) as
    | Callable
    | undefined;
  assert.equal(typeof method, 'function', `${name} is missing`);
  const result = isFunction ? (method as Callable)(self, ...args) : (method as Callable).apply(self, args);
  const outputs = [result].flat(2) as Value[];
  const losses = outputs
    .filter((o): o is torch.Tensor => o instanceof torch.Tensor && o.requiresGrad && o.isFloatingPoint())
    .map((o) =>
      o
        .mul(torch.arange(o.numel(), { dtype: o.dtype }).view(o.shape).cos())
        .sum()
        .double(),
    );
  let failure = '';
  try {
    if (losses.length > 0) losses.reduce((sum, loss) => sum.add(loss)).backward();
  } catch (error) {
    failure = (error as Error).message;
  }
  const gradients = Object.fromEntries(
    Object.entries(env).flatMap(([key, tensor]) => (tensor.grad ? [[key, tensor.grad]] : [])),
  );
  return { outputs, gradients, failure, inPlace: isFunction ? null : inPlaceOf(call, names) };
}

function inPlaceOf(call: PythonCall, names: (name: string) => string): Value {
  const env = freshInputs();
  const self = env[call.self] as torch.Tensor;
  const method = self[`${camelCase(call.method)}_` as 'add_'] as Callable | undefined;
  if (method === undefined) return null;
  try {
    const result = method.apply(self, argumentsOf(call, env, names));
    assert.equal(result, self, `${call.source} in place returns its tensor`);
    return self;
  } catch (error) {
    if (error instanceof torch.TorchError) return 'error';
    throw error;
  }
}

function compare(actual: Outcome, expected: Outcome, source: string): void {
  assert.equal(actual.outputs.length, expected.outputs.length, `${source}: number of outputs`);
  actual.outputs.forEach((output, i) => {
    if (output instanceof torch.Tensor) assertClose(output, expected.outputs[i], tolerance, `${source}, output ${i}`);
    else assert.deepEqual(output, expected.outputs[i], `${source}, output ${i}`);
  });
  assert.equal(
    actual.failure.includes(expected.failure) && (actual.failure === '') === (expected.failure === ''),
    true,
    `${source}: backward: ${actual.failure} / ${expected.failure}`,
  );
  assert.deepEqual(
    Object.keys(actual.gradients).sort(),
    Object.keys(expected.gradients).sort(),
    `${source}: who has a gradient`,
  );
  for (const [name, gradient] of Object.entries(actual.gradients))
    assertClose(gradient, expected.gradients[name], tolerance, `${source}, gradient of ${name}`);
  if (actual.inPlace instanceof torch.Tensor)
    assertClose(actual.inPlace, expected.inPlace, tolerance, `${source}, in place`);
  else assert.deepEqual(actual.inPlace, expected.inPlace, `${source}, in place`);
}

suite('methods of tensors, against PyTorch', () => {
  let shared: { call: PythonCall; expected: Outcome }[];
  before(async () => {
    const outcomes = await runPython(methods, false);
    shared = outcomes.flatMap((expected, i) =>
      expected === null ? [] : [{ call: methods[i] as PythonCall, expected }],
    );
    assert.ok(shared.length >= methods.length - 3, 'PyTorch has removed more methods than are known');
  });

  test(`the table covers ${new Set(methods.map(({ method }) => method)).size} methods`, () => {
    assert.ok(new Set(methods.map(({ method }) => method)).size >= 250);
  });

  test(`${methods.length} calls have PyTorch's values, gradients and in-place results`, () => {
    for (const { call, expected } of shared)
      torch.tidy(() => compare(runOurs(call, false, camelCase), expected, call.source));
  });

  test('named arguments may also have their names of Python', () => {
    const asIs = (name: string): string => name;
    for (const { call, expected } of shared)
      if (Object.keys(call.named).length > 0)
        torch.tidy(() => compare(runOurs(call, false, asIs), expected, call.source));
  });

  test('those that are also functions give the same as functions', () => {
    const functionOf = (method: string): unknown => (torch as unknown as Record<string, unknown>)[camelCase(method)];
    const asFunctions = shared.filter(
      ({ call: { method } }) => typeof functionOf(method) === 'function' && method !== 'where',
    );
    assert.ok(asFunctions.length > 300);
    for (const { call, expected } of asFunctions)
      torch.tidy(() => compare(runOurs(call, true, camelCase), { ...expected, inPlace: null }, `torch.${call.source}`));
  });
});

suite('functions without a method, against PyTorch', () => {
  test(`${functions.length} calls have PyTorch's values and gradients`, async () => {
    const expected = await runPython(functions, true);
    for (const [i, call] of functions.entries()) {
      torch.tidy(() => compare(runOurs(call, true, camelCase), expected[i] as Outcome, `torch.${call.source}`));
    }
  });

  test('lists of tensors are arguments and results', async () => {
    const { x, y } = inputs as { x: torch.Tensor; y: torch.Tensor };
    const expected = await reference.run<Record<string, Value>>(
      'out = dict(cat=torch.cat([x, y], 1), stack=torch.stack([x, y, x]), einsum=torch.einsum("ij,kj->ik", x, y), hstack=torch.hstack([x, y]), vstack=torch.vstack([x, y]), meshgrid=list(torch.meshgrid(x[0], y[:, 0], indexing="ij")), broadcast=list(torch.broadcast_tensors(x[0], y)), block=torch.block_diag(x, y), chain=torch.chain_matmul(x, y.t(), x), cartesian=torch.cartesian_prod(x[0], y[0]), atleast=list(torch.atleast_3d([x, y])), add=list(torch._foreach_add([x, y], 2)))',
      { x, y },
    );
    const actual: Record<string, torch.Tensor | torch.Tensor[]> = {
      cat: torch.cat([x, y], 1),
      stack: torch.stack([x, y, x]),
      einsum: torch.einsum('ij,kj->ik', [x, y]),
      hstack: torch.hstack([x, y]),
      vstack: torch.vstack([x, y]),
      meshgrid: torch.meshgrid([x.index(0), y.index(':', 0)], { indexing: 'ij' }),
      broadcast: torch.broadcastTensors([x.index(0), y]),
      block: torch.blockDiag([x, y]),
      chain: torch.chainMatmul([x, y.t(), x]),
      cartesian: torch.cartesianProd([x.index(0), y.index(0)]),
      atleast: torch.atleast3d([x, y]),
      add: torch.ops.aten._foreach_add.Scalar([x, y], 2),
    };
    for (const [name, value] of Object.entries(actual)) {
      const theirs = [expected[name] as Value].flat();
      for (const [i, tensor] of [value].flat().entries()) assertClose(tensor, theirs[i], tolerance, name);
    }
  });
});
