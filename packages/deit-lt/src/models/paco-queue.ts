/**
 * The embeddings of earlier batches with their labels, the oldest replaced first: MoCo's queue (He et al., CVPR 2020,
 * arXiv 1911.05722) with labels, as PaCo has it.
 */
import * as torch from '@deit-lt/torch';

const { Module, functional: F } = torch.nn;

export interface EmbeddingQueueOptions {
  /** Number of embeddings. */
  size: number;
  /** Width of an embedding. */
  dim: number;
  /** The labels that it begins with are drawn from so many classes. */
  numClasses: number;
  device?: torch.Device | undefined;
}

/** A copy of the queue's content. */
export interface QueueContent {
  /** `[size, dim]`. */
  readonly embeddings: torch.Tensor;
  /** `[size]`, int64. */
  readonly labels: torch.Tensor;
}

/**
 * Begins with random directions of random classes. Buffers, all of them state that a checkpoint needs: `embeddings`
 * `[size, dim]` of length 1, `labels` `[size]` int64, `next` `[1]` int64, the place that is written next.
 */
export class EmbeddingQueue extends Module<never[], never> {
  readonly size: number;
  readonly embeddings: torch.Tensor;
  readonly labels: torch.Tensor;
  readonly next: torch.Tensor;

  constructor({ size, dim, numClasses, device }: EmbeddingQueueOptions) {
    super();
    this.size = size;
    const random = torch.tidy(() => F.normalize(torch.randn([size, dim]), { dim: 1 }).to(device ?? 'cpu'));
    this.embeddings = this.registerBuffer('embeddings', random);
    this.labels = this.registerBuffer('labels', torch.randint(numClasses, [size]).to(device ?? 'cpu'));
    this.next = this.registerBuffer('next', torch.zeros([1], { dtype: 'int64', ...(device && { device }) }));
  }

  /** Copies of what is in the queue now. */
  read(): QueueContent {
    return { embeddings: this.embeddings.clone(), labels: this.labels.clone() };
  }

  /**
   * Puts embeddings `[B, dim]` and labels `[B]` in the place of the oldest; of more than fit, the last ones. B need not
   * divide the size.
   */
  push(embeddings: torch.Tensor, labels: torch.Tensor): void {
    torch.tidy(() =>
      torch.noGrad(() => {
        const count = Math.min(embeddings.size(0), this.size);
        const from = embeddings.size(0) - count;
        const places = torch.arange(count, { device: this.next.device }).add(this.next).remainder(this.size);
        this.embeddings.indexCopy_(0, places, embeddings.narrow(0, from, count).to(this.embeddings.dtype));
        this.labels.indexCopy_(0, places, labels.narrow(0, from, count));
        this.next.add_(count).remainder_(this.size);
      }),
    );
  }

  forward(): never {
    throw new Error('internal: EmbeddingQueue computes nothing; read() and push() are what it does');
  }
}
