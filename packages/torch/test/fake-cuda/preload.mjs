// `node --import preload.mjs PROGRAM`: the program finds one CUDA device, which fake_cuda.cc makes. `globalThis.fakeCuda`
// has its counts. FAKE_CUDA names the file that build.mjs made; FAKE_CUDA_COUNTS a file that gets all counts at the end.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { prepareEnvironment } from '../../dist/src/binding/environment.js';

prepareEnvironment(); // as the package does before it loads libtorch
const fakeCuda = createRequire(import.meta.url)(process.env.FAKE_CUDA ?? '');
Object.assign(globalThis, { fakeCuda });
const { FAKE_CUDA_COUNTS: counts } = process.env;
if (counts !== undefined) process.on('exit', () => writeFileSync(counts, JSON.stringify(fakeCuda.takeCounts())));
