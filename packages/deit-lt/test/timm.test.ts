/**
 * Against timm itself, of the Python that PyTorch is compared with (`npm run setup:torch` installs it): networks, exported
 * files, LAMB and the cosine schedule. The golden files hold what an older timm computed once.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/classifier/classifier.js';
import { exportHuggingFace } from '../src/export/export.js';
import { exportSafetensors } from '../src/export/weights.js';
import { createModel, type ModelOptions } from '../src/models/index.js';
import { learningRate } from '../src/optim/schedules.js';
import { loadRecipe } from '../src/recipe/load.js';
import { fromPython, skipTimm } from './helpers/python-torch.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-timm-'));
after(() => rmSync(folder, { recursive: true }));

function assertLogits(actual: torch.Tensor, expected: readonly number[]): void {
  const wanted = torch.tensor([...expected]);
  const difference = actual.flatten().sub(wanted).abs().max().toNumber();
  const scale = wanted.abs().max().toNumber();
  assert.ok(scale > 1e-3 && difference <= 1e-4 * scale, `differs by ${difference}, the largest is ${scale}`);
}

/** Logits of a model with one head, or the average of two, as timm's distilled models give them in evaluation. */
function logitsOf(output: torch.Tensor | readonly torch.Tensor[]): torch.Tensor {
  if (output instanceof torch.Tensor) return output;
  const [cls, dist] = output as [torch.Tensor, torch.Tensor];
  return cls.add(dist).div(2);
}

/** Random weights, batch-norm statistics and LayerScale included: initial ones would hide mistakes. */
function randomise(model: torch.nn.AnyModule): void {
  for (const [name, value] of model.stateDict()) {
    if (value.dtype !== 'float32') continue;
    const noise = torch.rand(value.shape).mul(0.2);
    torch.noGrad(() => (name.endsWith('running_var') ? value.copy_(noise.add(0.9)) : value.add_(noise.sub(0.1))));
  }
}

const small = { imageSize: 64 } as const;
const networks: readonly [name: string, options: Partial<ModelOptions>][] = [
  ['deit_tiny_distilled_patch16_224', small],
  ['deit_tiny_patch16_224', small],
  ['deit3_small_patch16_224', small],
  ['vit_tiny_patch16_224', small],
  ['regnety_004', {}],
  ['resnet18', {}],
  ['resnet50', {}],
  ['resnext50_32x4d', {}],
];

const images = 'images.safetensors';
const student = { name: 'deit_tiny_distilled_patch16_224', options: { numClasses: 4, imageSize: 64 } };

/** Weights and our logits of each network, by file. */
function writeNetworks(): Map<string, torch.Tensor> {
  const expected = new Map<string, torch.Tensor>();
  const input = torch.randn([2, 3, 64, 64]);
  torch.safetensors.save(path.join(folder, images), new Map([['images', input]]));
  for (const [name, options] of networks) {
    using model = createModel(name, { numClasses: 5, ...options });
    randomise(model);
    model.eval();
    torch.safetensors.save(path.join(folder, `${name}.safetensors`), model.stateDict());
    expected.set(
      name,
      torch.noGrad(() => logitsOf(model.call(input))),
    );
  }
  return expected;
}

/** Both exports of a student, and its logits. */
async function writeExports(): Promise<torch.Tensor> {
  const checkpoint = path.join(folder, 'student.safetensors');
  using model = createModel(student.name, student.options);
  randomise(model);
  torch.safetensors.save(checkpoint, model.stateDict());
  using classifier = await openClassifier(checkpoint, { settings: ['precision=float32', 'device=cpu'] });
  exportSafetensors(path.join(folder, 'exported.safetensors'), classifier);
  await exportHuggingFace(path.join(folder, 'hub'), classifier, { version: '0.0.0' });
  const [input] = torch.safetensors.load(path.join(folder, images)).values();
  return torch.noGrad(() => classifier.logits(input!).avg);
}

