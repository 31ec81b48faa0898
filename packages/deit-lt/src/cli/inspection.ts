/** The results of `deit-lt inspect`, as text and JSON. */
import type { LabelErrors } from '../analysis/label-errors.js';
import type { Dataset } from '../data/dataset.js';
import { classCounts } from '../data/dataset.js';
import { type DatasetDescription, describeDataset } from '../data/describe.js';
import { type Duplicates, findDuplicates, type Occurrence } from '../data/duplicates.js';
import { type Group, type GroupKind, type Groups, groupNames, groupsOf } from '../data/groups.js';
import type { NearDuplicate, NearDuplicates } from '../data/near-duplicates/near-duplicates.js';
import { count, duration, images } from '../format.js';
import { visible } from '../text/visible.js';
import { classRows } from './class-rows.js';
import type { Colors } from './colors.js';
import { histogram } from './histogram.js';
import type { TrainingPart, TrainingTime } from './training-speed.js';

export interface Inspection {
  readonly description: DatasetDescription;
  readonly groups: Groups;
  readonly duplicates: Duplicates;
  /** Undefined without a test split. */
  readonly nearDuplicates: NearDuplicates | 'not compared' | undefined;
  readonly training: TrainingTime | undefined;
  /** Only with `--model`. */
  readonly labelErrors?: LabelErrors | undefined;
}

interface InspectOptions {
  /** Rule for head, mid and tail. Default `auto`. */
  groups?: GroupKind;
  signal?: AbortSignal | undefined;
}

/** Looks at `dataset`, with its long tail if it was given one. */
export async function inspectDataset(
  dataset: Dataset,
  { groups: kind = 'auto', signal }: InspectOptions = {},
): Promise<Omit<Inspection, 'nearDuplicates' | 'training' | 'labelErrors'>> {
  const description = await describeDataset(dataset, { signal });
  const groups = groupsOf(classCounts(dataset.train.labels, dataset.classNames.length), { kind });
  const duplicates = await findDuplicates(dataset, { signal });
  return { description, groups, duplicates };
}

/** Sets of equal images that are named; there may be thousands. */
const namedSets = 20;

export function inspectionJson(inspection: Inspection): object {
  const { description, groups, duplicates, training, labelErrors } = inspection;
  const { classes, ...figures } = description;
  return {
    ...figures,
    testImages: figures.testImages ?? null,
    classes: classes.map(({ name, train, test = null }, c) => ({ name, train, test, group: groups.of[c] })),
    groups: { rule: groups.kind, note: groups.note ?? null, ...Object.fromEntries(groupSums(description, groups)) },
    duplicates: { ...duplicates, groups: duplicates.groups.slice(0, namedSets) },
    nearDuplicates: nearJson(inspection),
    training: training ?? null,
    ...(labelErrors && { labelErrors }),
  };
}

/** All pairs: a person sorts them out one by one. Null where nothing was compared. */
function nearJson({ nearDuplicates: found, duplicates }: Inspection): object | null {
  if (found === undefined || found === 'not compared') return null;
  return { ...found, pairs: notEqual(found, duplicates) };
}

/** The pairs of images that are not equal: equal ones are reported as such. */
function notEqual({ pairs }: NearDuplicates, { groups }: Duplicates): readonly NearDuplicate[] {
  const equal = new Set(
    groups
      .filter((group) => group.some(({ split }) => split === 'train'))
      .flatMap((group) => group.filter(({ split }) => split === 'test').map(({ index }) => index)),
  );
  return pairs.filter(({ test }) => !equal.has(test.index));
}

/** Classes and training images of each group. */
function groupSums(
  { classes }: DatasetDescription,
  groups: Groups,
): [Group, { classes: number; trainImages: number }][] {
  return groupNames.map((group) => {
    const of = classes.filter((_, c) => groups.of[c] === group);
    return [group, { classes: of.length, trainImages: of.reduce((sum, { train }) => sum + train, 0) }];
  });
}

export function inspectionTitle({ name, classes, trainImages, imbalanceRatio }: DatasetDescription): string {
  return `${name}: ${images(trainImages).replace(' ', ' training ')} of ${count(classes.length)} classes, imbalance ratio ${ratio(imbalanceRatio)}`;
}

/** Some paragraphs, with a histogram that is `width` columns wide. */
export function inspectionText(inspection: Inspection, { width, colors }: { width: number; colors: Colors }): string {
  const { description, groups } = inspection;
  const bars = histogram(classRows(description.classes, groups.of), { width, colors });
  const lines = [
    ['test', testText(description)],
    [
      'Gini',
      `${description.gini.toFixed(3)} (0: all classes are equally large; near 1: one class has almost all images)`,
    ],
    ['sizes', sizesText(description)],
    ['groups', groupsText(description, groups)],
    ['duplicates', duplicatesText(inspection.duplicates)],
    ...(inspection.nearDuplicates === undefined ? [] : [['near', nearText(inspection)]]),
    ['training', trainingText(inspection.training)],
    ...(inspection.labelErrors === undefined ? [] : [['labels', labelsText(inspection.labelErrors)]]),
  ];
  const facts = lines.map(([name, text]) => `${name!.padEnd(10)}  ${text}`).join('\n');
  return `${colors.bold(visible(inspectionTitle(description)))}\n\n${bars}\n\n${facts}`;
}

