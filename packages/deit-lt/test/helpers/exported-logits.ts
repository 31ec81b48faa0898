/** Compares the logits of exported models with those of the classifier that they were made from. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import type { Classifier } from '../../src/classifier/classifier.js';
import { exportHuggingFace } from '../../src/export/export.js';
import { checkOnnx } from '../../src/export/onnx/check.js';
import { onnxModel } from '../../src/export/onnx/model.js';
import type { Runtime } from '../../src/onnx/runtime.js';
import { assertNear } from '../models-golden.js';
import { logitsInTimm } from './python-torch.js';

const version = '0.0.0';

/** The ONNX model of each precision differs by at most `allowed`. */
export async function assertOnnxLogits(
  runtime: Runtime,
  classifier: Classifier,
  allowed: Readonly<Record<'fp32' | 'fp16' | 'int8', number>>,
): Promise<void> {
  for (const precision of ['fp32', 'fp16', 'int8'] as const) {
    const bytes = onnxModel(classifier, { precision, version });
    const { difference } = await checkOnnx(runtime, bytes, classifier, precision);
    assert.ok(difference <= allowed[precision], `${precision}: ${difference}`);
  }
}

/** timm gives the logits of `images` by the folder for Hugging Face and its module `architecture`, which the card names. */
export async function assertTimmLogits(
  hub: string,
  classifier: Classifier,
  architecture: string,
  images: torch.Tensor,
): Promise<void> {
  await exportHuggingFace(hub, classifier, { version });
  assert.ok(readdirSync(hub).includes(`${architecture}.py`));
  assert.match(readFileSync(path.join(hub, 'README.md'), 'utf8'), new RegExp(`\`import ${architecture}\``));
  const theirs = logitsInTimm(hub, architecture, images.toArray());
  assertNear(classifier.logits(images).avg.flatten(), torch.tensor(theirs), { atol: 1e-4 });
}
