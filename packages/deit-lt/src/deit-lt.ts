/** A trained model for programs and servers: loaded once, used for any number of images. */
import { answersOf } from './classifier/answers.js';
import { type OpenAnyOptions, openAnyClassifier } from './classifier/any-classifier.js';
import type { AnyClassifier } from './classifier/classifier.js';
import { Loader } from './data/loader.js';
import { SingleImage } from './data/single-image.js';
import { UserError } from './errors.js';
import type { Opinion } from './evaluation/ranking.js';

export interface ClassifyOptions {
  /** Number of ranked classes. Default 5. */
  readonly top?: number;
}

/**
 * `const model = await DeitLT.load('runs/cifar'); await model.classify('photo.jpg')`.
 *
 * Calls may run at once: images are decoded in threads, and each goes through the network in one piece, so that no call
 * sees another's tensors. The network itself works on the thread that calls.
 */
export class DeitLT implements Disposable {
  readonly #classifier: AnyClassifier;
  #disposed = false;

  private constructor(classifier: AnyClassifier) {
    this.#classifier = classifier;
  }

  /**
   * Loads a run folder, a checkpoint or an ONNX model, as `openAnyClassifier` does, with the adaptation beside it unless
   * `adaptation` is false. Throws UserError RUN_FOLDER, CHECKPOINT or ADAPTATION.
   */
  static async load(path: string, options: OpenAnyOptions = {}): Promise<DeitLT> {
    return new DeitLT(await openAnyClassifier(path, { adaptation: true, ...options }));
  }

  /** Class names in the order of the model's outputs. */
  get classNames(): readonly string[] {
    return this.#classifier.classNames;
  }

  /**
   * Classifies an image, given as the path of a file or as a file's bytes (JPEG, PNG, WebP, …). Rejects with UserError DATA_BAD_FILES for a file that is not an image, and with USAGE after `dispose()`.
   */
  async classify(image: string | Uint8Array, { top = 5 }: ClassifyOptions = {}): Promise<Opinion> {
    if (!Number.isInteger(top) || top < 1)
      throw new UserError('USAGE', `classify(): top is ${top}, expected 1 or more.`);
    const { pipeline, placement } = this.#classifier;
    await using source = await SingleImage.open(image, this.#classifier.background);
    const [ids, labels] = [new Int32Array(1), new Int32Array(1)];
    const loader = new Loader({ source, labels, pipeline, ids, batchSize: 1, device: placement.device });
    for await (const batch of loader) {
      using images = batch.images;
      if (this.#disposed) throw new UserError('USAGE', 'classify(): the model was disposed.');
      return answersOf(this.#classifier, images, top)[0]!;
    }
    throw new Error('internal: a loader without a batch');
  }

  /** Releases the weights; calls that have not reached the network are rejected. */
  dispose(): void {
    if (!this.#disposed) this.#classifier[Symbol.dispose]();
    this.#disposed = true;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
