/** Numbers as a person reads them. */

/** `1234567` → `1,234,567`. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1` → `1 image`, `2` → `2 images`. */
export function images(value: number): string {
  return counted(value, 'image');
}

/** `1, 'epoch'` → `1 epoch`, `2, 'epoch'` → `2 epochs`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** An accuracy in % with one digit; `–` when there is none. */
export function accuracy(value: number | null | undefined): string {
  return value === undefined || value === null || Number.isNaN(value) ? '–' : value.toFixed(1);
}

/** Seconds as `42 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const two = (n: number): string => String(n).padStart(2, '0');
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min ${two(s % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${two(minutes % 60)} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Writes an estimated time without digits that nobody can know: `40 s`, `5 min 30 s`, `28 min`, `1 h 05 min`, `8 h`. */
export function roughDuration(seconds: number): string {
  const unit = seconds < 60 ? 1 : seconds < 600 ? 10 : 60;
  return duration(unit * Math.round(seconds / unit)).replace(/ 00 (s|min)$/, '');
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Writes seconds as `parseDuration` reads them, in as few units as possible: `30m`, `1h30m`, `90.5s`. */
export function durationWord(seconds: number): string {
  if (!Number.isInteger(seconds) || seconds === 0) return `${seconds}s`;
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts.flatMap(([count, unit]) => (count === 0 ? [] : [`${count}${unit}`])).join('');
}

/** Returns the seconds of a time such as `30m`, `1h30m`, `1 h 30 min` or `90s`; undefined for anything else, and for no time. */
export function parseDuration(text: string): number | undefined {
  const words = text.trim().toLowerCase();
  if (!/^(\d+(\.\d+)?\s*(s|sec|m|min|h|d)\s*)+$/.test(words)) return undefined;
  const parts = [...words.matchAll(/(\d+(?:\.\d+)?)\s*([smhd])/g)];
  const seconds = parts.reduce((sum, [, number, unit]) => sum + Number(number) * unitSeconds[unit!]!, 0);
  return seconds > 0 && Number.isFinite(seconds) ? seconds : undefined;
}

/** Four significant digits at most, without a tail of zeros: `0.1`, `1.234`, `5e-5`. */
export function short(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const rounded = Number(value.toPrecision(4));
  return Math.abs(rounded) < 1e-3 ? rounded.toExponential().replace('e+', 'e') : String(rounded);
}

export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
