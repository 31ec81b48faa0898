/** One of several processes, for processes.test.ts: joins by torchrun's variables and trains into FOLDER what KINDS name. */
import path from 'node:path';
import { joinProcesses } from '../../src/training/process-group.js';
import { trainKind } from './shard-trainings.js';
import { keepShared } from './shared-evaluation.js';

const [folder = '', ...kinds] = process.argv.slice(2);
const { BUCKET_BYTES: bucketBytes } = process.env;
using processes = await joinProcesses(120, bucketBytes === undefined ? {} : { bucketBytes: Number(bucketBytes) });
for (const kind of kinds)
  if (kind === 'evaluation') await keepShared(folder, processes);
  else await trainKind(kind, path.join(folder, kind), { processes });
