/** `Embedding`, PyTorch's `nn.Embedding`. */
import { noGrad } from '../autograd/modes.js';
import { checkCounts, checkNames } from '../options.js';
import { tidy } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { embedding, paddingRow } from './functional/linear.js';
import { normal_ } from './init.js';
import { Module } from './module.js';
import type { Parameter } from './parameter.js';
import { emptyParameter, type PlacementOptions, placementNames } from './placement.js';
import { pythonFields } from './python-repr.js';

export interface EmbeddingOptions extends PlacementOptions {
  /** A row that starts as zeros and never learns; negative counts from the end. Default null: none. */
  paddingIdx?: number | null;
  /** Divides a row's gradient by how often the batch uses it. Default false. */
  scaleGradByFreq?: boolean;
}

const names = ['paddingIdx', 'scaleGradByFreq', ...placementNames] as const;

/**
 * Integers `[…]` → rows of a table, `[…, embeddingDim]`. Parameter: weight `[numEmbeddings, embeddingDim]`.
 * Throws `TorchError` for an index or a `paddingIdx` out of range.
 */
export class Embedding extends Module<[indices: Tensor]> {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly scaleGradByFreq: boolean;
  readonly weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    const { paddingIdx = null, scaleGradByFreq = false, ...placement } = checkNames('Embedding', options, names);
    super();
    checkCounts('Embedding', { numEmbeddings, embeddingDim });
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.paddingIdx = paddingIdx === null ? null : paddingRow(paddingIdx, numEmbeddings);
    this.scaleGradByFreq = scaleGradByFreq;
    this.weight = emptyParameter([numEmbeddings, embeddingDim], placement);
    this.resetParameters();
  }

  /** Initialises the table again from the standard normal distribution, as the constructor does. */
  resetParameters(): void {
    normal_(this.weight);
    const { paddingIdx } = this;
    if (paddingIdx !== null) tidy(() => noGrad(() => void this.weight.select(0, paddingIdx).zero_()));
  }

  forward(indices: Tensor): Tensor {
    const { paddingIdx, scaleGradByFreq } = this;
    return embedding(indices, this.weight, { paddingIdx, scaleGradByFreq });
  }

  override extraRepr(): string {
    const { paddingIdx, scaleGradByFreq } = this;
    const fields = {
      ...(paddingIdx === null ? {} : { padding_idx: paddingIdx }),
      ...(scaleGradByFreq ? { scale_grad_by_freq: true } : {}),
    };
    return [this.numEmbeddings, this.embeddingDim, pythonFields(fields)].filter((part) => part !== '').join(', ');
  }
}
