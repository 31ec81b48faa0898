/**
 * Loss and resize primitives against numbers of the reference implementations (../shared/golden beside the
 * repository; skipped where it is not).
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, type Tolerance } from './reference/reference.js';

const F = torch.nn.functional;
const repository = path.resolve(import.meta.dirname, '../../../..');
const folder = [path.join(repository, 'shared/golden'), path.join(repository, '../shared/golden')].find(existsSync);

type Tensors = Map<string, torch.Tensor>;
type Loss = (input: torch.Tensor, target: torch.Tensor) => torch.Tensor;

interface GoldenCase {
  name: string;
  /** Keys of the logits and of the target. */
  inputs: string[];
  value: number;
  smoothing?: number;
}

interface Cases {
  cases: GoldenCase[];
}

function load<T>(topic: string): { json: T; tensors: Tensors } {
  const json = JSON.parse(readFileSync(path.join(folder ?? '', `${topic}.json`), 'utf8')) as T;
  return { json, tensors: torch.safetensors.load(path.join(folder ?? '', `${topic}.safetensors`)) };
}

const at = (tensors: Tensors, key: string): torch.Tensor => {
  const tensor = tensors.get(key);
  if (tensor === undefined) throw new Error(`the golden file has no ${key}`);
  return tensor;
};

suite('golden losses', { skip: folder === undefined }, () => {
  /** The loss of a case, where it is one of PyTorch's. */
  function lossOf({ name, smoothing }: GoldenCase): Loss | undefined {
    if (/^label_smoothing/.test(name)) return (x, y) => F.crossEntropy(x, y, { labelSmoothing: smoothing! });
    if (name === 'ce' || /^soft_target_ce/.test(name)) return (x, y) => F.crossEntropy(x, y);
    return name === 'bce' ? (x, y) => F.binaryCrossEntropyWithLogits(x, y) : undefined;
  }

  const tolerance: Tolerance = { rtol: 1e-6, atol: 1e-6 };
  const { json, tensors } = folder === undefined ? { json: { cases: [] }, tensors: new Map() } : load<Cases>('losses');
  for (const item of json.cases) {
    const loss = lossOf(item);
    const { name, inputs, value: expected } = item;
    if (loss === undefined) continue;
    test(`${name}: value and gradient`, () => {
      const x = at(tensors, `${name}.logits`).requiresGrad_();
      const value = loss(x, at(tensors, inputs[1]!));
      value.backward();
      assertClose(value, torch.tensor(expected), tolerance);
      assertClose(x.grad, at(tensors, `${name}.grad.logits`), { atol: 2e-5 });
    });
  }
});

suite('golden resizes', { skip: folder === undefined }, () => {
  test("the teacher's tensor resize, without and with antialiasing", () => {
    interface Resize {
      input: string;
      key: string;
      key_antialias: string;
      out_height_width: [number, number];
    }
    const { json, tensors } = load<{ teacher_tensor_resize: { cases: Resize[] } }>('augment');
    for (const { input, key, key_antialias, out_height_width: size } of json.teacher_tensor_resize.cases) {
      const image = at(tensors, input);
      const x = image.ndim === 4 ? image : image.unsqueeze(0);
      assertClose(
        F.interpolate(x, { size, mode: 'bicubic' }).reshape(at(tensors, key).shape),
        at(tensors, key),
        { atol: 5e-5 },
        key,
      );
      const smooth = F.interpolate(x, { size, mode: 'bicubic', antialias: true });
      assertClose(
        smooth.reshape(at(tensors, key_antialias).shape),
        at(tensors, key_antialias),
        { atol: 5e-5 },
        key_antialias,
      );
    }
  });

  test('positional embeddings by a given scale factor', () => {
    type Interpolation = Record<string, { grid: [number, number]; scale_factor: [number, number] }>;
    interface Vit {
      config: { img_size: number | [number, number]; patch_size: number };
      models: Record<string, { interpolation: Interpolation }>;
    }
    const { json, tensors } = load<Vit>('vit');
    const { img_size: size, patch_size: patch } = json.config;
    const [rows, columns] = [size].flat().length === 2 ? (size as [number, number]) : [size as number, size as number];
    for (const [kind, prefix] of [
      ['distilled', 2],
      ['plain', 1],
    ] as const) {
      const positions = at(tensors, `${kind}.state.pos_embed`);
      const width = positions.size(-1);
      const stored = [rows / patch, columns / patch] as const;
      const grid = positions
        .narrow(1, prefix, stored[0] * stored[1])
        .reshape(1, stored[0], stored[1], width)
        .permute(0, 3, 1, 2);
      for (const [
        name,
        {
          grid: [height, across],
          scale_factor,
        },
      ] of Object.entries(json.models[kind]?.interpolation ?? {})) {
        const resized = F.interpolate(grid, { scaleFactor: scale_factor, mode: 'bicubic' });
        const tokens = resized.permute(0, 2, 3, 1).reshape(1, height * across, width);
        const expected = at(tensors, `${kind}.interp.${name}.pos_embed`);
        assertClose(
          torch.cat([positions.narrow(1, 0, prefix), tokens], 1),
          expected,
          { atol: 2e-6 },
          `${kind} ${name}`,
        );
      }
    }
  });
});
