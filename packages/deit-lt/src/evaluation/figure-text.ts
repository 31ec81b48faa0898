/** Accuracies as people read them: the line that explains the columns, intervals, and the warning about few test images. */
import { accuracy } from '../format.js';
import { type Accuracies, accuracyNames, type ClassFigures, type FewImages } from './class-figures.js';
import { fewTestImages, type Interval } from './intervals.js';

/** Explains the columns of a table of accuracies. */
export const columnsExplained =
  'balanced: mean over the classes; overall: share of the images; head, mid, tail: means over the classes of the group';

/** `62.1`, and `62.1 [51.0, 72.0]` with an interval; `–` when there is no value. */
export function withInterval(value: number | null | undefined, interval: Interval | null | undefined): string {
  const text = accuracy(value);
  return interval && text !== '–' ? `${text} [${accuracy(interval.low)}, ${accuracy(interval.high)}]` : text;
}

/** The cells of a table's row, in the order of `accuracyNames`; with intervals where classes have few test images. */
export function accuracyCells(figures: Partial<Accuracies & Pick<ClassFigures, 'few' | 'intervals'>>): string[] {
  const { few, intervals } = figures;
  return accuracyNames.map((name) => withInterval(figures[name], few && few.classes > 0 ? intervals?.[name] : null));
}

/** `balanced 60.0, overall 62.1 (head 81.0, mid 60.2, tail –)`; with the interval of the first where test images are few. */
export function accuracyLine(figures: Parameters<typeof accuracyCells>[0]): string {
  const [balanced] = accuracyCells(figures);
  const { overall, head, mid, tail } = figures;
  return `balanced ${balanced}, overall ${accuracy(overall)} (head ${accuracy(head)}, mid ${accuracy(mid)}, tail ${accuracy(tail)})`;
}

/** Place of the intervals that a warning mentions; `none` if there are none. */
export type IntervalPlace = 'in brackets' | 'below them' | 'none';

/**
 * The warning beside figures of classes with few test images: how many, and the fewest. Undefined when there is nothing to
 * warn of.
 */
export function fewWarning(
  few: FewImages | undefined,
  split: 'test' | 'validation' = 'test',
  intervals: IntervalPlace = 'in brackets',
): string | undefined {
  if (few === undefined) return undefined;
  const { classes, fewest, without, of } = few;
  const where = intervals === 'none' ? '' : ` (95 % intervals ${intervals})`;
  const parts = [
    ...(classes === 0
      ? []
      : [
          `${classes} of ${of} classes ${classes === 1 ? 'has' : 'have'} fewer than ${fewTestImages} ${split} images (the fewest: ${fewest}), so the accuracies are uncertain${where}`,
        ]),
    ...(without === 0
      ? []
      : [
          `${without} of ${of} classes ${without === 1 ? 'has' : 'have'} no ${split} images and ${without === 1 ? 'is' : 'are'} left out`,
        ]),
  ];
  return `Warning: ${parts.join('; ')}.`;
}

/** The warnings of several figures, each once. */
export function fewWarnings(
  all: readonly (Pick<ClassFigures, 'few'> | undefined)[],
  split: 'test' | 'validation' = 'test',
  intervals: IntervalPlace = 'in brackets',
): string[] {
  return [...new Set(all.flatMap((figures) => fewWarning(figures?.few, split, intervals) ?? []))];
}
