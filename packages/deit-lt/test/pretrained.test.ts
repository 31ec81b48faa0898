/**
 * Initial weights that timm and torchvision wrote: the fitted network gives their features. Layer-wise decay and resized
 * positions are timm's.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { createModel, type ImageModel, type ModelOptions, VisionTransformer } from '../src/models/index.js';
import { isFeatureNet } from '../src/models/model.js';
import { decayByLayer } from '../src/optim/layer-decay.js';
import { createOptimizer } from '../src/optim/optimizer.js';
import { resizedPatches } from '../src/pretrained/fit-transformer.js';
import { fitWeights } from '../src/pretrained/fit-weights.js';
import { withGivenWeights } from '../src/pretrained/read-weights.js';
import { fromPython, skipTimm } from './helpers/python-torch.js';

torch.setNumThreads(1);

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-pretrained-'));
after(() => rmSync(folder, { recursive: true }));

/** A network of the Python peer as an expression, and the network of ours that takes its weights. */
interface Peer {
  readonly file: string;
  readonly python: string;
  readonly ours: string;
  readonly options?: Partial<ModelOptions>;
}

const small = { imageSize: 64 };
const vit = { patchSize: 16, embedDim: 192, depth: 2, numHeads: 3 };
const tvVit =
  'torchvision.models.VisionTransformer(image_size=64, patch_size=16, num_layers=2, num_heads=3, hidden_dim=192, mlp_dim=768)';
const peers: readonly Peer[] = [
  {
    file: 'vit.safetensors',
    python: timm('vit_tiny_patch16_224', 'img_size=64'),
    ours: 'vit_tiny_patch16_224',
    options: small,
  },
  {
    file: 'deit.pth',
    python: timm('deit_tiny_distilled_patch16_224', 'img_size=64'),
    ours: 'deit_tiny_distilled_patch16_224',
    options: small,
  },
  {
    file: 'deit3.safetensors',
    python: timm('deit3_small_patch16_224', 'img_size=64'),
    ours: 'deit3_small_patch16_224',
    options: small,
  },
  {
    file: 'headless.pth',
    python: timm('vit_tiny_patch16_224', 'img_size=64, num_classes=0'),
    ours: 'vit_tiny_patch16_224',
    options: small,
  },
  { file: 'resnet18.safetensors', python: timm('resnet18'), ours: 'resnet18' },
  { file: 'resnet50.pth', python: timm('resnet50'), ours: 'resnet50' },
  { file: 'regnety_004.safetensors', python: timm('regnety_004'), ours: 'regnety_004' },
  { file: 'tv-vit.pth', python: tvVit, ours: 'vit', options: { ...small, ...vit } },
  { file: 'tv-regnet.pth', python: 'torchvision.models.regnet_y_400mf()', ours: 'regnety_004' },
  { file: 'tv-resnext.pth', python: 'torchvision.models.resnext50_32x4d()', ours: 'resnext50_32x4d' },
];

function timm(name: string, options = ''): string {
  return `timm.create_model("${name}", pretrained=False, ${options})`;
}

/** One process for all. Positions: a ViT for 224 pixels, loaded by timm into one for 64. */
const program = `
import os, safetensors.torch, timm, timm.optim, torchvision
from timm.models.vision_transformer import checkpoint_filter_fn
torch.set_num_threads(1); torch.manual_seed(5)
at = lambda name: os.path.join(given["folder"], name)
def randomised(model):
    for name, value in model.state_dict().items():
        if value.dtype != torch.float32: continue
        noise = torch.rand_like(value) * 0.2
        value.copy_(noise + 0.9) if name.endswith("running_var") else value.add_(noise - 0.1)
    return model.eval()
images = torch.randn(2, 3, 64, 64)
safetensors.torch.save_file({"images": images}, at("images.safetensors"))
def features(model):
    if isinstance(model, torchvision.models.VisionTransformer):
        model.heads = torch.nn.Identity()
        return model(images)
    if not hasattr(model, "forward_features"):
        model.fc = torch.nn.Identity()
        return model(images)
    if hasattr(model, "patch_embed"): return model.forward_features(images)[:, :2 if hasattr(model, "dist_token") else 1]
    return model.forward_head(model.forward_features(images), pre_logits=True)
def save(state, name):
    if name.endswith(".pth"): torch.save({"model": state}, at(name))
    else: safetensors.torch.save_file(state, at(name))
found, layers = {}, {}
with torch.no_grad():
    for file, expression in given["peers"]:
        model = randomised(eval(expression))
        save(model.state_dict(), file)
        found[file] = features(model).flatten().tolist()
    large = randomised(timm.create_model("deit3_small_patch16_224", pretrained=False))
    save(large.state_dict(), "large.safetensors")
    model = timm.create_model("deit3_small_patch16_224", img_size=64)
    model.load_state_dict(checkpoint_filter_fn(large.state_dict(), model))
    found["large.safetensors"] = features(model.eval()).flatten().tolist()
for name in given["layers"]:
    model = timm.create_model(name, pretrained=False, num_classes=3)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = timm.optim.param_groups_layer_decay(model, 0.05, getattr(model, "no_weight_decay", lambda: ())(), layer_decay=0.7)
    layers[name] = {names[id(p)]: [group["weight_decay"], group["lr_scale"]] for group in groups for p in group["params"]}
from timm.layers import resample_patch_embed
kernel = torch.tensor(given["kernel"]).reshape(2, 3, 8, 8)
patches = {str(side): resample_patch_embed(kernel, [side, side]).flatten().tolist() for side in given["sides"]}
out = {"features": found, "layers": layers, "patches": patches}`;

