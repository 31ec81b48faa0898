/** Makes `docs/plan.md`: the rules of `deit-lt plan`, and its plans for described data sets on described machines. */
import type { DatasetDescription, Spread } from '../data/describe.js';
import { gini, imbalanceRatio } from '../data/describe.js';
import { longTailCounts } from '../data/long-tail.js';
import { count, roughDuration } from '../format.js';
import { usualEpochs } from '../planning/epochs.js';
import type { Machine } from '../planning/machine.js';
import { type Goal, planFor, type TrainingPlan } from '../planning/plan.js';
import { measuringSeconds } from '../planning/plan-training.js';
import { type PlannedNetwork, type Rung, rungs } from '../planning/rungs.js';
import { markdownTable } from './comparison-formats.js';

/** The machines of the table. */
export const exampleMachines: Readonly<Record<string, Machine>> = {
  '2 cores': machine({ cores: 2 }),
  'one GPU': machine({ cores: 16, cards: 1, cardName: 'a card with 24 GB', cardMemoryBytes: 24e9 }),
  'eight GPUs': machine({ cores: 64, cards: 8, cardName: 'a card with 80 GB', cardMemoryBytes: 80e9 }),
};

function machine(facts: Partial<Machine>): Machine {
  return {
    device: facts.cards === undefined ? 'cpu' : 'cuda',
    cores: 2,
    threads: facts.cores ?? 2,
    cards: 0,
    cardName: null,
    memoryBytes: 16 * 2 ** 30,
    cardMemoryBytes: null,
    precision: 'bfloat16',
    ...facts,
  };
}

/** A data set in figures: classes and their sizes, the typical side of its images, and the images of each test class. */
interface Described {
  readonly largest: number;
  readonly classes: number;
  readonly ratio: number;
  readonly side: readonly [least: number, typical: number, most: number];
  readonly test: number | null;
  readonly kind?: 'files' | 'memory';
  readonly seconds: number | null;
}

const described: Readonly<Record<string, Described>> = {
  'icons of 32 pixels': {
    largest: 800,
    classes: 12,
    ratio: 40,
    side: [32, 32, 32],
    test: 20,
    kind: 'memory',
    seconds: 1800,
  },
  'stamps, 100 to 1,200 pixels': {
    largest: 200,
    classes: 16,
    ratio: 66,
    side: [12, 130, 1226],
    test: 10,
    seconds: 360,
  },
  'bird photographs': { largest: 900, classes: 40, ratio: 90, side: [300, 640, 4000], test: null, seconds: 8 * 3600 },
  'products, well lit': {
    largest: 5000,
    classes: 100,
    ratio: 100,
    side: [400, 800, 1200],
    test: 30,
    seconds: 8 * 3600,
  },
  'skin lesions': { largest: 6700, classes: 7, ratio: 58, side: [450, 600, 600], test: 25, seconds: 3600 },
  'mushrooms, few': { largest: 60, classes: 9, ratio: 12, side: [500, 1000, 3000], test: 5, seconds: null },
  'scanned letters': { largest: 1200, classes: 62, ratio: 30, side: [40, 64, 128], test: 20, seconds: 3600 },
  'camera traps': { largest: 20_000, classes: 45, ratio: 400, side: [1000, 1920, 2048], test: 50, seconds: 24 * 3600 },
  'a thousand kinds of photographs': {
    largest: 1280,
    classes: 1000,
    ratio: 256,
    side: [100, 400, 4000],
    test: 50,
    seconds: null,
  },
  'no tail': { largest: 500, classes: 10, ratio: 1, side: [200, 300, 400], test: 50, seconds: 3600 },
};

/** The described data sets with the time that is given for each in seconds; null: none. */
export const exampleData: Readonly<
  Record<string, { readonly data: DatasetDescription; readonly seconds: number | null }>
> = Object.fromEntries(
  Object.entries(described).map(([name, given]) => [name, { data: describe(name, given), seconds: given.seconds }]),
);

function describe(
  name: string,
  { largest, classes, ratio, side, test, kind = 'files' }: Described,
): DatasetDescription {
  const counts = [...longTailCounts(largest, classes, ratio, 'exp')];
  const trainImages = counts.reduce((a, b) => a + b, 0);
  const [min, median, max] = side;
  const spread: Spread = { min, median, max };
  return {
    name,
    classes: counts.map((train, i) => ({ name: `class ${i}`, train, test: test ?? undefined })),
    trainImages,
    testImages: test === null ? undefined : test * classes,
    imbalanceRatio: imbalanceRatio(counts),
    gini: gini(counts),
    imageSizes: { width: spread, height: spread, looked: Math.min(1000, trainImages) },
    kind,
  };
}

