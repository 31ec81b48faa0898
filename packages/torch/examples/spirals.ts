import * as torch from '@deit-lt/torch';

const { GELU, Linear, Sequential, functional: F } = torch.nn;

/** Noisy points `[2n, 2]` on two arms that wind around each other, and the arm of each, 0 or 1. */
function spirals(n: number): { points: torch.Tensor; arms: torch.Tensor } {
  const angle = torch
    .rand(n)
    .sqrt()
    .mul(3 * Math.PI);
  const arm = torch.stack([angle.cos(), angle.sin()], 1).mul(angle.unsqueeze(1)).div(5);
  const points = torch.cat([arm, arm.neg()]);
  return { points: points.add(torch.randnLike(points), { alpha: 0.05 }), arms: torch.arange(2).repeatInterleave(n) };
}

torch.manualSeed(0);
const train = torch.tidy(() => spirals(500));
const test = torch.tidy(() => spirals(500));
const model = new Sequential(new Linear(2, 64), new GELU(), new Linear(64, 64), new GELU(), new Linear(64, 2));
const optimizer = new torch.optim.AdamW(model.parameters(), { lr: 0.01 });

for (let step = 1; step <= 200; step++) {
  torch.tidy(() => {
    const loss = F.crossEntropy(model.call(train.points), train.arms);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    if (step % 50 === 0) console.log(`step ${step}: loss ${loss.toNumber().toFixed(4)}`);
  });
}

const hits = torch.tidy(() => torch.noGrad(() => model.call(test.points).argmax(1).eq(test.arms).sum().toNumber()));
console.log(`accuracy on 1000 new points: ${((100 * hits) / 1000).toFixed(1)} %`);
