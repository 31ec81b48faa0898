// A loss of one's own: Poly-1 cross-entropy, `−log p + epsilon·(1 − p)` of the true class's probability p.
// Z. Leng et al., "PolyLoss: a polynomial expansion perspective of classification loss functions", ICLR 2022, arXiv 2204.12511.
import { registerLoss, torch, z } from 'deit-lt';

registerLoss({
  name: 'poly1',
  // The recipe's options: `--set teacher.loss=poly1 teacher.loss.epsilon=2`. Each has a default and says what it is.
  options: z.object({
    epsilon: z.number().min(-1).default(1).describe('weight of 1 − p beside cross-entropy'),
  }),
  // It takes the labels that Mixup and CutMix mix, so a student's CLS can learn by it too.
  mixedLabels: true,
  // `counts` has the training images of each class; `weights` a factor for each class, or null.
  create(_counts, { epsilon, weights }) {
    // Logits [B, C] and labels [B] or soft targets [B, C] → the mean loss [].
    return (logits, targets) => {
      const logP = torch.nn.functional.logSoftmax(logits.float(), 1); // (B, C)
      const soft = targets.dtype === 'int64' ? torch.nn.functional.oneHot(targets, logP.size(1)) : targets;
      const wanted = soft.to(logP.dtype);
      const weighted = weights === null ? wanted : wanted.mul(torch.tensor(weights, { device: logP.device }));
      const perClass = logP.neg().add(logP.exp().neg().add(1).mul(epsilon)); // (B, C)
      return weighted.mul(perClass).sum(1).mean();
    };
  },
});
