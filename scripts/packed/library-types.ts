// Compiled, not run: a program of a user of the library, with its browser entries.
import {
  type ClassifyOptions,
  DeitLT,
  type EpochRecord,
  loadRecipe,
  openDataset,
  silentReporter,
  UserError,
} from 'deit-lt';
import { rankValues } from 'deit-lt/browser';
import { accuracyPlot, type DrawOptions } from 'deit-lt/browser-studio';

export async function classOf(folder: string, image: Uint8Array): Promise<string | undefined> {
  const model = await DeitLT.load(folder);
  const options: ClassifyOptions = { top: 1 };
  const { top } = await model.classify(image, options);
  // @ts-expect-error a type that accepts everything would accept this too
  const probability: string | undefined = top[0]?.probability;
  return probability === undefined ? undefined : top[0]?.class;
}

export const epochs: number = loadRecipe('default').student.epochs;
export const record: Partial<EpochRecord> = { epoch: 0 };
export const plot: DrawOptions | undefined = accuracyPlot([]);
export { openDataset, rankValues, silentReporter, UserError };
