/** A module with modules, parameters, buffers and lists in it, here and in Python. */
import * as torch from '../../src/index.js';

const { nn } = torch;

export class Block extends nn.Module {
  readonly norm1 = new nn.LayerNorm(8);
  readonly mlpHidden: torch.nn.Linear;
  readonly act = new nn.GELU();
  readonly mlpOut: torch.nn.Linear;
  readonly gamma: torch.nn.Parameter | null = null;

  constructor(hidden: number) {
    super();
    this.mlpHidden = new nn.Linear(8, hidden);
    this.mlpOut = new nn.Linear(hidden, 8, { bias: false });
  }

  forward(x: torch.Tensor): torch.Tensor {
    return x.add(this.mlpOut.call(this.act.call(this.mlpHidden.call(this.norm1.call(x)))));
  }
}

/** Own parameters stand among the children on purpose: the state dict has them first. */
export class Net extends nn.Module {
  readonly patchEmbed = new nn.Conv2d(3, 8, 4, { stride: 4 });
  readonly clsToken = new nn.Parameter(torch.zeros([1, 1, 8]));
  readonly blocks = new nn.ModuleList([new Block(16), new Block(12)]);
  readonly norm = new nn.BatchNorm1d(8);
  readonly head = new nn.Sequential(new nn.Dropout(0.1), new nn.Linear(8, 5));
  readonly posEmbed2d = new nn.Parameter(torch.randn([1, 5, 8]));
  readonly scale: torch.Tensor;
  readonly positions: torch.Tensor;

  constructor() {
    super();
    this.scale = this.registerBuffer('scale', torch.ones([]));
    this.positions = this.registerBuffer('positions', torch.arange(5), { persistent: false });
  }

  forward(images: torch.Tensor): torch.Tensor {
    const patches = this.patchEmbed.call(images).flatten(2).transpose(1, 2);
    let x = torch.cat([this.clsToken.expand(patches.size(0), -1, -1), patches], 1).add(this.posEmbed2d);
    for (const block of this.blocks) x = block.call(x);
    return this.head.call(this.norm.call(x.select(1, 0)).mul(this.scale));
  }
}

/** The same in Python. */
export const pythonNet = `
class Block(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.norm1 = nn.LayerNorm(8)
        self.mlp_hidden = nn.Linear(8, hidden)
        self.act = nn.GELU()
        self.mlp_out = nn.Linear(hidden, 8, bias=False)
        self.gamma = None
    def forward(self, x):
        return x + self.mlp_out(self.act(self.mlp_hidden(self.norm1(x))))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, 8, 4, stride=4)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.blocks = nn.ModuleList([Block(16), Block(12)])
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(8, 5))
        self.pos_embed2d = nn.Parameter(torch.randn(1, 5, 8))
        self.register_buffer('scale', torch.ones([]))
        self.register_buffer('positions', torch.arange(5), persistent=False)
    def forward(self, images):
        patches = self.patch_embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(patches.size(0), -1, -1), patches], 1) + self.pos_embed2d
        for block in self.blocks: x = block(x)
        return self.head(self.norm(x[:, 0]) * self.scale)
`;
