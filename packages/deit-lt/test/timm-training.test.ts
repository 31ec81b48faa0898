/**
 * The parts of a training against timm itself (`npm run setup:torch` installs it): mixing, averages of weights, samplers,
 * optimizers with their parameter groups, losses.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { cutmixBox, type Mix, type MixBatchOptions, mixBatch } from '../src/augment/mixup.js';
import { createSampler } from '../src/data/samplers/registry.js';
import { shuffled } from '../src/data/samplers/sampler-orders.js';
import { publishedDistributed, publishedRepeatedAugmentation } from '../src/data/samplers/sampler-published.js';
import { bce } from '../src/losses/bce.js';
import { crossEntropy } from '../src/losses/cross-entropy.js';
import type { Loss } from '../src/losses/loss.js';
import { softTargetCrossEntropy } from '../src/losses/soft-target-cross-entropy.js';
import { createModel } from '../src/models/index.js';
import { Ema } from '../src/optim/ema.js';
import { parameterGroups } from '../src/optim/parameter-groups.js';
import { optimizerRegistry } from '../src/optim/registry.js';
import { fromPython, skipTimm } from './helpers/python-torch.js';
import { drawsInPython, RecordingStream } from './helpers/recorded-draws.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-timm-training-'));
after(() => rmSync(folder, { recursive: true }));
const fileOf = (name: string): string => path.join(folder, `${name}.safetensors`);
const save = (name: string, tensors: Iterable<readonly [string, torch.Tensor]>): void =>
  torch.safetensors.save(fileOf(name), new Map(tensors));

const numClasses = 5;
const batch = 6;
const [height, width] = [11, 14];
const labels = Int32Array.of(0, 3, 4, 1, 0, 2);
const random = (seed: number, shape: readonly number[]): torch.Tensor =>
  torch.randn([...shape], { generator: new torch.Generator().manualSeed(seed) });
const images = random(1, [batch, 3, height, width]);

type MixCase = Required<Pick<MixBatchOptions, 'mode' | 'mixupAlpha' | 'cutmixAlpha' | 'probability' | 'smoothing'>> & {
  correctLambda: boolean;
  minMax: [number, number] | null;
};

const mixCase = (changes: Partial<MixCase> = {}): MixCase => ({
  mode: 'batch',
  mixupAlpha: 0.8,
  cutmixAlpha: 1,
  probability: 1,
  smoothing: 0.1,
  correctLambda: true,
  minMax: null,
  ...changes,
});

const mixCases: MixCase[] = [
  mixCase(),
  mixCase({ cutmixAlpha: 0, smoothing: 0 }),
  mixCase({ mixupAlpha: 0, correctLambda: false }),
  mixCase({ probability: 0.5 }),
  mixCase({ minMax: [0.2, 0.8] }),
  mixCase({ mode: 'pair', probability: 0.8 }),
  mixCase({ mode: 'pair', mixupAlpha: 0 }),
  mixCase({ mode: 'elem', probability: 0.8 }),
  mixCase({ mode: 'elem', cutmixAlpha: 0, smoothing: 0 }),
];
const seeds = [0, 1, 2, 3, 4, 5, 6, 7];

/** One of our batches, and what timm needs to mix the same. */
function mixOurs(options: MixCase, seed: number) {
  const stream = new RecordingStream(5, seed, 9);
  const { minMax, ...others } = options;
  const mixed = mixBatch(images, labels, {
    ...others,
    numClasses,
    random: stream,
    ...(minMax && { cutmixMinMax: minMax }),
  });
  if (minMax !== null) stream.drawn.beta.push(0.5); // timm draws a λ there and does not use it
  return { mixed, given: { ...options, drawn: stream.drawn, mixes: mixed.mixes } };
}

const boxCases = [0.1, 0.35, 0.6, 0.9].flatMap((lambda) =>
  [0, 5, height - 1].map((y): [number, number, number] => [lambda, y, 13 - y]),
);

