/** Keys of earlier versions that now stand elsewhere. */
const moved: Readonly<Record<string, string>> = {
  'teacher.paco': 'its options are those of teacher.loss, when teacher.loss.name is paco',
  'teacher.glmc': 'its options are those of teacher.loss, when teacher.loss.name is glmc',
  'student.clsTau': 'it is student.clsLoss.tau now, when student.clsLoss.name is logit-adjustment',
  'student.clsThreshold': 'it is student.clsLoss.threshold now, when student.clsLoss.name is bce',
};

/** Returns what a message says of a key that no recipe has any more; undefined for one that none ever had. */
export function movedKey(key: string): string | undefined {
  const now = moved[key];
  return now && `no recipe has "${key}" any more: ${now}`;
}
