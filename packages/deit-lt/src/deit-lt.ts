/** A trained model for servers: loaded once, asked from anywhere. */
import * as torch from '@deit-lt/torch';
import { openAnyClassifier } from './classifier/any-classifier.js';
import type { AnyClassifier, OpenClassifierOptions } from './classifier/classifier.js';
import { logitScale } from './classifier/logit-scale.js';
import { Loader } from './data/loader.js';
import { SingleImage } from './data/single-image.js';
import { UserError } from './errors.js';
import { type Opinion, opinions } from './evaluation/ranking.js';

export interface ClassifyOptions {
  /** How many classes are ranked. Default 5. */
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

  /** A run folder or checkpoint, or an ONNX model, as `openAnyClassifier` takes it. Throws UserError RUN_FOLDER or CHECKPOINT. */
  static async load(path: string, options: OpenClassifierOptions = {}): Promise<DeitLT> {
    return new DeitLT(await openAnyClassifier(path, options));
  }

  /** In the order of the model's outputs. */
  get classNames(): readonly string[] {
    return this.#classifier.classNames;
  }

  /**
   * What is on an image: the path of a file, or a file's bytes (JPEG, PNG, WebP, …). Rejects with UserError DATA_BAD_FILES for what
   * is no image, and with USAGE after `dispose()`.
   */
  async classify(image: string | Uint8Array, { top = 5 }: ClassifyOptions = {}): Promise<Opinion> {
    if (!Number.isInteger(top) || top < 1)
      throw new UserError('USAGE', `classify(): top is ${top}, expected 1 or more.`);
    const { pipeline, placement, classNames } = this.#classifier;
    await using source = await SingleImage.open(image, this.#classifier.background);
    const [ids, labels] = [new Int32Array(1), new Int32Array(1)];
    const loader = new Loader({ source, labels, pipeline, ids, batchSize: 1, device: placement.device });
    for await (const batch of loader) {
      using images = batch.images;
      if (this.#disposed) throw new UserError('USAGE', 'classify(): the model was disposed.');
      return torch.tidy(
        () =>
          opinions(
            torch.noGrad(() => this.#classifier.logits(images)),
            top,
            classNames,
            logitScale(this.#classifier),
          )[0]!,
      );
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