const samplerCases = [300, 1000].flatMap((length) =>
  [1, 2, 3].flatMap((world) =>
    [...new Set([0, world - 1])].map((rank) => ({
      length,
      world,
      rank,
      epoch: length + rank,
      seed: 3,
      repeats: world === 3 ? 2 : 3,
    })),
  ),
);
const smallSamplerCase = { length: 100, world: 2, rank: 1, epoch: 4, seed: 3, repeats: 3 };

const optimizers = {
  adamw: [{ lr: 0.01, weightDecay: 0.05, betas: [0.9, 0.98] }, 'adamw', { betas: [0.9, 0.98] }],
  lamb: [{ lr: 0.02, weightDecay: 0.05 }, 'lamb', {}],
  sgd: [{ lr: 0.1, weightDecay: 2e-3, momentum: 0.9 }, 'momentum', { momentum: 0.9, filter_bias_and_bn: false }],
  nesterov: [
    { lr: 0.1, weightDecay: 2e-3, momentum: 0.9, nesterov: true },
    'sgd',
    { momentum: 0.9, filter_bias_and_bn: false },
  ],
} as const;
const deit = { numClasses: 4, imageSize: 32, patchSize: 16, embedDim: 32, depth: 2, numHeads: 2 };
const steps = 4;

interface LossCase {
  what: string;
  ours: Loss;
  timm: string;
  targets: torch.Tensor;
}

const logits = random(2, [batch, numClasses]).mul(3);
const hard = torch.tensor(BigInt64Array.from(labels, BigInt));
const soft = random(3, [batch, numClasses]).softmax(1);
const lossCases: LossCase[] = [
  {
    what: 'label smoothing',
    ours: crossEntropy({ labelSmoothing: 0.1 }),
    timm: 'LabelSmoothingCrossEntropy(0.1)',
    targets: hard,
  },
  { what: 'soft targets', ours: softTargetCrossEntropy(), timm: 'SoftTargetCrossEntropy()', targets: soft },
  { what: 'soft targets by cross-entropy', ours: crossEntropy(), timm: 'SoftTargetCrossEntropy()', targets: soft },
  { what: 'binary cross-entropy', ours: bce(), timm: 'BinaryCrossEntropy(smoothing=0.0)', targets: soft },
  { what: 'binary cross-entropy of labels', ours: bce(), timm: 'BinaryCrossEntropy(smoothing=0.0)', targets: hard },
  {
    what: 'binary cross-entropy with a threshold',
    ours: bce({ threshold: 0.2 }),
    timm: 'BinaryCrossEntropy(smoothing=0.0, target_threshold=0.2)',
    targets: soft,
  },
];

