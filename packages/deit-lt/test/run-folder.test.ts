/** The files of a run. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import type { MetricsResult } from '../src/evaluation/metrics.js';
import { writeFileAtomic } from '../src/runs/files.js';
import type { EpochRecord } from '../src/runs/reporter.js';
import { holdsNoRun, type RunConfig, RunFolder, readRunConfig } from '../src/runs/run-folder.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { tinyRecipe } from './training-tiny.js';

const config: RunConfig = {
  format: 'deit-lt run 1',
  kind: 'teacher',
  recipe: tinyRecipe(),
  data: { name: 'shapes', classNames: ['a', 'b'], trainCounts: [2, 1], groups: ['head', 'tail'], fingerprint: '0' },
  teacher: null,
  teacherSha256: null,
  command: [],
  environment: {},
  started: '2026-01-01T00:00:00.000Z',
};

const figures: MetricsResult = {
  images: 3,
  overall: 50,
  top5: 100,
  balanced: 50,
  head: 50,
  mid: null,
  tail: null,
  perClass: [100, 0],
  confusion: [
    [2, 0],
    [1, 0],
  ],
};

function record(epoch: number): EpochRecord {
  return {
    epoch,
    lr: 0.1,
    loss: 2,
    parts: { cls: 1 },
    seconds: 1,
    imagesPerSecond: 3,
    drw: false,
    evaluation: { avg: figures, cls: figures },
  };
}

suite('RunFolder', () => {
  test('begins in a new or empty folder and keeps the configuration', (t) => {
    const run = new RunFolder(path.join(temporaryFolder(t), 'a', 'b'));
    assert.deepEqual(run.begin(config, false), config);
    assert.deepEqual(readRunConfig(run.folder), config);
    assert.throws(() => run.begin(config, false), { code: 'RUN_FOLDER', message: /is not empty/ });
  });

  test('gives the first configuration to a resumed run', (t) => {
    const run = new RunFolder(temporaryFolder(t));
    run.begin(config, true);
    assert.deepEqual(run.begin({ ...config, started: 'later' }, true), config);
  });

  test('names what a damaged config.json lacks', (t) => {
    const run = new RunFolder(temporaryFolder(t));
    const { kind: _, ...noKind } = config;
    const { teacher: __, ...noTeacher } = config.recipe;
    for (const [content, message] of [
      [null, /expected object, received null/],
      [{}, /its format is missing, expected "deit-lt run 1"/],
      [noKind, /it has no kind/],
      [{ ...config, recipe: noTeacher }, /it has no recipe\.teacher/],
      [{ ...config, data: { ...config.data, classNames: 'a' } }, /data\.classNames: expected array, received string/],
    ] as const) {
      writeFileSync(run.configFile, JSON.stringify(content));
      assert.throws(() => readRunConfig(run.folder), { code: 'RUN_FOLDER', message });
    }
  });

  test('begins where a process was killed before it had a configuration, with `resume` or without', (t) => {
    for (const resume of [false, true]) {
      const folder = temporaryFolder(t);
      for (const place of ['checkpoints', 'teacher/checkpoints'])
        mkdirSync(path.join(folder, place), { recursive: true });
      for (const file of ['config.json.tmp-12', 'teacher/config.json.tmp-12', 'checkpoints/training.claim'])
        writeFileSync(path.join(folder, file), '{');
      assert.ok(holdsNoRun(folder));
      const run = new RunFolder(folder);
      assert.deepEqual(run.begin(config, resume), config);
      assert.equal(holdsNoRun(folder), false);
      assert.deepEqual(readdirSync(folder).sort(), ['checkpoints', 'config.json', 'teacher']);
    }
  });

  test('treats checkpoints without a configuration neither as a run nor as an empty folder', (t) => {
    const run = new RunFolder(temporaryFolder(t));
    mkdirSync(path.dirname(run.checkpoint('last')), { recursive: true });
    writeFileSync(run.checkpoint('last'), '');
    for (const resume of [false, true])
      assert.throws(() => run.begin(config, resume), {
        code: 'RUN_FOLDER',
        message: `${run.folder} is not empty and has no config.json, so there is no run to resume. Choose another folder with --out.`,
      });
  });

  test('makes the folder of the checkpoints again, when it was removed', (t) => {
    const run = new RunFolder(temporaryFolder(t));
    run.begin(config, false);
    rmSync(path.join(run.folder, 'checkpoints'), { recursive: true });
    run.begin(config, true);
    run.checkWritable(1);
  });

  test('does not take a folder of other files for a run', (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(path.join(folder, 'thesis.tex'), '');
    for (const resume of [false, true])
      assert.throws(() => new RunFolder(folder).begin(config, resume), { code: 'RUN_FOLDER', message: /--out/ });
    assert.throws(() => readRunConfig(folder), {
      code: 'RUN_FOLDER',
      message: /is not a run folder: it has no config\.json/,
    });
    writeFileSync(path.join(folder, 'config.json'), '{"compilerOptions": {}}');
    assert.throws(() => readRunConfig(folder), {
      code: 'RUN_FOLDER',
      message: /config\.json cannot be read: its format is/,
    });
  });

  test('metrics.jsonl has every figure but the confusion matrices, which evaluation.json has', (t) => {
    const run = new RunFolder(temporaryFolder(t));
    run.begin(config, false);
    run.appendMetrics(record(0));
    const { confusion, ...kept } = figures;
    assert.deepEqual(run.readMetrics(), [{ ...record(0), evaluation: { avg: kept, cls: kept } }]);
    run.writeEvaluation({ split: 'test', checkpoint: 'best', epoch: 0, avg: figures });
    const written: unknown = JSON.parse(readFileSync(run.evaluationFile, 'utf8'));
    assert.deepEqual(written, { split: 'test', checkpoint: 'best', epoch: 0, avg: figures });
    assert.ok(confusion);
  });

  test('appendMetrics() ends a training when another one writes there too', (t) => {
    const one = new RunFolder(temporaryFolder(t));
    one.begin(config, false);
    one.keepMetricsBefore(0);
    one.appendMetrics(record(0));
    const second = new RunFolder(one.folder);
    second.keepMetricsBefore(1);
    second.appendMetrics(record(1));
    assert.throws(() => one.appendMetrics(record(1)), {
      code: 'RUN_FOLDER',
      message: /is being trained twice at once/,
    });
    second.appendMetrics(record(2));
    assert.deepEqual(
      second.readMetrics().map(({ epoch }) => epoch),
      [0, 1, 2],
    );
  });

  test('readEvaluation() explains how to make a damaged evaluation.json again', (t) => {
    const run = new RunFolder(temporaryFolder(t));
    assert.equal(run.readEvaluation(), undefined);
    run.writeEvaluation({ split: 'test', checkpoint: 'best', epoch: 1, avg: figures });
    assert.equal(run.readEvaluation()?.avg.overall, figures.overall);
    for (const text of ['{"avg":', '{}', 'null']) {
      writeFileSync(run.evaluationFile, text);
      assert.throws(() => run.readEvaluation(), {
        code: 'RUN_FOLDER',
        message: /cannot be used: .*deit-lt eval .* --save$/,
      });
    }
  });

  test('keepMetricsBefore() forgets later epochs and half a line', (t) => {
    const run = new RunFolder(temporaryFolder(t));
    run.begin(config, false);
    run.keepMetricsBefore(0);
    for (const epoch of [0, 1, 2]) run.appendMetrics(record(epoch));
    writeFileSync(run.metricsFile, `${readFileSync(run.metricsFile, 'utf8')}{"epoch": 3, "lo`);
    run.keepMetricsBefore(2);
    run.appendMetrics(record(2));
    assert.deepEqual(
      run.readMetrics().map(({ epoch }) => epoch),
      [0, 1, 2],
    );
  });

  test('readMetrics() leaves out lines without an epoch', (t) => {
    const run = new RunFolder(temporaryFolder(t));
    run.begin(config, false);
    run.appendMetrics(record(0));
    appendFileSync(run.metricsFile, 'null\n[1]\n{"loss":1}\n\nx\n');
    assert.deepEqual(
      run.readMetrics().map(({ epoch }) => epoch),
      [0],
    );
  });

  test('checkWritable() leaves nothing behind, and checks for free space', (t) => {
    const run = new RunFolder(temporaryFolder(t));
    run.begin(config, false);
    run.checkWritable(1);
    assert.deepEqual(readdirSync(path.join(run.folder, 'checkpoints')), []);
    assert.throws(() => run.checkWritable(1e18), {
      code: 'RUN_FOLDER',
      message: /the checkpoints take 1000000000000 MB and the disk has \d+ MB left/,
    });
  });
});

suite('writeFileAtomic()', () => {
  test('replaces a file and leaves no other', (t) => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'a.json');
    writeFileAtomic(file, 'one');
    writeFileAtomic(file, 'two');
    assert.equal(readFileSync(file, 'utf8'), 'two');
    assert.deepEqual(readdirSync(folder), ['a.json']);
  });

  test('keeps the old file when the disk is full', { skip: !existsSync('/dev/full') && 'no /dev/full' }, (t) => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'a.json');
    writeFileAtomic(file, 'old');
    symlinkSync('/dev/full', `${file}.tmp-${process.pid}`);
    assert.throws(() => writeFileAtomic(file, 'new'), {
      code: 'RUN_FOLDER',
      message: `cannot write ${file}: the disk is full; free some space.`,
    });
    assert.equal(readFileSync(file, 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['a.json']);
  });

  test('writes to what a link names, and to a device itself', {
    skip: !existsSync('/dev/full') && 'no /dev/full',
  }, (t) => {
    const folder = temporaryFolder(t);
    const [target, link, device] = ['target', 'link', 'device'].map((name) => path.join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileAtomic(target, 'old');
    symlinkSync(target, link);
    writeFileAtomic(link, 'new');
    assert.equal(readFileSync(target, 'utf8'), 'new');
    symlinkSync('/dev/full', device); // a link: a device that is replaced stays so
    assert.throws(() => writeFileAtomic(device, 'x'), { code: 'RUN_FOLDER', message: /the disk is full/ });
    assert.deepEqual(
      [link, device].map((file) => lstatSync(file).isSymbolicLink()),
      [true, true],
    );
  });

  test('names the file that is in the way', (t) => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'file');
    writeFileAtomic(file, '');
    const refuses = (place: string, message: RegExp): void =>
      assert.throws(() => writeFileAtomic(place, ''), { code: 'RUN_FOLDER', message });
    refuses(path.join(file, 'a.json'), /a part of its path is a file, not a folder/);
    refuses(folder, /there is a folder of this name/);
    refuses(path.join(folder, 'a'.repeat(300)), /its name is too long/);
    assert.deepEqual(readdirSync(folder), ['file']);
  });

  test('names a folder that is not there', (t) => {
    const file = path.join(temporaryFolder(t), 'none', 'a.json');
    assert.throws(() => writeFileAtomic(file, ''), {
      code: 'RUN_FOLDER',
      message: /a\.json: its folder does not exist/,
    });
    mkdirSync(path.dirname(file));
    writeFileAtomic(file, '');
  });
});
