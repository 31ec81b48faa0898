/**
 * A linear layer with low-rank adaptation (LoRA: E. J. Hu et al., ICLR 2022): it stays as it is, and the product of two narrow
 * matrices, which are trained, is added to its weight: `y = x Wᵀ + b + (x Aᵀ) Bᵀ`. The scale is 1, which is α = rank.
 */
import * as torch from '@deit-lt/torch';

const { functional: F, init, Linear, Parameter } = torch.nn;

/**
 * The layer `base`, frozen, with the matrices A `[rank, in]`, drawn as peft draws it, and B `[out, rank]`, which is zero, so that
 * the layer begins unchanged.
 */
export class LoraLinear extends Linear {
  readonly loraA: torch.nn.Parameter;
  readonly loraB: torch.nn.Parameter;

  constructor(base: torch.nn.Linear, rank: number) {
    super(base.inFeatures, base.outFeatures, { bias: base.bias !== null, device: 'meta' });
    for (const empty of [this.weight, this.bias]) empty?.dispose();
    const { weight, bias } = base;
    Object.assign(this, { weight, bias });
    for (const parameter of [weight, bias]) parameter?.requiresGrad_(false);
    const { device } = weight;
    this.loraA = torch.tidy(() => new Parameter(torch.empty([rank, base.inFeatures], { device })));
    this.loraB = torch.tidy(() => new Parameter(torch.zeros([base.outFeatures, rank], { device })));
    init.kaimingUniform_(this.loraA, { a: Math.sqrt(5) });
  }

  override forward(input: torch.Tensor): torch.Tensor {
    return F.linear(input, this.weight, this.bias).add(F.linear(F.linear(input, this.loraA), this.loraB));
  }
}

/** Returns the layer as several, which give so many of its outputs each. */
export function outputParts(
  layer: torch.nn.Linear,
  sizes: readonly number[],
): ((input: torch.Tensor) => torch.Tensor)[] {
  const parts = (matrix: torch.Tensor): torch.Tensor[] => matrix.splitWithSizes([...sizes]);
  const biases = layer.bias === null ? [] : parts(layer.bias);
  const ups = layer instanceof LoraLinear ? parts(layer.loraB) : [];
  return parts(layer.weight).map((weight, i) => (input) => {
    const output = F.linear(input, weight, biases[i] ?? null);
    if (!(layer instanceof LoraLinear)) return output;
    return output.add(F.linear(F.linear(input, layer.loraA), ups[i]!));
  });
}
