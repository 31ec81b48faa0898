/** The two networks of reference.py, as a user of @deit-lt/torch would write them. */
import * as torch from '@deit-lt/torch';

const { nn } = torch;
const F = nn.functional;

class Attention extends nn.Module {
  readonly qkv: InstanceType<typeof nn.Linear>;
  readonly proj: InstanceType<typeof nn.Linear>;

  constructor(
    dim: number,
    readonly heads: number,
  ) {
    super();
    this.qkv = new nn.Linear(dim, 3 * dim);
    this.proj = new nn.Linear(dim, dim);
  }

  override forward(x: torch.Tensor): torch.Tensor {
    const [b, n, c] = x.shape as [number, number, number];
    const [q, k, v] = this.qkv
      .call(x)
      .reshape(b, n, 3, this.heads, c / this.heads)
      .permute(2, 0, 3, 1, 4)
      .unbind(0) as [torch.Tensor, torch.Tensor, torch.Tensor];
    const mixed = F.scaledDotProductAttention(q, k, v); // (B, heads, N, headDim)
    return this.proj.call(mixed.transpose(1, 2).reshape(b, n, c));
  }
}

class Block extends nn.Module {
  readonly norm1: InstanceType<typeof nn.LayerNorm>;
  readonly attn: Attention;
  readonly norm2: InstanceType<typeof nn.LayerNorm>;
  readonly fc1: InstanceType<typeof nn.Linear>;
  readonly fc2: InstanceType<typeof nn.Linear>;

  constructor(dim: number, heads: number) {
    super();
    this.norm1 = new nn.LayerNorm(dim, { eps: 1e-6 });
    this.attn = new Attention(dim, heads);
    this.norm2 = new nn.LayerNorm(dim, { eps: 1e-6 });
    this.fc1 = new nn.Linear(dim, 4 * dim);
    this.fc2 = new nn.Linear(4 * dim, dim);
  }

  override forward(x: torch.Tensor): torch.Tensor {
    const mixed = x.add(this.attn.call(this.norm1.call(x)));
    return mixed.add(this.fc2.call(F.gelu(this.fc1.call(this.norm2.call(mixed)))));
  }
}

/** DeiT-Ti with patches of 4 on 32×32 images: 64 patches, a CLS and a DIST token. */
export class DeiT extends nn.Module<[torch.Tensor], torch.Tensor[]> {
  readonly patchEmbed = new nn.Conv2d(3, 192, 4, { stride: 4 });
  readonly tokens = new nn.Parameter(torch.zeros([1, 2, 192]));
  readonly posEmbed = new nn.Parameter(torch.zeros([1, 66, 192]));
  readonly blocks = new nn.ModuleList(Array.from({ length: 12 }, () => new Block(192, 3)));
  readonly norm = new nn.LayerNorm(192, { eps: 1e-6 });
  readonly head = new nn.Linear(192, 10);
  readonly headDist = new nn.Linear(192, 10);

  override forward(images: torch.Tensor): torch.Tensor[] {
    const patches = this.patchEmbed.call(images).flatten(2).transpose(1, 2); // (B, 64, 192)
    let x = torch.cat([this.tokens.expand(patches.size(0), -1, -1), patches], 1).add(this.posEmbed);
    for (const block of this.blocks) x = block.call(x);
    x = this.norm.call(x);
    return [this.head.call(x.select(1, 0)), this.headDist.call(x.select(1, 1))];
  }
}

/** CIFAR residual block with the parameter-free shortcut (option A). */
class BasicBlock extends nn.Module {
  readonly conv1: InstanceType<typeof nn.Conv2d>;
  readonly bn1: InstanceType<typeof nn.BatchNorm2d>;
  readonly conv2: InstanceType<typeof nn.Conv2d>;
  readonly bn2: InstanceType<typeof nn.BatchNorm2d>;
  readonly pad: number;

  constructor(
    cIn: number,
    cOut: number,
    readonly strideOfBlock: number,
  ) {
    super();
    this.conv1 = new nn.Conv2d(cIn, cOut, 3, { stride: strideOfBlock, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(cOut);
    this.conv2 = new nn.Conv2d(cOut, cOut, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(cOut);
    this.pad = (cOut - cIn) / 2;
  }

  override forward(x: torch.Tensor): torch.Tensor {
    const out = this.bn2.call(this.conv2.call(this.bn1.call(this.conv1.call(x)).relu()));
    const shortcut =
      this.strideOfBlock === 1 ? x : F.pad(x.index('...', '::2', '::2'), [0, 0, 0, 0, this.pad, this.pad]);
    return out.add(shortcut).relu();
  }
}

const stages = [
  [16, 16, 1],
  [16, 32, 2],
  [32, 64, 2],
] as const;

export class ResNet32 extends nn.Module<[torch.Tensor], torch.Tensor[]> {
  readonly conv1 = new nn.Conv2d(3, 16, 3, { padding: 1, bias: false });
  readonly bn1 = new nn.BatchNorm2d(16);
  readonly layers = new nn.Sequential(
    ...stages.flatMap(([cIn, cOut, stride]) =>
      Array.from({ length: 5 }, (_, i) => new BasicBlock(i === 0 ? cIn : cOut, cOut, i === 0 ? stride : 1)),
    ),
  );
  readonly linear = new nn.Linear(64, 10);

  override forward(images: torch.Tensor): torch.Tensor[] {
    const features = this.layers.call(this.bn1.call(this.conv1.call(images)).relu());
    return [this.linear.call(features.mean([2, 3]))];
  }
}
