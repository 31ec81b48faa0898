/** ONNX classifiers, ours and of others, as teachers and where a model is asked: which are taken, and what is said of the rest. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openAnyClassifier } from '../src/classifier/any-classifier.js';
import { openClassifier } from '../src/classifier/classifier.js';
import { logitScale } from '../src/classifier/logit-scale.js';
import { GraphBuilder, type Value } from '../src/export/onnx/graph-builder.js';
import { onnxModel } from '../src/export/onnx/model.js';
import { type Dimension, encodeModel } from '../src/export/onnx/proto.js';
import { createModel } from '../src/models/index.js';
import { disableTelemetry, loadRuntime } from '../src/onnx/runtime.js';
import { trainStudent, trainTeacher } from '../src/training/train.js';
import { fromPython, skipTorchvision } from './helpers/python-torch.js';
import { recording, tinyDataset, tinyRecipe } from './training-tiny.js';

torch.setNumThreads(1);
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-onnx-'));
after(() => rmSync(folder, { recursive: true }));
const place = (name: string): string => path.join(folder, name);

const skip = (await loadRuntime()) === undefined && 'no onnxruntime-node here';
const cpu = { settings: ['device=cpu'] };

interface Small {
  readonly input?: readonly Dimension[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** From the images' means by channel `[N, 3]` to outputs by name. */
  readonly outputs?: (graph: GraphBuilder, means: Value) => Record<string, readonly [Value, readonly Dimension[]]>;
}

/** A model that gives the mean of each channel, or what `outputs` makes of that. */
function small(name: string, { input = ['n', 3, 8, 8], metadata = {}, outputs }: Small = {}): string {
  const graph = new GraphBuilder('fp32');
  const images = graph.input('images', input);
  const means = graph.op('ReduceMean', [images], { axes: { ints: [2, 3] }, keepdims: { int: 0 } });
  const made = outputs?.(graph, means) ?? { scores: [means, [input[0]!, 3]] };
  for (const [output, [value, shape]] of Object.entries(made)) graph.output(output, value, shape);
  writeFileSync(place(name), encodeModel(graph.build('small', '0', metadata)));
  return place(name);
}

