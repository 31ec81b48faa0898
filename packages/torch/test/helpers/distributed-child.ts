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

const tasks: Record<string, () => Promise<unknown>> = {
  collectives,
  sum: async () => {
    const values = torch.full([3], distributed.getRank() + 1);
    distributed.allReduce(values);
    return values.toArray();
  },
  exits: () => untilFailure(() => process.exit(7)),
  roll: () => distributed.rollCall(`rank ${distributed.getRank()}`),
  hangs: () => untilFailure(() => new Promise((resolve) => setTimeout(resolve, 60_000))),
};

await distributed.initProcessGroup({ timeout: Number(timeout) });
console.log(JSON.stringify(await tasks[task]?.()));
distributed.destroyProcessGroup();
