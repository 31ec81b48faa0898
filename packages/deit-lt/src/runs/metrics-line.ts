/** A line of `metrics.jsonl`. */
import type { EpochRecord } from './reporter.js';

/** Undefined for a line that is of no epoch: empty, half written, or something else. Figures may be missing in it. */
export function readRecord(line: string): EpochRecord | undefined {
  try {
    const given = JSON.parse(line) as EpochRecord | null;
    return typeof given?.epoch === 'number' ? given : undefined;
  } catch {
    return undefined;
  }
}
