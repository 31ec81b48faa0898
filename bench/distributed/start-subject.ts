/** One of the processes of `start.ts`: `node start-subject.js SPEC CACHE` opens the data as a training does, and prints what that took. */
import { performance } from 'node:perf_hooks';
import { firstOnMachine } from '#deit-lt/cli/first-on-machine.js';
import { openDataset } from '#deit-lt/data/open.js';
import { prepareData } from '#deit-lt/data/prepare-data.js';
import { loadRecipe } from '#deit-lt/recipe/load.js';
import type { RunConfig } from '#deit-lt/runs/run-folder.js';
import { joinProcesses } from '#deit-lt/training/process-group.js';
import { requireSameTraining } from '#deit-lt/training/same-processes.js';

const [, , spec = '', cacheDir = ''] = process.argv;
const seconds = (): number => performance.now() / 1000; // since the start of the process
const processes = await joinProcesses(600);
const joined = seconds();
let checked = 0;
const onProgress = (): void => {
  checked = 1; // an index that fits is read without progress
};
const dataset = await firstOnMachine(processes, () =>
  openDataset(spec, { cacheDir, checkFiles: 'headers', onProgress }),
);
const opened = seconds();
const recipe = loadRecipe('default', {
  settings: ['data.imbalance=null', 'data.validation=0', 'evaluation.select=last', 'device=cpu'],
});
const data = prepareData(dataset, recipe);
requireSameTraining(processes, { kind: 'vit', recipe, teacherSha256: null } as unknown as RunConfig, data);
const ready = seconds();
const { user, system } = process.cpuUsage();
global.gc?.();
const { heapUsed, arrayBuffers } = process.memoryUsage();
const mb = (bytes: number): number => bytes / 2 ** 20;
console.log(
  JSON.stringify({
    ...{ joined, opened, ready, checked, cpu: (user + system) / 1e6 },
    ...{ heapMb: mb(heapUsed), buffersMb: mb(arrayBuffers), peakMb: process.resourceUsage().maxRSS / 1024 },
  }),
);
processes[Symbol.dispose]();
process.exit(0);
