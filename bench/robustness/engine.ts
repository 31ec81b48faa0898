/**
 * Calls every operator, function and method of the engine with seeded random arguments: valid-looking at most places, extreme at
 * some. Each call must return or throw a `TorchError`. A call that ends its process or does not come back is a failure, and the
 * exit code is 1.
 *
 *   npm run robustness:engine -- [--calls 100000] [--seed 0] [--heap]
 *
 * Calls are made in processes of their own, in temporary folders and under a limit of memory. `--heap` (Linux with glibc) also finds
 * writes beside a tensor's memory: it uses libtorch's allocator, and glibc's checks of each block that is released.
 */
import { existsSync } from 'node:fs';
import os from 'node:os';
import { diagnose } from '@deit-lt/torch';
import { runCampaign } from '#torch-test/helpers/fuzz-campaign.js';
import { parseOptions } from '../options.js';

const { values: options } = parseOptions({
  options: {
    calls: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '0' },
    heap: { type: 'boolean', default: false },
  },
});

function whole(name: 'calls' | 'seed'): number {
  const value = Number(options[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name}: expected a whole number of at least 0, got '${options[name]}'`);
  process.exit(2);
}

/** Where Debian, Ubuntu and Fedora have it. */
const heapCheckers = ['/lib/x86_64-linux-gnu', '/lib/aarch64-linux-gnu', '/usr/lib64'].map(
  (folder) => `${folder}/libc_malloc_debug.so.0`,
);

function heapEnvironment(): NodeJS.ProcessEnv {
  const checker = heapCheckers.find((file) => existsSync(file));
  if (checker === undefined) {
    console.error(`--heap: glibc's libc_malloc_debug.so.0 was not found (looked for ${heapCheckers.join(', ')})`);
    process.exit(1);
  }
  return { LD_PRELOAD: checker, MALLOC_CHECK_: '3', TORCH_BRIDGE_ALLOCATOR: 'libtorch' };
}

const [calls, seed] = [whole('calls'), whole('seed')];
const environment = options.heap ? heapEnvironment() : {};
const libtorch = diagnose().libtorch.version;
console.log(`Node ${process.version}, libtorch ${libtorch}, ${os.cpus()[0]?.model}, seed ${seed}\n`);

const start = performance.now();
const result = await runCampaign({
  calls,
  seed,
  batch: 5000,
  environment,
  onFailure: ({ how, call, errors }) => console.log(`  ${how}: ${call}\n${errors.slice(-1000)}`),
});
const minutes = (performance.now() - start) / 60_000;
const hung = result.failures.filter(({ how }) => how.startsWith('no end')).length;
console.log(
  '| libtorch | heap checked | ways to call | calls | returned | TorchError | ended the process | did not return | minutes |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
const figures = [
  libtorch,
  options.heap ? 'yes' : 'no',
  ...[result.operators, calls, result.succeeded, result.refused].map((n) => n.toLocaleString('en')),
  result.failures.length - hung,
  hung,
  minutes.toFixed(1),
];
console.log(`| ${figures.join(' | ')} |`);
process.exitCode = result.failures.length > 0 ? 1 : 0;
