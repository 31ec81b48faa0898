/** The facts about a machine that a plan depends on. */
import os from 'node:os';
import * as torch from '@deit-lt/torch';
import { type Precision, placementOf } from '../recipe/device.js';
import type { Recipe } from '../recipe/schema.js';

export interface Machine {
  readonly device: 'cpu' | 'cuda';
  /** Processor cores that this process may use. */
  readonly cores: number;
  /** Threads that the networks compute on: as many as cores unless OMP_NUM_THREADS or the system says otherwise. */
  readonly threads: number;
  /** CUDA devices. This version trains on one of them. */
  readonly cards: number;
  readonly cardName: string | null;
  readonly memoryBytes: number;
  /** Memory of one card; null without one. */
  readonly cardMemoryBytes: number | null;
  readonly precision: Precision;
}

/** The rows of the table of rules: a processor, one card or a few, a machine with several cards. */
export type MachineKind = 'cpu' | 'card' | 'node';

/** From so many cards on, a machine is one for the published recipes. */
const cardsOfNode = 4;

/** Returns the row of the table of rules for `machine`. */
export function kindOf({ device, cards }: Pick<Machine, 'device' | 'cards'>): MachineKind {
  if (device === 'cpu') return 'cpu';
  return cards >= cardsOfNode ? 'node' : 'card';
}

/** Returns this machine as a recipe with these values would use it. Throws UserError RECIPE for a device that it does not have. */
export function thisMachine(recipe: Pick<Recipe, 'device' | 'precision'>): Machine {
  const { device, precision } = placementOf(recipe);
  const card = device === 'cpu' ? null : cardOf(device);
  return {
    device: device === 'cpu' ? 'cpu' : 'cuda',
    cores: os.availableParallelism(),
    threads: torch.getNumThreads(),
    cards: device === 'cpu' ? 0 : torch.cuda.deviceCount(),
    cardName: card?.name ?? null,
    memoryBytes: os.totalmem(),
    cardMemoryBytes: card?.totalBytes ?? null,
    precision,
  };
}

function cardOf(device: string): { readonly name: string; readonly totalBytes: number } | null {
  try {
    return torch.cuda.properties(device);
  } catch {
    return null; // a libtorch that does not describe its card still computes on it
  }
}
