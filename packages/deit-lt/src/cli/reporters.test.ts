import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import type { EpochRecord, Reporter, StepReport, TrainingStart } from '../runs/reporter.js';
import { textWidth } from '../text/width.js';
import { plainColors } from './colors.js';
import { LineReporter } from './line-reporter.js';
import { bar, progressLines } from './progress-view.js';
import { startLines } from './report-lines.js';
import { TerminalReporter } from './terminal-reporter.js';

const start: TrainingStart = {
  kind: 'teacher',
  folder: 'runs/x/teacher',
  model: 'resnet32',
  parameters: 464154,
  device: 'cpu',
  precision: 'bfloat16',
  epochs: 10,
  batchesPerEpoch: 97,
  trainImages: 12406,
};
const step: StepReport = {
  epoch: 2,
  batch: 45,
  batches: 97,
  loss: 1.23456,
  lr: 0.1,
  imagesPerSecond: 1234.4,
  secondsLeft: 130,
};
const evaluation: EvaluationResult = {
  avg: { images: 100, overall: 62.06, top5: 90, balanced: 60, head: 81, mid: 60.2, tail: null, perClass: [] },
};
const plainEpoch: EpochRecord = {
  epoch: 2,
  lr: 0.1,
  loss: 1.23456,
  parts: {},
  seconds: 12.2,
  imagesPerSecond: 1016,
  drw: false,
};
const evaluatedEpoch: EpochRecord = { ...plainEpoch, drw: true, evaluation, evaluatedOn: 'validation' };

suite('startLines()', () => {
  test('counts the parameters, and those that are trained where not all are', () => {
    assert.match(startLines(start)[0]!, /^teacher: resnet32, 464,154 parameters, cpu in bfloat16; /);
    const few = startLines({ ...start, trainedParameters: 1200 })[0]!;
    assert.match(few, /^teacher: resnet32, 1,200 of 464,154 parameters are trained, cpu in bfloat16; /);
  });

  test('call only a transformer a plain ViT', () => {
    const named = (model: string): string => startLines({ ...start, kind: 'vit', model })[0]!;
    assert.match(named('vit_tiny_patch16_224'), /^plain ViT: vit_tiny/);
    assert.match(named('deit3_small_patch16_224'), /^plain ViT: deit3/);
    assert.match(named('resnet20'), /^plain network: resnet20/);
  });

  test('names the processes that train together, and the shards of each', () => {
    const line = (count: number, shardsOfEach: number): string =>
      startLines({ ...start, processes: { count, shardsOfEach } })[0]!;
    assert.match(line(2, 1), /97 batches × 10 epochs in 2 processes of 1 shard each → runs\/x\/teacher$/);
    assert.match(line(2, 4), / in 2 processes of 4 shards each → /);
    assert.match(line(1, 4), / × 10 epochs in 4 shards, one process → /);
    assert.match(startLines(start)[0]!, / × 10 epochs → /);
  });
});

function playOn(reporter: Reporter): void {
  reporter.progress('reading train images', 0, 12406);
  reporter.progress('reading train images', 12406, 12406);
  reporter.note('no class is tail');
  reporter.note('no class is tail');
  reporter.start(start);
  reporter.step(step);
  reporter.epoch(plainEpoch);
  reporter.progress('evaluating', 256, 2000);
  reporter.epoch(evaluatedEpoch);
  reporter.end({
    kind: 'teacher',
    model: 'resnet32',
    folder: 'runs/x/teacher',
    seconds: 125,
    bestEpoch: 2,
    rule: 'the last epoch',
    test: evaluation,
  });
}

