// How a page is built: `vite build src/demo` writes build/demo. Each page is built alone, so that its folder has all that
// it needs and no more, with relative addresses, and can be put on any host.
import path from 'node:path';
import { pageStyle } from 'deit-lt/browser';
import { defineConfig } from 'vite';

const folder = import.meta.dirname;

export default defineConfig({
  base: './',
  plugins: [buildFolder(), sharedStyle()],
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

/** `import 'virtual:page.css'`: the colours and text of the reports. @returns {import('vite').Plugin} */
function sharedStyle() {
  const id = 'virtual:page.css';
  return {
    name: 'deit-lt-shared-style',
    resolveId: (source) => (source === id ? `\0${id}` : undefined),
    load: (resolved) => (resolved === `\0${id}` ? pageStyle() : undefined),
  };
}
