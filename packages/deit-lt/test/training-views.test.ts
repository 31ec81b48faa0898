/** Several views of an image in a training: multi-crop, and a view that is the teacher's own. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import type { ImageModel } from '../src/models/model.js';
import { stream } from '../src/random/stream.js';
import { StudentTask, type StudentTaskOptions } from '../src/tasks/student-task.js';
import { trainingPipeline } from '../src/tasks/training-pipeline.js';
import { trainStudent, trainTeacher } from '../src/training/train.js';
import { numbered } from './helpers/by-class.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { recording, tinyDataset, tinyRecipe } from './training-tiny.js';

const multiCrop = 'student.multiCrop={ global: 2, local: 2, localSize: 8, localScale: [0.1, 0.2] }';
const teacherView = 'student.distillation.teacherAugment={ preset: eval }';

suite('trainingPipeline()', () => {
  test('has one view without multi-crop', () => {
    const pipeline = trainingPipeline(tinyRecipe().student, tinyRecipe().teacher);
    assert.equal(pipeline.more, undefined);
  });

  test('with multi-crop has global and local views of their sizes and areas', () => {
    const { student } = tinyRecipe(multiCrop, 'student.augment.preset=ldam');
    const pipeline = trainingPipeline(student);
    const views = [pipeline, ...pipeline.more!];
    assert.deepEqual(
      views.map(({ size }) => size),
      [16, 16, 8, 8],
    );
    for (const [v, view] of views.entries())
      for (let i = 0; i < 50; i++) {
        const { width, height } = view.window(100, 100, stream(v, 'augment', 0, i));
        const share = (width * height) / 10_000;
        assert.ok(v < 2 ? share > 0.39 : share > 0.095 && share < 0.21, `view ${v}: ${share}`);
      }
  });

  test('makes the teacher’s view in its size', () => {
    const { student, teacher } = tinyRecipe(teacherView, 'student.imageSize=24');
    const { size, more } = trainingPipeline(student, teacher);
    assert.deepEqual([size, more!.map((view) => view.size)], [24, [16]]);
    assert.equal(more![0]!.transforms.length, 1, 'nothing but the normalisation');
    assert.equal(trainingPipeline(student).more, undefined, 'a plain ViT has no teacher');
  });
});

/** Logits that depend on the mean of an image, so that each view has its own loss. */
class ByMean extends torch.nn.Module<[torch.Tensor], [torch.Tensor, torch.Tensor]> {
  forward(images: torch.Tensor): [torch.Tensor, torch.Tensor] {
    const mean = images.mean([1, 2, 3]).unsqueeze(1);
    return [torch.cat([mean, mean.mul(2), mean.neg()], 1), torch.cat([mean.mul(3), mean, mean], 1)];
  }
}

function taskOf(more: Partial<StudentTaskOptions>, ...settings: string[]): StudentTask {
  const { student } = tinyRecipe('student.mixing.probability=0', ...settings);
  const model = new ByMean() as unknown as ImageModel;
  return new StudentTask({ model, recipe: student, trainCounts: numbered([1, 1, 1]), ...more });
}

const random = () => stream(0, 'mix');
const views = [
  [8, 0.5],
  [4, 1],
  [8, -0.25],
].map(([size, level]) => torch.full([2, 3, size!, size!], level!));
const labels = Int32Array.of(0, 2);

suite('StudentTask', () => {
  const seen: number[][] = [];
  const teacher = (images: torch.Tensor): torch.Tensor => {
    seen.push(images.shape);
    return torch.cat([images.mean([1, 2, 3]).unsqueeze(1), torch.zeros([images.size(0), 2])], 1);
  };
  const partsOf = (task: StudentTask, [images, ...more]: torch.Tensor[]): { cls: number; dist: number } =>
    torch.tidy(() => {
      seen.length = 0;
      const { parts } = task.prepare({ images: images!, more, labels, epoch: 0, random: random() }).loss();
      return { cls: parts.cls!.toNumber(), dist: parts.dist!.toNumber() };
    });
  const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-5;

  for (const asked of ['global', 'all'] as const)
    test(`has the mean of the views' losses; DIST of those that the teacher sees: ${asked}`, () => {
      const task = taskOf({ teacher }, `${multiCrop}`, `student.multiCrop.teacherViews=${asked}`);
      const { cls, dist } = partsOf(task, views);
      assert.deepEqual(
        seen,
        [
          [4, 3, 8, 8],
          [2, 3, 4, 4],
        ].slice(0, asked === 'all' ? 2 : 1),
      );
      const apart = views.map((view) => partsOf(task, [view]));
      assert.ok(near(cls, apart.reduce((sum, { cls }) => sum + cls, 0) / 3));
      const taught = asked === 'all' ? apart : apart.filter((_, v) => views[v]!.size(3) === 8);
      assert.ok(near(dist, taught.reduce((sum, { dist }) => sum + dist, 0) / taught.length));
    });

  test('shows the teacher its own view, mixed as the student’s', () => {
    let seen: torch.Tensor | undefined;
    const teacher = (images: torch.Tensor): torch.Tensor => {
      seen = torch.keep(images.clone());
      return torch.zeros([images.size(0), 3]);
    };
    const task = taskOf({ teacher, teacherView: true }, 'student.mixing.probability=1', 'student.mixing.cutmix=0');
    const [images, own] = [torch.tensor([0, 1]), torch.tensor([10, 20])].map((levels) =>
      levels.float().view([2, 1, 1, 1]).expand(2, 3, 4, 4).contiguous(),
    ) as [torch.Tensor, torch.Tensor];
    torch.tidy(() => task.prepare({ images, more: [own], labels, epoch: 0, random: random() }).loss());
    const levels = seen!.index('...', 0, 0, 0).toTypedArray<'float32'>();
    assert.ok(levels[0]! > 10 && levels[0]! < 20, 'mixed');
    assert.ok(Math.abs(levels[0]! + levels[1]! - 30) < 1e-4, 'by one share');
  });
});

suite('trainings', () => {
  for (const [name, setting] of [
    ['with multi-crop', multiCrop],
    ['with a view for the teacher', teacherView],
  ] as const)
    test(`${name} run to their end, the same twice`, async (t) => {
      const folder = temporaryFolder(t);
      const recipe = tinyRecipe(
        setting,
        'teacher.epochs=1',
        'teacher.sam.rho=0',
        'student.epochs=2',
        'student.drw.epoch=1',
      );
      const dataset = tinyDataset();
      const teacher = path.join(folder, 'teacher');
      await trainTeacher({ dataset, recipe, folder: teacher });
      const losses: number[][] = [];
      for (const run of ['one', 'two']) {
        const reporter = recording();
        await trainStudent({ dataset, recipe, teacher, folder: path.join(folder, run), reporter });
        losses.push(reporter.records.map(({ loss }) => loss));
      }
      assert.equal(losses[0]!.length, 2);
      assert.ok(losses[0]!.every(Number.isFinite));
      assert.deepEqual(losses[1], losses[0]);
    });
});
