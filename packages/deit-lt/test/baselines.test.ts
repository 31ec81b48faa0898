/** What the baselines need beside the student's training: a classifier alone (cRT), τ-normalisation, a teacher of mixed images. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/classifier/classifier.js';
import { limitedIndices } from '../src/data/limit.js';
import { classifierInputs, classifierLayers, classifierNames } from '../src/models/classifier-layers.js';
import { createModel } from '../src/models/registry.js';
import { tauNormalized } from '../src/models/tau-normalize.js';
import { stream } from '../src/random/stream.js';
import { loadRecipe } from '../src/recipe/load.js';
import { RunFolder, readRunConfig } from '../src/runs/run-folder.js';
import { TeacherTask } from '../src/tasks/teacher-task.js';
import { normalizeRun } from '../src/training/tau-normalization.js';
import { trainStudent, trainTeacher, trainVit } from '../src/training/train.js';
import { numbered } from './helpers/by-class.js';
import { fromPython, skipPython } from './helpers/python-torch.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { atBatch, tinyDataset, tinyRecipe } from './training-tiny.js';

function folderIn(t: TestContext): (name: string) => string {
  const folder = temporaryFolder(t);
  return (name) => path.join(folder, name);
}

/** Names of the tensors in which two checkpoints differ. */
function changed(a: string, b: string): string[] {
  return torch.tidy(() => {
    const [before, after] = [a, b].map((file) => torch.safetensors.load(file));
    return [...before!].flatMap(([name, value]) => (torch.equal(value, after!.get(name)!) ? [] : [name]));
  });
}

const best = (folder: string): string => new RunFolder(folder).checkpoint('best');

suite('classifierLayers()', () => {
  for (const name of ['deit', 'vit', 'resnet20', 'resnet18', 'regnety_004'])
    test(`of ${name} give its logits from classifierInputs()`, () =>
      torch.tidy(() => {
        const small = /it$/.test(name) ? { depth: 1, embedDim: 64 } : {};
        const model = createModel(name, { numClasses: 5, imageSize: 32, ...small }).eval();
        const images = torch.randn([2, 3, 32, 32]);
        const logits = [model.call(images)].flat();
        const own = classifierLayers(model).map((layer, i) => layer.call(classifierInputs(model, images)[i]!));
        for (const [i, values] of logits.entries()) assert.ok(torch.allclose(own[i]!, values, { atol: 1e-5 }));
        assert.equal(classifierNames(model).size, 2 * logits.length, 'weight and bias of each');
      }));
});

suite('learn: classifier', () => {
  const settings = ['student.weights=raw', 'student.ema=null', 'student.epochs=2'];

  test('changes only the classifier, from new weights, and resumes after a stop bit-exactly', async (t) => {
    const at = folderIn(t);
    const dataset = tinyDataset();
    await trainVit({ dataset, recipe: tinyRecipe(...settings), folder: at('first') });
    const recipe = tinyRecipe(...settings, 'student.learn=classifier', 'student.sampler=class-balanced');
    const options = { dataset, recipe, from: at('first') };
    await trainVit({ ...options, folder: at('crt') });
    assert.deepEqual(changed(best(at('first')), best(at('crt'))), ['head.bias', 'head.weight']);
    assert.equal(readRunConfig(at('crt')).from?.path, at('first'));

    const stop = new AbortController();
    const reporter = atBatch(0, 2, () => stop.abort());
    await assert.rejects(trainVit({ ...options, folder: at('stopped'), reporter, signal: stop.signal }), {
      code: 'INTERRUPTED',
    });
    await trainVit({ ...options, folder: at('stopped'), resume: true });
    assert.deepEqual(changed(best(at('crt')), best(at('stopped'))), []);
  });

  test('leaves batch-norm statistics as they are', async (t) => {
    const at = folderIn(t);
    const dataset = tinyDataset();
    const small = ['teacher.model.width=4', 'teacher.epochs=1', 'teacher.drw.epoch=null'];
    await trainTeacher({ dataset, recipe: tinyRecipe(...small), folder: at('first') });
    const recipe = tinyRecipe(...small, 'teacher.learn=classifier');
    await trainTeacher({ dataset, recipe, folder: at('crt'), from: at('first') });
    assert.deepEqual(changed(best(at('first')), best(at('crt'))), ['linear.weight']);
  });

  test('needs a run to begin with, of the same network', async (t) => {
    const at = folderIn(t);
    const dataset = tinyDataset();
    const recipe = tinyRecipe('student.learn=classifier');
    await assert.rejects(trainVit({ dataset, recipe, folder: at('a') }), { code: 'RECIPE', message: /--from RUN/ });
    await trainVit({ dataset, recipe: tinyRecipe('student.epochs=1'), folder: at('first') });
    const other = tinyRecipe('student.learn=classifier', 'student.model.depth=3');
    await assert.rejects(trainVit({ dataset, recipe: other, folder: at('b'), from: at('first') }), {
      code: 'CHECKPOINT',
      message: /does not fit the network of this recipe/,
    });
  });

  test('is not for PaCo, which learns features', () =>
    assert.throws(() => loadRecipe('cifar10-lt-100-paco', { settings: ['teacher.learn=classifier'] }), {
      code: 'RECIPE',
      message: /which learns features/,
    }));
});

