/** `deit-lt study ood`: teachers and students with weak and strong augmentation, in one table and a figure. */
import path from 'node:path';
import { accuracyNames } from '../evaluation/class-figures.js';
import { accuracyCells, columnsExplained, fewWarnings } from '../evaluation/figure-text.js';
import { accuracy, count, duration } from '../format.js';
import { oodFigure, styleNames } from '../report/figures/ood.js';
import { writeFigures } from '../report/write-figures.js';
import { writeFileAtomic } from '../runs/files.js';
import type { OodStudy, Trained } from '../studies/ood/study.js';
import { runOodStudy } from '../studies/ood/study.js';
import type { CommandInput } from './command-spec.js';
import { markdownTable } from './comparison-formats.js';
import { type Column, formatTable } from './table.js';
import { prepareRun } from './training-run.js';

export async function run(input: CommandInput): Promise<undefined> {
  const { options, context } = input;
  const { training } = await prepareRun(input);
  const { folder } = training;
  const study = await runOodStudy(training);
  const figure = oodFigure(study);
  if (figure !== undefined) await writeFigures(folder, [figure]);
  const [teachers, students] = [teacherRows(study), studentRows(study)];
  const titles = titlesOf(study);
  const tables = (format: typeof formatTable): string =>
    `${titles.teachers}\n\n${format(teacherColumns, teachers)}\n\n${titles.students}\n\n${format(studentColumns, students)}\n\n${notesOf(study).join('\n\n')}`;
  writeFileAtomic(path.join(folder, 'ood.md'), `${tables(markdownTable)}\n`);
  if (options.json === true) context.printJson(study);
  else context.print(tables(formatTable));
  context.note('', `ood.json, ood.md${figure === undefined ? '' : ', ood.svg and ood.png'} are in ${folder}.`);
}

function notesOf({ split, teachers, students }: OodStudy): string[] {
  const measured = [...teachers, ...students].map(({ accuracy: of }) => of?.avg);
  return [`(${columnsExplained})`, ...fewWarnings(measured, split)];
}

function titlesOf({ split, students }: OodStudy): { teachers: string; students: string } {
  const asked = count(students[0]!.teacherView.images);
  return {
    teachers: `Teachers: accuracy in % on ${split} images`,
    students: `Students: accuracy (%) and entropy (nats) of the teacher on ${asked} of their training images, augmented as in training; accuracy (%) of the student on ${split} images`,
  };
}

const right = (title: string): Column => ({ title, align: 'right' });
const cost = [right('images/s'), right('training')];
const teacherColumns: readonly Column[] = [{ title: 'augmentation' }, ...accuracyNames.map(right), ...cost];
const studentColumns: readonly Column[] = [
  { title: 'teacher' },
  { title: 'student' },
  right('teacher balanced'),
  right('teacher overall'),
  right('entropy'),
  ...accuracyNames.map(right),
  right('CLS balanced'),
  right('DIST balanced'),
  ...cost,
];

function teacherRows({ teachers }: OodStudy): string[][] {
  return teachers.map((arm) => [styleNames[arm.style], ...accuracies(arm), ...costs(arm)]);
}

function studentRows({ students }: OodStudy): string[][] {
  return students.map((arm) => [
    arm.teacher,
    styleNames[arm.style],
    accuracy(arm.teacherView.balanced),
    accuracy(arm.teacherView.accuracy),
    arm.teacherView.entropy.toFixed(2),
    ...accuracies(arm),
    accuracy(arm.accuracy?.cls?.balanced),
    accuracy(arm.accuracy?.dist?.balanced),
    ...costs(arm),
  ]);
}

const accuracies = (arm: Trained): string[] => accuracyCells(arm.accuracy?.avg ?? {});
const costs = ({ imagesPerSecond, seconds }: Trained): string[] => [count(imagesPerSecond), duration(seconds)];
