/** Colours of a report, each in a light and a dark page: Okabe and Ito's, which colour-blind people can tell apart. */
import type { OutputName } from '../runs/predictions.js';

/** Colours by the name of the CSS variable: on white, on black. */
export const colors = {
  ink: ['#1a1a1a', '#e8e8e8'],
  paper: ['#ffffff', '#16181c'],
  faint: ['#6b6b6b', '#a0a4aa'],
  line: ['#d9d9d9', '#3a3f47'],
  panel: ['#f6f7f8', '#1f2329'],
  cls: ['#0072b2', '#56b4e9'],
  dist: ['#d55e00', '#ff8c42'],
  avg: ['#555555', '#c4c4c4'],
  run0: ['#0072b2', '#56b4e9'],
  run1: ['#d55e00', '#ff8c42'],
  run2: ['#009e73', '#2fd3a3'],
  run3: ['#aa4499', '#e38bc9'],
  run4: ['#b8860b', '#f0c14b'],
  run5: ['#555555', '#c4c4c4'],
} as const satisfies Readonly<Record<string, readonly [light: string, dark: string]>>;

export type ColorName = keyof typeof colors;

export const css = (name: ColorName): string => `var(--${name})`;
export const outputColor = (output: OutputName): string => css(output);
/** Returns the colour of the run at this position; colours repeat after the sixth. */
export const runColor = (place: number): string => css(`run${place % 6}` as ColorName);

export const outputLabels: Readonly<Record<OutputName, string>> = { cls: 'CLS', dist: 'DIST', avg: 'average' };

/** `--ink: #1a1a1a; …` of the light or the dark page. */
export function variables(theme: 'light' | 'dark'): string {
  return Object.entries(colors)
    .map(([name, pair]) => `--${name}: ${pair[theme === 'light' ? 0 : 1]};`)
    .join(' ');
}

/** The picture with the light page's colours in place of variables, for programs that know none. */
export function withLightColors(svg: string): string {
  return svg.replace(/var\(--(\w+)\)/g, (all, name: string) => (name in colors ? colors[name as ColorName][0] : all));
}
