/**
 * Muon for the matrices and filters of a network, and AdamW or SGD for the rest (biases, norms, tokens, the classifier), each
 * with its own rate. Its author trains transformers with AdamW beside it, and CNNs with SGD.
 */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { count, positive, probability } from '../option-limits.js';
import { type CommonOptimizerOptions, type Learning, optimizerEntry } from './optimizer-entry.js';

const options = z.object({
  momentum: probability.lt(1).optional().describe('SGD and Muon only'),
  nesterov: z.boolean().optional().describe('SGD and Muon only'),
  nsSteps: count.max(99).optional().describe('Muon only: iterations that make an update orthogonal; default 5'),
  unitRows: z
    .boolean()
    .optional()
    .describe('Muon only: scales filters to a fixed norm before each update; for filters before a batch norm'),
  rest: z
    .enum(['adamw', 'sgd'])
    .optional()
    .describe('Muon only: what trains biases, norms, tokens and the classifier; default adamw'),
  classifierRatio: positive.optional().describe('Muon only: learning rate of the classifier over lr; default 1'),
  vectorRatio: positive.optional().describe('Muon only: learning rate of biases, norms and tokens over lr; default 1'),
});

/** Layers that give logits, in the networks here: their update is not made orthogonal. */
const classifiers = /(^|\.)(head|head_dist|fc|linear)\.weight$/;

/** The rule of a parameter's group. */
type Kind = 'filters' | 'classifier' | 'vectors';

function kindOf(name: string, parameter: torch.nn.Parameter): Kind {
  if (parameter.ndim !== 2 && parameter.ndim !== 4) return 'vectors';
  return classifiers.test(name) ? 'classifier' : 'filters';
}

/** Returns the groups of parameters with their options, without those that are empty. Only filters are decayed. */
function muonGroups(learning: Learning, given: z.output<typeof options> & CommonOptimizerOptions) {
  const { weightDecay, unitRows = false, rest = 'adamw', classifierRatio = 1, vectorRatio = 1 } = given;
  const of = (kind: Kind) =>
    learning
      .namedParameters()
      .filter(([name, parameter]) => kindOf(name, parameter) === kind)
      .map(([, parameter]) => parameter);
  const plain = { rule: rest, weightDecay: 0 };
  const groups = [
    { name: 'filters', params: of('filters'), weightDecay, unitRows },
    { name: 'classifier', params: of('classifier'), ...plain, lrRatio: classifierRatio },
    { name: 'vectors', params: of('vectors'), ...plain, lrRatio: vectorRatio },
  ];
  return groups.filter(({ params }) => params.length > 0);
}

export const muonEntry = optimizerEntry({
  name: 'muon',
  options,
  create: (learning, given) => {
    const { lr, momentum = 0.95, nesterov = true, nsSteps = 5 } = given;
    return new torch.optim.Muon(muonGroups(learning, given), { lr, momentum, nesterov, nsSteps });
  },
  unusualRate: 1,
});