const program = `
import os, safetensors.torch, timm, timm.loss, timm.optim, timm.utils, timm.data.mixup as mixup
from timm.data.distributed_sampler import RepeatAugSampler
${drawsInPython}
torch.set_num_threads(1)
load = lambda name: safetensors.torch.load_file(os.path.join(given["folder"], name + ".safetensors"))
result = {}

def box(shape, lam, margin=0.0, count=None):
    """The box of timm 1.0.28 and earlier: an odd side is rounded down."""
    rows, columns = (int(side * numpy.sqrt(1 - lam)) // 2 for side in shape[-2:])
    cy, cx = mixup.np.random.randint(0, shape[-2]), mixup.np.random.randint(0, shape[-1])
    clip = lambda value, most: max(0, min(value, most))
    return clip(cy - rows, shape[-2]), clip(cy + rows, shape[-2]), clip(cx - columns, shape[-1]), clip(cx + columns, shape[-1])

class Given(mixup.Mixup):
    """Mixes in the given way."""
    def _params_per_elem(self, count):
        mixes = self.mixes[:count]
        return numpy.array([mix["lambda"] for mix in mixes], dtype=numpy.float32), [mix["kind"] == "cutmix" for mix in mixes]

todays_box, plain = mixup.rand_bbox, mixup.cutmix_bbox_and_lam
boxes = []
for lam, cy, cx in given["boxes"]:
    mixup.np = Draws({"int": [cy, cx]}).numpy
    boxes.append([int(side) for side in todays_box((3, ${height}, ${width}), lam)])
mixup.rand_bbox = box
for k, case in enumerate(given["mixes"]):
    drawing = Draws(case["drawn"])
    mixup.np = drawing.numpy if case["mode"] == "batch" else numpy
    mixer = Given(case["mixupAlpha"], case["cutmixAlpha"], case["minMax"], case["probability"], 0.5, case["mode"],
                  case["correctLambda"], case["smoothing"], ${numClasses})
    mixer.mixes = case["mixes"]
    cuts = iter([mix for mix in case["mixes"] if mix["kind"] == "cutmix" and mix["lambda"] < 1])  # timm skips an empty box
    def given_box(shape, lam, **_):
        mix = next(cuts)
        top, left, height, width = (mix["box"][side] for side in ("top", "left", "height", "width"))
        return (top, top + height, left, left + width), mix["lambda"]
    mixup.cutmix_bbox_and_lam = plain if case["mode"] == "batch" else given_box
    x, y = mixer(load("batch")["images"].clone(), torch.tensor(given["labels"]))
    result[f"mix{k}.images"], result[f"mix{k}.targets"] = x.clone(), y.float().clone()

class Model(torch.nn.Module):
    def __init__(self, state, parameters):
        super().__init__()
        for name, value in state.items():
            flat = name.replace(".", "/")
            if name in parameters: self.register_parameter(flat, torch.nn.Parameter(value.clone()))
            else: self.register_buffer(flat, value.clone())

states = [load(f"state{k}") for k in range(given["states"])]
for name, cls in (("v2", timm.utils.ModelEmaV2), ("v3", timm.utils.ModelEmaV3)):
    model = Model(states[0], given["parameters"])
    average = cls(model, decay=0.9)
    for state in states[1:]:
        with torch.no_grad():
            for key, value in model.state_dict().items(): value.copy_(state[key.replace("/", ".")])
        average.update(model)
    for key, value in average.module.state_dict().items(): result[f"{name}.{key.replace('/', '.')}"] = value.clone()

def repeated(case, **more):
    sampler = RepeatAugSampler(range(case["length"]), case["world"], case["rank"], num_repeats=case["repeats"], **more)
    sampler.set_epoch(case["epoch"])
    return list(sampler)
def distributed(case):
    sampler = torch.utils.data.DistributedSampler(range(case["length"]), case["world"], case["rank"], seed=case["seed"])
    sampler.set_epoch(case["epoch"])
    return list(sampler)
samplers = [{"published": repeated(case), "distributed": distributed(case)} for case in given["samplers"]]
small = repeated(given["small"])
randperm = torch.randperm
for case, found in zip(given["samplers"], samplers):
    torch.randperm = lambda n, generator=None: torch.tensor(case["order"])
    found["ours"] = repeated(case, selected_round=0)
torch.randperm = randperm

groups = {}
for name, (options, opt, more) in given["optimizers"].items():
    d = given["deit"]
    model = timm.create_model("deit_tiny_distilled_patch16_224", num_classes=d["numClasses"], img_size=d["imageSize"],
                              patch_size=d["patchSize"], embed_dim=d["embedDim"], depth=d["depth"], num_heads=d["numHeads"])
    model.load_state_dict(load("model"))
    trains_all = more.get("filter_bias_and_bn") is False  # of parameters alone timm does not know the tokens
    optimizer = timm.optim.create_optimizer_v2(list(model.parameters()) if trains_all else model, opt, lr=options["lr"], weight_decay=options["weightDecay"], **more)
    names = {id(parameter): key for key, parameter in model.named_parameters()}
    groups[name] = sorted(names[id(p)] for group in optimizer.param_groups if group["weight_decay"] == 0 for p in group["params"])
    for step in range(${steps}):
        gradients = load(f"gradients{step}")
        for key, parameter in model.named_parameters(): parameter.grad = gradients[key].clone()
        optimizer.step()
    for key, parameter in model.named_parameters(): result[f"{name}.{key}"] = parameter.detach().clone()

inputs = load("losses")
for k, name in enumerate(given["losses"]):
    logits = inputs["logits"].clone().requires_grad_()
    loss = eval("timm.loss." + name)(logits, inputs[f"targets{k}"])
    loss.backward()
    result[f"loss{k}"], result[f"loss{k}.gradient"] = loss.detach().reshape(1), logits.grad
safetensors.torch.save_file({k: v.contiguous() for k, v in result.items()}, os.path.join(given["folder"], "results.safetensors"))
out = {"boxes": boxes, "samplers": samplers, "small": small, "groups": groups}`;

