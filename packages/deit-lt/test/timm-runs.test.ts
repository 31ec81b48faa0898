/**
 * Trained runs in timm (`npm run setup:torch` installs it): teachers and a student are trained and exported, and timm gives
 * their logits for files of images, by the transform that it makes of the exported folder.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import { MemorySource } from '../src/data/memory-source.js';
import { exportHuggingFace } from '../src/export/export.js';
import { modelConfig } from '../src/export/hugging-face.js';
import { modelCard } from '../src/export/model-card.js';
import { exportSafetensors, exportTorch } from '../src/export/weights.js';
import { type Classifier, loadRecipe, openClassifier, trainStudent, trainTeacher } from '../src/index.js';
import { smoothImages } from './helpers/photographs.js';
import { fromPython, skipTimm } from './helpers/python-torch.js';
import { tinyDataset } from './training-tiny.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-timm-runs-'));
after(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => path.join(folder, ...names);

const count = 6;
const [width, height] = [80, 60];

/** One epoch each; the student's result are its averaged weights. */
const recipe = (...more: string[]) =>
  loadRecipe('default', {
    settings: [
      ...['precision=float32', 'device=cpu', 'data.imbalance=4', 'evaluation.batchSize=10'],
      ...['teacher', 'student'].flatMap((part) => [
        ...[`${part}.epochs=1`, `${part}.batchSize=24`, `${part}.drw.epoch=null`, `${part}.imageSize=48`],
        ...[`${part}.schedule.warmupEpochs=0`],
      ]),
      ...['teacher.model.name=resnet18', 'teacher.schedule.milestones=[]', 'teacher.schedule.factors=[]'],
      ...['student.model.name=deit_tiny_distilled_patch16_224', 'student.ema=0.5', 'student.weights=ema'],
      ...more,
    ],
  });

/** Networks with timm's names, and the timm name that `checkpoint_path` needs. */
const runs = { student: 'deit_tiny_distilled_patch16_224', teacher: 'resnet18' } as const;

async function trainAll(): Promise<void> {
  const dataset = tinyDataset();
  const linear = recipe('teacher.model.cosine=false', 'teacher.loss.name=cross-entropy');
  await trainTeacher({ dataset, recipe: linear, folder: at('teacher') });
  await trainTeacher({ dataset, recipe: recipe('data.limit=12'), folder: at('cosine') });
  await trainStudent({ dataset, recipe: linear, folder: at('student'), teacher: at('teacher') });
}

/** Writes the files of an exported folder that timm reads, without its ONNX models, whose check takes seconds. */
function writeHub(run: string, classifier: Classifier): void {
  const hub = at(`${run}-hub`);
  mkdirSync(hub);
  writeFileSync(path.join(hub, 'config.json'), JSON.stringify(modelConfig(classifier)));
  exportSafetensors(path.join(hub, 'model.safetensors'), classifier);
}

/** Our logits of the images, by the transform of the evaluation. */
async function logitsOf({ pipeline, ...classifier }: Classifier, images: torch.Tensor): Promise<torch.Tensor> {
  const pixels = images.toTypedArray<'uint8'>();
  const source = new MemorySource({ kind: 'memory', length: count, width, height, pixels, nameOf: String });
  const windows = Array.from({ length: count }, () => pipeline.window(width, height, undefined as never));
  const ids = Int32Array.from({ length: count }, (_, i) => i);
  const read = await source.read(ids, windows, pipeline.size, pipeline.filter);
  const input = pipeline.transforms.reduce((batch, apply) => apply(batch, []), read);
  return torch.noGrad(() => classifier.logits(input).avg);
}

const program = `
import os, glob, timm
from PIL import Image
torch.set_num_threads(1)
at = lambda *names: os.path.join(given["folder"], *names)
files = sorted(glob.glob(at("images", "*.png")))
out = {}
def logits_of(model, config):
    transform = timm.data.create_transform(**config, is_training=False)
    images = torch.stack([transform(Image.open(file).convert("RGB")) for file in files])
    with torch.no_grad(): return model.eval()(images).flatten().tolist()
for run, name in given["runs"].items():
    model = timm.create_model("local-dir:" + at(run + "-hub"), pretrained=True)
    config = timm.data.resolve_model_data_config(model)
    out[run + " folder"] = logits_of(model, config)
    options = {"img_size": 48} if "deit" in name else {}
    for ending in ("safetensors", "pth"):
        file = at(run + "." + ending)
        loaded = timm.create_model(name, num_classes=given["classes"], checkpoint_path=file, **options)
        out[run + " " + ending] = logits_of(loaded, config)
    plain = timm.create_model(name, num_classes=given["classes"], **options)
    plain.load_state_dict(torch.load(at(run + ".pth"), weights_only=True)["model"])
    out[run + " torch.load"] = logits_of(plain, config)
try:
    timm.create_model("local-dir:" + at("cosine-hub"), pretrained=True)
    out["error"] = ""
except RuntimeError as error:
    out["error"] = str(error)
model = timm.create_model("local-dir:" + at("cosine-hub"), pretrained=True, num_classes=3)
out["features"] = model.state_dict()["conv1.weight"].flatten().tolist()
out["classes"] = model.num_classes`;

type Found = Readonly<Record<string, number[]>> & { readonly error: string; readonly classes: number };

suite('trained runs in timm', { skip: skipTimm }, () => {
  const ours = new Map<string, torch.Tensor>();
  let found: Found;
  let card: string;

  before(async () => {
    torch.manualSeed(8);
    await trainAll();
    const images = smoothImages(count, width, height);
    mkdirSync(at('images'));
    for (let i = 0; i < count; i++)
      await sharp(images.select(0, i).contiguous().toTypedArray<'uint8'>(), { raw: { width, height, channels: 3 } })
        .png()
        .toFile(at('images', `${i}.png`));
    let classes = 0;
    for (const run of [...Object.keys(runs), 'cosine']) {
      using classifier = await openClassifier(at(run));
      classes = classifier.classNames.length;
      ours.set(run, await logitsOf(classifier, images));
      if (run === 'student') await exportHuggingFace(at('student-hub'), classifier, { version: '0.0.0' });
      else writeHub(run, classifier);
      exportSafetensors(at(`${run}.safetensors`), classifier);
      exportTorch(at(`${run}.pth`), classifier);
      if (run !== 'cosine') continue;
      card = modelCard({ classifier, dataName: 'shapes', evaluation: undefined, checks: new Map() });
      ours.set('conv1', classifier.model.stateDict().get('conv1.weight')!.clone());
    }
    found = fromPython<Found>(program, { folder, runs, classes });
  });

  for (const run of Object.keys(runs))
    for (const way of ['folder', 'safetensors', 'pth', 'torch.load'])
      test(`the ${run} by ${way} gives our logits for files of images`, () => {
        const wanted = ours.get(run)!.flatten();
        const scale = wanted.abs().max().toNumber();
        // The convolutions of both sides add up float32 in another order.
        const apart = wanted
          .sub(torch.tensor(found[`${run} ${way}`]!))
          .abs()
          .max()
          .toNumber();
        assert.ok(scale > 1e-2 && apart < 1e-4 * scale, `differs by ${apart}, the largest is ${scale}`);
      });

  test('a cosine classifier, which timm does not have, is refused; with a new one the network is ours', () => {
    assert.match(found.error, /fc\.bias/);
    assert.equal(found.classes, 3);
    assert.deepEqual(found.features, ours.get('conv1')!.flatten().toArray());
    assert.match(card, /cosine classifier .* timm loads the network only with a new classifier/);
  });
});
