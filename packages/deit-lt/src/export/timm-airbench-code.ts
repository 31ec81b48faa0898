/** Python code of airbench94 for timm: the network, and its convolutions as the stem of a transformer. */
import { registration, stemClasses } from './timm-stem-code.js';

/** Name of the airbench network in timm. */
export const airbenchArchitecture = 'deit_lt_airbench94';

/** Name of the transformer with these convolutions in timm. */
export const airbenchStemArchitecture = 'deit_lt_airbench_stem';

const parts = `class Whitening(nn.Module):
    def __init__(self, in_chans, padding=0):
        super().__init__()
        self.padding = padding
        filters = 8 * in_chans
        self.register_buffer("weight", torch.zeros(filters, in_chans, 2, 2))
        self.bias = nn.Parameter(torch.zeros(filters))

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, padding=self.padding)


class ShiftNorm(nn.BatchNorm2d):
    """The gain is not learned."""

    def __init__(self, channels):
        super().__init__(channels, eps=1e-12, momentum=0.4)
        gain = self.weight.detach()
        del self.weight
        self.register_buffer("weight", gain)


class Group(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = ShiftNorm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = ShiftNorm(outputs)

    def forward(self, x):
        x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.gelu(self.norm2(self.conv2(x)))`;

/** Its names of weights are those of `Airbench`. */
export const airbenchCode = `"""airbench94 (K. Jordan, arXiv 2404.00498): whitened patches, three groups of two convolutions, a linear head.
${registration(airbenchArchitecture)}"""
import torch
from timm.models import build_model_with_cfg, register_model
from torch import nn
from torch.nn import functional as F


${parts}


class Airbench(nn.Module):
    def __init__(self, num_classes=10, in_chans=3, width=64, **kwargs):
        super().__init__()
        self.num_classes, self.num_features = num_classes, 4 * width
        self.whiten = Whitening(in_chans)
        self.layers = nn.ModuleList([Group(8 * in_chans, width), Group(width, 4 * width), Group(4 * width, 4 * width)])
        self.head = nn.Linear(4 * width, num_classes, bias=False)

    def get_classifier(self):
        return self.head

    def forward_features(self, x):
        x = F.gelu(self.whiten(x))
        for group in self.layers:
            x = group(x)
        return x

    def forward(self, x):
        return self.head(self.forward_features(x).amax((2, 3)) / 9)


@register_model
def ${airbenchArchitecture}(pretrained=False, **kwargs):
    return build_model_with_cfg(Airbench, "${airbenchArchitecture}", pretrained, **kwargs)
`;

/** Its names of weights are those of `AirbenchPatchEmbed`. */
export const airbenchStemCode = `"""timm's Vision Transformer, plain or distilled, on the convolutions of airbench94 (K. Jordan, arXiv 2404.00498).
${registration(airbenchStemArchitecture)}"""
from functools import partial

import torch
from timm.layers import HybridEmbed
from timm.models import build_model_with_cfg, register_model
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional as F


${parts}


class Backbone(nn.Module):
    def __init__(self, channels, in_chans):
        super().__init__()
        self.whiten = Whitening(in_chans, padding=1)
        inputs = [8 * in_chans, *channels[:-1]]
        self.layers = nn.ModuleList(Group(i, o) for i, o in zip(inputs, channels))

    def forward(self, x):
        x = F.gelu(self.whiten(x))
        for group in self.layers:
            x = group(x)
        return x


def stem(channels, patch_size, in_chans):
    return Backbone(channels, in_chans)


${stemClasses(airbenchStemArchitecture)}`;
