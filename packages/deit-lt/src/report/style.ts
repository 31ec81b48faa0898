/** The style sheet of a report: one column on a phone, two on a screen, quiet on paper. */
import { pageStyle } from './page-style.js';
import { variables } from './palette.js';

export function styleSheet(): string {
  return `${pageStyle()}
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: 1rem; }
.card { background: var(--panel); border-radius: 8px; padding: 0.8rem 1rem; border-left: 5px solid var(--run); }
.card h3 { margin: 0 0 0.3rem; overflow-wrap: anywhere; }
.card .figures { display: grid; grid-template-columns: repeat(5, 1fr); gap: 0.2rem; text-align: center; margin: 0.5rem 0; }
.card .figures b { display: block; font-size: 1.25rem; }
.card .figures small { display: block; font-size: 0.68rem; color: var(--faint); }
.warning { border-left: 3px solid var(--run1); padding-left: 0.6rem; }
.card .figures span { font-size: 0.8rem; color: var(--faint); }
.card p { margin: 0.3rem 0; font-size: 0.9rem; }
.figures-grid { columns: 2 26rem; column-gap: 2rem; }
.figures-grid figure { margin-bottom: 1.6rem; }
figure > b { display: block; margin-bottom: 0.3rem; overflow-wrap: anywhere; }
figure svg { display: block; width: 100%; max-width: 36rem; height: auto; }
td small { display: block; color: var(--faint); font-size: 0.78rem; }
.long { max-width: 52rem; }
.long > .scroll { content-visibility: auto; contain-intrinsic-size: auto 100% auto 370rem; margin-bottom: 1rem; }
.long table { table-layout: fixed; width: 100%; }
.long th:first-child { width: 38%; }
.long th, .long td { white-space: normal; } .long th { hyphens: auto; } .long tbody th { overflow-wrap: anywhere; }
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
@media (max-width: 30rem) {
  body { padding: 0.7rem; } table { font-size: 0.78rem; } td small { font-size: 0.68rem; } td small.pair { white-space: normal; }
  th, td { padding: 0.25rem 0.2rem; } th[scope=row] { white-space: normal; }
  .long th:first-child { width: 24%; }
}
@media print {
  :root { ${variables('light')} color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, .noprint { display: none; }
  h2, h3 { break-after: avoid; } tr { break-inside: avoid; }
  .figures-grid { columns: auto; display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.5rem; }
  .card, .shown, pre { border: 1px solid var(--line); }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
}
