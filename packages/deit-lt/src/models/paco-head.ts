/** The embedding head of PaCo: what is compared are directions that an MLP makes of a network's pooled features. */
import * as torch from '@deit-lt/torch';

const { BatchNorm1d, Linear, ReLU, Sequential, functional: F } = torch.nn;

export interface EmbeddingHeadOptions {
  /** Linear–BatchNorm–ReLU–Linear (PaCo), else Linear–ReLU–Linear–ReLU–Linear (GPaCo). Default true. */
  batchNorm?: boolean;
  device?: torch.Device | undefined;
}

/** Features `[B, features]` → directions of length 1, `[B, dim]`, float32. Modules are named by place, as published. */
export class EmbeddingHead extends Sequential {
  constructor(features: number, dim: number, { batchNorm = true, device }: EmbeddingHeadOptions = {}) {
    const linear = (out: number): torch.nn.Linear => new Linear(features, out, { ...(device && { device }) });
    const norm = () => new BatchNorm1d(features, { ...(device && { device }) });
    super(
      ...(batchNorm
        ? [linear(features), norm(), new ReLU(), linear(dim)]
        : [linear(features), new ReLU(), linear(features), new ReLU(), linear(dim)]),
    );
  }

  /** A last batch of a single image has no statistics of its own: it is normalised by the running ones. */
  override forward(features: torch.Tensor): torch.Tensor {
    const norm = [...this].find((module) => module instanceof BatchNorm1d);
    if (norm !== undefined) norm.training = this.training && features.size(0) > 1;
    return F.normalize(super.forward(features).float(), { dim: 1 });
  }
}
