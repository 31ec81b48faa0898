/**
 * An ONNX model that is asked as a function is called. onnxruntime answers through promises, and a training step, whose
 * tensors are released by scope, cannot wait for one; so the model runs in a thread of its own, and the thread that
 * asks sleeps meanwhile.
 */
import { once } from 'node:events';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { UserError } from '../errors.js';
import { disableTelemetry, type RuntimeValue } from './runtime.js';
import type { SessionAnswer, SessionStart, SessionTask, Values } from './session-messages.js';

export interface OnnxSessionOptions {
  /** Threads of onnxruntime. */
  readonly threads: number;
}

export class OnnxSession implements Disposable {
  #isOpen = true;

  private constructor(
    readonly file: string,
    readonly inputs: readonly RuntimeValue[],
    readonly outputs: readonly RuntimeValue[],
    readonly port: MessagePort,
    readonly flag: Int32Array<SharedArrayBuffer>,
  ) {}

  /** Throws UserError CHECKPOINT when onnxruntime-node is missing or refuses the model. */
  static async open(file: string, { threads }: OnnxSessionOptions): Promise<OnnxSession> {
    disableTelemetry();
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const { port1, port2 } = new MessageChannel();
    const workerData: SessionStart = { file, threads, flag, port: port2 };
    const worker = new Worker(new URL('./session-worker.js', import.meta.url), { workerData, transferList: [port2] });
    const [answer] = (await Promise.race([once(port1, 'message'), once(worker, 'error')])) as [SessionAnswer | Error];
    worker.unref();
    port1.unref();
    if (answer instanceof Error) throw answer;
    if ('error' in answer) throw refused(file, answer.error);
    if (!('inputs' in answer)) throw new Error('internal: a session that answered before it was asked');
    return new OnnxSession(file, answer.inputs, answer.outputs, port1, flag);
  }

  /**
   * The outputs `wanted`. Blocks. Throws UserError CHECKPOINT when the model does not take what it is given, USAGE
   * after its end.
   */
  run(feeds: Readonly<Record<string, Values>>, wanted: readonly string[]): Readonly<Record<string, Values>> {
    // Nobody would ever answer.
    if (!this.#isOpen) throw new UserError('USAGE', `${this.file} was closed: open the model again.`);
    Atomics.store(this.flag, 0, 0);
    this.port.postMessage({ feeds, wanted } satisfies SessionTask);
    Atomics.wait(this.flag, 0, 0);
    const answer = receiveMessageOnPort(this.port)?.message as SessionAnswer | undefined;
    if (answer === undefined || 'inputs' in answer) throw new Error('internal: a session without an answer');
    if ('error' in answer) throw new UserError('CHECKPOINT', `${this.file} cannot be run: ${answer.error}`);
    return answer.results;
  }

  [Symbol.dispose](): void {
    this.#isOpen = false;
    this.port.close(); // the thread ends by itself then
  }
}

function refused(file: string, error: string): UserError {
  const message =
    error === 'no runtime'
      ? `${file} is an ONNX model, which needs the optional package onnxruntime-node. It is not installed: npm install onnxruntime-node.`
      : `${file} cannot be opened by onnxruntime: ${error}`;
  return new UserError('CHECKPOINT', message);
}
