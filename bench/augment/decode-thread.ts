/** A thread that decodes JPEG files and does nothing with them: what the loader is measured against. */
import { parentPort } from 'node:worker_threads';
import { forEachBounded } from '#deit-lt/data/decode/bounded.js';
import { decodeImage } from '#deit-lt/data/decode/decode.js';

/** As many at once as a thread of the loader holds. */
const limit = 2;

parentPort!.on('message', async (files: string[]) => {
  await forEachBounded(files.length, async (i) => void (await decodeImage(files[i]!)), { limit });
  parentPort!.postMessage(files.length);
});
