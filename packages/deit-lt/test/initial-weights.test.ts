/** Trainings that begin with given weights: what is fitted, what is refused, what is trained, what the run records. */
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { type Dataset, type ImageSplit, subset } from '../src/data/dataset.js';
import { drawShapes } from '../src/data/shapes/index.js';
import { type CardFacts, modelCard } from '../src/export/model-card.js';
import { createModel, type ImageModel, type ModelOptions, VisionTransformer } from '../src/models/index.js';
import { findWeights } from '../src/pretrained/find-weights.js';
import { fitWeights } from '../src/pretrained/fit-weights.js';
import type { GivenWeights } from '../src/pretrained/read-weights.js';
import { loadRecipe } from '../src/recipe/load.js';
import { RunFolder, readRunConfig } from '../src/runs/run-folder.js';
import { limitLearning, setTraining } from '../src/training/learn.js';
import { normalizeRun } from '../src/training/tau-normalization.js';
import { trainAll, trainStudent, trainTeacher, trainVit } from '../src/training/train.js';
import { deitLt } from './cli-helpers.js';
import { temporaryFolder, write } from './helpers/temporary-folder.js';
import { atBatch, reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

const classNames = ['a', 'b', 'c'];
const tiny = { imageSize: 32, patchSize: 8, embedDim: 64, depth: 2, numHeads: 1 };

function given(model: ImageModel, more: Partial<GivenWeights> = {}): GivenWeights {
  const tensors = new Map(model.stateDict());
  return {
    file: 'x.pth',
    tensors,
    beside: new Set(),
    model: undefined,
    isSmall: false,
    numHeads: undefined,
    classNames,
    seen: {},
    origin: {},
    ...more,
  };
}

/** The state of a new network of `name` after fitting, and the notes. */
function fit(name: string, options: Partial<ModelOptions>, weights: GivenWeights) {
  const model = createModel(name, { numClasses: 3, ...options });
  return { model, ...fitWeights(model, weights, { classNames, newClassifier: false, part: 'student', name }) };
}

suite('fitWeights()', () => {
  test('makes DIST and its classifier from CLS, and keeps the classifier of the same classes', () =>
    torch.tidy(() => {
      const vit = createModel('vit', { numClasses: 3, ...tiny });
      const { state, notes } = fit('deit', tiny, given(vit));
      const own = vit.stateDict();
      const at = (name: string): torch.Tensor => state.get(name)!;
      assert.deepEqual(notes, ['DIST begins as a copy of CLS']);
      assert.ok(torch.equal(at('dist_token'), own.get('cls_token')!));
      assert.ok(torch.equal(at('head_dist.weight'), own.get('head.weight')!));
      const positions = own.get('pos_embed')!;
      assert.ok(
        torch.equal(at('pos_embed').narrow(1, 1, 1), positions.narrow(1, 0, 1)),
        'DIST has the position of CLS',
      );
      assert.ok(torch.equal(at('pos_embed').narrow(1, 2, 16), positions.narrow(1, 1, 16)));
    }));

  test('leaves DIST and its classifier out of a plain ViT, and keeps the classifier of CLS for the same classes', () =>
    torch.tidy(() => {
      const deit = createModel('deit', { numClasses: 3, ...tiny });
      const { state, notes } = fit('vit', tiny, given(deit));
      assert.deepEqual(notes, ['its DIST token is left out']);
      const own = deit.stateDict();
      for (const name of ['cls_token', 'head.weight', 'head.bias', 'norm.weight'])
        assert.ok(torch.equal(state.get(name)!, own.get(name)!), name);
      assert.ok(!state.has('head_dist.weight'));
      const other = fit('vit', tiny, given(deit, { classNames: ['x', 'y', 'z'] }));
      assert.match(other.notes.join(), /^its DIST token is left out,the classifier is new/);
    }));

  test('matches the classes by name, whatever their order', () =>
    torch.tidy(() => {
      for (const [name, options] of [
        ['vit', tiny],
        ['resnet20', { cosine: true }],
      ] as const) {
        const model = createModel(name, { numClasses: 3, ...options });
        const { state } = fit(name, options, given(model, { classNames: ['c', 'a', 'b'] }));
        const key = name === 'vit' ? 'head.weight' : 'linear.weight';
        const expected = model
          .stateDict()
          .get(key)!
          .indexSelect(name === 'vit' ? 0 : 1, torch.tensor([1, 2, 0], { dtype: 'int64' }));
        assert.ok(torch.equal(state.get(key)!, expected), name);
      }
    }));

  test('gives other classes a new classifier, and says why', () =>
    torch.tidy(() => {
      const notes = (names: readonly string[] | undefined) =>
        fit(
          'vit',
          tiny,
          given(createModel('vit', { numClasses: names?.length ?? 3, ...tiny }), { classNames: names }),
        ).notes.join();
      assert.equal(
        notes(['a', 'x']),
        'the classifier is new, because the file has 2 classes, of which 1 are among the 3 of the data',
      );
      assert.match(notes(['x', 'y', 'z']), /of which none is among the 3 of the data$/);
      assert.match(notes(undefined), /the file does not name its classes$/);
    }));

  test('keeps the function of a network whose tokens have no positions, and the other way round', () =>
    torch.tidy(() => {
      const images = torch.randn([1, 3, 32, 32]);
      const features = (model: ImageModel): torch.Tensor =>
        torch.noGrad(() => (model.eval() as unknown as VisionTransformer).prefixFeatures(images));
      const make = (noEmbedClass: boolean): VisionTransformer =>
        new VisionTransformer({ ...tiny, numClasses: 3, noEmbedClass });
      for (const from of [true, false]) {
        const source = make(from);
        const target = make(!from);
        torch.noGrad(() => source.clsToken.add_(0.5));
        const { state } = fitWeights(target as ImageModel, given(source as ImageModel), {
          classNames,
          newClassifier: false,
          part: 'student',
          name: 'vit',
        });
        torch.noGrad(() => target.loadStateDict(state));
        assert.ok(torch.allclose(features(source as ImageModel), features(target as ImageModel), { atol: 1e-6 }));
      }
    }));

  test('refuses another network with tensors, shapes and the settings that fit', () =>
    torch.tidy(() => {
      const refuse = (name: string, options: Partial<ModelOptions>, weights: GivenWeights, message: RegExp) =>
        assert.throws(() => fit(name, options, weights), { code: 'CHECKPOINT', message });
      const wide = createModel('vit', { numClasses: 3, ...tiny, embedDim: 128, numHeads: 2 });
      const shape = { name: 'vit', embedDim: 128, numHeads: 2 };
      refuse(
        'vit',
        tiny,
        given(wide, { model: shape }),
        /cls_token \[1, 1, 128\] where the network has \[1, 1, 64\].* set: --set 'student\.model=\{ replace: true, name: vit, embedDim: 128, numHeads: 2 \}'$/,
      );
      refuse(
        'deit',
        tiny,
        given(wide, { model: { name: 'deit3_small_patch16_224' } }),
        /--set 'student\.model=\{ replace: true, name: deit, patchSize: 16, .*initValues: 0\.0001 \}'$/,
      );
      refuse(
        'vit',
        tiny,
        given(createModel('resnet20', { numClasses: 3 })),
        /it lacks cls_token.*it has conv1\.weight.*which the network does not have/,
      );
      const grey = createModel('vit', { numClasses: 3, ...tiny, inChans: 1 });
      const ofGrey = given(grey, { model: { name: 'vit', embedDim: 64 }, inChans: 1 });
      refuse('vit', tiny, ofGrey, /The weights are for images of 1 channels; images have 3 here\.$/);
      const heads = createModel('vit', { numClasses: 3, ...tiny });
      refuse('vit', tiny, given(heads, { numHeads: 4 }), /4 attention heads where the network has 1/);
    }));
});

suite('limitLearning()', () => {
  test('trains the last blocks and what comes after them, and leaves the others in evaluation mode', () => {
    using model = createModel('vit', { numClasses: 3, ...tiny });
    limitLearning(model, 'blocks:1', 'student');
    const trained = model.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
    assert.deepEqual(
      [...new Set(trained.map(([name]) => name.replace(/^(blocks\.\d+|\w+)\..*/, '$1')))],
      ['blocks.1', 'norm', 'head'],
    );
    setTraining(model);
    const [first, second] = [...(model as unknown as VisionTransformer).blocks];
    assert.deepEqual(
      [model.training, first!.training, second!.training, second!.mlp.training],
      [false, false, true, true],
    );
  });

  test('trains biases and the classifier, less than half a percent of ViT-S', () => {
    using model = createModel('vit_small_patch16_224', { numClasses: 100, device: 'meta' });
    limitLearning(model, 'biases', 'student');
    const sizes = model.namedParameters().map(([name, value]) => [name, value.requiresGrad, value.numel()] as const);
    assert.deepEqual(
      sizes.filter(([name, trained]) => trained !== (name.endsWith('.bias') || name === 'head.weight')),
      [],
    );
    const count = (those: typeof sizes): number => those.reduce((sum, [, , numbers]) => sum + numbers, 0);
    const share = count(sizes.filter(([, trained]) => trained)) / count(sizes);
    assert.ok(share > 0.0035 && share < 0.0045, `${share}`);
  });

  test('refuses more blocks than there are', () => {
    using model = createModel('vit', { numClasses: 3, ...tiny });
    assert.throws(() => limitLearning(model, 'blocks:3', 'student'), {
      code: 'RECIPE',
      message: /has 2 blocks; set it to blocks:2/,
    });
    assert.throws(() => loadRecipe('default', { settings: ['student.learn=blocks:0'] }), {
      code: 'RECIPE',
      message: /"blocks:N"/,
    });
    assert.throws(() => loadRecipe('default', { settings: ['student.learn=block:1'] }), {
      code: 'RECIPE',
      message: /"blocks:N"/,
    });
  });
});

function best(folder: string): Map<string, torch.Tensor> {
  return torch.safetensors.load(new RunFolder(folder).checkpoint('best'));
}

/** Names of the tensors in which two checkpoints differ. */
function changed(before: Map<string, torch.Tensor>, after: Map<string, torch.Tensor>): string[] {
  return [...before].flatMap(([name, value]) => (torch.equal(value, after.get(name)!) ? [] : [name]));
}

function folderIn(t: TestContext): (name: string) => string {
  const folder = temporaryFolder(t);
  return (name) => path.join(folder, name);
}

/** Writes timm's file of a ViT of the tiny recipe, in float16, beside a model card; returns its weights in float32. */
function writePretrained(folder: string): { file: string; weights: Map<string, torch.Tensor> } {
  const file = path.join(folder, 'model.safetensors');
  write(path.join(folder, 'README.md'), '---\nlicense: cc-by-nc-4.0\ntags: [x]\n---\n# A model\n');
  write(
    path.join(folder, 'config.json'),
    JSON.stringify({ pretrained_cfg: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], hf_hub_id: 'timm/x' } }),
  );
  using model = createModel('vit', { numClasses: 5, imageSize: 32, patchSize: 8, embedDim: 32, depth: 2, numHeads: 2 });
  torch.tidy(() =>
    torch.safetensors.save(file, new Map([...model.stateDict()].map(([name, value]) => [name, value.to('float16')]))),
  );
  return { file, weights: new Map([...torch.safetensors.load(file)].map(([name, value]) => [name, value.float()])) };
}