interface Found {
  readonly boxes: readonly [number, number, number, number][];
  readonly samplers: readonly { published: number[]; distributed: number[]; ours: number[] }[];
  readonly small: number[];
  readonly groups: Readonly<Record<string, string[]>>;
}

const apart = (a: torch.Tensor, b: torch.Tensor): number => a.sub(b).abs().max().toNumber();

suite("parts of a training are timm's", { skip: skipTimm }, () => {
  const mixes = skipTimm === false ? mixCases.flatMap((options) => seeds.map((seed) => mixOurs(options, seed))) : [];
  const averages = new Map<string, torch.Tensor>();
  const trained = new Map<string, torch.Tensor>();
  let undecayed: string[];
  let theirs: ReadonlyMap<string, torch.Tensor>;
  let found: Found;

  /** Averages of a network whose weights move; its states are saved. Returns the names of its parameters. */
  function average(states: number): string[] {
    using model = createModel('resnet20', { numClasses: 4, width: 4 });
    using ema = new Ema(model, { decay: 0.9 });
    for (let k = 0; k < states; k++) {
      if (k > 0)
        for (const [name, value] of model.stateDict())
          torch.noGrad(() =>
            value.isFloatingPoint() ? value.add_(random(k + name.length, value.shape)) : value.add_(2),
          );
      save(`state${k}`, model.stateDict());
      if (k > 0) ema.update();
    }
    for (const [name, value] of ema.stateDict().tensors) averages.set(name, value.clone());
    return [...model.namedParameters()].map(([name]) => name);
  }

  function trainWith(): void {
    using start = createModel('deit', deit);
    save('model', start.stateDict());
    for (let step = 0; step < steps; step++)
      save(
        `gradients${step}`,
        [...start.namedParameters()].map(([name, { shape }], i) => [name, random(100 * step + i, shape).mul(0.1)]),
      );
    for (const [key, [options]] of Object.entries(optimizers)) {
      using model = createModel('deit', deit);
      model.loadStateDict(torch.safetensors.load(fileOf('model')));
      const entry = optimizerRegistry.find(key === 'nesterov' ? 'sgd' : key);
      const optimizer = entry.create(model, options as never);
      for (let step = 0; step < steps; step++) {
        const gradients = torch.safetensors.load(fileOf(`gradients${step}`));
        for (const [name, parameter] of model.namedParameters()) parameter.grad = gradients.get(name)!;
        optimizer.step();
      }
      for (const [name, parameter] of model.namedParameters())
        trained.set(`${key}.${name}`, parameter.detach().clone());
      const [without] = parameterGroups(model, { weightDecay: 0.05 });
      undecayed = [...model.namedParameters()]
        .filter(([, each]) => without.params.includes(each))
        .map(([name]) => name);
    }
  }

  before(() => {
    save('batch', [['images', images]]);
    save('losses', [['logits', logits], ...lossCases.map(({ targets }, k) => [`targets${k}`, targets] as const)]);
    const states = 7;
    const parameters = average(states);
    trainWith();
    found = fromPython<Found>(program, {
      folder,
      states,
      parameters,
      labels: [...labels],
      mixes: mixes.map(({ given }) => given),
      boxes: boxCases,
      samplers: samplerCases.map((each) => ({ ...each, order: [...shuffled(each.length, each)] })),
      small: smallSamplerCase,
      optimizers,
      deit,
      losses: lossCases.map(({ timm }) => timm),
    });
    theirs = torch.safetensors.load(fileOf('results'));
  });

  for (const [k, options] of mixCases.entries())
    test(`images and targets of mixing ${JSON.stringify(options)}`, () => {
      const kinds = new Set<Mix['kind']>();
      for (const [s, seed] of seeds.entries()) {
        const at = k * seeds.length + s;
        const { mixed } = mixes[at]!;
        for (const { kind } of mixed.mixes) kinds.add(kind);
        // One multiplication and one addition in float32, which the sides may round together or one after the other.
        assert.ok(apart(mixed.images, theirs.get(`mix${at}.images`)!) < 1e-6, `images of seed ${seed}`);
        assert.ok(apart(mixed.targets, theirs.get(`mix${at}.targets`)!) < 1e-6, `targets of seed ${seed}`);
      }
      assert.equal(kinds.has('mixup'), options.mixupAlpha > 0);
      assert.equal(kinds.has('cutmix'), options.cutmixAlpha > 0);
      assert.equal(kinds.has('none'), options.probability < 1);
    });

  test("CutMix's box is timm's, which has a row and a column more where a side is odd", () => {
    let larger = 0;
    for (const [i, [lambda, y, x]] of boxCases.entries()) {
      const box = cutmixBox(height, width, lambda, y, x);
      const [top, bottom, left, right] = found.boxes[i]!;
      const odd = (side: number): number => Math.trunc(side * Math.sqrt(1 - lambda)) % 2;
      assert.deepEqual([box.top, box.left], [top, left]);
      assert.equal(
        bottom,
        Math.min(height, y + Math.floor(Math.trunc(height * Math.sqrt(1 - lambda)) / 2) + odd(height)),
      );
      assert.ok(bottom - top - box.height <= odd(height) && right - left - box.width <= odd(width));
      larger += bottom - top - box.height;
    }
    assert.ok(larger > 0);
  });

  test('averages of weights are those of ModelEmaV3; those of ModelEmaV2 except for counters', () => {
    assert.ok([...averages.keys()].some((name) => name.endsWith('num_batches_tracked')));
    for (const [name, value] of averages) {
      const isFloat = value.isFloatingPoint();
      // Seven updates of numbers up to 20, each rounded to float32 in another order.
      const tolerance = isFloat ? 1e-5 : 0;
      assert.ok(apart(value, theirs.get(`v3.${name}`)!) <= tolerance, name);
      if (isFloat) assert.ok(apart(value, theirs.get(`v2.${name}`)!) <= tolerance, name);
    }
  });

  for (const [k, each] of samplerCases.entries())
    test(`the orders of ${each.length} images for process ${each.rank} of ${each.world}`, () => {
      const { published, distributed, ours } = found.samplers[k]!;
      assert.deepEqual([...publishedRepeatedAugmentation(each.length, each)], published);
      assert.deepEqual([...publishedDistributed(each.length, each)], distributed);
      const sampler = createSampler('repeated-augmentation', { repeats: each.repeats });
      assert.deepEqual([...sampler(new Int32Array(each.length), 1, each)], ours);
    });

  test('of fewer than 256 images timm keeps a share by now; the published order keeps none', () => {
    assert.equal(found.small.length, smallSamplerCase.length / smallSamplerCase.world);
    assert.equal(publishedRepeatedAugmentation(smallSamplerCase.length, smallSamplerCase).length, 0);
  });

  for (const key of Object.keys(optimizers) as (keyof typeof optimizers)[])
    test(`${key} takes timm's steps`, () => {
      assert.deepEqual(found.groups[key], /sgd|nesterov/.test(key) ? [] : undecayed.toSorted());
      // Weights are below 2 and a step is about the rate: what is left is rounding to float32.
      for (const [name, value] of trained)
        if (name.startsWith(`${key}.`)) assert.ok(apart(value, theirs.get(name)!) < 2e-6, name);
    });

  for (const [k, { what, ours, targets }] of lossCases.entries())
    test(`${what}: value and gradient`, () => {
      const input = logits.detach().clone().requiresGrad_();
      const loss = ours(input, targets);
      loss.backward();
      assert.ok(Math.abs(loss.toNumber() - theirs.get(`loss${k}`)!.toNumber()) < 1e-6);
      assert.ok(apart(input.grad!, theirs.get(`loss${k}.gradient`)!) < 1e-6);
    });
});
