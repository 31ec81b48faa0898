/** Trains a small network as a user would, without scope or dispose, and prints resident memory on the way. */
import * as torch from '../../src/index.js';

const { nn } = torch;
const F = nn.functional;

class ConvNet extends nn.Module {
  readonly conv1 = new nn.Conv2d(3, 8, 3, { padding: 1 });
  readonly bn1 = new nn.BatchNorm2d(8);
  readonly conv2 = new nn.Conv2d(8, 16, 3, { stride: 2, padding: 1 });
  readonly fc = new nn.Linear(16, 10);

  override forward(x: torch.Tensor): torch.Tensor {
    const features = this.conv2.call(F.relu(this.bn1.call(this.conv1.call(x)))).relu();
    return this.fc.call(features.mean([2, 3]));
  }
}

class Block extends nn.Module {
  readonly norm1 = new nn.LayerNorm(32);
  readonly qkv = new nn.Linear(32, 96);
  readonly proj = new nn.Linear(32, 32);
  readonly dropPath = new nn.DropPath(0.1);
  readonly norm2 = new nn.LayerNorm(32);
  readonly mlp = new nn.Sequential(new nn.Linear(32, 64), new nn.GELU(), new nn.Dropout(0.1), new nn.Linear(64, 32));

  override forward(x: torch.Tensor): torch.Tensor {
    const [b, n] = x.shape as [number, number];
    const [q, k, v] = this.qkv.call(this.norm1.call(x)).reshape(b, n, 3, 2, 16).permute(2, 0, 3, 1, 4).unbind(0) as [
      torch.Tensor,
      torch.Tensor,
      torch.Tensor,
    ];
    const mixed = F.scaledDotProductAttention(q, k, v).transpose(1, 2).reshape(b, n, 32);
    const y = x.add(this.dropPath.call(this.proj.call(mixed)));
    return y.add(this.dropPath.call(this.mlp.call(this.norm2.call(y))));
  }
}

class SmallViT extends nn.Module {
  readonly patchEmbed = new nn.Conv2d(3, 32, 4, { stride: 4 });
  readonly clsToken = new nn.Parameter(torch.zeros([1, 1, 32]));
  readonly blocks = new nn.Sequential(new Block(), new Block());
  readonly head = new nn.Linear(32, 10);

  override forward(x: torch.Tensor): torch.Tensor {
    const patches = this.patchEmbed.call(x).flatten(2).transpose(1, 2);
    const tokens = torch.cat([this.clsToken.expand(patches.size(0), -1, -1), patches], 1);
    return this.head.call(this.blocks.call(tokens).select(1, 0));
  }
}

const [kind = 'conv', count = '2000'] = process.argv.slice(2);
torch.setNumThreads(1);
torch.manualSeed(0);
const model = kind === 'conv' ? new ConvNet() : new SmallViT();
const optimizer =
  kind === 'conv'
    ? new torch.optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 })
    : new torch.optim.AdamW(model.parameters(), { lr: 1e-3 });
const steps = Number(count);
const resident: Record<string, number> = {};

for (let step = 1; step <= steps; step++) {
  const x = torch.randn([16, 3, 16, 16]);
  const y = torch.randint(0, 10, [16]);
  const loss = F.crossEntropy(model.call(x), y);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  if (step === 200 || step === steps || step % 500 === 0) {
    globalThis.gc?.();
    resident[step] = process.memoryUsage.rss();
  }
}
console.log(JSON.stringify(resident));
