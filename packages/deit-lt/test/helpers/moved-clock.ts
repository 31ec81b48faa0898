/** A clock that tests put forward: times of change of files cannot be set, and just changed ones are not trusted. */
import type { TestContext } from 'node:test';

export interface MovedClock {
  /** Lets so much time pass, for this process alone. */
  pass(ms: number): void;
}

/** `Date.now()` runs on from now, and jumps with each `pass`; `t` puts it right. */
export function movedClock(t: TestContext): MovedClock {
  const now = Date.now;
  let moved = 0;
  t.mock.method(Date, 'now', () => now() + moved);
  return {
    pass(ms) {
      moved += ms;
    },
  };
}
