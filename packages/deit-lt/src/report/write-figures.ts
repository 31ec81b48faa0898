/** The figures of a report as files for papers and slides. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { makeFolder } from '../make-folder.js';
import { writeError } from '../runs/files.js';
import { type Figure, standaloneSvg } from './figure.js';

/** Dots per inch of the PNGs: three pixels for each of the figure. */
const density = 3 * 72;

/** `ID.svg` and `ID.png` of each. Throws UserError RUN_FOLDER when the folder cannot be written. */
export async function writeFigures(folder: string, figures: readonly Figure[]): Promise<void> {
  try {
    makeFolder(folder);
    for (const figure of figures) {
      const svg = standaloneSvg(figure);
      writeFileSync(path.join(folder, `${figure.id}.svg`), svg);
      const png = await sharp(Buffer.from(svg), { density }).flatten({ background: 'white' }).png().toBuffer();
      writeFileSync(path.join(folder, `${figure.id}.png`), png);
    }
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw writeError(folder, error);
    throw error;
  }
}
