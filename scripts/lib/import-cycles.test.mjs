import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = path.resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** What `npm run check` says of files. @param {import('node:test').TestContext} t @param {Record<string, string>} files */
function lint(t, files) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cycles-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  copyFileSync(path.join(root, 'biome.json'), path.join(folder, 'biome.json'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const biome = path.join(root, 'node_modules/@biomejs/biome/bin/biome');
  const { stdout, stderr } = spawnSync(process.execPath, [biome, 'lint'], { cwd: folder, encoding: 'utf8' });
  return `${stdout}${stderr}`;
}

suite('npm run check', () => {
  test('refuses files that import themselves through others, also where it is only for types', (t) => {
    const files = {
      'a.ts': "import { b } from './b.js';\nexport const a = () => b;\n",
      'b.ts': "import { a } from './a.js';\nexport const b = () => a;\n",
      'c.ts': "import type { D } from './d.js';\nexport type C = D | 1;\n",
      'd.ts': "import type { C } from './c.js';\nexport type D = C | 2;\n",
    };
    const found = lint(t, files);
    for (const name of Object.keys(files))
      assert.match(found, new RegExp(`${name}:1:\\d+ lint/suspicious/noImportCycles`));
  });

  test('takes files that import one way', (t) => {
    const found = lint(t, {
      'a.ts': 'export const a = 1;\n',
      'b.ts': "import { a } from './a.js';\nexport const b = a;\n",
    });
    assert.doesNotMatch(found, /noImportCycles/);
    assert.match(found, /Checked 3 files/);
  });
});
