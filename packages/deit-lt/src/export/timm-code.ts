/**
 * Python code that timm needs for networks that its registry does not have: transformers with a convolutional stem, and
 * airbench94. A folder for the Hugging Face Hub contains it beside the weights.
 */
import { Airbench } from '../models/airbench.js';
import { ConvPatchEmbed } from '../models/conv-patch-embed.js';
import type { ImageModel } from '../models/model.js';
import { VisionTransformer } from '../models/vit.js';

/** A file of Python code that registers a model in timm. */
export interface TimmCode {
  /** Name of the model in timm, and of the file without `.py`. */
  readonly architecture: string;
  /** The parts that timm lacks, for the model card. */
  readonly lacks: string;
  readonly code: string;
}

/** Returns the code that timm needs for a model; null for models that timm has. */
export function timmCodeOf(model: ImageModel): TimmCode | null {
  if (model instanceof Airbench)
    return { architecture: airbenchArchitecture, lacks: 'timm does not have this network', code: airbenchCode };
  if (hasStem(model))
    return {
      architecture: stemArchitecture,
      lacks: 'timm has no model with this convolutional stem',
      code: stemCode,
    };
  return null;
}

/** Returns whether a model is a transformer with a convolutional stem. */
export function hasStem(model: ImageModel): boolean {
  return model instanceof VisionTransformer && model.patchEmbed instanceof ConvPatchEmbed;
}

/** Name of the transformer with a stem in timm. */
export const stemArchitecture = 'deit_lt_conv_stem';

/** Name of the airbench network in timm. */
export const airbenchArchitecture = 'deit_lt_airbench94';

/** Its names of weights are those of `ConvPatchEmbed`. */
const stemCode = `"""timm's Vision Transformer, plain or distilled, with a stem of 3 x 3 convolutions.

    import sys, timm
    sys.path.append("PATH/OF/THIS/FOLDER")
    import ${stemArchitecture}  # registers the model
    model = timm.create_model("local-dir:PATH/OF/THIS/FOLDER", pretrained=True).eval()
"""
from functools import partial

from timm.layers import ConvNormAct, HybridEmbed
from timm.models import build_model_with_cfg, register_model
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from torch import nn


def conv_stem(channels, patch_size, in_chans=3):
    """The last log2(patch_size) convolutions have stride 2."""
    first = len(channels) - (patch_size.bit_length() - 1)
    inputs = [in_chans, *channels[:-1]]
    return nn.Sequential(
        *(ConvNormAct(i, o, 3, stride=1 if n < first else 2) for n, (i, o) in enumerate(zip(inputs, channels)))
    )


class _Stem:
    def __init__(self, *args, stem_channels, patch_size, in_chans=3, **kwargs):
        embed = partial(HybridEmbed, conv_stem(stem_channels, patch_size, in_chans))
        super().__init__(*args, embed_layer=embed, patch_size=1, in_chans=in_chans, **kwargs)


class StemVisionTransformer(_Stem, VisionTransformer):
    pass


class StemVisionTransformerDistilled(_Stem, VisionTransformerDistilled):
    pass


@register_model
def ${stemArchitecture}(pretrained=False, distilled=False, **kwargs):
    model = StemVisionTransformerDistilled if distilled else StemVisionTransformer
    return build_model_with_cfg(model, "${stemArchitecture}", pretrained, **kwargs)
`;

/** Its names of weights are those of `Airbench`. */
const airbenchCode = `"""airbench94 (K. Jordan, arXiv 2404.00498): whitened patches, three groups of two convolutions, a linear head.

    import sys, timm
    sys.path.append("PATH/OF/THIS/FOLDER")
    import ${airbenchArchitecture}  # registers the model
    model = timm.create_model("local-dir:PATH/OF/THIS/FOLDER", pretrained=True).eval()
"""
import torch
from timm.models import build_model_with_cfg, register_model
from torch import nn
from torch.nn import functional as F


class Whitening(nn.Module):
    def __init__(self, in_chans):
        super().__init__()
        filters = 8 * in_chans
        self.register_buffer("weight", torch.zeros(filters, in_chans, 2, 2))
        self.bias = nn.Parameter(torch.zeros(filters))

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias)


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
        return F.gelu(self.norm2(self.conv2(x)))


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
