/** CSV and TensorBoard's event file of a run, read back by a reader of our own in Python. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { crc32c, scalarRecord, versionRecord } from '../src/runs/event-records.js';
import type { EpochRecord } from '../src/runs/reporter.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { trainAll, trainTeacher } from '../src/training/train.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { atBatch, tinyDataset, tinyRecipe } from './training-tiny.js';

/**
 * Reads event files after TensorFlow's documentation: checks both checksums of each record, bit by bit, and decodes the
 * wire format generally. Nothing of it is ours elsewhere. TensorBoard's own reader is used too, where it is installed.
 */
const reader = `
import json, struct, sys
def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        for bit in range(8):
            lowest = (crc ^ (byte >> bit)) & 1
            crc = (crc >> 1) ^ (0x82f63b78 if lowest else 0)
    return crc ^ 0xffffffff
def masked(data):
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xa282ead8) & 0xffffffff
def records(data):
    at = 0
    while at < len(data):
        length, check = struct.unpack_from('<QI', data, at)
        assert check == masked(data[at:at + 8]), 'checksum of a length'
        body = data[at + 12:at + 12 + length]
        assert struct.unpack_from('<I', data, at + 12 + length)[0] == masked(body), 'checksum of data'
        yield body
        at += 16 + length
    assert at == len(data), 'half a record'
def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128: return value, at
def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0: value, at = varint(data, at)
        elif wire == 1: value, at = struct.unpack_from('<d', data, at)[0], at + 8
        elif wire == 5: value, at = struct.unpack_from('<f', data, at)[0], at + 4
        else:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        yield key >> 3, value
events = []
for body in records(open(sys.argv[1], 'rb').read()):
    event = dict(fields(body))
    if 3 in event: events.append({'version': event[3].decode(), 'time': event[1]})
    else:
        values = [dict(fields(value)) for field, value in fields(event[5]) if field == 1]
        events.append({'step': event.get(2, 0), 'time': event[1], 'scalars': {v[1].decode(): v[2] for v in values}})
try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    accumulator = EventAccumulator(sys.argv[1]).Reload()
    for tag in accumulator.Tags()['scalars'] or accumulator.Tags()['tensors']: accumulator.Scalars(tag)
except ImportError: pass
print(json.dumps(events))
`;

interface Event {
  version?: string;
  step: number;
  time: number;
  scalars: Record<string, number>;
}

const python = process.env.PYTHON_TORCH ?? 'python3';
const skip = spawnSync(python, ['-c', '']).status !== 0 && `no ${python}`;

function readEvents(file: string): Event[] {
  const { status, stdout, stderr } = spawnSync(python, ['-c', reader, file], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Event[];
}

function readCsv(file: string): Record<string, string>[] {
  const [head, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  const columns = head!.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [columns[i], cell])));
}

const eventFile = (folder: string): string =>
  path.join(folder, readdirSync(folder).find((name) => name.includes('tfevents'))!);

/** What CSV and events must have of a record. */
function figuresOf({ epoch, loss, lr, evaluation, parts }: EpochRecord): Record<string, number> {
  return {
    step: epoch,
    'train/loss': loss,
    'train/learning_rate': lr,
    ...(parts.dist !== undefined && { 'train/loss_dist': parts.dist }),
    ...(evaluation && { 'validation/avg/overall': evaluation.avg.overall }),
    ...(evaluation?.dist && { 'validation/dist/tail': evaluation.dist.tail! }),
    ...(evaluation?.expertCosine !== undefined && {
      'validation/expert_cosine_distance': 1 - evaluation.expertCosine,
    }),
  };
}

function checkFolder(folder: string): void {
  const records = new RunFolder(folder).readMetrics();
  const [version, ...events] = readEvents(eventFile(folder));
  assert.equal(version!.version, 'brain.Event:2');
  const rows = readCsv(path.join(folder, 'metrics.csv'));
  assert.deepEqual([events.length, rows.length], [records.length, records.length]);
  records.forEach((record, i) => {
    const [event, row] = [events[i]!, rows[i]!];
    assert.ok(event.time > (events[i - 1] ?? version!).time);
    for (const [name, value] of Object.entries(figuresOf(record))) {
      const inEvent = name === 'step' ? event.step : event.scalars[name];
      assert.equal(inEvent, name === 'step' ? value : Math.fround(value), `${name} of epoch ${i} in the event file`);
      assert.equal(Number(row[name === 'step' ? 'epoch' : name]), value, `${name} of epoch ${i} in the CSV`);
    }
  });
}

suite('crc32c()', () => {
  test('is the checksum of the standards', () => {
    assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283); // RFC 3720, B.4
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  });
});

suite('event records', { skip }, () => {
  test('are read with every number as it is: 0, negative, large steps', (t) => {
    const file = path.join(temporaryFolder(t), 'events.out.tfevents.test');
    const scalars = new Map([
      ['zero', 0],
      ['negative', -1.5],
      ['tail/größe', 2 ** -20],
    ]);
    const steps = [0, 127, 128, 2 ** 31, 2 ** 40 + 3];
    writeFileSync(file, Buffer.concat([versionRecord(1.5), ...steps.map((step) => scalarRecord(2.25, step, scalars))]));
    const [version, ...events] = readEvents(file);
    assert.deepEqual(version, { version: 'brain.Event:2', time: 1.5 });
    assert.deepEqual(
      events,
      steps.map((step) => ({ step, time: 2.25, scalars: Object.fromEntries(scalars) })),
    );
  });
});

suite('the curves of a training', { skip, timeout: 120_000 }, () => {
  const dataset = tinyDataset();
  const recipe = tinyRecipe('evaluation.every=2', 'data.validation=0.2', 'teacher.epochs=2');

  test('are the same as CSV, as events, and in metrics.jsonl', async (t) => {
    const folder = temporaryFolder(t);
    const { teacher, student } = await trainAll({ dataset, recipe, folder });
    for (const run of [teacher, student]) checkFolder(run.folder);
    const rows = readCsv(path.join(student.folder, 'metrics.csv'));
    assert.equal(rows[0]!['validation/avg/overall'], '', 'the first epoch has no evaluation');
    assert.ok(Number(rows[1]!['validation_ema/avg/overall']) >= 0);
  });

  test('have each epoch once after a stop and a second start', async (t) => {
    const folder = temporaryFolder(t);
    const controller = new AbortController();
    const stop = atBatch(1, 1, () => controller.abort());
    const options = { dataset, recipe, folder };
    await assert.rejects(trainTeacher({ ...options, reporter: stop, signal: controller.signal }), {
      code: 'INTERRUPTED',
    });
    writeFileSync(eventFile(folder), Buffer.from('torn'), { flag: 'a' }); // a kill in the middle of a record
    await trainTeacher({ ...options, resume: true });
    checkFolder(folder);
  });
});
