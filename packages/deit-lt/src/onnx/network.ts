/**
 * An ONNX image classifier as a function of tensors: which input it has, which outputs are logits, and batches that
 * fit.
 */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import type { RuntimeValue } from './runtime.js';
import { OnnxSession, type OnnxSessionOptions } from './session.js';
import type { Values } from './session-messages.js';

/** Logits of a batch, `[B, C]`; `cls` and `dist` only for students. */
export interface OnnxLogits {
  readonly avg: torch.Tensor;
  readonly cls?: torch.Tensor;
  readonly dist?: torch.Tensor;
}

export interface OnnxNetworkOptions extends OnnxSessionOptions {
  /** Side of the images, when the model takes any. */
  readonly imageSize: number;
}

/** `pixel_values float32 [batch, 3, 32, 32]` */
interface ImageInput {
  readonly name: string;
  /** Images at a time; null for any number. */
  readonly batch: number | null;
  readonly imageSize: number;
  /** Whether the model takes no other size. */
  readonly fixedSize: boolean;
}

interface LogitsOutputs {
  readonly avg: string;
  readonly cls?: string;
  readonly dist?: string;
}

export class OnnxNetwork implements Disposable {
  private constructor(
    readonly session: OnnxSession,
    readonly input: ImageInput,
    readonly outputs: LogitsOutputs,
    readonly numClasses: number,
    /** Whether the output has passed a softmax, of which the logarithm is taken. */
    readonly givesProbabilities: boolean,
  ) {}

