/**
 * Optimizers against vectors that DeiT-LT's and timm's own code produced (../shared/golden of the repository,
 * made with torch 1.13.1): gradients of every step are stored, so that the update rule is tested alone.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose } from './reference/reference.js';

const { AdamW, SGD, clipGradNorm_ } = torch.optim;

/** The nearest `../shared/golden` above this file; a clone without the shared folder has none. */
function goldenFolder(): string | undefined {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const candidate = path.join(folder, '../shared/golden');
    if (existsSync(path.join(candidate, 'optim.json'))) return candidate;
  }
  return undefined;
}

interface Run {
  name: string;
  lr: number;
  betas?: [number, number];
  eps?: number;
  momentum?: number;
  weight_decay: number;
  clip_grad_norm?: number | null;
  param_groups?: { weight_decay: number; params: string[] }[];
  losses?: number[];
  grad_norms_before_clipping?: number[];
  accum_iter?: number;
  updates_after_iterations?: number[];
}

interface Golden {
  parameter_order: string[];
  steps: number;
  runs: Run[];
  clip: { max_norm: number; total_norm: number };
}

type Tensors = (key: string) => torch.Tensor;

/** The safetensors layout in a few lines: length, JSON header, data. */
function openTensors(file: string): Tensors {
  const bytes = readFileSync(file);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const dtypes: Record<string, torch.DType> = { F32: 'float32', I64: 'int64', U8: 'uint8' };
  return (key) => {
    const entry = header[key];
    assert.ok(entry, `the golden file has no ${key}`);
    const [from, to] = entry.data_offsets.map((offset) => 8 + headerLength + offset) as [number, number];
    return torch.fromBytes(bytes.subarray(from, to), { dtype: dtypes[entry.dtype] as torch.DType, shape: entry.shape });
  };
}

const folder = goldenFolder();

