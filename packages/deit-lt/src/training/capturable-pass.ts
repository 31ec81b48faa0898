/** A forward and a backward pass as that which a card can capture, and the interface of what runs it. */
import type * as torch from '@deit-lt/torch';
import type { LossParts } from '../tasks/task.js';

/** A pass that can be captured. */
export interface CapturablePass {
  /** Changes with the kernels, as the shapes of `inputs` do. */
  readonly kernels: string;
  readonly inputs: readonly torch.Tensor[];
  /** Runs the pass kernel by kernel. */
  readonly eager: () => LossParts;
  /** Runs the pass on other tensors of the same shapes. */
  readonly pass: (inputs: readonly torch.Tensor[]) => LossParts;
}

/** Runs passes, captured or kernel by kernel. */
export interface PassRunner {
  /** Runs a pass that can be captured. */
  run(pass: CapturablePass): LossParts;
  /** Runs one that cannot. */
  refuse(eager: () => LossParts): LossParts;
}