const layered = ['deit_tiny_distilled_patch16_224', 'deit3_small_patch16_224', 'resnet18', 'resnet50', 'regnety_004'];

/** A projection of two numbers from patches of 8 × 8 pixels, and the sizes that it is resized to. */
const kernel = Array.from({ length: 2 * 3 * 8 * 8 }, (_, i) => Math.sin(i * i + 0.3));
const sides = [4, 6, 12, 16];

interface Found {
  readonly patches: Readonly<Record<string, number[]>>;
  readonly features: Readonly<Record<string, number[]>>;
  readonly layers: Readonly<Record<string, Readonly<Record<string, [decay: number, scale: number]>>>>;
}

/** A network of `name` with the fitted weights of `file`, and the notes. */
async function fitted(file: string, name: string, options: Partial<ModelOptions> = {}) {
  const classNames = ['a', 'b', 'c'];
  const model = createModel(name, { numClasses: 3, ...options });
  const notes = await withGivenWeights(path.join(folder, file), model, (given) => {
    const { state, notes } = fitWeights(model, given, { classNames, newClassifier: false, part: 'student', name });
    torch.noGrad(() => model.loadStateDict(state));
    return notes;
  });
  model.eval();
  return { model, notes };
}

function featuresOf(model: ImageModel, images: torch.Tensor): torch.Tensor {
  if (model instanceof VisionTransformer) return model.prefixFeatures(images);
  assert.ok(isFeatureNet(model));
  return model.features(images);
}

suite('initial weights of timm and torchvision', { skip: skipTimm }, () => {
  let theirs: Found;
  let images: torch.Tensor;

  before(() => {
    theirs = fromPython<Found>(program, {
      folder,
      layers: layered,
      kernel,
      sides,
      peers: peers.map(({ file, python }) => [file, python]),
    });
    images = torch.safetensors.load(path.join(folder, 'images.safetensors')).get('images')!;
  });

  function assertFeatures(model: ImageModel, file: string): void {
    torch.tidy(() => {
      const actual = torch.noGrad(() => featuresOf(model, images)).flatten();
      const expected = torch.tensor(theirs.features[file]!);
      const difference = actual.sub(expected).abs().max().toNumber();
      const scale = expected.abs().max().toNumber();
      assert.ok(scale > 1e-3 && difference <= 1e-4 * scale, `differs by ${difference}, the largest is ${scale}`);
    });
  }

  for (const { file, ours, options } of peers)
    test(`${file} gives the same features in ${ours}, with a new classifier`, async () => {
      const { model, notes } = await fitted(file, ours, options);
      using _ = model;
      assertFeatures(model, file);
      assert.deepEqual(notes, ['the classifier is new, because the file does not name its classes']);
    });

  test('positions are resized as timm resizes them', async () => {
    const { model, notes } = await fitted('large.safetensors', 'deit3_small_patch16_224', small);
    using _ = model;
    assertFeatures(model, 'large.safetensors');
    assert.match(notes.join(), /positions are resized from 14 × 14 to 4 × 4 patches/);
  });

  for (const side of sides)
    test(`a projection of patches of 8 × 8 pixels is resized to ${side} × ${side} as resample_patch_embed() does`, () =>
      torch.tidy(() => {
        const actual = resizedPatches(torch.tensor(kernel).reshape(2, 3, 8, 8), side);
        assert.deepEqual(actual.shape, [2, 3, side, side]);
        const difference = actual.flatten().sub(torch.tensor(theirs.patches[side]!)).abs().max().toNumber();
        assert.ok(difference < 1e-5, `differs by ${difference}`);
      }));

  test('weights for patches of 16 pixels fit a network with patches of 8, and a note says so', async () => {
    const options = { imageSize: 32, patchSize: 8, embedDim: 192, depth: 12, numHeads: 3 };
    const { model, notes } = await fitted('vit.safetensors', 'vit', options);
    using _ = model;
    assert.match(
      notes.join('; '),
      /the projection of patches is resized from 16 × 16 to 8 × 8 pixels; the classifier is new/,
    );
  });

  for (const name of layered)
    test(`layerDecay and weight decay of ${name} are those of param_groups_layer_decay()`, () => {
      using model = createModel(name, { numClasses: 3, device: 'meta' });
      const names = new Map<torch.Tensor, string>(model.namedParameters().map(([key, parameter]) => [parameter, key]));
      const choice = {
        name: 'adamw',
        lr: 1,
        lrPer: null,
        lrRule: 'effective',
        weightDecay: 0.05,
        clipGradNorm: null,
      } as const;
      const optimizer = createOptimizer(model, choice, 1);
      decayByLayer(optimizer, model, 0.7);
      const groups = optimizer.paramGroups as unknown as {
        params: torch.Tensor[];
        weightDecay: number;
        lrScale: number;
      }[];
      const found = groups.flatMap(({ params, weightDecay, lrScale }) =>
        params.map((parameter) => [names.get(parameter)!, [weightDecay, Number(lrScale.toFixed(9))]] as const),
      );
      const expected = Object.entries(theirs.layers[name]!).map(
        ([key, [decay, scale]]) => [key, [decay, Number(scale.toFixed(9))]] as const,
      );
      assert.deepEqual(Object.fromEntries(found), Object.fromEntries(expected));
    });
});
