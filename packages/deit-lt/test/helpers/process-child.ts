/** One of several processes, for processes.test.ts: joins by torchrun's variables and trains into FOLDER what KINDS name. */
import path from 'node:path';
import { joinProcesses } from '../../src/training/process-group.js';
import { trainKind } from './shard-trainings.js';

const [folder = '', ...kinds] = process.argv.slice(2);
using processes = await joinProcesses(120);
for (const kind of kinds) await trainKind(kind, path.join(folder, kind), { processes });