const ratio = (value: number): string => (value < 10 ? value.toFixed(1) : count(value));

function testText({ testImages }: DatasetDescription): string {
  return testImages === undefined ? 'none; --split 0.1 sets a tenth of each class aside' : images(testImages);
}

function sizesText({ imageSizes: { width, height, looked }, kind }: DatasetDescription): string {
  if (width.min === width.max && height.min === height.max) return `${width.min} × ${height.min} pixels`;
  const spread = ({ min, median, max }: typeof width): string => `${min} to ${max} (median ${median})`;
  const of = kind === 'files' ? `; ${images(looked)} looked at` : '';
  return `width ${spread(width)}, height ${spread(height)}${of}`;
}

function groupsText(description: DatasetDescription, groups: Groups): string {
  const sums = groupSums(description, groups).map(
    ([group, of]) => `${group} ${of.classes} ${of.classes === 1 ? 'class' : 'classes'}, ${images(of.trainImages)}`,
  );
  const note = groups.note === undefined ? '' : `\n${' '.repeat(12)}${groups.note}`;
  return `${sums.join('; ')} (rule: ${groups.kind})${note}`;
}

function duplicatesText({ groups, testInTrain, withinTrain, conflicting }: Duplicates): string {
  if (groups.length === 0) return 'none';
  const found = [
    ...(testInTrain > 0 ? [`${images(testInTrain).replace(' ', ' test ')} also in the training set`] : []),
    ...(withinTrain > 0 ? [`${images(withinTrain)} repeated in the training set`] : []),
    ...(conflicting > 0 ? [`${conflicting} with different labels`] : []),
  ];
  const sets = `${groups.length} ${groups.length === 1 ? 'set' : 'sets'} of equal images`;
  const first = groups[0]!.slice(0, 2).map(placeOf).join(' = ');
  return `${[sets, ...found].join('; ')}; the first: ${first}`;
}

/** Images and pairs that are named; JSON has all. */
const namedErrors = 10;

function nearText({ nearDuplicates: found, duplicates }: Inspection): string {
  if (found === undefined || found === 'not compared') return 'not compared; --near-duplicates yes decodes all images';
  const pairs = notEqual(found, duplicates);
  if (pairs.length === 0) return 'no test image looks like a training image in another form';
  const conflicting = pairs.filter(({ test, train }) => test.label !== train.label).length;
  const title = [
    `${images(pairs.length).replace(' ', ' test ')} ${pairs.length === 1 ? 'looks' : 'look'} like a training image in another form (resized, compressed, cropped); if so, the test partly measures memory`,
    ...(conflicting > 0 ? [`${conflicting} with another label`] : []),
    'by distance, 0 is the same picture:',
  ].join('; ');
  const lines = pairs
    .slice(0, namedErrors)
    .map(({ test, train, distance }) => `${distance.toFixed(3)}  ${placeOf(test)} ~ ${placeOf(train)}`);
  const more = pairs.length > namedErrors ? [`… and ${count(pairs.length - namedErrors)} more, in --json`] : [];
  return [title, ...lines, ...more].join(`\n${' '.repeat(12)}`);
}

/** Below this, a model and the labels disagree more than labels of real collections are wrong. */
const fairAgreement = 60;

function labelsText({ errors, images: classified, agreement }: LabelErrors): string {
  const agrees = `the model's first class is the label of ${agreement.toFixed(1)} % (mean of the classes)`;
  if (errors.length === 0) return `no probable errors among ${images(classified)}; ${agrees}`;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const lines = errors
    .slice(0, namedErrors)
    .map(({ split, name, label, suggested, probability, suggestedProbability }) =>
      visible(
        `${split} ${name}: "${label}" (${percent(probability)}), rather "${suggested}" (${percent(suggestedProbability)})`,
      ),
    );
  const more = errors.length > namedErrors ? [`… and ${count(errors.length - namedErrors)} more, in --json`] : [];
  const doubt =
    agreement < fairAgreement
      ? '. So the list says more of the model than of the labels: take a better model'
      : ' (a model is too sure of images that it was trained on, and finds fewer there)';
  const title = `${count(errors.length)} of ${images(classified)} are probably labelled wrong; ${agrees}${doubt}; with the model's probabilities, the least probable label first:`;
  return [title, ...lines, ...more].join(`\n${' '.repeat(12)}`);
}

const placeOf = ({ split, name }: Occurrence): string => visible(`${split} ${name}`);

function trainingText(training: TrainingTime | undefined): string {
  if (training === undefined) return 'not measured';
  const { recipe, teacher, student } = training;
  const part = (name: string, { epochs, seconds, imagesPerSecond }: TrainingPart): string =>
    `${name} ${epochs} epochs in ${duration(seconds)} (${count(imagesPerSecond)} images/s)`;
  return `about ${duration(teacher.seconds + student.seconds)} on this machine with the recipe ${recipe}: ${part('teacher', teacher)}, ${part('student', student)}`;
}
