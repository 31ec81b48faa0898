/** Random numbers: seeds, generators and their whole states, with PyTorch's streams. */
import { native } from './binding/addon.js';
import { GeneratorBase } from './binding/generator.js';
import type { Device } from './devices.js';
import { describeValue, TorchError } from './errors.js';
import { handleOf, TensorBase, wrapTensor } from './tensor/base.js';
import { describeTensor, dtypeOf } from './tensor/describe.js';
import type { Tensor } from './tensor/tensor.js';

function seedBits(seed: number | bigint): bigint {
  if (typeof seed === 'bigint' || Number.isSafeInteger(seed)) {
    const bits = BigInt.asUintN(64, BigInt(seed));
    if (bits === BigInt(seed) || BigInt.asIntN(64, bits) === BigInt(seed)) return bits; // negative ones as PyTorch reads them
  }
  throw new TorchError('ARGUMENT', `a seed must be an integer of at most 64 bits, got ${describeValue(seed)}`);
}

/** A stream of random numbers that operators take as `generator`. */
export class Generator extends GeneratorBase {
  /** A new generator on `device`, seeded with PyTorch's default seed until `manualSeed`. */
  constructor(device: Device = 'cpu') {
    super(native().newGenerator(device), device);
  }

  /** Restarts the stream from a seed. Returns itself. */
  manualSeed(seed: number | bigint): this {
    native().seedGenerator(this.index, seedBits(seed));
    return this;
  }

  /** The seed that the stream started from. */
  initialSeed(): bigint {
    return native().initialSeed(this.index);
  }

  /** The whole state as a uint8 tensor on the CPU; `setState` continues from it exactly. */
  getState(): Tensor {
    return wrapTensor(native().generatorState(this.index), 'Generator.getState()') as Tensor;
  }

  /** Continues from a state that `getState` gave. Throws `TorchError` when it is none. */
  setState(state: Tensor): this {
    restore(this.index, state, 'Generator.setState');
    return this;
  }
}

function restore(index: number, state: Tensor, where: string): void {
  if (!(state instanceof TensorBase))
    throw new TorchError('ARGUMENT', `${where}: a generator state is a uint8 tensor, got ${describeValue(state)}`);
  if (dtypeOf(state) !== 'uint8')
    throw new TorchError('ARGUMENT', `${where}: a generator state is a uint8 tensor, got ${describeTensor(state)}`);
  try {
    native().setGeneratorState(index, handleOf(state));
  } catch (error) {
    const { message } = (error as TorchError).cause as Error;
    throw new TorchError('ARGUMENT', `${where}: ${message}`, { cause: error });
  }
}

const own = new Map<Device, number>();

function deviceGenerator(device: Device): number {
  let index = own.get(device);
  if (index === undefined) {
    index = native().defaultGenerator(device);
    own.set(device, index);
  }
  return index;
}

/** Seeds the CPU's generator and those of all CUDA devices, as `torch.manual_seed`. */
export function manualSeed(seed: number | bigint): void {
  native().manualSeed(seedBits(seed));
}

/** The seed that a device's generator started from. */
export function initialSeed(device: Device = 'cpu'): bigint {
  return native().initialSeed(deviceGenerator(device));
}

/** The whole state of a device's generator, a uint8 tensor on the CPU. */
export function getRngState(device: Device = 'cpu'): Tensor {
  return wrapTensor(native().generatorState(deviceGenerator(device)), 'torch.getRngState()') as Tensor;
}

/** Puts a device's generator into a state that `getRngState` gave. Throws `TorchError` when it is none. */
export function setRngState(state: Tensor, device: Device = 'cpu'): void {
  restore(deviceGenerator(device), state, 'setRngState');
}
