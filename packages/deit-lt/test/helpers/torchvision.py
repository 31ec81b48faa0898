"""torchvision's networks, for models-torchvision.test.ts: names and shapes of many, logits and gradients of some.

`given` is {"shapes": [name], "passes": [{"name", "input"}]}; `out` has what each of them has. Weights are a fixed function
of their name, the same in the test, so none travel; gradients come back as their norm and their product with fixed numbers.
"""
import math

import torch
import torchvision.models as models
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

# Random weights are drawn for nothing, and take longest.
for initialiser in ("kaiming_normal_", "kaiming_uniform_", "normal_", "trunc_normal_", "uniform_", "xavier_uniform_"):
    setattr(torch.nn.init, initialiser, lambda tensor, *_, **__: tensor)


def small(block, depths):
    """For 32 x 32 images: the stem is a 3 x 3 convolution, and nothing is pooled after it."""
    model = ResNet(block, depths, num_classes=7)
    model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = torch.nn.Identity()
    return model


SPECIAL = {
    "resnext101_32x4d": lambda: ResNet(Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=4),
    "basic": lambda: small(BasicBlock, [1, 2, 1, 1]),
    "bottleneck": lambda: ResNet(Bottleneck, [2, 1, 1, 1], num_classes=7, groups=32, width_per_group=4),
    "resnet18_cifar": lambda: small(BasicBlock, [2, 2, 2, 2]),
    "resnet34_cifar": lambda: small(BasicBlock, [3, 4, 6, 3]),
    "vit": lambda: models.VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=128, num_classes=7
    ),
}


def make(name, **options):
    return SPECIAL[name]() if name in SPECIAL else getattr(models, name)(**options)


def numbers(name, shape):
    """In [-0.5, 0.5), by place and name; whole numbers up to the last division, so that both sides have the same."""
    count = math.prod(shape)
    key = sum(ord(letter) * (place + 1) for place, letter in enumerate(name))
    place = torch.arange(count, dtype=torch.int64)
    return (((place * place * 7919 + place * 1103515245 + key * 104729) % 2147483647).double() / 2147483647 - 0.5).view(shape)


def weight(name, shape):
    u = numbers(name, shape)
    if len(shape) == 4:
        return u * math.sqrt(24 / math.prod(shape[1:]))
    if len(shape) >= 2:
        return u * 0.3
    if name.endswith("running_var"):
        return u + 1
    return u * 0.4 + (1 if name.endswith("weight") else 0)


def fill(model):
    state = {k: v if v.dtype == torch.int64 else weight(k, list(v.shape)) for k, v in model.state_dict().items()}
    model.double().load_state_dict(state)


def run(name, input):
    model = make(name, num_classes=7) if name not in SPECIAL else make(name)
    fill(model)
    images = numbers("images", input) * 2
    model.eval()
    with torch.no_grad():
        logits = model(images)
    model.train()
    (model(images) * numbers("logits", [input[0], 7])).sum().backward()
    gradients = {k: [p.grad.norm().item(), (p.grad * numbers(k, list(p.shape))).sum().item()] for k, p in model.named_parameters()}
    return {"logits": logits.tolist(), "gradients": gradients}


out = {
    "shapes": {name: {k: list(v.shape) for k, v in make(name).state_dict().items()} for name in given["shapes"]},
    "passes": {each["name"]: run(**each) for each in given["passes"]},
}
