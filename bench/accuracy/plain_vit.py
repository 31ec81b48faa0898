"""Trains a small ViT with a stem of convolutions on a long-tailed folder of images, in plain PyTorch: balanced softmax, no teacher.

What a user would write in place of the recipe cifar10-lt-cpu-strong: a transformer of the same width and depth on a plainer stem (four 3 x 3
convolutions, as CCT has), the same images and batch size, for as many seconds as teacher and student of the recipe take together. AdamW or PyTorch's Muon.

  python3 bench/accuracy/plain_vit.py DATA --seconds 2700 [--optimizer muon] [--seed 0]

DATA has train/CLASS/*.jpg and test/CLASS/*.jpg in equal numbers; the training set is made long-tailed as in published code: the first
n_max · 100^(-c/(C-1)) images of a shuffled class c. Prints accuracy overall and by group of classes (first 3, next 4, last 3).
"""

import argparse
import math
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


def read(folder, imbalance=None):
    images, labels, counts = [], [], []
    folders = sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir())
    np.random.seed(0)
    for c, folder_of_class in enumerate(folders):
        files = sorted(folder_of_class.iterdir())
        if imbalance is not None:
            order = np.arange(len(files))
            np.random.shuffle(order)
            kept = int(len(files) * (1 / imbalance) ** (c / (len(folders) - 1)))
            files = [files[i] for i in order[:kept]]
        images += [np.asarray(Image.open(file).convert("RGB")) for file in files]
        labels += [c] * len(files)
        counts.append(len(files))
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div_(255)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return pixels.sub_(mean).div_(std), torch.tensor(labels), torch.tensor(counts)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class PlainViT(nn.Module):
    """Stem of 3 x 3 convolutions to 16 tokens of a 32 x 32 image, CLS token, transformer."""

    def __init__(self, classes, dim=128, depth=6, heads=2, channels=(32, 64, 96, 128)):
        super().__init__()
        layers, before = [], 3
        for i, after in enumerate(channels):
            stride = 2 if len(channels) - i <= 3 else 1
            layers += [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            before = after
        self.stem = nn.Sequential(*layers, nn.Conv2d(before, dim, 1))
        self.cls, self.pos = nn.Parameter(torch.randn(1, 1, dim) * 0.02), nn.Parameter(torch.randn(1, 17, dim) * 0.02)
        self.blocks, self.norm = nn.Sequential(*(Block(dim, heads) for _ in range(depth))), nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, classes)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
        return self.head(self.norm(self.blocks(x))[:, 0])


def augmented(images):
    """Random crop of 40 to 100 % of the area, resized to the whole, and flip, for each image of the batch."""
    b, size = len(images), images.shape[2]
    side = torch.empty(b).uniform_(0.4, 1).sqrt()
    ratio = torch.empty(b).uniform_(math.log(3 / 4), math.log(4 / 3)).mul(0.5).exp()
    w, h = (side * ratio).clamp(max=1), (side / ratio).clamp(max=1)
    flip = torch.where(torch.rand(b) < 0.5, -1.0, 1.0)
    theta = torch.zeros(b, 2, 3)
    theta[:, 0, 0], theta[:, 0, 2] = w * flip, (torch.rand(b) * 2 - 1) * (1 - w)
    theta[:, 1, 1], theta[:, 1, 2] = h, (torch.rand(b) * 2 - 1) * (1 - h)
    grid = F.affine_grid(theta, [b, 3, size, size], align_corners=False)
    return F.grid_sample(images, grid, mode="bicubic", padding_mode="reflection", align_corners=False)


def mixed(images, targets):
    """Mixup (0.8) or CutMix (1.0) with the reversed batch, for half of the batches."""
    if torch.rand(()) < 0.5:
        return images, targets
    if torch.rand(()) < 0.5:
        share = np.random.beta(0.8, 0.8)
        images = images * share + images.flip(0) * (1 - share)
    else:
        share, size = np.random.beta(1.0, 1.0), images.shape[2]
        half = int(size * math.sqrt(1 - share)) // 2
        y, x = np.random.randint(size, size=2)
        top, bottom, left, right = max(y - half, 0), min(y + half, size), max(x - half, 0), min(x + half, size)
        images = images.clone()
        images[:, :, top:bottom, left:right] = images.flip(0)[:, :, top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / size**2
    return images, targets * share + targets.flip(0) * (1 - share)


def optimizers(model, name, rate):
    if name == "adamw":
        return [torch.optim.AdamW(model.parameters(), lr=rate or 1e-3, weight_decay=0.05)]
    matrices = [p for n, p in model.blocks.named_parameters() if p.ndim == 2]
    ids = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in ids]
    muon = torch.optim.Muon(matrices, lr=rate or 0.014, weight_decay=0.02, momentum=0.95)
    return [muon, torch.optim.AdamW(rest, lr=0.1 * (rate or 0.014), weight_decay=0.02)]


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        right = torch.cat([model(part).argmax(1) for part in images.split(500)]) == labels
    model.train()
    by_class = torch.stack([right[labels == c].float().mean() for c in range(int(labels.max()) + 1)]) * 100
    parts = (right.float().mean() * 100, by_class[:3].mean(), by_class[3:7].mean(), by_class[7:].mean())
    return " / ".join(f"{part:.1f}" for part in parts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--seconds", type=float, default=2700, help="processor time of this program that the training may take")
    parser.add_argument("--optimizer", choices=["adamw", "muon"], default="adamw")
    parser.add_argument("--lr", type=float)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    images, labels, counts = read(f"{options.data}/train", imbalance=100)
    test_images, test_labels, _ = read(f"{options.data}/test")
    torch.manual_seed(options.seed)
    np.random.seed(options.seed)
    model = PlainViT(len(counts)).to(memory_format=torch.channels_last)
    prior = (counts / counts.sum()).log()
    used = optimizers(model, options.optimizer, options.lr)
    rates = [group["lr"] for optimizer in used for group in optimizer.param_groups]
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(images):,} images, {options.optimizer}", flush=True)
    start, epoch, seen = time.process_time(), 0, 0
    while (progress := (time.process_time() - start) / options.seconds) < 1:
        total = 0.0
        for batch in torch.randperm(len(images)).split(options.batch):
            progress = min(1, (time.process_time() - start) / options.seconds)
            factor = min(1, progress / 0.03) * 0.5 * (1 + math.cos(math.pi * progress))
            for group, rate in zip((group for optimizer in used for group in optimizer.param_groups), rates):
                group["lr"] = rate * factor
            xs, targets = mixed(augmented(images[batch]), F.one_hot(labels[batch], len(counts)) * 0.9 + 0.1 / len(counts))
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(xs.contiguous(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits.float() + prior, targets)
            for optimizer in used:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in used:
                optimizer.step()
            total += loss.item() * len(batch)
            seen += len(batch)
        epoch += 1
        speed = seen / (time.process_time() - start)
        result = accuracy(model, test_images, test_labels) if epoch % 20 == 0 else ""
        print(f"epoch {epoch}  {progress:.0%}  loss {total / len(images):.3f}  {speed:.0f} images/s  {result}", flush=True)
    print(f"overall / head / mid / tail: {accuracy(model, test_images, test_labels)} after {epoch} epochs")


main()
