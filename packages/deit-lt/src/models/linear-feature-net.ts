/** The kind of network that PaCo and GLMC train: one whose features before the linear classifier they can read. */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { type FeatureNet, isFeatureNet } from './model.js';

export type LinearFeatureNet = FeatureNet & { readonly classifier: torch.nn.Linear };

/**
 * `network`, if it is such a one. Throws `UserError` (RECIPE) that names the `loss`, for a transformer and for a cosine
 * classifier.
 */
export function requireLinearFeatureNet(network: torch.nn.AnyModule, loss: string): LinearFeatureNet {
  if (isFeatureNet(network) && network.classifier instanceof torch.nn.Linear) return network as LinearFeatureNet;
  throw new UserError(
    'RECIPE',
    `the loss "${loss}" needs a CNN with a linear classifier: set teacher.model.name=resnet32 and teacher.model.cosine=false.`,
  );
}