suite('openAnyClassifier() of an ONNX model', { skip }, () => {
  test('gives the logits, classes and normalisation of the student that was exported', async () => {
    torch.manualSeed(1);
    using model = createModel('deit', { numClasses: 4, embedDim: 64, depth: 1 });
    torch.safetensors.save(place('student.safetensors'), model.stateDict());
    const settings = ['precision=float32', 'device=cpu', 'student.mean=[0.1, 0.2, 0.3]'];
    using ours = await openClassifier(place('student.safetensors'), { settings });
    writeFileSync(place('student.onnx'), onnxModel(ours, { version: '0' }));
    using found = await openAnyClassifier(place('student.onnx'), cpu);
    const images = torch.randn([3, 3, 32, 32]);
    const [wanted, actual] = [ours.logits(images), found.logits(images)];
    for (const name of ['avg', 'cls', 'dist'] as const)
      assert.ok(actual[name]!.sub(wanted[name]!).abs().max().toNumber() < 1e-5, name);
    assert.deepEqual(found.recipe.mean, [0.1, 0.2, 0.3]);
    assert.deepEqual([found.kind, found.classNames, found.notes], ['student', ['0', '1', '2', '3'], []]);
    assert.equal(found.namesKnown, false, 'numbers are no names');
  });

  test('gives the logits of torchvision, which exported it for two images at a time', {
    skip: skipTorchvision,
  }, async () => {
    const images = torch.randn([5, 3, 32, 32]);
    const wanted = fromPython<number[][]>(
      `import torchvision
torch.manual_seed(0)
model = torchvision.models.resnet18(num_classes=7).eval()
import inspect
older = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
torch.onnx.export(model, torch.zeros(2, 3, 32, 32), given["file"], opset_version=13, **older)
with torch.no_grad(): out = model(torch.tensor(given["images"])).tolist()`,
      { file: place('resnet18.onnx'), images: images.toArray() },
    );
    using found = await openAnyClassifier(place('resnet18.onnx'), cpu);
    const { avg } = found.logits(images);
    assert.deepEqual(avg.shape, [5, 7]);
    assert.ok(avg.sub(torch.tensor(wanted)).abs().max().toNumber() < 1e-4);
    assert.match(found.notes!.join('\n'), /does not contain its image normalisation.*0\.4914,0\.4822,0\.4465/);
  });

  test('takes classes from the metadata, and any size where none is fixed', async () => {
    const metadata = { classes: '["a", "b", "c"]', mean: '[0, 0, 0]', std: '[1, 1, 1]' };
    const file = small('any.onnx', { input: ['n', 3, 'h', 'w'], metadata });
    using found = await openAnyClassifier(file, { settings: ['device=cpu', 'teacher.imageSize=24'] });
    assert.deepEqual([found.classNames, found.namesKnown, found.recipe.imageSize], [['a', 'b', 'c'], true, 24]);
    assert.deepEqual(found.notes, [`${file} takes images of any size: it is given 24 × 24 (teacher.imageSize).`]);
    const means = found.logits(torch.tensor([1, 2, 3]).view([1, 3, 1, 1]).expand([2, 3, 5, 5])).avg;
    assert.deepEqual(means.toArray(), [
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  test('converts probabilities to log-probabilities, with a note', async () => {
    const outputs: Small['outputs'] = (graph, means) => ({ p: [graph.op('Softmax', [means]), ['n', 3]] });
    using found = await openAnyClassifier(small('softmax.onnx', { outputs }), cpu);
    const images = torch.randn([2, 3, 8, 8]);
    const difference = found
      .logits(images)
      .avg.softmax(1)
      .sub(images.mean([2, 3]).softmax(1));
    assert.ok(difference.abs().max().toNumber() < 1e-6);
    assert.match(found.notes!.at(-1)!, /returns probabilities/);
  });

  test('takes the output that is called logits, whatever others there are', async () => {
    const outputs: Small['outputs'] = (graph, means) => ({
      aux: [graph.op('Neg', [means]), ['n', 3]],
      logits: [means, ['n', 3]],
    });
    using found = await openAnyClassifier(small('aux.onnx', { outputs }), cpu);
    assert.deepEqual(found.logits(torch.ones([1, 3, 8, 8])).avg.toArray(), [[1, 1, 1]]);
  });

  test('throws that it was closed, and does not wait for results', () => {
    // In a process of its own: who waits for the thread waits for good.
    const script = `
      import * as torch from '${import.meta.resolve('@deit-lt/torch')}';
      import { openAnyClassifier } from '${new URL('../src/classifier/any-classifier.js', import.meta.url)}';
      const found = await openAnyClassifier(process.argv[2], { settings: ['device=cpu'] });
      found[Symbol.dispose]();
      found.logits(torch.ones([1, 3, 8, 8]));`;
    writeFileSync(place('closed.mjs'), script);
    const words = [place('closed.mjs'), small('closed.onnx')];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: 60_000 });
    assert.equal(status, 1);
    assert.match(stderr, /closed\.onnx was closed: open the model again/);
  });

  const twins: Small['outputs'] = (graph, means) => ({ a: [means, ['n', 3]], b: [graph.op('Neg', [means]), ['n', 3]] });
  const flat: Small['outputs'] = (graph, means) => ({ all: [graph.op('ReduceMax', [means]), [1, 1]] });
  const wrong: [string, () => string, RegExp][] = [
    [
      'another format',
      () => {
        writeFileSync(place('text.onnx'), 'no model');
        return place('text.onnx');
      },
      /text\.onnx is not an ONNX model/,
    ],
    [
      'a file that is cut off',
      () => {
        const file = small('cut.onnx');
        truncateSync(file, 100);
        return file;
      },
      /cut\.onnx is not an ONNX model: it is truncated/,
    ],
    [
      'two outputs alike',
      () => small('twins.onnx', { outputs: twins }),
      /has the outputs a float32 \[n, 3\]; b float32 \[n, 3\]; expected an output "logits"/,
    ],
    [
      'no logits',
      () => small('flat.onnx', { outputs: flat, input: [4, 3, 8, 8] }),
      /has the outputs all float32 \[1, 1\]; expected an output "logits"/,
    ],
    [
      'channels last',
      () => small('last.onnx', { input: ['n', 8, 8, 3] }),
      /has the inputs images float32 \[n, 8, 8, 3\]; expected one input float32 \[batch, 3, S, S\]/,
    ],
    [
      'grey images',
      () => small('grey.onnx', { input: ['n', 1, 8, 8] }),
      /has the inputs images float32 \[n, 1, 8, 8\]/,
    ],
    [
      'oblong images',
      () => small('oblong.onnx', { input: ['n', 3, 8, 4] }),
      /expected one input float32 \[batch, 3, S, S\]/,
    ],
    [
      'other names than outputs',
      () => small('names.onnx', { metadata: { classes: '["a"]' } }),
      /has 1 class names in its metadata, but 3 logits/,
    ],
  ];
  for (const [what, make, message] of wrong)
    test(`refuses ${what}`, async () => {
      await assert.rejects(openAnyClassifier(make(), cpu), { code: 'CHECKPOINT', message });
    });

  test('refuses another size than the model’s, and options of checkpoints', async () => {
    const file = small('fixed.onnx');
    await assert.rejects(openAnyClassifier(file, { settings: ['teacher.imageSize=16'] }), {
      code: 'RECIPE',
      message: /only takes 8 × 8\. Set teacher\.imageSize=8/,
    });
    await assert.rejects(openAnyClassifier(file, { weights: 'ema' }), { code: 'USAGE', message: /is an ONNX model/ });
    await assert.rejects(openClassifier(file), {
      code: 'CHECKPOINT',
      message: /is an ONNX model, which only eval, predict and --teacher can use/,
    });
    await assert.rejects(openAnyClassifier(place('none.onnx')), { code: 'RUN_FOLDER', message: /does not exist/ });
  });

  test('returns results of several models by turns', async () => {
    using one = await openAnyClassifier(small('one.onnx'), cpu);
    using two = await openAnyClassifier(small('two.onnx', { input: [2, 3, 8, 8] }), cpu);
    for (const each of [one, two, one]) {
      const { avg } = each.logits(torch.ones([3, 3, 8, 8]));
      assert.deepEqual(avg.shape, [3, 3]);
    }
  });
});

suite('trainStudent() from an ONNX teacher', { skip }, () => {
  test('learns as from the network that was exported', async () => {
    const recipe = tinyRecipe(
      'teacher.epochs=1',
      'teacher.drw.epoch=null',
      'student.epochs=1',
      'student.drw.epoch=null',
    );
    const common = { dataset: tinyDataset(), recipe };
    await trainTeacher({ ...common, folder: place('teacher') });
    using teacher = await openClassifier(place('teacher'));
    writeFileSync(place('teacher.onnx'), onnxModel(teacher, { version: '0' }));
    using exported = await openAnyClassifier(place('teacher.onnx'), cpu);
    assert.deepEqual([logitScale(teacher), logitScale(exported)], [30, 30]);
    const losses: number[] = [];
    for (const from of ['teacher', 'teacher.onnx']) {
      const reporter = recording();
      await trainStudent({ ...common, reporter, teacher: place(from), folder: place(`student of ${from}`) });
      losses.push(reporter.records[0]!.loss);
    }
    assert.ok(Math.abs(losses[0]! - losses[1]!) < 1e-4, `losses ${losses.join(' and ')}`);
  });

  test('names its assumptions, and refuses other classes and sizes', async () => {
    const dataset = tinyDataset();
    const ten: Small['outputs'] = (graph, means) => ({
      scores: [
        graph.op('Concat', [means, means, means, graph.op('ReduceMax', [means], { axes: { ints: [1] } })], {
          axis: { int: 1 },
        }),
        ['n', 10],
      ],
    });
    const notes: string[] = [];
    const reporter = { ...recording(), note: (line: string) => void notes.push(line) };
    const recipe = tinyRecipe('student.epochs=1', 'student.drw.epoch=null', 'teacher.mean=[0.5, 0.5, 0.5]');
    const file = small('ten.onnx', { outputs: ten });
    await trainStudent({ dataset, recipe, reporter, teacher: file, folder: place('student of ten') });
    assert.match(notes.join('\n'), /assumed are teacher\.mean=\[0\.5,0\.5,0\.5\]/);
    assert.match(notes.join('\n'), /has no class names: its classes are assumed to be in the order of the data's/);
    await assert.rejects(trainStudent({ dataset, recipe, teacher: small('three.onnx'), folder: place('never') }), {
      code: 'DATA_CLASSES',
      message: /has 3 classes and the data have 10/,
    });
    const same = tinyRecipe('student.distillation.teacherInput=same-size');
    await assert.rejects(trainStudent({ dataset, recipe: same, teacher: file, folder: place('never') }), {
      code: 'CHECKPOINT',
      message: /only takes images of 8 × 8/,
    });
  });
});

suite('deit-lt predict', { skip }, () => {
  /** Resolves onnxruntime-node to nothing, in all threads. */
  const without = `data:text/javascript,${encodeURIComponent(
    `import { register } from 'node:module';
register('data:text/javascript,' + encodeURIComponent('export async function resolve(name, context, next) { if (name === "onnxruntime-node") throw new Error("none"); return next(name, context); }'));`,
  )}`;

  test('explains how to run an ONNX model where onnxruntime-node is not installed', () => {
    const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');
    const words = ['--import', without, bin, 'predict', small('run.onnx'), place('run.onnx')];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', cwd: folder });
    assert.equal(status, 1);
    assert.match(
      stderr,
      /needs the optional package onnxruntime-node\. It is not installed: npm install onnxruntime-node/,
    );
  });
});

suite('onnxruntime', { skip }, () => {
  for (const [what, code] of [
    [
      'here',
      "const { loadRuntime } = await import('SRC/onnx/runtime.js'); await (await loadRuntime()).InferenceSession.create('MODEL', {});",
    ],
    [
      'in a thread',
      "const { OnnxSession } = await import('SRC/onnx/session.js'); (await OnnxSession.open('MODEL', { threads: 1 }))[Symbol.dispose]();",
    ],
  ] as const)
    test(`sends no usage data and makes no identifier of the device, ${what}`, () => {
      const home = mkdtempSync(place('home-'));
      const source = new URL('../src', import.meta.url).href;
      const script = place('telemetry.mjs'); // a file, because threads take over --input-type
      writeFileSync(script, code.replace('SRC', source).replace('MODEL', small('telemetry.onnx')));
      // Where CI is set, onnxruntime sends nothing by itself.
      const { CI, ORT_DISABLE_TELEMETRY, XDG_CACHE_HOME, ...rest } = process.env;
      const options = { encoding: 'utf8', env: { ...rest, HOME: home } } as const;
      const { status, stderr } = spawnSync(process.execPath, [script], options);
      assert.deepEqual([status, stderr, readdirSync(home)], [0, '', []]);
    });

  test("has the user's own ORT_DISABLE_TELEMETRY", (t) => {
    const before = process.env.ORT_DISABLE_TELEMETRY;
    t.after(() => {
      if (before === undefined) delete process.env.ORT_DISABLE_TELEMETRY;
      else process.env.ORT_DISABLE_TELEMETRY = before;
    });
    process.env.ORT_DISABLE_TELEMETRY = '0';
    disableTelemetry();
    assert.equal(process.env.ORT_DISABLE_TELEMETRY, '0');
    delete process.env.ORT_DISABLE_TELEMETRY;
    disableTelemetry();
    assert.equal(process.env.ORT_DISABLE_TELEMETRY, '1');
  });
});
