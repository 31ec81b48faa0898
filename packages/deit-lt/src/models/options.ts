/** Options that several networks have, with their limits. None has a default here: each network has its own. */
import { z } from 'zod';
import { channels, count, most, positive, probability, side } from '../option-limits.js';

/** Options of transformers of any size. */
export const sizes = {
  patchSize: side.optional().describe('side of a patch in pixels'),
  embedDim: channels.optional().describe('width of a token'),
  depth: count.max(most.depth).optional().describe('number of blocks'),
  numHeads: count.max(most.depth).optional().describe('heads of attention'),
  mlpRatio: positive.max(most.depth).optional().describe("width of an MLP's middle layer over embedDim"),
};

export const dropPathRate = probability.optional().describe('drop path of the last block; linear over depth');

/** Options of all transformers, besides their size. */
export const rates = {
  patchEmbed: z
    .enum(['linear', 'conv', 'airbench'])
    .optional()
    .describe(
      'transformers: how images become tokens; linear: one product per patch; conv: 3 × 3 convolutions; airbench: those of airbench94',
    ),
  stemChannels: z
    .array(channels)
    .min(1)
    .max(most.depth)
    .nullable()
    .optional()
    .describe(
      'patchEmbed conv: channels of each convolution; null: embedDim for the last, half as many for each before it; airbench: channels of each group; null: half of embedDim, then twice embedDim',
    ),
  dropRate: probability.optional().describe('dropout of tokens and of both branches of a block'),
  attnDropRate: probability.optional().describe('dropout of attention weights'),
  dropPathRate,
  constantDropPath: z
    .boolean()
    .optional()
    .describe('transformers: every block has dropPathRate; by default DeiT-III alone'),
  initValues: z
    .number()
    .positive()
    .nullable()
    .optional()
    .describe('transformers: what the factors of LayerScale begin at; null: none'),
};

export const width = channels.optional().describe('ResNets for small images: channels of the first stage');
export const cosine = z.boolean().optional().describe('ResNet: classifier with normalised features and weights');
