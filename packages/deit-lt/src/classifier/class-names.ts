/** A model's classes against the data's: the same names in another order are re-mapped, others are an error. */
import { type ByClass, ClassMap, isSameOrder, requireSameOrder } from '../by-class.js';
import { classesBySize } from '../data/groups.js';
import { UserError } from '../errors.js';
import type { StudentRecipe } from '../recipe/schema.js';

export interface TeacherClasses {
  readonly teacher: readonly string[];
  readonly data: readonly string[];
  /** Training images of each class of the data, before images were set aside for validation. */
  readonly trainCounts: ByClass<number>;
  /** The teacher's, for messages. */
  readonly file: string;
  /** False when the teacher's classes are only numbers: they are then of the data's numbers, whatever the rule by name. Default true. */
  readonly namesKnown?: boolean;
}

/**
 * Returns the teacher's class of each class of the data. `names`: of that name.
 * `count`: the teacher's classes are numbered from the largest to the smallest, as the published code numbers those of
 * ImageNet-LT and iNaturalist (it orders equal counts as the machine happens to; here they stay in label order). `none`:
 * of that number. Throws UserError DATA_CLASSES for classes that do not fit.
 */
export function teacherOrder(
  rule: StudentRecipe['distillation']['mapTargets'],
  { teacher, data, trainCounts, file, namesKnown = true }: TeacherClasses,
): ClassMap {
  if (rule === 'names' && namesKnown) return new ClassMap(data, teacher, compareClassNames(teacher, data, file));
  if (teacher.length !== data.length)
    throw new UserError(
      'DATA_CLASSES',
      `${file} has ${teacher.length} classes and the data have ${data.length}; ${namesKnown ? `student.distillation.mapTargets=${rule}` : 'a teacher without class names'} needs the same number.`,
    );
  if (rule !== 'count') return new ClassMap(data, teacher, null);
  requireSameOrder(trainCounts.classNames, data, 'training images and the classes of the data');
  const index = new Int32Array(data.length);
  classesBySize(trainCounts).forEach((c, rank) => {
    index[c] = rank;
  });
  return new ClassMap(data, teacher, index);
}

/** The class names and counts of a trained model. */
export interface ModelClasses {
  readonly classNames: readonly string[];
  /** False when they are only numbers. */
  readonly namesKnown: boolean;
  /** The model's, for messages. */
  readonly file: string;
}

/** Says what is assumed about the classes of a model without class names; empty for other models. */
export function orderNotes({ namesKnown, file }: Omit<ModelClasses, 'classNames'>): string[] {
  return namesKnown ? [] : [`${file} has no class names: its classes are assumed to be in the order of the data's.`];
}

export interface ModelOrderOptions {
  /** The data may lack classes of the model, as test images alone do. Default false. */
  partial?: boolean;
}

/**
 * Returns the model's class of each class of the data: that of the same name, or of the same number when the model knows no
 * names; the classes of the model then have the names of the data. Throws UserError DATA_CLASSES for classes that do not fit.
 */
export function modelOrder(
  { classNames, namesKnown, file }: ModelClasses,
  data: readonly string[],
  { partial = false }: ModelOrderOptions = {},
): ClassMap {
  if (namesKnown) return new ClassMap(data, classNames, compareClassNames(classNames, data, file, { partial }));
  const areNumbers = data.every((name, i) => name === String(i));
  if (classNames.length === data.length || (partial && areNumbers && data.length < classNames.length))
    return new ClassMap(
      data,
      classNames.map((name, c) => data[c] ?? name),
      null,
    );
  throw new UserError(
    'DATA_CLASSES',
    `${file} has ${classNames.length} classes and the data have ${data.length}: it was trained on other data.`,
  );
}

/**
 * Returns, for each class of the data, the index of the model's class with that name; null when the orders are equal.
 * Throws UserError DATA_CLASSES that names the classes which only one side has.
 */
export function compareClassNames(
  model: readonly string[],
  data: readonly string[],
  modelFile: string,
  { partial = false }: ModelOrderOptions = {},
): Int32Array | null {
  if (isSameOrder(model, data)) return null;
  const places = new Map(model.map((name, index) => [name, index]));
  const known = new Set(data);
  const missing = data.filter((name) => !places.has(name));
  const extra = partial ? [] : model.filter((name) => !known.has(name));
  if (missing.length > 0 || extra.length > 0)
    throw new UserError(
      'DATA_CLASSES',
      `the classes of ${modelFile} are not those of the data: ${[only('the model', extra), only('the data', missing)].filter(Boolean).join('; ')}.`,
    );
  if (places.size !== model.length || known.size !== data.length)
    throw new UserError(
      'DATA_CLASSES',
      `several classes of ${modelFile} or of the data have the same name, and their orders differ, so the classes cannot be matched. Rename them.`,
    );
  return Int32Array.from(data, (name) => places.get(name)!);
}

function only(who: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const shown = names.slice(0, 8).join(', ');
  return `only ${who} has ${shown}${names.length > 8 ? ` and ${names.length - 8} more` : ''}`;
}
