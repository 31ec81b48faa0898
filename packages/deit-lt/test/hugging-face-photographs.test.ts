/** A Hugging Face folder in transformers.js on photographs, which are shrunk far: in Node and in Chromium, against ours. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import { openClassifier } from '../src/classifier/classifier.js';
import { DeitLT } from '../src/deit-lt.js';
import type { Ranked } from '../src/evaluation/ranking.js';
import { exportHuggingFace } from '../src/export/export.js';
import { createModel } from '../src/models/index.js';
import { loadRuntime } from '../src/onnx/runtime.js';
import { createApp } from '../src/serve/app.js';
import { listen } from '../src/serve/listen.js';
import { openBrowser, openPage, skipBrowser } from './helpers/browser.js';

torch.setNumThreads(1);
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-photographs-'));
after(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => path.join(folder, ...names);
const skip = (await loadRuntime()) === undefined && 'no onnxruntime-node here';
const settings = ['device=cpu', 'precision=float32'];
const photos = Array.from({ length: 24 }, (_, i) => `photo-${i}.png`);

/** Discs, waves of one to 128 in 512 pixels, and grain: without a low-pass most of it aliases. */
async function drawPhoto(name: string, number: number): Promise<void> {
  const [width, height] = [
    [512, 384],
    [512, 512],
    [400, 512],
  ][number % 3] as [number, number];
  const pixels = torch.tidy(() => {
    const draw = torch.rand([200]).toTypedArray<'float32'>();
    let at = 0;
    const next = (): number => draw[at++]!;
    const ys = torch.arange(height).view([-1, 1]).div(512);
    const xs = torch.arange(width).view([1, -1]).div(512);
    let levels = torch.rand([3, 1, 1]).mul(130).add(60).expand(3, height, width);
    for (let i = 0; i < 8; i++) {
      const distance = ys.sub(next()).square().add(xs.sub(next()).square());
      levels = torch.where(distance.lt((0.02 + 0.2 * next()) ** 2), torch.rand([3, 1, 1]).mul(255), levels);
    }
    for (let i = 0; i < 10; i++) {
      const [down, across] = [next() * 2 ** (8 * next()), next() * 2 ** (8 * next())];
      const wave = ys
        .mul(6.28 * down)
        .add(xs.mul(6.28 * across))
        .sin();
      levels = levels.add(wave.mul(torch.rand([3, 1, 1]).mul(40)));
    }
    const grain = torch.rand([1, height, width]).sub(0.5).mul(40);
    return levels.add(grain).clamp(0, 255).to('uint8').permute([1, 2, 0]).contiguous().toTypedArray<'uint8'>();
  });
  await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(at(name));
}

/** Ours of each photograph, most likely first. */
const wanted: (readonly Ranked[])[] = [];

before(async () => {
  if (skip) return;
  torch.manualSeed(3);
  using model = createModel('deit', { numClasses: 10, embedDim: 64, depth: 2, imageSize: 64, patchSize: 8 });
  torch.tidy(() => torch.noGrad(() => model.parameters().forEach((each) => void each.mul_(3)))); // opinions that differ
  torch.safetensors.save(at('model.safetensors'), model.stateDict());
  for (const [i, name] of photos.entries()) await drawPhoto(name, i);
  using classifier = await openClassifier(at('model.safetensors'), { settings });
  await exportHuggingFace(at('hub'), classifier, { version: '0.0.0' });
  using ours = await DeitLT.load(at('hub'));
  for (const name of photos) wanted.push((await ours.classify(at(name), { top: 10 })).top);
  assert.ok(new Set(wanted.map(([best]) => best!.class)).size >= 4, 'the photographs should differ');
});

interface Told {
  readonly label: string;
  readonly score: number;
}

/** Photographs of which the most likely class is the same, and the largest difference of a probability. */
function compare(theirs: readonly (readonly Told[])[]): { same: number; difference: number } {
  const same = theirs.filter(([best], i) => best!.label === wanted[i]![0]!.class).length;
  const differences = theirs.flatMap((told, i) =>
    told.map(({ label, score }) => Math.abs(wanted[i]!.find((each) => each.class === label)!.probability - score)),
  );
  return { same, difference: Math.max(...differences) };
}

suite('transformers.js on photographs of 512 pixels', { skip }, () => {
  const inNode = async (): Promise<readonly (readonly Told[])[]> => {
    const { env, pipeline } = await import('@huggingface/transformers');
    Object.assign(env, { allowRemoteModels: false, localModelPath: folder });
    const classify = await pipeline('image-classification', 'hub', { dtype: 'fp32' });
    const told: (readonly Told[])[] = [];
    for (const name of photos) told.push((await classify(at(name), { top_k: 10 })) as readonly Told[]);
    await classify.dispose();
    return told;
  };

  test('in Node finds our class on at least 23 of 24, and bicubic without a low-pass does not', async () => {
    const { same, difference } = compare(await inNode());
    assert.ok(same >= 23, `${same} of ${photos.length}`);
    assert.ok(difference < 0.05, `probabilities differ by ${difference}`);
    const file = at('hub', 'preprocessor_config.json');
    const written = readFileSync(file, 'utf8');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(written), resample: 3 }));
    const without = compare(await inNode());
    writeFileSync(file, written);
    assert.ok(without.same < 22 && without.difference > 0.1, `${without.same}, ${without.difference}`);
  });

  test('has a card that states the limit', () => {
    const card = readFileSync(at('hub', 'README.md'), 'utf8');
    assert.match(card, /Lanczos filter.* instead of bicubic, in a browser by the canvas/);
  });

  test('in Chromium stays within what the card says', { skip: skipBrowser }, async (t) => {
    const script = `
      import { env, pipeline } from './transformers.js';
      Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: '/', useBrowserCache: false });
      Object.assign(env.backends.onnx.wasm, { wasmPaths: new URL('/', location).href, numThreads: 1 });
      const classify = await pipeline('image-classification', 'hub', { dtype: 'fp32', device: 'wasm' });
      const told = [];
      for (const name of ${JSON.stringify(photos)}) told.push(await classify('/' + name, { top_k: 10 }));
      document.querySelector('pre').textContent = JSON.stringify(told);`;
    writeFileSync(at('page.js'), script);
    writeFileSync(
      at('index.html'),
      '<!doctype html><link rel="icon" href="data:,"><pre></pre><script type="module" src="page.js"></script>',
    );
    const require = createRequire(import.meta.url);
    const transformers = path.dirname(require.resolve('@huggingface/transformers'));
    const runtime = path.dirname(
      createRequire(require.resolve('@huggingface/transformers')).resolve('onnxruntime-web'),
    );
    const server = await listen(createApp({ folders: [folder, transformers, runtime] }));
    t.after(() => server.close());
    const browser = await openBrowser();
    t.after(() => browser.close());
    // It looks for a GPU, and for files that such a folder may have.
    const page = await openPage(t, browser, server.url, { expected: /No available adapters|404/ });
    await page.locator('pre').getByText('label').waitFor({ timeout: 60_000 });
    const { same, difference } = compare(JSON.parse(await page.locator('pre').innerText()) as Told[][]);
    assert.ok(same >= 18, `${same} of ${photos.length}`);
    assert.ok(difference < 0.3, `probabilities differ by ${difference}`);
  });
});
