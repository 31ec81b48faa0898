// Writes docs/api.md from the doc comments and signatures of the compiled declarations (dist/src/*.d.ts) and the introductions in
// api-page-text.mjs. `--check` compares instead of writing and fails on a difference. Compile first: npm run build
//
//   node packages/deit-lt/scripts/api-page.mjs [--check]
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { contentsOf, describePackage, writeOrCheck } from '../../../scripts/api-page/describe-package.mjs';
import { preface, sections } from './api-page-text.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const body = describePackage({
  compiled: path.join(root, 'dist/src'),
  entries: { '': 'index', browser: 'browser', 'browser-studio': 'browser-studio' },
  sections,
  bare: true,
});
writeOrCheck({
  page: path.resolve(root, '../../docs/api.md'),
  lines: [preface, '', contentsOf(sections), '', ...body],
  generator: 'packages/deit-lt/scripts/api-page.mjs',
  shown: 'docs/api.md',
});
