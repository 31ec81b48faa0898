/** SAM, weight averages and weight-decay groups against runs of the published code. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { VisionTransformer } from '../src/models/vit.js';
import { Ema } from '../src/optim/ema.js';
import { parameterGroups } from '../src/optim/parameter-groups.js';
import { SAM } from '../src/optim/sam.js';
import { assertClose, assertNear, golden, skipGolden } from './helpers/golden-files.js';

interface Run {
  name: string;
  lr: number;
  weight_decay: number;
  betas?: [number, number];
  eps?: number;
  momentum?: number;
  rho?: number;
  adaptive?: boolean;
  clip_grad_norm?: number | null;
  param_groups?: { weight_decay: number; params: string[] }[];
  losses_at_w?: number[];
  losses_at_perturbed?: number[];
  ema_decay?: number;
}

const { json, tensor } = golden<{ parameter_order: string[]; steps: number; runs: Run[] }>('optim', {
  parameter_order: [],
  steps: 0,
  runs: [],
});

/** A linear layer of the shape of the stored weight. */
function linearLike(name: string): torch.nn.Linear {
  const [outFeatures, inFeatures] = tensor(`init.${name}.weight`).shape as [number, number];
  return new torch.nn.Linear(inFeatures, outFeatures);
}

/** The tiny network of the golden file: tokens, a hidden layer, layer norm, a classifier. */
class Tiny extends torch.nn.Module {
  readonly posEmbed = new torch.nn.Parameter(tensor('init.pos_embed').clone());
  readonly clsToken = new torch.nn.Parameter(tensor('init.cls_token').clone());
  readonly distToken = new torch.nn.Parameter(tensor('init.dist_token').clone());
  readonly fc1 = linearLike('fc1');
  readonly norm = new torch.nn.LayerNorm(this.fc1.outFeatures, { eps: 1e-6 });
  readonly fc2 = linearLike('fc2');

  constructor() {
    super();
    this.loadStateDict(new Map(json.parameter_order.map((name) => [name, tensor(`init.${name}`)])));
  }

  forward(x: torch.Tensor): torch.Tensor {
    const tokens = x.add(this.posEmbed).add(x.mul(this.clsToken)).add(this.distToken.mul(0.5));
    return this.fc2.call(this.norm.call(this.fc1.call(tokens).tanh()));
  }

  /** Of step `k` from 1; its gradients are added up. */
  lossOf(k: number): number {
    return torch.tidy(() => {
      const logits = this.call(tensor('x').select(0, k - 1));
      const labels = tensor('y').select(0, k - 1);
      const loss = torch.nn.functional.crossEntropy(logits.reshape([-1, this.fc2.outFeatures]), labels.reshape([-1]));
      loss.backward();
      return loss.toNumber();
    });
  }
}

function assertParameters(model: Tiny, prefix: string, atol: number): void {
  for (const [name, param] of model.namedParameters()) assertNear(param, tensor(`${prefix}.${name}`), { atol }, name);
}

function setGradients(model: Tiny, prefix: string): void {
  for (const [name, param] of model.namedParameters()) param.grad = tensor(`${prefix}.${name}`).clone();
}

suite('golden SAM', { skip: skipGolden }, () => {
  const runs = json.runs.filter(({ name }) => name.startsWith('sam'));
  const make = (model: Tiny, { lr, momentum, weight_decay: weightDecay, rho, adaptive }: Run) => {
    const optimizer = new torch.optim.SGD(model.parameters(), { lr, momentum: momentum!, weightDecay });
    return { optimizer, sam: new SAM(optimizer, { rho: rho!, adaptive: adaptive! }) };
  };

  for (const run of runs) {
    test(`${run.name}: replaying the stored gradients`, () => {
      const model = new Tiny();
      const { sam } = make(model, run);
      for (let k = 1; k <= json.steps; k++) {
        setGradients(model, `${run.name}.step${k}.grad_at_w`);
        sam.firstStep();
        assertParameters(model, `${run.name}.step${k}.perturbed`, 2e-6);
        assert.ok(model.parameters().every(({ grad }) => grad === null));
        setGradients(model, `${run.name}.step${k}.grad`);
        sam.secondStep();
        assertParameters(model, `${run.name}.step${k}.param`, 2e-6);
      }
    });

    test(`${run.name}: training on the stored data`, () => {
      const model = new Tiny();
      const { sam, optimizer } = make(model, run);
      for (let k = 1; k <= json.steps; k++) {
        optimizer.zeroGrad();
        assertClose(model.lossOf(k), run.losses_at_w![k - 1]!, { atol: 2e-5 }, `loss of step ${k}`);
        sam.firstStep();
        assertClose(model.lossOf(k), run.losses_at_perturbed![k - 1]!, { atol: 2e-5 }, `loss uphill of step ${k}`);
        sam.secondStep();
        assertParameters(model, `${run.name}.step${k}.param`, 2e-5);
      }
    });
  }
});

