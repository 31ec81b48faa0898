/** The demo page with a model in it, to be served or to be put on a host. */
import { cpSync } from 'node:fs';
import path from 'node:path';
import type { Classifier } from '../classifier/classifier.js';
import { VisionTransformer } from '../models/vit.js';
import { writeError, writeFileAtomic } from '../runs/files.js';
import { pageFolder } from '../serve/page-folder.js';
import { checkedOnnx, makeOutFolder } from './export.js';
import type { OnnxCheck } from './onnx/check.js';
import type { OnnxPrecision } from './onnx/graph-builder.js';
import { type PageModel, pageModel } from './page-model.js';

/** The built page, which takes the model from beside itself. */
export const demoPage = 'demo';

export interface DemoOptions {
  /** The path of the model that the user gave. */
  readonly run: string;
  readonly precision: OnnxPrecision;
  /** Version of this program. */
  readonly version: string;
}

export interface DemoFiles {
  /** Files by their names beside the page. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly about: PageModel;
  /** Undefined when onnxruntime-node is not installed. */
  readonly check: OnnxCheck | undefined;
}

/** The model, with attention if it has any, and what the page must know of it. Throws as `checkedOnnx`. */
export async function demoFiles(classifier: Classifier, { run, precision, version }: DemoOptions): Promise<DemoFiles> {
  const attention = classifier.model instanceof VisionTransformer;
  const { bytes, check } = await checkedOnnx(classifier, { precision, attention, version });
  const about = pageModel(classifier, { run, version, size: bytes.length });
  const files = new Map([
    ['model.onnx', bytes],
    ['model.json', new TextEncoder().encode(JSON.stringify(about))],
  ]);
  return { files, about, check };
}

/** Writes page and model into `folder`, which is made and must be empty. All addresses are relative. Throws UserError RUN_FOLDER. */
export function writeDemo(folder: string, { files }: DemoFiles): void {
  makeOutFolder(folder);
  try {
    cpSync(pageFolder(demoPage), folder, { recursive: true });
  } catch (error) {
    throw writeError(folder, error);
  }
  for (const [name, bytes] of files) writeFileAtomic(path.join(folder, name), bytes);
}
