/** The models that the benches of predictions and of the server measure. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';

interface ServersModule {
  prepare(each: object, folder: string): Promise<{ run: string; checkpoint: string; onnx: string; images: Buffer[] }>;
}
interface CasesModule {
  readonly cases: Readonly<Record<string, object>>;
}

const load = async <T>(file: string): Promise<T> =>
  (await import(pathToFileURL(path.join(import.meta.dirname, '../../../../bench/dist', file)).href)) as T;

suite('bench/serve', () => {
  test("writes quickstart's student, whose weights do not show the size of its patches", async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-models-'));
    try {
      const { prepare } = await load<ServersModule>('serve/servers.js');
      const { cases } = await load<CasesModule>('predict/cases.js');
      const { run, checkpoint, onnx, images } = await prepare(cases.cifar!, folder);
      for (const file of [run, checkpoint, onnx]) assert.ok(existsSync(file), file);
      assert.equal(images.length, 64);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
