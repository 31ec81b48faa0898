/** The servers that are compared, and what they serve. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import { freePort } from '#deit-lt/cli/free-port.js';
import { createModel } from '#deit-lt/models/index.js';
import { loadRecipe } from '#deit-lt/recipe/load.js';
import { writePhotographs } from '../augment/photographs.js';
import { importSettings, type PredictCase, settingWords } from '../predict/cases.js';

const bin = path.resolve(import.meta.dirname, '../../../packages/deit-lt/bin/deit-lt.mjs');
const reference = path.resolve(import.meta.dirname, '../../serve/server.py');
const threads = os.availableParallelism();
const { mean, std } = loadRecipe('default').student;

/** A model with random weights, in each form that a server reads, and images as files. */
export interface Prepared {
  readonly case: PredictCase;
  readonly run: string;
  readonly checkpoint: string;
  readonly onnx: string;
  readonly images: readonly Buffer[];
}

/** Writes the model of a case and draws 64 images. */
export async function prepare(each: PredictCase, folder: string): Promise<Prepared> {
  const place = (file: string): string => path.join(folder, file);
  const [weights, checkpoint, onnx, run] = [place('w.safetensors'), place('w.pth'), place('w.onnx'), place('run')];
  torch.tidy(() => torch.safetensors.save(weights, createModel(each.model, each.options).stateDict()));
  deitLt('import', weights, '--out', run, ...settingWords(importSettings(each)));
  deitLt('export', run, '--format', 'torch', '--out', checkpoint);
  deitLt('export', run, '--format', 'onnx', '--out', onnx);
  mkdirSync(place('images'));
  const count = 64;
  const images = each.photographs
    ? (await writePhotographs(place('images'), { count, distinct: count })).paths.map((file) => readFileSync(file))
    : await Promise.all(Array.from({ length: count }, () => smallImage(each.imageSize)));
  return { case: each, run, checkpoint, onnx, images };
}

function deitLt(...args: readonly string[]): void {
  execFileSync(process.execPath, [bin, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

function smallImage(size: number): Promise<Buffer> {
  const noise = { type: 'gaussian', mean: 128, sigma: 50 } as const;
  return sharp({ create: { width: size, height: size, channels: 3, background: 'grey', noise } })
    .jpeg({ quality: 95 })
    .toBuffer();
}

export interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

/** Starts a server of the model; resolves when it answers. */
export type Start = (prepared: Prepared) => Promise<Server>;

/** `deit-lt serve` with these options. */
export const ours =
  (...more: readonly string[]): Start =>
  async ({ run }) => {
    const port = await freePort();
    const args = [bin, 'serve', run, '--port', String(port), ...more];
    return ready(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }), port);
  };

export interface PythonServer {
  readonly engine: 'torch' | 'onnxruntime';
  readonly batch?: number;
  readonly precision?: 'float32' | 'bfloat16';
  readonly processes?: number;
}

/** server.py in the Python `python`. */
export const theirs =
  (python: string, { engine, batch = 1, precision = 'float32', processes = 1 }: PythonServer): Start =>
  async ({ case: each, checkpoint, onnx }) => {
    const port = await freePort();
    const model = engine === 'torch' ? checkpoint : onnx;
    const config = { case: each, engine, model, threads, mean, std, port, batch, precision, processes };
    // Compiled modules beside the packages, not in this tree: importing PyTorch takes half a minute without them.
    const PYTHONPYCACHEPREFIX = path.join(path.dirname(python), '..', 'pycache');
    const env = {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: '',
      PYTHONPYCACHEPREFIX,
      SERVER_CONFIG: JSON.stringify(config),
    };
    return ready(spawn(python, [reference], { stdio: ['ignore', 'inherit', 'inherit'], env }), port);
  };

/** On a busy machine, importing PyTorch in two processes takes more than a minute. */
const startMs = 180_000;

async function ready(child: ChildProcess, port: number): Promise<Server> {
  const url = `http://127.0.0.1:${port}`;
  for (const since = performance.now(); ; ) {
    if (performance.now() - since > startMs) {
      child.kill('SIGKILL');
      throw new Error(`a server did not answer within ${startMs / 1000} s`);
    }
    if (child.exitCode !== null)
      throw new Error(`a server ended with code ${child.exitCode}; its message stands above`);
    const found = await fetch(`${url}/healthz`, { headers: { connection: 'close' } }).catch(() => undefined);
    if (found?.ok === true) return { url, child };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Stops a server as a person would, and waits until it ended. */
export async function ended({ child }: Server): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}

/** The value of a gauge or counter in `/metrics`, by the beginning of its line. */
export async function metric({ url }: Server, line: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
  const found = text.split('\n').find((each) => each.startsWith(line));
  return Number(found?.slice(found.lastIndexOf(' ')));
}
