/**
 * The work of bench/engine in this project: `node subject.js CASE PRECISION STEPS` prints one JSON line.
 * PRECISION is fp32, bf16, or best: what the machine multiplies fastest, with channels_last for convolutions.
 */
import { performance } from 'node:perf_hooks';
import * as torch from '@deit-lt/torch';
import { DeiT, ResNet32 } from './models.js';

const F = torch.nn.functional;
const [testCase = 'vit', precision = 'fp32', count = '5'] = process.argv.slice(2);
const steps = Number(count);

interface Measured {
  times: number[];
  losses?: number[];
}

function train(): Measured {
  torch.manualSeed(0);
  const bf16 = precision === 'bf16' || (precision === 'best' && torch.bestPrecision('cpu') === 'bfloat16');
  const model = testCase === 'vit' ? new DeiT() : new ResNet32();
  const optimizer =
    testCase === 'vit'
      ? new torch.optim.AdamW(model.parameters(), { lr: 1e-3 })
      : new torch.optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 2e-4 });
  let x = torch.randn([128, 3, 32, 32]);
  const y = torch.randint(0, 10, [128]);
  if (precision === 'best' && testCase === 'resnet') x = x.contiguous({ memoryFormat: 'channels_last' });

  const step = (): number =>
    torch.tidy(() => {
      const outputs = torch.autocast('cpu', { dtype: 'bfloat16', enabled: bf16 }, () => model.call(x));
      const losses = outputs.map((output) => F.crossEntropy(output.float(), y));
      const loss = losses.reduce((sum, next) => sum.add(next)).div(losses.length);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.toNumber();
    });

  const losses: number[] = [];
  const times: number[] = [];
  for (let i = 0; i < steps + 2; i++) {
    const start = performance.now();
    losses.push(step());
    times.push((performance.now() - start) / 1e3);
  }
  return { times: times.slice(2), losses };
}

/** One small operator with the release of its result: in a scope as layers do it, by hand, or by the collector. */
function operator(): Measured {
  const a = torch.randn([2, 3]);
  const b = torch.randn([2, 3]);
  const loops: Record<string, () => void> = {
    scope: () => {
      for (let i = 0; i < 5_000; i++)
        torch.tidy(() => {
          for (let j = 0; j < 20; j++) a.add(b);
        });
    },
    dispose: () => {
      for (let i = 0; i < 100_000; i++) a.add(b).dispose();
    },
    collector: () => {
      for (let i = 0; i < 100_000; i++) a.add(b);
    },
  };
  const loop = loops[precision] as () => void;
  const times: number[] = [];
  for (let i = 0; i < steps + 2; i++) {
    const start = performance.now();
    loop();
    times.push((performance.now() - start) / 1e3 / 100_000);
  }
  return { times: times.slice(2) };
}

torch.setNumThreads(Number(process.env.BENCH_THREADS ?? 2));
const measured = testCase === 'operator' ? operator() : train();
console.log(JSON.stringify({ ...measured, peakBytes: process.resourceUsage().maxRSS * 1024 }));
