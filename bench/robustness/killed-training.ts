/** A training of teacher and student in a process of its own, for `kills.ts` to kill: FOLDER. The same command starts and resumes. */
import { trainAll } from '#deit-lt/training/train.js';
import { tinyDataset, tinyRecipe } from '#deit-lt-test/training-tiny.js';

await trainAll({
  dataset: tinyDataset(),
  recipe: tinyRecipe(),
  folder: process.argv[2]!,
  resume: true,
  saveEverySeconds: 0,
});
