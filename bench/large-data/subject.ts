/**
 * Opens a data set and reads some batches, in a process of its own: `node subject.js SPEC CACHE BATCHES` prints what that
 * took as one line of JSON.
 */
import { performance } from 'node:perf_hooks';
import * as torch from '@deit-lt/torch';
import { buildPipeline } from '#deit-lt/augment/registry.js';
import { FileSource } from '#deit-lt/data/file-source.js';
import { Loader } from '#deit-lt/data/loader.js';
import { openDataset } from '#deit-lt/data/open.js';
import { shuffled } from '#deit-lt/data/samplers/sampler-orders.js';

const batchSize = 128;
const early = 20;
const mean = [0.485, 0.456, 0.406] as [number, number, number];
const std = [0.229, 0.224, 0.225] as [number, number, number];

const [, , spec = '', cacheDir = '', batches = '0'] = process.argv;
const mb = (bytes: number): number => bytes / 2 ** 20;
const seconds = (): number => performance.now() / 1000;
const cpuSeconds = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;

const begun = { clock: seconds(), cpu: cpuSeconds() };
const { train, test } = await openDataset(spec, { cacheDir, checkFiles: 'headers' });
const opened = { openSeconds: seconds() - begun.clock, openCpuSeconds: cpuSeconds() - begun.cpu };
global.gc?.();
const { heapUsed, arrayBuffers } = process.memoryUsage();

const result: Record<string, number> = {
  images: train.labels.length + (test?.labels.length ?? 0),
  ...opened,
  heapMb: mb(heapUsed),
  buffersMb: mb(arrayBuffers),
};
if (Number(batches) > 0) Object.assign(result, await load(Number(batches)));
console.log(JSON.stringify(result));

async function load(count: number): Promise<Record<string, number>> {
  if (train.images.kind !== 'files') throw new Error('the images should be files');
  const pipeline = buildPipeline({ randomResizedCrop: true, flip: true }, { size: 224, mean, std, filter: 'bicubic' });
  await using source = new FileSource(train.images, { threads: 2 });
  const since = seconds();
  const loader = new Loader({ source, labels: train.labels, pipeline, ids: shuffled(train.labels.length), batchSize });
  let [done, firstSeconds, earlyMb] = [0, 0, 0];
  for await (using batch of loader) {
    torch.tidy(() => batch.images.mean().item());
    if (done === 0) firstSeconds = seconds() - since;
    if (++done === early) earlyMb = mb(process.memoryUsage.rss());
    if (done === count) break;
  }
  return { firstSeconds, earlyMb, lateMb: mb(process.memoryUsage.rss()) };
}