/** Returns the plan for an example without measurements. */
export function examplePlan(name: string, machineName: string, goal: Goal = 'accuracy'): TrainingPlan {
  const { data, seconds } = exampleData[name]!;
  return planFor(data, exampleMachines[machineName]!, { seconds, goal });
}

/** The plans in one table: input, networks, epochs and estimated time. */
export function exampleTable(): string {
  const machines = Object.keys(exampleMachines);
  const columns = ['data', 'training images, classes, smallest', 'time given', ...machines].map((title) => ({ title }));
  const rows = Object.entries(exampleData).map(([name, { data, seconds }]) => [
    name,
    `${count(data.trainImages)}, ${count(data.classes.length)}, ${Math.min(...data.classes.map(({ train }) => train))}`,
    seconds === null ? '–' : roughDuration(seconds),
    ...machines.map((each) => cellOf(examplePlan(name, each))),
  ]);
  return markdownTable(columns, rows);
}

/** `64 px, 40 + 100 epochs, 5 min 12 s; few-images`. */
function cellOf({ rung, epochs, seconds, warnings }: TrainingPlan): string {
  const what = rung.published === undefined ? `${rung.size} px` : rung.published.recipe;
  const warned = warnings.length > 0 ? `; ${warnings.map(({ code }) => code).join(', ')}` : '';
  return `${what}, ${epochs.teacher} + ${epochs.student} epochs, ${roughDuration(seconds.total)}${warned}`;
}

/** The table of rules. */
export function rulesTable(): string {
  const columns = ['machine', 'input', 'teacher', 'student', 'student of --goal size or speed'].map((title) => ({
    title,
  }));
  const names = { cpu: 'processor', card: '1 to 3 cards', node: '4 cards or more' };
  const network = ({ title, millions }: PlannedNetwork): string => `${title}; ${millions} M weights`;
  return markdownTable(
    columns,
    rungs.map(({ machine: kind, size, teacher, student, small, published }: Rung) => [
      names[kind],
      published === undefined ? `${size} px` : `recipe \`${published.recipe}\``,
      network(teacher),
      network(student),
      network(small),
    ]),
  );
}

