/** Times and figures as people read them. */

/** `45 s`, `12 min`, `3 h 20 min`, `2 days`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 || hours > 9 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} days`;
}

export const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value.toFixed(1);

export const share = (value: number): string => `${Math.round(100 * value)} %`;

export const count = (value: number): string => value.toLocaleString('en');
