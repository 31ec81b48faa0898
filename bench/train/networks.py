"""The two networks of bench/train in PyTorch, as timm and the published long-tail code build them: same parameter names."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Attention(nn.Module):
    fused = False
    """Whether PyTorch's own operator is used."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c))
        weights = (q @ k.transpose(-2, -1) * self.scale).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, n, c))


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim, 4 * dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, patch, dim):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class ConvNorm(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class ConvPatchEmbed(nn.Module):
    """Convolutions of 3 x 3, the last ones with stride 2, in place of one product."""

    def __init__(self, patch, channels, dim):
        super().__init__()
        halvings = patch.bit_length() - 1
        strides = [2 if len(channels) - i <= halvings else 1 for i in range(len(channels))]
        self.backbone = nn.Sequential(*[ConvNorm(*each) for each in zip([3, *channels], channels, strides)])
        self.proj = nn.Conv2d(channels[-1], dim, 1)

    def forward(self, x):
        return self.proj(self.backbone(x)).flatten(2).transpose(1, 2)


class DistilledViT(nn.Module):
    """Logits of the CLS and of the DIST head."""

    def __init__(self, image, patch, dim, depth, heads, classes, stem=None):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 2 + (image // patch) ** 2, dim))
        self.patch_embed = PatchEmbed(patch, dim) if stem is None else ConvPatchEmbed(patch, stem, dim)
        self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, classes)
        self.head_dist = nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patch_embed(x)
        tokens = [self.cls_token.expand(len(x), -1, -1), self.dist_token.expand(len(x), -1, -1)]
        x = self.norm(self.blocks(torch.cat([*tokens, x], dim=1) + self.pos_embed))
        return self.head(x[:, 0]), self.head_dist(x[:, 1])


class BasicBlock(nn.Module):
    """With the shortcut without parameters (option A)."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.stride, self.pad = stride, (c_out - c_in) // 2

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride != 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(out + x)


class CosineLinear(nn.Module):
    def __init__(self, dim, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(dim, classes).uniform_(-1, 1))

    def forward(self, x):
        return F.normalize(x, dim=1).mm(F.normalize(self.weight, dim=0))


class ResNet32(nn.Module):
    def __init__(self, classes, cosine=True):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, 1)
        self.layer2 = self._stage(16, 32, 2)
        self.layer3 = self._stage(32, 64, 2)
        self.linear = CosineLinear(64, classes) if cosine else nn.Linear(64, classes)

    def _stage(self, c_in, c_out, stride):
        return nn.Sequential(BasicBlock(c_in, c_out, stride), *[BasicBlock(c_out, c_out, 1) for _ in range(4)])

    def features(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return F.avg_pool2d(x, x.shape[3]).flatten(1)

    def forward(self, x):
        return self.linear(self.features(x))
