/** One process of a group, for distributed.test.ts: joins by torchrun's variables, does what its argument names, prints JSON. */
import * as torch from '../../src/index.js';

const { distributed } = torch;
const [task = '', timeout = '60'] = process.argv.slice(2);

/** All collectives, as numbers. */
async function collectives(): Promise<unknown> {
  const rank = distributed.getRank();
  const worldSize = distributed.getWorldSize();
  const each = (make: (r: number) => torch.Tensor): torch.Tensor[] =>
    Array.from({ length: worldSize }, (_, r) => make(r));
  const sum = torch.full([2], rank + 1);
  distributed.allReduce(sum);
  const max = torch.full([2], rank, { dtype: 'int64' });
  distributed.allReduce(max, { op: 'max' });
  const weight = new torch.nn.Parameter(torch.full([2], rank + 10));
  distributed.broadcast(weight, { src: worldSize - 1 });
  const gathered = each(() => torch.zeros([1]));
  distributed.allGather(gathered, torch.full([1], rank));
  const exchanged = torch.zeros([2 * worldSize]);
  distributed.allToAllSingle(
    exchanged,
    torch
      .arange(2 * worldSize)
      .add(100 * rank)
      .float(),
  );
  const large = torch.ones([4_000_000]);
  const work = distributed.allReduce(large, { asyncOp: true });
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await work.wait();
  clearInterval(timer);
  distributed.barrier();
  return {
    sum: sum.toArray(),
    max: max.toArray(),
    weight: weight.toArray(),
    gathered: torch.cat(gathered).toArray(),
    exchanged: exchanged.toArray(),
    large: [large.min().toNumber(), large.max().toNumber(), work.isCompleted(), turns > 0],
    scattered: scattered(each, rank),
  };
}

/** Gloo of PyTorch 1 has no reduce_scatter: the message then. */
function scattered(each: (make: (r: number) => torch.Tensor) => torch.Tensor[], rank: number): unknown {
  const output = torch.zeros([1]);
  try {
    distributed.reduceScatter(
      output,
      each((r) => torch.full([1], r + 10 * rank)),
    );
  } catch (error) {
    return (error as Error).message;
  }
  return output.toArray();
}

/** Reduces until rank 1 leaves or hangs; the error of the others, and the seconds until it came. */
async function untilFailure(fail: () => Promise<void> | void): Promise<unknown> {
  const values = torch.ones([1000]);
  for (let i = 0; i < 5; i++) distributed.allReduce(values);
  if (distributed.getRank() === 1) await fail();
  const start = performance.now();
  try {
    distributed.allReduce(values);
    return 'no error';
  } catch (error) {
    const { code, message } = error as torch.TorchError;
    const seconds = (performance.now() - start) / 1000;
    return { code, message, seconds, roll: await distributed.rollCall('lost', { timeout: 2 }) };
  }
}

/**
 * The largest differences between synchronised batch norm, with batches of other sizes on each rank, and libtorch's own batch norm of
 * all images together: outputs, gradients of images, weight and bias, running statistics.
 */
function syncBatchNorm(): unknown {
  const [rank, worldSize] = [distributed.getRank(), distributed.getWorldSize()];
  torch.manualSeed(3);
  const draw = (): torch.Tensor => torch.randn([2 * worldSize + 1, 3, 4, 5], { dtype: 'float64' });
  const [images, factors] = [draw().mul(2).add(50), draw()]; // a mean far from 0
  const [from, count] = [rank === 0 ? 0 : 2 * rank + 1, rank === 0 ? 3 : 2];
  const passes = [images, images.narrow(0, from, count)].map((x, isShared) => {
    const norm = new torch.nn.BatchNorm2d(3, { dtype: 'float64' });
    if (isShared) torch.nn.convertSyncBatchNorm(norm);
    const input = x.clone().requiresGrad_();
    const output = norm.call(input);
    output
      .mul(isShared ? factors.narrow(0, from, count) : factors)
      .sum()
      .backward();
    return { norm, input, output };
  });
  const [whole, own] = passes as [(typeof passes)[0], (typeof passes)[0]];
  const parameters = [own.norm.weight!.grad!, own.norm.bias!.grad!];
  for (const gradient of parameters) distributed.allReduce(gradient);
  const pairs = {
    output: [whole.output.narrow(0, from, count), own.output],
    input: [whole.input.grad!.narrow(0, from, count), own.input.grad!],
    weight: [whole.norm.weight!.grad!, parameters[0]!],
    bias: [whole.norm.bias!.grad!, parameters[1]!],
    runningMean: [whole.norm.runningMean!, own.norm.runningMean!],
    runningVar: [whole.norm.runningVar!, own.norm.runningVar!],
  };
  const difference = ([a, b]: readonly torch.Tensor[]): number => a!.sub(b!).abs().max().toNumber();
  return {
    differences: Object.entries(pairs).map(([name, pair]) => [name, difference(pair)]),
    own: difference([own.output, new torch.nn.BatchNorm2d(3, { dtype: 'float64' }).call(own.input)]),
  };
}

