// How a page is built: `vite build src/demo` writes build/demo. Each page is built alone, so that its folder has all that
// it needs and no more, with relative addresses, and can be put on any host.
import path from 'node:path';
import { pageStyle } from 'deit-lt/browser';
import { styleSheet } from 'deit-lt/browser-studio';
import { defaultClientConditions, defineConfig } from 'vite';

const folder = import.meta.dirname;

export default defineConfig({
  base: './',
  plugins: [buildFolder(), sharedStyle()],
  // The runtime of ONNX models without its WASM inside: that is a file of its own, which threads load again.
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    emptyOutDir: true,
    // A strict content security policy allows no data: scripts and wasm.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: 'licenses.md' },
  },
});

/** `src/demo` is built into `build/demo`. @returns {import('vite').Plugin} */
function buildFolder() {
  return {
    name: 'deit-lt-build-folder',
    config: ({ root = '' }) => ({ build: { outDir: path.join(folder, 'build', path.basename(root)) } }),
  };
}

/**
 * `import 'virtual:page.css'`: the colours and text of the reports; `virtual:report.css`: all of their style.
 *
 * @returns {import('vite').Plugin}
 */
function sharedStyle() {
  /** @type {Readonly<Record<string, () => string>>} */
  const styles = { 'virtual:page.css': pageStyle, 'virtual:report.css': styleSheet };
  return {
    name: 'deit-lt-shared-style',
    resolveId: (source) => (source in styles ? `\0${source}` : undefined),
    load: (resolved) => styles[resolved.slice(1)]?.(),
  };
}