suite('LineReporter', () => {
  test('prints one line per epoch and piece of work', () => {
    const lines: string[] = [];
    playOn(new LineReporter((line) => lines.push(line)));
    assert.deepEqual(lines, [
      'reading train images: 12,406',
      'no class is tail',
      'teacher: resnet32, 464,154 parameters, cpu in bfloat16; 12,406 images, 97 batches × 10 epochs → runs/x/teacher',
      'teacher epoch  3/10  loss 1.2346  lr 0.1  1,016 images/s  12 s',
      'teacher epoch  3/10  loss 1.2346  lr 0.1  1,016 images/s  12 s  re-weighted  validation balanced 60.0, overall 62.1 (head 81.0, mid 60.2, tail –)',
      'teacher: done in 2 min 05 s; best epoch 3 (the last epoch); test balanced 60.0, overall 62.1 (head 81.0, mid 60.2, tail –)',
    ]);
  });

  test('counts the epochs that a limit of time leaves, also when they become more again', () => {
    const lines: string[] = [];
    const reporter = new LineReporter((line) => lines.push(line));
    reporter.start({ ...start, epochs: 6, resumedAt: { epoch: 5, batch: 1 } });
    reporter.epoch({ ...plainEpoch, epoch: 6 }, 7);
    reporter.epoch({ ...plainEpoch, epoch: 7 }, 8);
    assert.deepEqual(
      lines.slice(2).map((line) => line.split('  ')[0]),
      ['teacher epoch 7/7', 'teacher epoch 8/8'],
    );
  });

  test('reports where a run resumes, and that a finished one was finished', () => {
    const lines: string[] = [];
    const reporter = new LineReporter((line) => lines.push(line));
    reporter.start({ ...start, resumedAt: { epoch: 4, batch: 9 } });
    reporter.start({ ...start, resumedAt: { epoch: 10, batch: 0 } });
    assert.deepEqual([lines[1], lines[3]], ['teacher: resumes at epoch 5, batch 10', 'teacher: was finished']);
  });
});

/** The content of a terminal: lines that stay, and the moving ones below. */
class Screen {
  readonly kept: string[] = [];
  readonly drawn: string[] = [];
  now = 0;

  readonly reporter = new TerminalReporter(
    {
      draw: (text) => this.drawn.push(text),
      keep: (text) => this.kept.push(text),
      clear: () => this.drawn.push(''),
    },
    { colors: plainColors, width: () => 100, now: () => this.now },
  );
}

suite('TerminalReporter', () => {
  test('counts the epochs that a limit of time leaves', () => {
    const screen = new Screen();
    screen.reporter.start({ ...start, epochs: 6 });
    screen.reporter.epoch({ ...evaluatedEpoch, epoch: 6 }, 8);
    screen.now = 1000;
    screen.reporter.step({ ...step, epoch: 7 });
    assert.match(screen.kept.at(-1)!, /^teacher epoch 7\/8 /);
    assert.match(screen.drawn.at(-1)!, /teacher epoch 8\/8 /);
  });

  test('keeps notes, starts, evaluated epochs and ends', () => {
    const screen = new Screen();
    playOn(screen.reporter);
    assert.deepEqual(
      screen.kept.map((line) => line.split(' ').slice(0, 3).join(' ')),
      [
        'no class is',
        'teacher: resnet32, 464,154',
        'teacher epoch  3/10'.split(' ').slice(0, 3).join(' '),
        'teacher: done in',
      ],
    );
    assert.equal(screen.drawn.at(-1), '', 'nothing moves at the end');
  });

  test('draws steps at most every tenth of a second', () => {
    const screen = new Screen();
    screen.reporter.start(start);
    const before = screen.drawn.length;
    for (let ms = 0; ms < 1000; ms += 10) {
      screen.now = ms;
      screen.reporter.step(step);
    }
    assert.ok(screen.drawn.length - before <= 10);
  });
});

suite('progressLines()', () => {
  const state = { training: start, step, evaluated: evaluatedEpoch };

  test('shows bar, epoch, speed, time left, loss, learning rate and the last accuracies', () => {
    assert.deepEqual(progressLines(state, { width: 100, colors: plainColors }), [
      '━━━━━─────────────── teacher epoch 3/10  batch 45/97  1,234 images/s  2 min 10 s left',
      'loss 1.2346  lr 0.1  validation balanced 60.0  overall 62.1  head 81.0  mid 60.2  tail –  (epoch 3)',
    ]);
  });

  test('is never wider than the terminal', () => {
    for (const width of [20, 40, 60])
      for (const line of progressLines(state, { width, colors: plainColors })) assert.ok(textWidth(line) <= width);
  });

  test('bar() stays within its width', () =>
    assert.deepEqual([-1, 0.5, 2].map(bar), ['─'.repeat(20), '━'.repeat(10) + '─'.repeat(10), '━'.repeat(20)]));
});
