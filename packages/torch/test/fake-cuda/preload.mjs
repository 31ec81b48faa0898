// `node --import preload.mjs PROGRAM`: the program finds one CUDA device, which fake_cuda.cc makes. `globalThis.fakeCuda`
// has its counts. FAKE_CUDA names the file that build.mjs made; FAKE_CUDA_COUNTS a file that gets all counts at the end;
// FAKE_CUDA_TRACE one that gets each place in the code that copies or reads, with how often it did.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { prepareEnvironment } from '../../dist/src/binding/environment.js';

prepareEnvironment(); // as the package does before it loads libtorch
const fakeCuda = createRequire(import.meta.url)(process.env.FAKE_CUDA ?? '');
Object.assign(globalThis, { fakeCuda });
const { FAKE_CUDA_COUNTS: counts, FAKE_CUDA_TRACE: trace } = process.env;
if (counts !== undefined) process.on('exit', () => writeFileSync(counts, JSON.stringify(fakeCuda.takeCounts())));
if (trace !== undefined) {
  const places = new Map();
  Error.stackTraceLimit = 60;
  fakeCuda.setObserver((kind, bytes) => {
    const ours = new Error().stack.split('\n').filter((line) => /deit-lt\/dist/.test(line));
    const key = `${kind}\n${ours.slice(0, 8).join('\n')}`;
    const { times = 0, bytes: before = 0 } = places.get(key) ?? {};
    places.set(key, { times: times + 1, bytes: before + bytes });
  });
  process.on('exit', () => {
    const rows = [...places].sort(([, a], [, b]) => b.times - a.times);
    writeFileSync(trace, rows.map(([key, { times, bytes }]) => `${times} times, ${bytes} bytes: ${key}`).join('\n\n'));
  });
}