  /**
   * Opens `file` and asks it once about a black image. Throws UserError CHECKPOINT for a model that onnxruntime
   * refuses, whose logits are not finite, whose input is not a batch of RGB images, or whose logits cannot be
   * distinguished from other outputs.
   */
  static async open(file: string, { imageSize, threads }: OnnxNetworkOptions): Promise<OnnxNetwork> {
    const session = await OnnxSession.open(file, { threads });
    try {
      const input = imageInput(session, imageSize);
      const answers = askOnce(session, input);
      const outputs = logitsOutputs(session, answers);
      const { data, dims } = answers.get(outputs.avg)!;
      if (!data.every(Number.isFinite))
        throw new UserError(
          'CHECKPOINT',
          `${file} returns NaN or infinity for a black image: its weights are damaged, or its training diverged. Export another checkpoint.`,
        );
      return new OnnxNetwork(session, input, outputs, dims[1]!, areProbabilities(data, dims[1]!));
    } catch (error) {
      session[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Returns the logits of normalised images `[B, 3, S, S]`, on the images' device. The model receives as many images at
   * a time as it accepts.
   */
  logits(images: torch.Tensor): OnnxLogits {
    const { batch } = this.input;
    const parts = inBatches(images, batch).map((part) => this.#ask(part));
    const joined = (name: keyof LogitsOutputs): torch.Tensor =>
      torch
        .cat(
          parts.map((part) => part[name]!),
          0,
        )
        .narrow(0, 0, images.size(0))
        .to(images.device);
    const { cls, dist } = this.outputs;
    return { avg: joined('avg'), ...(cls && dist && { cls: joined('cls'), dist: joined('dist') }) };
  }

  #ask(images: torch.Tensor): OnnxLogits {
    const names = Object.entries(this.outputs) as [keyof LogitsOutputs, string][];
    const feeds = { [this.input.name]: { data: floatsOf(images), dims: images.shape } };
    const found = this.session.run(
      feeds,
      names.map(([, name]) => name),
    );
    const tensors = names.map(([key, name]) => [key, this.#tensorOf(found[name]!, images.size(0))]);
    return Object.fromEntries(tensors) as unknown as OnnxLogits;
  }

  #tensorOf({ data, dims }: Values, images: number): torch.Tensor {
    if (dims[0] !== images || dims[1] !== this.numClasses)
      throw new UserError(
        'CHECKPOINT',
        `${this.session.file} returned logits of shape [${dims.join(', ')}] for ${images} images, expected [${images}, ${this.numClasses}].`,
      );
    const values = torch.tensor(data, { shape: dims });
    return this.givesProbabilities ? values.clamp(smallest).log() : values;
  }

  [Symbol.dispose](): void {
    this.session[Symbol.dispose]();
  }
}

/** Keeps logarithms finite; below what float32 tells from 0 beside 1. */
const smallest = 1e-30;

function floatsOf(images: torch.Tensor): Float32Array {
  return images.float().cpu().contiguous().toTypedArray<'float32'>();
}

/** Parts of `batch` images, the last one filled up with black ones. */
function inBatches(images: torch.Tensor, batch: number | null): torch.Tensor[] {
  if (batch === null) return [images];
  const [count, ...shape] = images.shape as [number, ...number[]];
  const missing = (batch - (count % batch)) % batch;
  const filled =
    missing === 0 ? images : torch.cat([images, torch.zeros([missing, ...shape], { device: images.device })], 0);
  return filled.split(batch);
}

/** Throws UserError CHECKPOINT that lists the inputs. */
function imageInput({ file, inputs }: OnnxSession, imageSize: number): ImageInput {
  const [input] = inputs;
  const [batch, channels, height, width] = input?.shape ?? [];
  const fits =
    inputs.length === 1 &&
    input?.type === 'float32' &&
    input.shape?.length === 4 &&
    isOr(channels, 3) &&
    (typeof height === 'string' || typeof width === 'string' || height === width);
  if (!fits)
    throw new UserError(
      'CHECKPOINT',
      `${file} has the inputs ${list(inputs)}; expected one input float32 [batch, 3, S, S]: RGB images, channels first.`,
    );
  const side = [height, width].find((each) => typeof each === 'number');
  return {
    name: input.name,
    batch: typeof batch === 'number' ? batch : null,
    imageSize: typeof side === 'number' ? side : imageSize,
    fixedSize: side !== undefined,
  };
}

const isOr = (found: number | string | undefined, wanted: number): boolean =>
  typeof found === 'string' || found === wanted;

/** Returns all outputs that may be logits, for black images. */
function askOnce(session: OnnxSession, { name, batch, imageSize }: ImageInput): ReadonlyMap<string, Values> {
  const count = batch ?? 1;
  const dims = [count, 3, imageSize, imageSize];
  const feeds = { [name]: { data: new Float32Array(count * 3 * imageSize ** 2), dims } };
  // A shape of no sizes is one that is not known.
  const possible = session.outputs.filter(
    ({ type, shape = [] }) => type === 'float32' && [0, 2].includes(shape.length),
  );
  if (possible.length === 0) throw noLogits(session);
  const found = session.run(
    feeds,
    possible.map((output) => output.name),
  );
  return new Map(
    Object.entries(found).filter(
      ([
        ,
        {
          dims: [n, , more],
        },
      ]) => n === count && more === undefined,
    ),
  );
}

/** `logits`, or the only one. Throws UserError CHECKPOINT that lists the outputs. */
function logitsOutputs(session: OnnxSession, answers: ReadonlyMap<string, Values>): LogitsOutputs {
  const named = answers.has('logits') ? ['logits'] : [...answers.keys()];
  const [avg] = named;
  if (avg === undefined || named.length > 1) throw noLogits(session);
  const experts = ['logits_cls', 'logits_dist'].every((name) => answers.has(name));
  return { avg, ...(experts && { cls: 'logits_cls', dist: 'logits_dist' }) };
}

function noLogits({ file, outputs }: OnnxSession): UserError {
  return new UserError(
    'CHECKPOINT',
    `${file} has the outputs ${list(outputs)}; expected an output "logits", or just one that is float32 [batch, classes].`,
  );
}

/** `a float32 [batch, 10], b int64 [?]` */
function list(values: readonly RuntimeValue[]): string {
  const one = ({ name, type, shape }: RuntimeValue): string =>
    type === undefined
      ? `${name}, no tensor`
      : `${name} ${type} [${(shape ?? []).map((each) => each || '?').join(', ')}]`;
  return values.map(one).join('; ');
}

/** Returns whether each row could be a softmax's. */
function areProbabilities(data: Float32Array, classes: number): boolean {
  if (classes < 2) return false;
  for (let at = 0; at < data.length; at += classes) {
    const row = data.subarray(at, at + classes);
    if (row.some((value) => value < 0) || Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) > 1e-3) return false;
  }
  return true;
}
