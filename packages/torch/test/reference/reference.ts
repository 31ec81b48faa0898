/**
 * PyTorch's Python front end on the same machine, as the reference that tests compare with.
 * One Python process serves one test file: `before` starts it on first use, `after` ends it.
 */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import * as torch from '../../src/index.js';
import { readBytes } from '../../src/tensor/values.js';

/** What travels between the two: tensors, JSON values, and lists and records of them. */
export type Value = torch.Tensor | number | string | boolean | null | Value[] | { [name: string]: Value };

interface WireTensor {
  dtype: torch.DType;
  shape: number[];
  data: string;
}

const server = path.resolve(import.meta.dirname, '../../../test/reference/server.py');

export class Reference {
  #process: ChildProcessWithoutNullStreams | undefined;
  #lines: AsyncIterator<string> | undefined;
  #reader: Interface | undefined;

  /**
   * Runs Python `code` with `inputs` as variables (and `torch`, `nn`, `F`, `np`); it assigns `out`, a dict,
   * which comes back. Variables stay for the next call.
   */
  async run<T extends Record<string, Value>>(code: string, inputs: Record<string, Value> = {}): Promise<T> {
    this.#start();
    this.#process?.stdin.write(`${JSON.stringify({ code, inputs: encode(inputs) })}\n`);
    const line = await this.#lines?.next();
    if (line === undefined || line.done)
      throw new Error('the reference Python ended; is python3-torch installed? (PYTHON_TORCH names another python)');
    const answer = JSON.parse(line.value) as { out?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(`the reference failed:\n${answer.error}`);
    return decode(answer.out) as T;
  }

  /** Whether its PyTorch is `major.minor` or newer: for what PyTorch itself changed. */
  async isAtLeast(major: number, minor: number): Promise<boolean> {
    const { version } = await this.run<{ version: string }>('out = {"version": str(torch.__version__)}');
    const [ourMajor = 0, ourMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
    return ourMajor > major || (ourMajor === major && ourMinor >= minor);
  }

  /** Ends the Python process; call it in `after`. */
  stop(): void {
    this.#reader?.close();
    this.#process?.stdin.end();
    this.#process?.kill();
  }

  #start(): void {
    if (this.#process) return;
    const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';
    this.#process = spawn(python, [server], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }) as unknown as ChildProcessWithoutNullStreams;
    this.#reader = createInterface({ input: this.#process.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }
}

function encode(value: Value): unknown {
  if (value instanceof torch.Tensor) {
    return { dtype: value.dtype, shape: value.shape, data: Buffer.from(readBytes(value)).toString('base64') };
  }
  if (Array.isArray(value)) return value.map(encode);
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encode(item)]));
  return value;
}

function decode(value: unknown): Value {
  if (isWireTensor(value)) return torch.fromBytes(Buffer.from(value.data, 'base64'), value);
  if (Array.isArray(value)) return value.map(decode);
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decode(item)]));
  return value as Value;
}

function isWireTensor(value: unknown): value is WireTensor {
  return value !== null && typeof value === 'object' && 'dtype' in value && 'data' in value;
}

export interface Tolerance {
  /** Largest absolute difference. Default 0. */
  atol?: number;
  /** Largest difference relative to the expected value. Default 0: exact. */
  rtol?: number;
}

/** Asserts dtype, shape and values: |actual − expected| ≤ atol + rtol·|expected|, NaN equal to NaN. */
export function assertClose(
  actual: torch.Tensor | null,
  expected: Value | undefined,
  { atol = 0, rtol = 0 }: Tolerance = {},
  what = 'tensor',
): void {
  assert.ok(actual instanceof torch.Tensor, `${what}: expected a tensor`);
  assert.ok(expected instanceof torch.Tensor, `${what}: the reference gave no tensor`);
  assert.equal(actual.dtype, expected.dtype, `${what}: dtype`);
  assert.deepEqual(actual.shape, expected.shape, `${what}: shape`);
  torch.tidy(() => {
    const a = actual.detach().to('float64').toTypedArray<'float64'>();
    const e = expected.detach().to('float64').toTypedArray<'float64'>();
    for (let i = 0; i < e.length; i++) {
      const [x, y] = [a[i] as number, e[i] as number];
      if (Object.is(x, y) || x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
      if (!(Math.abs(x - y) <= atol + rtol * Math.abs(y)))
        assert.fail(`${what}: element ${i} is ${x}, the reference has ${y} (atol ${atol}, rtol ${rtol})`);
    }
  });
}

/**
 * The text of a module as PyTorch before 2.14 wrote it: normalisation layers did not print `bias`. For comparing our text,
 * which follows 2.14, with an older reference.
 */
export function withoutNormBias(text: string): string {
  return text.replace(/((?:BatchNorm\dd|LayerNorm)\(.*?), bias=(?:True|False)/g, '$1');
}