/** Returns the whole page. `measured` is the section of measured plans, which is written by hand. */
export function planPage(measured: string): string {
  const usual = [500, 2500, 5000, 12_406, 115_846].map((n) => `${count(n)} images: ${usualEpochs(n)}`).join(', ');
  return `${preface}
## Rules

${rulesTable()}

*M weights: million weights, without the classifier. The figures of cards are assumptions: this project has not been measured on a card.*

1. **Machine.** \`device=auto\` decides between processor and card. With four cards or more and 10,000 images the published recipe is planned if all of its epochs fit into the time,
   else the plan of one card; this version trains on one of them.
2. **Input size.** Of the sizes for the machine, those that would enlarge typical images more than 1.5 times are left out. Of the others the largest is
   taken at which a quarter of the usual epochs, and 12 of the teacher's, fit into the time; if there is none, the smallest. \`--goal speed\` takes one size less and
   the smaller student, \`--goal size\` the smaller student.
3. **Usual epochs.** The teacher sees about 300,000 images in all, in 24 to 100 epochs (${usual}); the student has 2.5 times as many epochs, up to 3.5 times
   where time is left over.
   With \`--time\` there are up to half as many again. Published recipes keep their own numbers unless the time is shorter.
4. **Time.** The speed is measured before, on networks of the plan and your images, for at most ${measuringSeconds(null)} seconds, or a tenth of the time that was given if that is less, but ${measuringSeconds(1)} seconds (on a busy machine until the batches at hand are done); the time is counted from there on, so that the trainings have what is left of it, of which the plan fills 92 %. Reading the images before does not count; a saved plan (\`--save\`) has all of the time for its trainings. Without \`--time\` it is made for 1 hour on a processor, 8 hours on a card; the recipe then has no limit.
5. **Batch.** A power of two near a 32nd of the training images: 32 to 128 on a processor, 64 to 256 on a card.
6. **Teacher.** ResNets: LDAM loss, re-weighted in the last 30 % of the epochs, sharpness-aware minimisation (SAM) in the second half, a learning rate of 0.1 for 64 images. airbench94: balanced softmax, AutoAugment and Cutout, Muon with a rate of 0.1 for 250
   images, which follows the root of the batch, as in \`cifar10-lt-cpu-strong\`. Learning rate: one cycle.
7. **Student.** Hard distillation, balanced softmax on the labels, AdamW with a learning rate of 0.002 below 5,000 updates, else 0.001; with the wide stem Muon, 0.014 for 128 images. The loss of DIST is re-weighted in the last 24 % of the epochs; from an airbench94 it is balanced
   (\`logitAdjustment\` 0.5) instead.
8. **Augmentation.** Mild (crops of 50 to 100 %, a fifth of the batches mixed) below 100 epochs of the student or 3,000 images; above moderate on a processor
   (30 to 100 %, half), strong on a card (as published).
9. **Test images.** Without any, a tenth of each class is set aside, one image at least. The last epoch is the result, so these images choose
   nothing, and they do not end a training either (\`evaluation.earlyStopping\` is off): the figures on them stay honest, learning rate and re-weighting reach their end, and a class with one such image
   would decide by chance.
10. **Warnings**: \`long\` if a plan without \`--time\` takes longer than that; \`little-time\` below 12 epochs of the teacher; \`few-images\` below 5,000 in all; \`tiny-class\` below 5 images; \`untested-class\` if no image measures a class's accuracy; \`shrunk\` if the typical image is
   four times larger than the input or more; \`no-test\`; \`balanced\` if the largest class is less than 3 times the smallest; \`one-card\`. A time in which
   not even 2 epochs of the teacher fit is refused, with the least time that would do.

## Examples

Teacher's + student's epochs and the estimated time (nothing is measured here; the command measures your machine first), with the warnings.

${exampleTable()}

*A test computes both tables.*

${measured.trim()}
`;
}

const preface = `# Planning a training

<!-- Made by packages/deit-lt/scripts/plan-page.mjs from packages/deit-lt/src/cli/plan-page.ts and docs/plan-measured.md; do not edit. -->

\`\`\`sh
npx deit-lt plan my-images --split 0.2 --time 30m               # what would be trained, and why
npx deit-lt plan my-images --split 0.2 --time 30m --save my.yaml # the plan as a recipe file
npx deit-lt train --data my-images --split 0.2 --time 30m       # prints the plan, then trains it
npx deit-lt train --data my-images --split 0.2 --recipe my.yaml # the saved plan, perhaps edited
\`\`\`

\`deit-lt plan\` looks at the images, measures for some seconds how fast this machine trains on them, and prints what it would train: input size, networks,
epochs, time, memory, and what to expect of the smallest class. \`train\`, \`teacher\`, \`student\` and \`vit\` do the same when no \`--recipe\` is given.
\`train\` then asks before it starts if it runs in a terminal (\`--yes\`: it does not ask); in scripts and pipes it starts at once. The drawn shapes and CIFAR
have recipes of their own (\`quickstart\`, \`cifar10-lt-cpu\`).

**\`--time\` is a limit.** \`30m\`, \`8h\`, \`1h30m\`, \`90s\`: the trainings of teacher and student together, with their evaluations and the measurement before. The plan chooses as many epochs as fit at the measured
speed. If the machine turns out slower, the epochs that are left become fewer while it trains, and learning rate and re-weighting are fitted to
what is left, so that they end with the last batch; a message says so. A resumed training has its time without the pause. With \`--recipe\`, \`--time\` shortens that recipe in the
same way. Such a training depends on the clock, so its figures cannot be repeated to the bit; in the recipe the limit is \`teacher.timeLimit\` and
\`student.timeLimit\`, in seconds.

**Early stopping.** \`--set data.validation=0.1 evaluation.select=validation evaluation.earlyStopping.patience=10\` ends each training when the mean of its class accuracies on the validation images has
not risen for 10 epochs (\`minDelta\`: by so many points). The result is the best epoch, as always with \`select=validation\`. In a training with re-weighted epochs the
count begins with the first of them: before, the accuracy of rare classes has yet to come. Learning rates follow the epochs of the recipe and so end at a higher value. A resumed training keeps its count. It is off by default, and in plans.

`;
