/**
 * This project's side of the comparison on a card: `node steps.js CASE PRECISION` answers JSON lines, {"steps": n, "sam": whether},
 * with the seconds of n training steps. The batch lies on the device, as on the other side.
 */
import { performance } from 'node:perf_hooks';
import * as torch from '@deit-lt/torch';
import type { Dataset, ImageSplit } from '#deit-lt/data/dataset.js';
import { prepareData } from '#deit-lt/data/prepare-data.js';
import { placementOf } from '#deit-lt/recipe/device.js';
import { answerQuestions } from '../peer.js';
import { type StepBatch, type Trainer, trainerOf } from '../train/trainer.js';
import { type GpuCase, gpuCases, recipeOf } from './cases.js';

const [name = 'small', precision = 'bfloat16'] = process.argv.slice(2);
const chosen = gpuCases[name];
if (chosen === undefined) throw new Error(`there is no case "${name}"; there are ${Object.keys(gpuCases).join(', ')}`);

/** As many images per class as LDAM's margins need to differ; their pixels are not used. */
function noData({ classes }: GpuCase): Dataset {
  const split = (of: (label: number) => number): ImageSplit => {
    const labels = Int32Array.from(
      Array.from({ length: classes }, (_, label) => new Array<number>(of(label)).fill(label)).flat(),
    );
    const pixels = new Uint8Array(labels.length * 12);
    return {
      labels,
      images: { kind: 'memory', length: labels.length, width: 2, height: 2, pixels, nameOf: String },
    };
  };
  const classNames = Array.from({ length: classes }, (_, label) => `class ${label}`);
  return { name: 'none', classNames, train: split((label) => 2 + (label % 5)), test: split(() => 1) };
}

/** A trainer and its batch, made when they are first asked for. */
function makeTrainer(given: GpuCase, sam: boolean): { trainer: Trainer; batch: StepBatch } {
  const recipe = recipeOf(given, { precision, sam });
  const placement = placementOf(recipe);
  const { batchSize, imageSize } = recipe[given.kind];
  const trainer = trainerOf(given.kind, { recipe, placement, data: prepareData(noData(given), recipe) });
  const images = torch.randn([batchSize, imageSize, imageSize, 3], { device: placement.device }).permute(0, 3, 1, 2);
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i % given.classes);
  return { trainer, batch: { images, more: [], labels } };
}

const made = new Map<boolean, ReturnType<typeof makeTrainer>>();
const onCard = process.env.DEVICE !== 'cpu';
let index = 0;

await answerQuestions(async ({ steps, sam }: { steps: number; sam: boolean }) => {
  const { trainer, batch } = made.get(sam) ?? makeTrainer(chosen, sam);
  made.set(sam, { trainer, batch });
  const times: number[] = [];
  let loss = 0;
  for (let i = 0; i < steps; i++) {
    if (onCard) torch.cuda.synchronize();
    const start = performance.now();
    loss = trainer.step(batch, index++);
    if (onCard) torch.cuda.synchronize();
    times.push((performance.now() - start) / 1e3);
  }
  const peakBytes = onCard ? torch.cuda.memoryStats().peakAllocated : process.resourceUsage().maxRSS * 1024;
  return { times, loss, peakBytes };
});