suite('golden optimizer runs', { skip: folder === undefined && 'no ../shared/golden beside this repository' }, () => {
  const golden =
    folder === undefined
      ? ({} as Golden)
      : (JSON.parse(readFileSync(path.join(folder, 'optim.json'), 'utf8')) as Golden);
  const tensors =
    folder === undefined ? ((() => {}) as unknown as Tensors) : openTensors(path.join(folder, 'optim.safetensors'));
  const run = (name: string): Run =>
    golden.runs.find((candidate) => candidate.name === name) ?? assert.fail(`no run ${name}`);

  type Model = Record<string, torch.Tensor>;
  const start = (): Model =>
    Object.fromEntries(golden.parameter_order.map((name) => [name, tensors(`init.${name}`).requiresGrad_()]));

  function adamw(model: Model, { lr, betas, eps, param_groups: groups = [] }: Run) {
    const given = groups.map(({ weight_decay: weightDecay, params }) => ({
      weightDecay,
      params: params.map((name) => model[name] as torch.Tensor),
    }));
    return new AdamW(given, { lr, betas: betas ?? [0.9, 0.999], eps: eps ?? 1e-8 });
  }

  const sgd = (model: Model, { lr, momentum = 0, weight_decay: weightDecay }: Run) =>
    new SGD(Object.values(model), { lr, momentum, weightDecay });

  function logits(model: Model, x: torch.Tensor): torch.Tensor {
    const at = (name: string) => model[name] as torch.Tensor;
    const { addmm, layerNorm, tanh } = torch;
    const mixed = x
      .add(at('pos_embed'))
      .add(x.mul(at('cls_token')))
      .add(at('dist_token').mul(0.5)); // (B, 1 or N, D)
    const flat = mixed.reshape([-1, mixed.size(-1)]);
    const h = tanh(addmm(at('fc1.bias'), flat, at('fc1.weight').t()));
    const normed = layerNorm(h, [h.size(-1)], at('norm.weight'), at('norm.bias'), 1e-6);
    return addmm(at('fc2.bias'), normed, at('fc2.weight').t());
  }

  function loss(model: Model, iteration: number): torch.Tensor {
    const { x, y } = { x: tensors('x').select(0, iteration), y: tensors('y').select(0, iteration) };
    return torch.ops.aten.cross_entropy_loss(logits(model, x), y.reshape([-1])) as torch.Tensor;
  }

  /** AdamW and SGD with one update for each step; SAM is DeiT-LT's own. */
  const plain = (golden.runs ?? []).filter(({ name, accum_iter }) => /^(adamw|sgd)/.test(name) && !accum_iter);
  for (const { name } of plain) {
    test(`${name}: replaying the stored gradients gives the stored parameters within 2e-6`, () => {
      const options = run(name);
      const model = start();
      const optimizer = name.startsWith('adamw') ? adamw(model, options) : sgd(model, options);
      for (let k = 1; k <= golden.steps; k++) {
        for (const [key, param] of Object.entries(model)) param.grad = tensors(`${name}.step${k}.grad.${key}`);
        if (options.clip_grad_norm) {
          const norm = clipGradNorm_(Object.values(model), options.clip_grad_norm).toNumber();
          assert.ok(
            Math.abs(norm - (options.grad_norms_before_clipping?.[k - 1] as number)) < 2e-6,
            `norm of step ${k}: ${norm}`,
          );
        }
        optimizer.step();
        for (const [key, param] of Object.entries(model))
          assertClose(param, tensors(`${name}.step${k}.param.${key}`), { atol: 2e-6 }, `step ${k}, ${key}`);
      }
    });

    test(`${name}: training on the stored data gives the stored losses and parameters within 2e-5`, () => {
      const options = run(name);
      const model = start();
      const optimizer = name.startsWith('adamw') ? adamw(model, options) : sgd(model, options);
      for (let k = 1; k <= golden.steps; k++) {
        optimizer.zeroGrad();
        const value = loss(model, k - 1);
        value.backward();
        assert.ok(
          Math.abs(value.toNumber() - (options.losses?.[k - 1] as number)) < 2e-5,
          `loss of step ${k}: ${value.toNumber()}`,
        );
        if (options.clip_grad_norm) clipGradNorm_(Object.values(model), options.clip_grad_norm);
        optimizer.step();
        for (const [key, param] of Object.entries(model))
          assertClose(param, tensors(`${name}.step${k}.param.${key}`), { atol: 2e-5 }, `step ${k}, ${key}`);
      }
    });
  }

  for (const options of (golden.runs ?? []).filter(({ accum_iter }) => accum_iter))
    test(`${options.name}: accumulated gradients give the stored parameters within 2e-5`, () => accumulates(options));

  function accumulates(options: Run): void {
    const { name } = options;
    const model = start();
    const optimizer = adamw(model, {
      ...options,
      param_groups: run('adamw').param_groups as NonNullable<Run['param_groups']>,
    });
    for (let i = 0; i < golden.steps; i++) {
      loss(model, i)
        .div(options.accum_iter as number)
        .backward();
      if (!options.updates_after_iterations?.includes(i)) continue;
      optimizer.step();
      optimizer.zeroGrad();
      for (const [key, param] of Object.entries(model))
        assertClose(param, tensors(`${name}.after_iter${i}.param.${key}`), { atol: 2e-5 }, `iteration ${i}, ${key}`);
    }
  }

  test('clipGradNorm_() gives the stored norm and gradients', () => {
    const model = start();
    for (const [key, param] of Object.entries(model)) param.grad = tensors(`sgd.step1.grad.${key}`);
    const norm = clipGradNorm_(Object.values(model), golden.clip.max_norm).toNumber();
    assert.ok(Math.abs(norm - golden.clip.total_norm) < 2e-6);
    for (const [key, param] of Object.entries(model))
      assertClose(param.grad, tensors(`clip.after.${key}`), { atol: 2e-7 }, key);
  });
});
