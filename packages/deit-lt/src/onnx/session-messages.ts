/** The messages between `OnnxSession` and its thread. */
import type { MessagePort } from 'node:worker_threads';
import type { RuntimeValue } from './runtime.js';

/** Row by row. */
export interface Values {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export interface SessionStart {
  readonly file: string;
  readonly threads: number;
  /** 1 when an answer lies in the port. */
  readonly flag: Int32Array;
  readonly port: MessagePort;
}

export interface SessionTask {
  readonly feeds: Readonly<Record<string, Values>>;
  /** Names of outputs. */
  readonly wanted: readonly string[];
}

export type SessionAnswer =
  | { readonly inputs: readonly RuntimeValue[]; readonly outputs: readonly RuntimeValue[] }
  | { readonly results: Readonly<Record<string, Values>> }
  /** `no runtime`, or onnxruntime's own words. */
  | { readonly error: string };
