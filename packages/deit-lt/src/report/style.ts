/** The style sheet of a report: one column on a phone, two on a screen, quiet on paper. */
import { variables } from './palette.js';

export function styleSheet(): string {
  return `
:root { color-scheme: light dark; ${variables('light')} }
@media (prefers-color-scheme: dark) { :root { ${variables('dark')} } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0.5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 0.4rem; }
p { max-width: 46rem; }
a { color: inherit; }
nav { margin-bottom: 1.2rem; display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; font-size: 0.9rem; }
.faint, figcaption { color: var(--faint); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: 1rem; }
.card { background: var(--panel); border-radius: 8px; padding: 0.8rem 1rem; border-left: 5px solid var(--run); }
.card h3 { margin: 0 0 0.3rem; overflow-wrap: anywhere; }
.card .figures { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0.2rem; text-align: center; margin: 0.5rem 0; }
.card .figures b { display: block; font-size: 1.25rem; }
.card .figures span { font-size: 0.8rem; color: var(--faint); }
.card p { margin: 0.3rem 0; font-size: 0.9rem; }
.figures-grid { columns: 2 26rem; column-gap: 2rem; }
.figures-grid figure { margin-bottom: 1.6rem; }
figure { margin: 0; min-width: 0; break-inside: avoid; }
figure > b { display: block; margin-bottom: 0.3rem; overflow-wrap: anywhere; }
figure svg { display: block; width: 100%; max-width: 36rem; height: auto; }
figcaption { font-size: 0.85rem; max-width: 36rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid var(--faint); }
td small { display: block; color: var(--faint); font-size: 0.78rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19.5rem), 1fr)); gap: 1rem; }
.shown { background: var(--panel); border-radius: 8px; padding: 0.6rem; font-size: 0.85rem; break-inside: avoid; }
.shown ul { margin: 0.4rem 0 0; padding: 0; list-style: none; }
.views { display: flex; gap: 0.4rem; }
.views > div { flex: 1 1 0; min-width: 0; text-align: center; }
.picture { position: relative; aspect-ratio: 1; border-radius: 4px; overflow: hidden; background: #000; }
.picture img { position: absolute; inset: 0; width: 100%; height: 100%; }
.picture img.pixels { image-rendering: pixelated; }
.picture.dim img.pixels { filter: grayscale(0.7) brightness(0.65); }
.strip { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.strip figure { width: 6rem; font-size: 0.75rem; }
.right { color: var(--run2); } .wrong { color: var(--run1); }
pre { background: var(--panel); border-radius: 8px; padding: 0.8rem; overflow-x: auto; font-size: 0.82rem; white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: 0.6rem 0; } summary { cursor: pointer; }
@media (max-width: 30rem) {
  body { padding: 0.7rem; } table { font-size: 0.78rem; } td small { font-size: 0.68rem; }
  th, td { padding: 0.25rem 0.2rem; } th[scope=row] { white-space: normal; }
}
@media print {
  :root { ${variables('light')} color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, .noprint { display: none; }
  h2 { break-after: avoid; }
  .card, .shown, pre { border: 1px solid var(--line); }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
}
