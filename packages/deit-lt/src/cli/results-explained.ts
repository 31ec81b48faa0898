/** Explains the table at the end of a training in a few sentences that are made from its accuracies. */
import type { EvaluationResult } from '../evaluation/evaluate.js';
import type { MetricsResult } from '../evaluation/metrics.js';
import { accuracy } from '../format.js';
import type { RunEvaluations } from './results-table.js';

export interface ExplainOptions {
  /** Epochs of the student; null when a time limit chose them. */
  readonly epochs: number | null;
  /** Whether the recipe was shrunk by `--budget small`. */
  readonly small: boolean;
  /** Name of the loss of CLS if it favours rare classes too, so that CLS and DIST do not specialise; else null. */
  readonly balancedCls: string | null;
}

/**
 * One sentence each: the student against the plain ViT, the student against its teacher, CLS against DIST. Empty without a student, and for
 * networks that are too small to tell anything.
 */
export function resultsExplained(
  { teacher, vit, student }: RunEvaluations,
  { epochs, small, balancedCls }: ExplainOptions,
): string[] {
  if (student === undefined) return [];
  if (small) return ['These networks were trained with --budget small: the figures only show that the training works.'];
  return [
    ...(vit === undefined ? [] : [besideVit(student.avg, vit.avg)]),
    ...(teacher === undefined ? [] : [besideTeacher(student.avg, teacher.avg, epochs)]),
    ...expertsCompared(student, balancedCls),
  ];
}

type Order = 'ahead' | 'behind' | 'alike';

/**
 * Compares balanced accuracies: `alike` if the difference is within the 95 % interval for two independent samples. On
 * the same images the interval is narrower, so this says `alike` rather too often.
 */
function orderOf(a: MetricsResult, b: MetricsResult): Order {
  const difference = (a.balanced ?? 0) - (b.balanced ?? 0);
  if (Math.abs(difference) <= Math.hypot(halfWidth(a), halfWidth(b))) return 'alike';
  return difference > 0 ? 'ahead' : 'behind';
}

function halfWidth({ intervals }: MetricsResult): number {
  const interval = intervals?.balanced;
  return interval ? (interval.high - interval.low) / 2 : 0;
}

function besideVit(student: MetricsResult, vit: MetricsResult): string {
  const figures = `${percent(student)} balanced accuracy for the student, ${percent(vit)} for the plain ViT, which is the same network without a teacher`;
  const end: Readonly<Record<Order, string>> = {
    ahead: 'learning from the teacher helped',
    alike: 'these test images show no clear difference, so it is unclear whether the teacher helped',
    behind: 'the teacher did not help here',
  };
  return `${figures}: ${end[orderOf(student, vit)]}.`;
}

/** Accuracies that differ by less count as equal if the intervals allow it. */
const samePoints = 2;
/** Differences that the test images cannot show: then nothing counts as equal. */
const coarsePoints = 10;

function besideTeacher(student: MetricsResult, teacher: MetricsResult, epochs: number | null): string {
  const order = orderOf(student, teacher);
  if (order === 'ahead') return `The student is ahead of its teacher (${percent(teacher)}).`;
  if (order === 'alike') {
    const difference = (student.balanced ?? 0) - (teacher.balanced ?? 0);
    const isExact = Math.hypot(halfWidth(student), halfWidth(teacher)) < coarsePoints;
    if (Math.abs(difference) < samePoints && isExact)
      return `The student is about as good as its teacher (${percent(teacher)}).`;
    return `The student has ${percent(student)}, its teacher ${percent(teacher)}; on so few test images ${Math.abs(difference) < samePoints ? 'that does not show which is better' : 'such a difference may be chance'}.`;
  }
  return `The student is behind its teacher (${percent(teacher)}). A transformer needs more epochs and images than a CNN: ${
    epochs === null
      ? 'a longer --time may help.'
      : `${epochs} epochs may be too few (--set student.epochs=${4 * epochs} trains longer).`
  }`;
}

/** Nothing where a group has no classes, or no test images. */
function expertsCompared({ cls, dist }: EvaluationResult, balancedCls: string | null): string[] {
  const [head, tail] = [beside('head', cls, dist), beside('tail', cls, dist)];
  if (head === undefined || tail === undefined) return [];
  const asMeant = head.difference > 0 && tail.difference < 0;
  const figures = `head: CLS ${head.text}; tail: CLS ${tail.text}`;
  if (balancedCls !== null)
    return [
      `CLS learned by ${balancedCls}, which favours rare classes as DIST does, so the two need not differ (${figures}). The prediction is the average of both.`,
    ];
  return [
    asMeant
      ? `CLS is better on the head and DIST on the tail, as intended (${figures}). The prediction is the average of both.`
      : `CLS should be better on the head and DIST on the tail; this is not so here (${figures}). Often the training was too short.`,
  ];
}

function beside(group: 'head' | 'tail', cls: MetricsResult | undefined, dist: MetricsResult | undefined) {
  const [a, b] = [cls?.[group], dist?.[group]];
  if (a === undefined || a === null || b === undefined || b === null) return undefined;
  return { difference: a - b, text: `${accuracy(a)} %, DIST ${accuracy(b)} %` };
}

const percent = ({ balanced }: MetricsResult): string => `${accuracy(balanced)} %`;
