/** Keys of earlier versions that have a new place. */
const moved: Readonly<Record<string, string>> = {
  'teacher.paco': 'its options are those of teacher.loss, when teacher.loss.name is paco',
  'teacher.glmc': 'its options are those of teacher.loss, when teacher.loss.name is glmc',
  'student.clsTau': 'it is student.clsLoss.tau now, when student.clsLoss.name is logit-adjustment',
  'student.clsThreshold': 'it is student.clsLoss.threshold now, when student.clsLoss.name is bce',
};

/** Returns the message for a key of earlier versions; undefined for keys that never existed. */
export function movedKey(key: string): string | undefined {
  const now = moved[key];
  return now && `no recipe has "${key}" any more: ${now}`;
}