/**
 * Gradients that are exchanged during the backward pass, beside a row that is there, with a parameter that has none: what is received
 * of the two buckets, and again with the gradients added.
 */
function duringBackward(): unknown {
  const rank = distributed.getRank();
  const parameters = [3, 2, 5].map((numel) => new torch.nn.Parameter(torch.zeros([numel])));
  const [first, , last] = parameters as [torch.nn.Parameter, torch.nn.Parameter, torch.nn.Parameter];
  const rows = torch.zeros([2, 14]);
  rows.select(0, 0).fill_(7);
  const places = [
    { offset: 6, count: 11, bucket: 1 },
    { offset: 9, count: 12, bucket: 1 },
    { offset: 0, count: 5, bucket: 0 },
  ];
  const buckets = [
    { offset: 0, length: 6 },
    { offset: 6, length: 8 },
  ];
  return [false, true].map((adds) => {
    const exchange = distributed.exchangeDuringBackward({ parameters, places, buckets, rows, row: 1, adds });
    first
      .sum()
      .mul(10 + rank)
      .add(
        last
          .mul(torch.arange(5))
          .sum()
          .mul(1 + rank),
      )
      .backward();
    for (const parameter of parameters) parameter.grad = null;
    return exchange.finish().map(({ received, work }) => {
      work.finish();
      return received.toArray();
    });
  });
}

/**
 * Three steps of a network whose processes begin with other weights and have other images, the second of two batches of which the first one is
 * not averaged; then the weights and running statistics. The same in Python is in distributed.test.ts.
 */
function dataParallel(): unknown {
  const rank = distributed.getRank();
  const { nn } = torch;
  const net = new nn.Sequential(new nn.Linear(4, 6), new nn.BatchNorm1d(6), new nn.ReLU(), new nn.Linear(6, 2));
  const wave = (numel: number, from: number) => torch.arange(numel, { dtype: 'float32' }).add(from).sin();
  torch.noGrad(() =>
    net.parameters().forEach((parameter, i) => {
      parameter.copy_(
        wave(parameter.numel(), i)
          .view(parameter.shape)
          .add(5 * rank),
      );
    }),
  );
  const model = new nn.parallel.DistributedDataParallel(net);
  const other = new nn.Linear(4, 2);
  const optimizer = new torch.optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
  const learn = (batch: number): void => {
    const loss = model
      .call(wave(32, 10 * batch + 100 * rank).view([8, 4]))
      .square()
      .mean();
    other
      .call(torch.ones([1, 4]))
      .sum()
      .backward(); // of another network: nothing is averaged
    loss.backward();
  };
  for (const step of [0, 1, 2]) {
    optimizer.zeroGrad();
    if (step === 1) model.noSync(() => learn(7));
    learn(step);
    optimizer.step();
  }
  const state = Object.fromEntries([...net.stateDict()].map(([name, values]) => [name, values.flatten().toArray()]));
  model.dispose();
  return state;
}

/** The error for modules of other sizes. */
function otherModules(): unknown {
  try {
    new torch.nn.parallel.DistributedDataParallel(new torch.nn.Linear(3, 2 + distributed.getRank()));
    return 'no error';
  } catch (error) {
    return (error as Error).message;
  }
}

const tasks: Record<string, () => Promise<unknown>> = {
  collectives,
  sum: async () => {
    const values = torch.full([3], distributed.getRank() + 1);
    distributed.allReduce(values);
    return values.toArray();
  },
  exits: () => untilFailure(() => process.exit(7)),
  'during backward': async () => duringBackward(),
  'data parallel': async () => dataParallel(),
  'other modules': async () => otherModules(),
  sync: async () => syncBatchNorm(),
  roll: () => distributed.rollCall(`rank ${distributed.getRank()}`),
  hangs: () => untilFailure(() => new Promise((resolve) => setTimeout(resolve, 60_000))),
};

await distributed.initProcessGroup({ timeout: Number(timeout) });
console.log(JSON.stringify(await tasks[task]?.()));
distributed.destroyProcessGroup();
