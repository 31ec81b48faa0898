/** Work in processes of its own, in turns, and what is made of the times. */
import { execFileSync } from 'node:child_process';

/** One process: the JSON line that it prints. */
export interface Result {
  /** Seconds. */
  readonly times: number[];
  readonly peakBytes: number;
  readonly threads: number;
  readonly losses?: number[];
  /** How the student's steps mixed, for the other side to do the same. */
  readonly mixes?: unknown[];
}

export type Side = () => Result;

export function runJson(command: string, args: readonly string[]): Result {
  const stdout = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(stdout) as Result;
}

/** Every name once per round. Each round begins with another one, so that a machine's slow minutes meet all. */
export function* turns<N extends string>(names: readonly N[], rounds: number): Generator<N, void, void> {
  for (let round = 0; round < rounds; round++)
    for (let i = 0; i < names.length; i++) yield names[(round + i) % names.length]!;
}

/** Every side once per round, in turns. */
export function alternate<N extends string>(sides: Record<N, Side>, rounds: number): Record<N, Result[]> {
  const names = Object.keys(sides) as N[];
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<N, Result[]>;
  for (const name of turns(names, rounds)) results[name].push(sides[name]());
  return results;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Of each process's median time, what `per` makes of it: its rate. */
export function rates(results: readonly Result[], amount: number): number[] {
  return results.map(({ times }) => amount / median(times));
}

/** `a[i] / b[i]`: of the same round. */
export function ratios(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, i) => value / b[i]!);
}

export function peak(results: readonly Result[]): number {
  return median(results.map(({ peakBytes }) => peakBytes));
}

/** `1.52 (1.40–1.61)` */
export function withRange(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;
}