/** One process for all, since to import timm takes seconds. `logits` are by name. */
const program = `
import os, safetensors.torch, timm, timm.optim
from timm.scheduler import CosineLRScheduler
torch.set_num_threads(1)
at = lambda name: os.path.join(given["folder"], name)
images = safetensors.torch.load_file(at("images.safetensors"))["images"]
models = {}
for name, options in given["networks"]:
    models[name] = timm.create_model(name, num_classes=5, **options)
    models[name].load_state_dict(safetensors.torch.load_file(at(name + ".safetensors")))
models["file"] = timm.create_model(given["student"], num_classes=4, img_size=64, checkpoint_path=at("exported.safetensors"))
models["folder"] = timm.create_model("local-dir:" + at("hub"), pretrained=True)
with torch.no_grad(): logits = {name: model.eval()(images).flatten().tolist() for name, model in models.items()}

parameters = [torch.nn.Parameter(torch.tensor(value)) for value in given["start"]]
optimizer = timm.optim.Lamb(parameters, lr=0.02, weight_decay=0.05)
for each in given["gradients"]:
    for parameter, gradient in zip(parameters, each): parameter.grad = torch.tensor(gradient)
    optimizer.step()

def rates(scheduler, optimizer, at_end):
    found = []
    for epoch in range(40):
        if not at_end: scheduler.step(epoch)
        found.append(optimizer.param_groups[0]["lr"])
        if at_end: scheduler.step(epoch)
    return found
def cosine(**more):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=5e-4)
    return CosineLRScheduler(optimizer, lr_min=1e-5, warmup_t=5, warmup_lr_init=1e-6, **more), optimizer
out = {
    "logits": logits,
    "lamb": [parameter.detach().flatten().tolist() for parameter in parameters],
    "rates": rates(*cosine(t_initial=35, warmup_prefix=True), False),
    "published": rates(*cosine(t_initial=40), True),
}`;

interface Found {
  readonly logits: Readonly<Record<string, number[]>>;
  readonly lamb: readonly number[][];
  readonly rates: readonly number[];
  readonly published: readonly number[];
}

suite('timm', { skip: skipTimm }, () => {
  let ours: { networks: Map<string, torch.Tensor>; exported: torch.Tensor };
  let theirs: Found;
  let start: torch.Tensor[];
  let gradients: torch.Tensor[][];

  before(async () => {
    torch.manualSeed(4);
    ours = { networks: writeNetworks(), exported: await writeExports() };
    start = [torch.randn([4, 3]), torch.randn([3])];
    gradients = Array.from({ length: 4 }, () => [torch.randn([4, 3]), torch.randn([3])]);
    theirs = fromPython<Found>(program, {
      folder,
      student: student.name,
      networks: networks.map(([name, options]) => [name, options.imageSize ? { img_size: options.imageSize } : {}]),
      start: start.map((each) => each.toArray()),
      gradients: gradients.map((each) => each.map((one) => one.toArray())),
    });
  });

  for (const [name] of networks)
    test(`${name} has timm's parameters and logits`, () => {
      assertLogits(ours.networks.get(name)!, theirs.logits[name]!);
    });

  test('an exported file, loaded by checkpoint_path, gives our logits', () => {
    assertLogits(ours.exported, theirs.logits.file!);
  });

  test('an exported folder, loaded by local-dir, gives our logits', () => {
    assertLogits(ours.exported, theirs.logits.folder!);
  });

  test('Lamb with weight decay takes the same steps', () => {
    const parameters = start.map((value) => new torch.nn.Parameter(value.clone()));
    const optimizer = new torch.optim.Lamb(parameters, { lr: 0.02, weightDecay: 0.05 });
    for (const each of gradients) {
      for (const [i, parameter] of parameters.entries()) parameter.grad = each[i]!.clone();
      optimizer.step();
    }
    for (const [i, parameter] of parameters.entries())
      assert.ok(parameter.detach().flatten().sub(torch.tensor(theirs.lamb[i]!)).abs().max().toNumber() < 1e-5);
  });

  for (const [stepping, key] of [
    ['update', 'rates'],
    ['published', 'published'],
  ] as const)
    test(`the cosine schedule with stepping ${stepping} has timm's learning rate in each epoch`, () => {
      const { schedule } = loadRecipe('default', { settings: [`student.schedule.stepping=${stepping}`] }).student;
      for (const [epoch, expected] of theirs[key].entries()) {
        const place = { epoch, batch: 0, batches: 10, accumulation: 1 };
        const lr = learningRate(schedule, { lr: 5e-4, epochs: 40 }, place);
        assert.ok(Math.abs(lr - expected) <= 1e-9 * expected, `epoch ${epoch}: ${lr}, timm ${expected}`);
      }
    });
});
