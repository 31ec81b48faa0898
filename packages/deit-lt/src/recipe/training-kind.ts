/** The kind of a training: a teacher, a student, or a plain ViT, which has the student's part of a recipe. */
export type TrainingKind = 'teacher' | 'student' | 'vit';

/** The name of a kind's part of a recipe. */
export type PartName = 'teacher' | 'student';

/** Returns the name of the part of a recipe that `kind` is trained by. */
export function partName(kind: TrainingKind): PartName {
  return kind === 'teacher' ? 'teacher' : 'student';
}

/**
 * Returns the name of a training for its reader. A training without a teacher has the student's part of a recipe, which may name
 * a CNN: only a transformer is a plain ViT.
 */
export function trainingName(kind: TrainingKind, model: string): string {
  if (kind !== 'vit') return kind;
  return /^(vit|deit)/.test(model) ? 'plain ViT' : 'plain network';
}
