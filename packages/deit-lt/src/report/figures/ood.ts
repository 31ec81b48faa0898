/** The figure of the study of out-of-distribution distillation: what the teacher knew, and what the student learned. */
import * as Plot from '@observablehq/plot';
import type { OodStudy, StudentArm } from '../../studies/ood/study.js';
import { drawFigure, type Figure } from '../figure.js';
import { css } from '../palette.js';

const teacherColors = { weak: css('run0'), strong: css('run1') } as const;
export const styleNames = { weak: 'weak', strong: 'strong', mixed: 'strong + mixing' } as const;

interface Point {
  readonly known: number;
  readonly learned: number;
  readonly color: string;
  readonly label: string;
}

function pointsOf({ teacher, style, teacherView, accuracy }: StudentArm): Point[] {
  if (accuracy?.avg === undefined) return [];
  const label = `${styleNames[style]}, ${teacherView.entropy.toFixed(2)} nats`;
  const { balanced } = accuracy.avg;
  if (balanced === null) return [];
  return [{ known: teacherView.accuracy, learned: balanced, color: teacherColors[teacher], label }];
}

/** A dot for each student; undefined when nothing was measured. */
export function oodFigure({ students, split }: OodStudy): Figure | undefined {
  const points = students.flatMap(pointsOf);
  if (points.length === 0) return undefined;
  const texts = points.map(({ label, known, learned }) => `${label}: ${known.toFixed(1)} and ${learned.toFixed(1)} %`);
  return drawFigure({
    id: 'ood',
    title: 'Out-of-distribution distillation',
    alt: `Accuracy of the teacher on the student's training images, and balanced accuracy of the student. ${texts.join('; ')}.`,
    caption: "Each dot is a student; beside it are its augmentation and the entropy of the teacher's answers.",
    legend: [
      { label: 'teacher with weak augmentation', color: teacherColors.weak },
      { label: 'with strong augmentation', color: teacherColors.strong },
    ],
    plot: {
      width: 560,
      height: 340,
      marginLeft: 44,
      marginRight: 150,
      x: { label: "teacher on the student's training images, % →", nice: true, grid: true },
      y: { label: `student on ${split} images, balanced, %`, nice: true, grid: true },
      marks: [
        Plot.dot(points, { x: 'known', y: 'learned', fill: 'color', r: 5 }),
        Plot.text(points, { x: 'known', y: 'learned', text: 'label', dx: 9, textAnchor: 'start' }),
      ],
    } satisfies Plot.PlotOptions,
  });
}
