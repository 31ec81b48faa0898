// What `npm pack` does first in each package.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { runMain } from '../packages/torch/setup/setup-error.mjs';
import { buildPackages } from './lib/pack.mjs';

await runMain(() => buildPackages(path.resolve(fileURLToPath(new URL('..', import.meta.url)))));