interface StudentFile {
  file: string;
  model_config?: {
    img_size: number;
    patch_size: number;
    embed_dim: number;
    num_heads: number;
    depth: number;
    mlp_ratio: number;
    num_classes: number;
  };
  optimizer_param_groups?: { weight_decay: number; params: number[] }[];
  optimizer_param_names?: string[];
}

suite('golden checkpoint of the student', { skip: skipGolden }, () => {
  const { files } = golden<{ files: StudentFile[] }>('checkpoint', { files: [] }).json;

  test('numbers its optimizer’s state in the order of our groups', () => {
    const found = files.find(({ model_config: config, optimizer_param_names: names }) => config && names)!;
    const { img_size, patch_size, embed_dim, num_heads, depth, mlp_ratio, num_classes } = found.model_config!;
    const size = { imageSize: img_size, patchSize: patch_size, embedDim: embed_dim, numHeads: num_heads, depth };
    const options = { mlpRatio: mlp_ratio, numClasses: num_classes, distilled: true };
    const model = new VisionTransformer({ ...size, ...options });
    const nameOf = new Map(model.namedParameters().map(([name, param]) => [param, name]));
    const weightDecay = Math.max(...found.optimizer_param_groups!.map(({ weight_decay }) => weight_decay));
    const groups = parameterGroups(model, { weightDecay });
    assert.deepEqual(
      groups.flatMap(({ params }) => params.map((param) => nameOf.get(param))),
      found.optimizer_param_names,
    );
    let next = 0;
    assert.deepEqual(
      groups.map(({ weightDecay, params }) => ({ weight_decay: weightDecay, params: params.map(() => next++) })),
      found.optimizer_param_groups!.map(({ weight_decay, params }) => ({ weight_decay, params })),
    );
  });
});

suite('golden weight averages and decay groups', { skip: skipGolden }, () => {
  const run = json.runs.find(({ name }) => name === 'adamw') as Run;

  test('parameterGroups() are timm’s, in its order', () => {
    const model = new Tiny();
    const nameOf = new Map(model.namedParameters().map(([name, param]) => [param, name]));
    const found = parameterGroups(model, { weightDecay: run.weight_decay });
    assert.deepEqual(
      found.map(({ weightDecay, params }) => ({ weight_decay: weightDecay, params: params.map((p) => nameOf.get(p)) })),
      run.param_groups,
    );
  });

  test('AdamW with these groups, and the average after each step', () => {
    const model = new Tiny();
    const { lr, betas, eps } = run;
    const groups = parameterGroups(model, { weightDecay: run.weight_decay });
    const optimizer = new torch.optim.AdamW(groups, { lr, betas: betas!, eps: eps! });
    using ema = new Ema(model, { decay: run.ema_decay! });
    for (let k = 1; k <= json.steps; k++) {
      setGradients(model, `adamw.step${k}.grad`);
      optimizer.step();
      ema.update();
      assertParameters(model, `adamw.step${k}.param`, 2e-6);
      for (const [name, average] of ema.stateDict().tensors)
        assertNear(average, tensor(`adamw.step${k}.ema.${name}`), { atol: 2e-6 }, `average of ${name}`);
      ema.swap(() => assertParameters(model, `adamw.step${k}.ema`, 2e-6));
    }
  });
});
