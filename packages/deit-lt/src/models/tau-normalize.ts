/**
 * τ-normalisation: frequent classes have weight vectors of larger L2 norm, and this removes a part of the difference
 * after training. B. Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR 2020,
 * arXiv 1910.09217.
 */
import * as torch from '@deit-lt/torch';

/** `w_c / ‖w_c‖^tau` of each row of `weight` `[C, D]`: unchanged for 0, of norm 1 for 1. */
export function tauNormalized(weight: torch.Tensor, tau: number): torch.Tensor {
  return torch.tidy(() => weight.div(weight.norm(2, 1, { keepdim: true }).pow(tau)));
}
