/** Loads the model that lies beside the page, and runs it by onnxruntime's WASM, which lies there too. */
import type { PageModel } from 'deit-lt/browser';
import glue from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';

/** One image's outputs: logits of all classes, and attention `[depth, heads, tokens, tokens]`. */
export interface Outputs {
  readonly logits: Float32Array;
  readonly cls?: Float32Array;
  readonly dist?: Float32Array;
  readonly attentions?: Float32Array;
}

export interface Model {
  readonly about: PageModel;
  /** `numbers` is `[3, S, S]`, normalised. Not for several images at once. */
  run(numbers: Float32Array): Promise<Outputs>;
}

/** `from` is the page's address; `onProgress` gets bytes. Throws an error with a sentence for the reader. */
export async function loadModel(from: string, onProgress: (loaded: number, total: number) => void): Promise<Model> {
  const about = (await (await fetchBeside(from, 'model.json')).json()) as PageModel;
  const bytes = await readAll(await fetchBeside(from, 'model.onnx'), about.size, onProgress);
  env.wasm.wasmPaths = { mjs: absolute(glue), wasm: absolute(wasm) };
  env.logLevel = 'error';
  const session = await InferenceSession.create(bytes, { executionProviders: ['wasm'], logSeverityLevel: 3 }).catch(
    (error: unknown) => {
      throw new Error(`This browser cannot run the model: ${error instanceof Error ? error.message : error}`);
    },
  );
  return { about, run: (numbers) => runSession(session, about, numbers) };
}

/** Threads of the runtime load the same file again. */
const absolute = (address: string): string => new URL(address, import.meta.url).href;

async function fetchBeside(from: string, name: string): Promise<Response> {
  const response = await fetch(new URL(name, from)).catch(() => undefined);
  if (response === undefined)
    throw new Error(
      `The model could not be loaded: the server of this page does not answer for ${name}. Is it still running?`,
    );
  if (!response.ok)
    throw new Error(
      `The model could not be loaded: the server answered ${response.status} for ${name}, which belongs beside this page.`,
    );
  return response;
}

async function readAll(
  response: Response,
  total: number,
  onProgress: (loaded: number, total: number) => void,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(total);
  const reader = response.body!.getReader();
  let loaded = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (loaded + part.value.length > total) throw sizeError(total);
    bytes.set(part.value, loaded);
    loaded += part.value.length;
    onProgress(loaded, total);
  }
  if (loaded < total) throw sizeError(total);
  return bytes;
}

const sizeError = (total: number): Error =>
  new Error(`The model could not be loaded: model.onnx is not the one of ${total} bytes that model.json tells of.`);

async function runSession(session: InferenceSession, { input }: PageModel, numbers: Float32Array): Promise<Outputs> {
  const found = await session.run({ pixel_values: new Tensor('float32', numbers, [1, 3, input.size, input.size]) });
  const values = (name: string): Float32Array | undefined => found[name]?.data as Float32Array | undefined;
  const [cls, dist, attentions] = ['logits_cls', 'logits_dist', 'attentions'].map(values);
  return {
    logits: values('logits')!,
    ...(cls && { cls }),
    ...(dist && { dist }),
    ...(attentions && { attentions }),
  };
}
