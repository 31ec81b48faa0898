/** Following runs that somebody else writes: half lines, files that are written again, runs that come, stop and go. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { makeRun } from '../../test/helpers/made-runs.js';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { findRunFolders } from './find-run-folders.js';
import { MetricsTail } from './metrics-tail.js';
import type { StudioEvent } from './run-view.js';
import { RunWatcher, type WatchOptions } from './run-watcher.js';

const line = (epoch: number, more: object = {}): string =>
  `${JSON.stringify({ epoch, lr: 0.1, loss: 2 - epoch / 10, parts: {}, seconds: 10, imagesPerSecond: 1, drw: false, ...more })}\n`;
const epochsOf = (records: readonly { readonly epoch: number }[]): number[] => records.map(({ epoch }) => epoch);

suite('MetricsTail', () => {
  test('reads only whole lines, and resumes where it was', (t) => {
    const file = path.join(temporaryFolder(t), 'metrics.jsonl');
    const tail = new MetricsTail(file);
    assert.equal(tail.read(), undefined, 'not there yet');
    writeFileSync(file, line(0) + line(1).slice(0, 20));
    assert.equal(tail.read(), 0);
    assert.deepEqual(epochsOf(tail.records), [0]);
    assert.equal(tail.read(), undefined);
    appendFileSync(file, line(1).slice(20) + line(2));
    assert.equal(tail.read(), 1);
    assert.deepEqual(epochsOf(tail.records), [0, 1, 2]);
  });

  test('keeps characters that come in two parts', (t) => {
    const file = path.join(temporaryFolder(t), 'metrics.jsonl');
    const bytes = Buffer.from(line(0, { note: 'é' }));
    const middle = bytes.indexOf(0xc3) + 1;
    const tail = new MetricsTail(file);
    writeFileSync(file, bytes.subarray(0, middle));
    assert.equal(tail.read(), undefined);
    appendFileSync(file, bytes.subarray(middle));
    assert.equal(tail.read(), 0);
  });

  test('leaves out lines that are not records, and values that are not numbers', (t) => {
    const file = path.join(temporaryFolder(t), 'metrics.jsonl');
    const odd = '{"epoch":\n\nnull\n[1]\n"x"\n{"loss":1}\n';
    writeFileSync(
      file,
      odd +
        line(3, { evaluation: { avg: { overall: 50, mid: 'x' } } }) +
        line(4, { loss: null, evaluation: { avg: { overall: 50, head: null } } }),
    );
    const tail = new MetricsTail(file);
    assert.equal(tail.read(), 0);
    const figures = { balanced: null, overall: 50, head: null, mid: null, tail: null };
    assert.deepEqual(tail.records, [{ epoch: 4, loss: null, seconds: 10, evaluation: { avg: figures } }]);
  });

  test('begins again with a file that was written again, as a resumed run does', (t) => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'metrics.jsonl');
    writeFileSync(file, line(0) + line(1) + line(2));
    const tail = new MetricsTail(file);
    tail.read();
    writeFileSync(`${file}.tmp`, line(0) + line(1));
    renameSync(`${file}.tmp`, file);
    assert.equal(tail.read(), 0);
    assert.deepEqual(epochsOf(tail.records), [0, 1]);
    rmSync(file);
    assert.equal(tail.read(), 0);
    assert.deepEqual(tail.records, []);
  });
});

suite('findRunFolders()', () => {
  test('finds runs at any depth, and does not search where none can be', (t) => {
    const root = temporaryFolder(t);
    for (const name of ['a', 'b/teacher', 'b/teacher/checkpoints/x', 'c/d/e', '.hidden/run', 'node_modules/run'])
      write(path.join(root, name, 'config.json'), '{}');
    symlinkSync(root, path.join(root, 'loop'));
    const names = findRunFolders(root).map((folder) => path.relative(root, folder));
    assert.deepEqual(names, ['a', 'b/teacher', 'c/d/e']);
    assert.deepEqual(findRunFolders(root, { depth: 1 }), [path.join(root, 'a')]);
    assert.deepEqual(findRunFolders(path.join(root, 'nothing')), []);
  });

  test('ends in a folder with thousands of folders', (t) => {
    const root = temporaryFolder(t);
    for (let i = 0; i < 30; i++) write(path.join(root, `class ${i}`, 'config.json'), '{}');
    assert.equal(findRunFolders(root, { most: 11 }).length, 10);
  });
});

suite('RunWatcher', () => {
  /** Looks only when it is asked to, at the time `at` (milliseconds since 1970). */
  function watchFolder(t: TestContext, root: string, options: WatchOptions = {}) {
    const clock = { at: Date.now() };
    const never = 1e9;
    const watcher = new RunWatcher(root, {
      lookMs: never,
      findMs: never,
      notify: false,
      now: () => clock.at,
      ...options,
    });
    const events: StudioEvent[] = [];
    t.after(() => watcher[Symbol.dispose]());
    watcher.follow((event) => events.push(event));
    return { watcher, events, clock };
  }

  const runEvent = (event: StudioEvent | undefined) => {
    assert.ok(event?.type === 'run', JSON.stringify(event));
    return event;
  };

  test('sends the existing records, then new ones', (t) => {
    const root = temporaryFolder(t);
    const run = makeRun(path.join(root, 'cifar/student'), { kind: 'student', classes: 4, evaluated: false });
    const { watcher, events } = watchFolder(t, root);
    const first = runEvent(events[0]);
    assert.deepEqual(
      [first.run.id, first.run.kind, first.run.epochs, first.run.epochsDone, first.run.data.classes],
      ['cifar/student', 'student', 2, 2, 4],
    );
    assert.deepEqual([first.from, epochsOf(first.records)], [0, [0, 1]]);
    assert.deepEqual(events[1], { type: 'ready', folder: root });
    watcher.look();
    assert.equal(events.length, 2, 'nothing is new');
    appendFileSync(path.join(run, 'metrics.jsonl'), line(2) + line(3).slice(0, 9));
    watcher.look();
    const next = runEvent(events[2]);
    assert.deepEqual([next.from, epochsOf(next.records)], [2, [2]]);
  });

  test('finds runs that begin later, and reports those that are gone', (t) => {
    const root = temporaryFolder(t);
    const { watcher, events } = watchFolder(t, root);
    assert.deepEqual(events, [{ type: 'ready', folder: root }]);
    const run = makeRun(path.join(root, 'late'), { kind: 'vit', classes: 4 });
    watcher.look();
    assert.equal(events.length, 1);
    watcher.find();
    assert.equal(runEvent(events[1]).run.figures?.overall, 75);
    rmSync(run, { recursive: true });
    watcher.look();
    watcher.find();
    assert.deepEqual(events[2], { type: 'gone', id: 'late' });
    assert.equal(watcher.run('late'), undefined);
  });

  test('recognises a run that has stopped', (t) => {
    const root = temporaryFolder(t);
    const run = makeRun(root, { kind: 'vit', classes: 4, evaluated: false });
    const metrics = path.join(run, 'metrics.jsonl');
    writeFileSync(metrics, line(0));
    const { watcher, events, clock } = watchFolder(t, root);
    const state = (): string => {
      watcher.look();
      return watcher.run('.')!.view!.state;
    };
    assert.equal(state(), 'running');
    assert.equal(runEvent(events[0]).run.secondsLeft, 10);
    clock.at += 121_000;
    assert.equal(state(), 'stopped');
    assert.equal(runEvent(events.at(-1)).run.state, 'stopped', 'the page is told');
    utimesSync(metrics, clock.at / 1000, clock.at / 1000);
    assert.equal(state(), 'running');
    write(path.join(run, 'checkpoints/best.safetensors'), '');
    appendFileSync(metrics, line(1));
    assert.equal(state(), 'finished');
    writeFileSync(metrics, line(0, { seconds: 3600 }));
    clock.at = Date.now() + 3_000_000;
    assert.equal(state(), 'running', 'an epoch takes an hour');
  });

  test('a run is not finished before the epochs of its cooldown', (t) => {
    const root = temporaryFolder(t);
    const settings = ['student.schedule.cooldownEpochs=1'];
    const run = makeRun(root, { kind: 'vit', classes: 4, evaluated: false, settings });
    write(path.join(run, 'checkpoints/best.safetensors'), '');
    const { watcher } = watchFolder(t, root);
    const seen = (): unknown[] => {
      watcher.look();
      const { epochs, epochsDone, state } = watcher.run('.')!.view!;
      return [epochs, epochsDone, state];
    };
    assert.deepEqual(seen(), [3, 2, 'running']);
    appendFileSync(path.join(run, 'metrics.jsonl'), line(2));
    assert.deepEqual(seen(), [3, 3, 'finished']);
  });

  test('waits for a configuration that can be read', (t) => {
    const root = temporaryFolder(t);
    const run = makeRun(path.join(root, 'a'), { kind: 'vit', classes: 4 });
    const config = path.join(run, 'config.json');
    renameSync(config, `${config}.whole`);
    for (const text of ['{"format": "deit-lt ru', '{}', 'null', '{"format":"deit-lt run 1"}', '[]']) {
      writeFileSync(config, text);
      const { watcher, events } = watchFolder(t, root);
      assert.deepEqual(events, [{ type: 'ready', folder: root }], text);
      assert.deepEqual(watcher.runs, []);
    }
    const { watcher, events } = watchFolder(t, root);
    renameSync(`${config}.whole`, config);
    watcher.look();
    assert.deepEqual(epochsOf(runEvent(events[1]).records), [0, 1]);
  });

  test('sends epochs that came while the configuration could not be read', (t) => {
    const root = temporaryFolder(t);
    const run = makeRun(path.join(root, 'a'), { kind: 'vit', classes: 4 });
    const [config, metrics] = [path.join(run, 'config.json'), path.join(run, 'metrics.jsonl')];
    const { watcher, events } = watchFolder(t, root);
    renameSync(config, `${config}.whole`);
    writeFileSync(config, '{"format": "deit-lt ru'); // as while it is copied
    utimesSync(config, 1, 1);
    appendFileSync(metrics, line(2));
    watcher.look();
    assert.equal(events.length, 2);
    renameSync(`${config}.whole`, config);
    watcher.look();
    const { from, records } = runEvent(events[2]);
    assert.deepEqual([from, epochsOf(records)], [2, [2]]);
  });

  test('receives changes by the system, without looking', { timeout: 120_000 }, async (t) => {
    const root = temporaryFolder(t);
    const run = makeRun(path.join(root, 'a'), { kind: 'vit', classes: 4 });
    const { watcher } = watchFolder(t, root, { notify: true });
    const news = new Promise<StudioEvent>((resolve) => {
      watcher.follow((event) => {
        if (event.type === 'run' && event.from === 2) resolve(event);
      });
    });
    // Again and again, because a watcher may begin to hear a little after it is made.
    const writing = setInterval(() => appendFileSync(path.join(run, 'metrics.jsonl'), line(2)), 100);
    t.after(() => clearInterval(writing));
    assert.equal(runEvent(await news).records[0]!.epoch, 2);
  });

  test('writes nothing', (t) => {
    const root = temporaryFolder(t);
    makeRun(path.join(root, 'a'), { kind: 'student', classes: 4 });
    const seen = () =>
      readdirSync(root, { recursive: true, encoding: 'utf8' })
        .sort()
        .map((name) => [name, statSync(path.join(root, name)).mtimeMs]);
    const before = seen();
    const { watcher } = watchFolder(t, root);
    watcher.find();
    assert.deepEqual(seen(), before);
  });
});
