/** Four small files of 16,000 × 16,000 pixels, decoded by all decoders at once, in a process that then says what memory it took. */
import path from 'node:path';
import sharp from 'sharp';
import { decodeFiles } from '#deit-lt/data/decode/decode-files.js';
import { DecodePool } from '#deit-lt/data/decode/decode-pool.js';
import { packPaths } from '#deit-lt/data/file-paths.js';

const [folder] = process.argv.slice(2) as [string];
const side = 16_000;
const files = [0, 1, 2, 3].map((i) => path.join(folder, `${i}.png`));
const palette = { palette: true, colours: 2 } as const;
for (const file of files)
  await sharp({ create: { width: side, height: side, channels: 3, background: 'teal' } })
    .png(palette)
    .toFile(file);
const { bad } = await decodeFiles(packPaths(files), { maxBytes: 0 });
await using pool = new DecodePool({ threads: 4 });
const window = { x: 0, y: 0, width: side, height: side, flip: false };
await Promise.all(
  files.map((file) => {
    const target = new Uint8Array(new SharedArrayBuffer(224 * 224 * 3));
    const cuts = [{ window, size: 224, filter: 'bicubic' as const, target }];
    return pool.decode({ path: file, width: side, height: side, background: [255, 255, 255], cuts });
  }),
);
if (bad.size > 0) throw new Error([...bad.values()][0]!.reason);
process.send!(process.resourceUsage().maxRSS / 1024, () => process.disconnect());