test('a training that begins with the weights of another and learns nothing equals that other', async (t) => {
  const at = folderIn(t);
  const settings = ['student.weights=raw', 'student.epochs=1'];
  const dataset = tinyDataset();
  await trainVit({ dataset, recipe: tinyRecipe(...settings), folder: at('first') });
  const still = ['student.optimizer.lr=1e-30', 'student.optimizer.lrPer=null', 'student.schedule.minLr=0'];
  const recipe = tinyRecipe(...settings, ...still, 'student.schedule.warmupLr=0');
  await trainVit({ dataset, recipe, folder: at('second'), from: at('first') });
  assert.deepEqual(changed(best(at('first')), best(at('second'))), []);
});

test('a student without a DIST token does not take a teacher', async (t) => {
  const at = folderIn(t);
  const options = { dataset: tinyDataset(), recipe: tinyRecipe('student.model.name=vit', 'teacher.epochs=1') };
  await trainTeacher({ ...options, folder: at('teacher') });
  await assert.rejects(trainStudent({ ...options, folder: at('student'), teacher: at('teacher') }), {
    code: 'RECIPE',
    message: /has no DIST token: use a distilled model/,
  });
});

suite('tauNormalized()', () => {
  test('divides rows by a power of their length, as PyTorch', { skip: skipPython }, () => {
    const weight = [
      [3, 4],
      [0.3, -0.4],
      [-1, 2],
    ];
    const taus = [0, 0.35, 1];
    const code =
      'w = torch.tensor(given[0]); out = [(w / w.norm(dim=1, keepdim=True) ** t).tolist() for t in given[1]]';
    const expected = fromPython<number[][][]>(code, [weight, taus]);
    torch.tidy(() => {
      for (const [i, tau] of taus.entries())
        assert.deepEqual(tauNormalized(torch.tensor(weight), tau).toArray(), expected[i]);
    });
  });
});

suite('normalizeRun()', () => {
  test('chooses the τ that is best on the validation images, and reports its measured accuracy', async (t) => {
    const at = folderIn(t);
    const settings = ['data.validation=0.3', 'evaluation.select=last', 'student.weights=raw'];
    const options = { dataset: tinyDataset(), recipe: tinyRecipe(...settings) };
    await trainVit({ ...options, folder: at('vit') });
    const { dataset } = options;
    const { tau, scores, evaluation } = await normalizeRun({ dataset, run: at('vit'), folder: at('tau') });
    assert.equal(scores.length, 21);
    assert.equal(
      tau,
      scores.find(({ balanced }) => balanced === Math.max(...scores.map((score) => score.balanced)))!.tau,
    );
    const [before, after] = await Promise.all([openClassifier(at('vit')), openClassifier(at('tau'))]);
    torch.tidy(() => {
      const images = torch.randn([3, 3, 16, 16]);
      const [features] = classifierInputs(before.model, images);
      const weight = tauNormalized(classifierLayers(before.model)[0]!.weight, tau);
      assert.ok(torch.allclose(after.logits(images).avg, features!.matmul(weight.t()), { atol: 1e-5 }));
    });
    for (const model of [before, after]) model[Symbol.dispose]();
    assert.equal(readRunConfig(at('tau')).tau, tau);
    assert.equal(evaluation!.avg.images, 30);
  });

  test('does not choose on test images, nor take other data or a cosine classifier', async (t) => {
    const at = folderIn(t);
    const dataset = tinyDataset();
    const settings = ['data.validation=0', 'evaluation.select=last', 'student.epochs=1', 'teacher.epochs=1'];
    const recipe = tinyRecipe(...settings);
    await trainVit({ dataset, recipe, folder: at('vit') });
    await trainTeacher({ dataset, recipe, folder: at('teacher') });
    const of = (run: string, more: object) => normalizeRun({ dataset, run: at(run), folder: at('new'), ...more });
    await assert.rejects(of('vit', {}), { code: 'RECIPE', message: /set none aside/ });
    const reversed = { ...dataset, train: { ...dataset.train, labels: dataset.train.labels.toReversed() } };
    await assert.rejects(of('vit', { tau: 0.5, dataset: reversed }), {
      code: 'RUN_FOLDER',
      message: /other training images/,
    });
    await assert.rejects(of('teacher', { tau: 0.5 }), { code: 'CHECKPOINT', message: /cosine classifier/ });
    assert.equal((await of('vit', { tau: 0.5 })).scores.length, 0);
  });
});

