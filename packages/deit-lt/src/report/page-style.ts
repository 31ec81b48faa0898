/** The style that reports and the pages of `packages/web` share: colours of the light and the dark page, text, panels. */
import { variables } from './palette.js';

/** Style sheet without the parts that only a report has. */
export function pageStyle(): string {
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
figure { margin: 0; min-width: 0; break-inside: avoid; }
figcaption { font-size: 0.85rem; max-width: 36rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid var(--faint); }
pre { background: var(--panel); border-radius: 8px; padding: 0.8rem; overflow-x: auto; font-size: 0.82rem; white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: 0.6rem 0; } summary { cursor: pointer; }
`;
}