/** The model card of a run, without its other files. */
function cardOf(folder: string): string {
  const { from } = readRunConfig(folder);
  const classifier = { kind: 'student', recipe: tinyRecipe().student, classNames, model: undefined };
  const facts = { dataName: 'x', evaluation: undefined, checks: new Map(), from, classifier };
  return modelCard(facts as unknown as CardFacts);
}

suite('a training from a file of weights', () => {
  const settings = ['student.weights=raw', 'student.ema=null', 'student.epochs=2', 'student.learn=blocks:1'];

  test('refuses weights of a size that no network has, before anything is written', async (t) => {
    const at = folderIn(t);
    const { file, weights } = writePretrained(at('pretrained'));
    torch.tidy(() =>
      torch.safetensors.save(file, new Map([...weights].map(([name, value]) => [name, value.mul(1e32)]))),
    );
    const recipe = tinyRecipe(...settings, `student.from=${file}`);
    await assert.rejects(trainVit({ dataset: tinyDataset(), recipe, folder: at('run') }), {
      code: 'CHECKPOINT',
      message:
        /model\.safetensors: the weights \S+ have a number of size [\d.]+e\+?\d\d; expected at most 1e\+10, which/,
    });
    assert.equal(existsSync(at('run')), false);
  });

  test('names the weights before the learning rate, when the first loss is not finite', async (t) => {
    const at = folderIn(t);
    const { file, weights } = writePretrained(at('pretrained'));
    torch.tidy(() =>
      torch.safetensors.save(file, new Map([...weights].map(([name, value]) => [name, value.mul(1e10)]))),
    );
    const recipe = tinyRecipe(...settings, `student.from=${file}`);
    await assert.rejects(trainVit({ dataset: tinyDataset(), recipe, folder: at('run') }), {
      code: 'NOT_FINITE',
      message: /The initial weights may be the cause: check .*model\.safetensors, .* Else try a smaller learning rate/,
    });
  });

  test('trains the last block alone, records the file, and resumes without it', async (t) => {
    const at = folderIn(t);
    const { file, weights } = writePretrained(at('pretrained'));
    const notes: string[] = [];
    const recipe = tinyRecipe(...settings, `student.from=${file}`, 'student.layerDecay=0.5');
    const options = { dataset: tinyDataset(), recipe };
    await trainVit({
      ...options,
      folder: at('whole'),
      reporter: reporting({ note: (...lines) => void notes.push(...lines) }),
    });
    const names = changed(weights, best(at('whole')));
    assert.deepEqual([...new Set(names.map((name) => name.replace(/^(blocks\.\d+|\w+)\..*/, '$1')))].sort(), [
      'blocks.1',
      'head',
      'norm',
      'pos_embed',
    ]);
    const { from } = readRunConfig(at('whole'));
    assert.deepEqual(
      [from?.path, from?.model, from?.licence, from?.source],
      [file, 'vit', 'cc-by-nc-4.0', 'https://huggingface.co/timm/x'],
    );
    assert.match(
      notes.join('\n'),
      /initial weights of .*model\.safetensors: positions are resized from 4 × 4 to 2 × 2 patches; the classifier is new, .*; its licence is cc-by-nc-4\.0/,
    );
    assert.match(
      notes.join('\n'),
      /was trained with others; to use them: --set student\.mean=\[0\.5,0\.5,0\.5\] student\.std=\[0\.5,0\.5,0\.5\]/,
    );

    const stop = new AbortController();
    const reporter = atBatch(0, 2, () => stop.abort());
    const resumed = { ...options, folder: at('stopped') };
    await assert.rejects(trainVit({ ...resumed, reporter, signal: stop.signal }), { code: 'INTERRUPTED' });
    rmSync(at('pretrained'), { recursive: true });
    await trainVit({ ...resumed, resume: true });
    assert.deepEqual(changed(best(at('whole')), best(at('stopped'))), []);
  });

  test('of a run is traced to the file that the run began with, for a student with a teacher, too', async (t) => {
    const at = folderIn(t);
    const { file } = writePretrained(at('pretrained'));
    const dataset = tinyDataset();
    const one = [
      'student.epochs=1',
      'student.weights=raw',
      'student.ema=null',
      'teacher.epochs=1',
      'teacher.model.width=4',
    ];
    await trainVit({ dataset, recipe: tinyRecipe(...one), folder: at('first'), from: file });
    await trainTeacher({ dataset, recipe: tinyRecipe(...one), folder: at('teacher') });
    const recipe = tinyRecipe(...one, `student.from=${at('first')}`);
    await trainStudent({ dataset, recipe, folder: at('student'), teacher: at('teacher') });
    const { from } = readRunConfig(at('student'));
    assert.deepEqual([from?.path, from?.from?.licence], [at('first'), 'cc-by-nc-4.0']);
    await normalizeRun({ dataset, run: at('student'), folder: at('tau'), tau: 0.5 });
    assert.equal(readRunConfig(at('tau')).from?.from?.from?.licence, 'cc-by-nc-4.0');
    const card = cardOf(at('student'));
    assert.match(card, /began with the weights of vit in `model\.safetensors` \(SHA-256 \w{16}…\), from https:/);
    assert.match(card, /Their licence is cc-by-nc-4\.0; its terms may hold for this model/);
  });

  test("without its normalisation is assumed to have ImageNet's, or CIFAR's for a network of CIFAR", async (t) => {
    const at = folderIn(t);
    const { weights } = writePretrained(at('pretrained'));
    torch.safetensors.save(at('vit.safetensors'), weights);
    using cnn = createModel('resnet20', { numClasses: 5, width: 4 });
    torch.safetensors.save(at('cnn.safetensors'), cnn.stateDict());
    const one = ['student.epochs=1', 'student.weights=raw', 'student.ema=null', 'teacher.epochs=1'];
    const small = 'teacher.model={ replace: true, name: resnet20, width: 4, cosine: true }';
    const noteOf = async (train: typeof trainVit, file: string, ...more: readonly string[]): Promise<boolean> => {
      const notes: string[] = [];
      const reporter = reporting({ note: (...lines) => void notes.push(...lines) });
      const recipe = tinyRecipe(...one, small, ...more);
      await train({ dataset: tinyDataset(), recipe, folder: at(['run', ...more].join()), from: at(file), reporter });
      return notes.some((line) => /does not contain its image normalisation, and .*student\.std=\[0\.229,/.test(line));
    };
    assert.equal(await noteOf(trainVit, 'vit.safetensors'), false);
    assert.equal(await noteOf(trainVit, 'vit.safetensors', 'student.mean=[0.5, 0.5, 0.5]'), true);
    assert.equal(await noteOf(trainTeacher, 'cnn.safetensors', 'teacher.drw.epoch=null'), false);
  });

  test('that does not fit the student is refused before its teacher is trained', async (t) => {
    const at = folderIn(t);
    const { file } = writePretrained(at('pretrained'));
    const options = { dataset: tinyDataset(), folder: at('run') };
    for (const [setting, code] of [
      ['student.model.depth=3', 'CHECKPOINT'],
      ['student.from=absent', 'RUN_FOLDER'],
    ] as const) {
      const recipe = tinyRecipe(`student.from=${file}`, setting);
      await assert.rejects(trainAll({ ...options, recipe }), { code });
      assert.equal(existsSync(at('run')), false);
    }
  });

  test('leaves batch-norm statistics of frozen blocks as they are', async (t) => {
    const at = folderIn(t);
    const dataset = tinyDataset();
    const one = ['teacher.model.width=4', 'teacher.epochs=1', 'teacher.drw.epoch=null'];
    await trainTeacher({ dataset, recipe: tinyRecipe(...one), folder: at('first') });
    await trainTeacher({
      dataset,
      recipe: tinyRecipe(...one, 'teacher.learn=blocks:2'),
      folder: at('second'),
      from: at('first'),
    });
    const names = changed(best(at('first')), best(at('second')));
    assert.ok(names.includes('layer3.2.bn2.running_mean') && names.includes('linear.weight'));
    assert.deepEqual(
      names.filter((name) => !/^(layer3\.[12]|linear)\./.test(name)),
      [],
    );
  });
});

/** Only `classes` of a data set, with at most `each` training images. */
function someClasses(dataset: Dataset, classes: readonly number[], each: number): Dataset {
  const cut = (split: ImageSplit, most: number): ImageSplit => {
    const ids = classes.flatMap((wanted) => {
      const all = [...split.labels].flatMap((label, i) => (label === wanted ? [i] : []));
      return all.slice(0, most);
    });
    const { images, labels } = subset(split, Int32Array.from(ids));
    return { images, labels: labels.map((label) => classes.indexOf(label)) };
  };
  const classNames = classes.map((c) => dataset.classNames[c]!);
  return { name: 'shapes', classNames, train: cut(dataset.train, each), test: cut(dataset.test!, 20) };
}

test('weights that learned other classes teach ten images a class far better than random ones', async (t) => {
  const at = folderIn(t);
  const shapes = drawShapes({ trainPerClass: 150, testPerClass: 20, size: 16 });
  const first = someClasses(shapes, [0, 2, 4, 6, 8], 150);
  const second = someClasses(shapes, [1, 3, 5, 7, 9], 10);
  const settings = [
    ...['data.imbalance=1', 'data.validation=0', 'evaluation.select=last', 'evaluation.every=100'],
    'teacher.model={ replace: true, name: resnet20, width: 8 }',
    ...['teacher.loss=cross-entropy', 'teacher.sam.rho=0', 'teacher.drw.epoch=null', 'teacher.batchSize=20'],
    'teacher.schedule={ name: cosine, warmupEpochs: 1, stepping: update }',
    'teacher.augment={ replace: true, padCrop: { padding: 2 }, flip: true }',
  ];
  const longer = tinyRecipe(...settings, 'teacher.epochs=8', 'teacher.optimizer.lr=0.05');
  await trainTeacher({ dataset: first, recipe: longer, folder: at('first') });
  const recipe = tinyRecipe(...settings, 'teacher.epochs=12', 'teacher.optimizer.lr=0.02');
  const accuracy = async (folder: string, from?: string): Promise<number> => {
    const { evaluation } = await trainTeacher({ dataset: second, recipe, folder, ...(from && { from }) });
    return evaluation!.avg.balanced!;
  };
  const [random, tuned] = [await accuracy(at('random')), await accuracy(at('tuned'), at('first'))];
  assert.ok(tuned > random + 10, `${tuned} % and ${random} %`); // 53 and 27 after 10 epochs of the first
});

suite('findWeights()', () => {
  test('finds a name in the caches of this program, torch hub and Hugging Face', (t) => {
    const folder = temporaryFolder(t);
    const at = (...names: string[]): string => path.join(folder, ...names);
    const env = { HOME: folder, XDG_CACHE_HOME: folder };
    const hub = at('huggingface', 'hub', 'models--timm--deit_tiny.fb_in1k');
    write(at('deit-lt', 'weights', 'mine.pth'), 'x');
    write(at('torch', 'hub', 'checkpoints', 'resnet50-11ad3fa6.pth'), 'x');
    write(path.join(hub, 'snapshots', 'abc', 'model.safetensors'), 'x');
    write(path.join(hub, 'snapshots', 'def', 'model.safetensors'), 'x');
    write(path.join(hub, 'refs', 'main'), 'def');
    assert.equal(findWeights('mine', '--from', env), at('deit-lt', 'weights', 'mine.pth'));
    assert.equal(findWeights('resnet50', '--from', env), at('torch', 'hub', 'checkpoints', 'resnet50-11ad3fa6.pth'));
    for (const name of ['deit_tiny', 'deit_tiny.fb_in1k', 'timm/deit_tiny.fb_in1k'])
      assert.equal(findWeights(name, '--from', env), path.join(hub, 'snapshots', 'def'));
    assert.throws(() => findWeights('deit', '--from', env), {
      code: 'RUN_FOLDER',
      message:
        /they have mine, resnet50-11ad3fa6, timm\/deit_tiny\.fb_in1k\. Nothing is downloaded: docs\/pretrained\.md/,
    });
    write(at('torch', 'hub', 'checkpoints', 'resnet50-0676ba61.pth'), 'x');
    assert.throws(() => findWeights('resnet50', '--from', env), {
      code: 'RUN_FOLDER',
      message: /several cached files/,
    });
    assert.throws(() => findWeights('./no.pth', '--from', env), {
      message: /--from \.\/no\.pth does not exist; expected a run folder or a checkpoint \(/,
    });
  });
});

test('--from refuses weights of another network with exit code 1 and the settings that fit', (t) => {
  const folder = temporaryFolder(t);
  const { file } = writePretrained(folder);
  const { status, stderr } = deitLt([
    'vit',
    '--data',
    'shapes',
    '--recipe',
    'quickstart',
    '--budget',
    'small',
    '--from',
    file,
    '--out',
    path.join(folder, 'run'),
  ]);
  assert.equal(status, 1, stderr);
  assert.match(
    stderr,
    /does not fit the network of this recipe, vit: .*--set 'student\.model=\{ replace: true, name: vit, embedDim: 32, patchSize: 8, .*numHeads: N, .*for N$/m,
  );
});