suite('teacher.mixing', () => {
  const mixing = loadRecipe('cifar10-lt-100-deit').teacher.mixing!;

  test('mixes images and labels as the student’s, until re-weighting begins', () =>
    torch.tidy(() => {
      const levels: Float32Array[] = [];
      class Constant extends torch.nn.Module<[torch.Tensor], torch.Tensor> {
        forward(images: torch.Tensor): torch.Tensor {
          levels.push(images.index(':', 0, 0, 0).toTypedArray<'float32'>());
          return torch.zeros([images.size(0), 4]).index(':', ':');
        }
      }
      const { loss, drw } = tinyRecipe(
        'teacher.loss={ replace: true, name: cross-entropy }',
        'teacher.model.cosine=false',
      ).teacher;
      const recipe = { loss, drw: { ...drw, epoch: 2 }, mixing: { ...mixing, cutmix: 0, inDrw: false } };
      const task = new TeacherTask({
        model: new Constant(),
        recipe,
        trainCounts: numbered([4, 3, 2, 1]),
        device: 'cpu',
      });
      const images = torch.tensor([0, 1]).view([2, 1, 1, 1]).expand([2, 3, 4, 4]).contiguous().float();
      for (const epoch of [0, 2]) {
        const value = task.prepare({ images, labels: Int32Array.of(0, 3), epoch, random: stream(0, 'mix') }).loss();
        if (epoch === 0) assert.ok(Math.abs(value.loss.toNumber() - Math.log(4)) < 1e-6, 'targets add up to 1');
      }
      assert.ok(levels[0]![0]! > 0 && Math.abs(levels[0]![0]! + levels[0]![1]! - 1) < 1e-6, 'mixed by one share');
      assert.deepEqual([...levels[1]!], [0, 1]);
    }));

  test('refuses losses that accept only labels', () =>
    assert.throws(
      () => loadRecipe('cifar10-lt-100-deit', { settings: ['teacher.loss={ replace: true, name: focal }'] }),
      {
        code: 'RECIPE',
        message: /"focal", which takes no mixed labels/,
      },
    ));
});

suite('data.limit', () => {
  test('keeps the shape of the long tail, and one of each class', () => {
    const labels = Int32Array.from([...new Array<number>(100).fill(0), ...new Array<number>(40).fill(1), 2, 2]);
    const counts = (limit: number): number[] => {
      const kept = [0, 0, 0];
      for (const id of limitedIndices(labels, 3, { limit })) kept[labels[id]!]!++;
      return kept;
    };
    assert.deepEqual(counts(14), [10, 4, 1]);
    assert.deepEqual(counts(142), [100, 40, 2]);
  });

  test('trains on so many', async (t) => {
    const notes: string[] = [];
    const folder = temporaryFolder(t);
    const reporter = { ...atBatch(9, 9, () => {}), note: (line: string) => void notes.push(line) };
    const recipe = tinyRecipe(
      'student.epochs=1',
      'data.limit=20',
      'data.imbalance=null',
      'data.validation=0',
      'evaluation.select=last',
    );
    await trainVit({ dataset: tinyDataset(), recipe, folder: path.join(folder, 'run'), reporter });
    assert.deepEqual(readRunConfig(path.join(folder, 'run')).data.trainCounts, new Array(10).fill(2));
    assert.ok(notes.includes('data.limit: 20 of 120 training images are used'));
  });
});
