/** Notes of trainings that share a reporter: a teacher, a plain ViT and a student have the same data. */
import type { Reporter } from '../runs/reporter.js';

const told = new WeakMap<Reporter, Set<string>>();

/** Reports `note` unless `reporter` has had it before. */
export function noteOnce(reporter: Reporter, note: string): void {
  const before = told.get(reporter) ?? new Set();
  told.set(reporter, before);
  if (before.has(note)) return;
  before.add(note);
  reporter.note(note);
}
