/** For trainings that were stopped and went on: whether two run folders are the same to the bit. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import type { EpochRecord, Reporter } from '../../src/runs/reporter.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import type { TrainOptions } from '../../src/training/train.js';

/** Every tensor, and what the metadata say but for the seconds. */
function assertSameFile(actual: string, expected: string): void {
  const [a, e] = [actual, expected].map((file) => torch.safetensors.open(file));
  using opened = a!;
  using wanted = e!;
  assert.deepEqual(opened.names, wanted.names);
  torch.tidy(() => {
    for (const name of wanted.names) {
      const [one, other] = [opened.get(name), wanted.get(name)];
      const bytes = [one, other].map((tensor) => Buffer.from(tensor.contiguous().view([-1]).toTypedArray().buffer));
      assert.ok(bytes[0]!.equals(bytes[1]!), `${name} differs`);
    }
  });
  assert.deepEqual(placeOf(opened.metadata), placeOf(wanted.metadata));
}

function placeOf({ progress = 'null', optimizer, epoch }: Readonly<Record<string, string>>): unknown {
  const { seconds: _, ...place } = (JSON.parse(progress) ?? {}) as Record<string, unknown>;
  return { place, optimizer, epoch };
}

/** The lines of metrics.jsonl without their timings. */
export function metricsOf(folder: string): Omit<EpochRecord, 'seconds' | 'imagesPerSecond'>[] {
  return new RunFolder(folder).readMetrics().map(({ seconds, imagesPerSecond, ...record }) => {
    assert.ok(seconds > 0 && imagesPerSecond > 0);
    return record;
  });
}

/** All that a run leaves, but for its configuration and the timings. */
export function assertSameRun(actual: string, expected: string): void {
  const [run, wanted] = [new RunFolder(actual), new RunFolder(expected)];
  for (const name of ['last', 'best'] as const) assertSameFile(run.checkpoint(name), wanted.checkpoint(name));
  assertSameFile(run.predictionsFile, wanted.predictionsFile);
  assert.deepEqual(metricsOf(actual), metricsOf(expected));
  assert.equal(readFileSync(run.evaluationFile, 'utf8'), readFileSync(wanted.evaluationFile, 'utf8'));
  for (const folder of ['.', 'checkpoints'])
    assert.deepEqual(readdirSync(path.join(actual, folder)), readdirSync(path.join(expected, folder)));
}

/** A reporter and signal: the signal comes where `place` says. */
export function abortAt(place: (act: () => void) => Reporter): Pick<TrainOptions, 'reporter' | 'signal'> {
  const controller = new AbortController();
  return { reporter: place(() => controller.abort()), signal: controller.signal };
}
