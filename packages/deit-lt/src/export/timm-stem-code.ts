/** Python code of transformers with a convolutional stem for timm. */

/** Name of the transformer with a stem of 3 × 3 convolutions in timm. */
export const stemArchitecture = 'deit_lt_conv_stem';

/** How a file of this code is used, for its docstring. */
export const registration = (architecture: string): string => `
    import sys, timm
    sys.path.append("PATH/OF/THIS/FOLDER")
    import ${architecture}  # registers the model
    model = timm.create_model("local-dir:PATH/OF/THIS/FOLDER", pretrained=True).eval()
`;

/** The transformers on a function `stem(channels, patch_size, in_chans)`. */
export const stemClasses = (architecture: string): string => `class _Stem:
    def __init__(self, *args, stem_channels, patch_size, in_chans=3, **kwargs):
        embed = partial(HybridEmbed, stem(stem_channels, patch_size, in_chans))
        super().__init__(*args, embed_layer=embed, patch_size=1, in_chans=in_chans, **kwargs)


class StemVisionTransformer(_Stem, VisionTransformer):
    pass


class StemVisionTransformerDistilled(_Stem, VisionTransformerDistilled):
    pass


@register_model
def ${architecture}(pretrained=False, distilled=False, **kwargs):
    model = StemVisionTransformerDistilled if distilled else StemVisionTransformer
    return build_model_with_cfg(model, "${architecture}", pretrained, **kwargs)
`;

/** Its names of weights are those of `ConvPatchEmbed`. */
export const stemCode = `"""timm's Vision Transformer, plain or distilled, with a stem of 3 x 3 convolutions.
${registration(stemArchitecture)}"""
from functools import partial

from timm.layers import ConvNormAct, HybridEmbed
from timm.models import build_model_with_cfg, register_model
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from torch import nn


def stem(channels, patch_size, in_chans):
    """The last log2(patch_size) convolutions have stride 2."""
    first = len(channels) - (patch_size.bit_length() - 1)
    inputs = [in_chans, *channels[:-1]]
    return nn.Sequential(
        *(ConvNormAct(i, o, 3, stride=1 if n < first else 2) for n, (i, o) in enumerate(zip(inputs, channels)))
    )


${stemClasses(stemArchitecture)}`;
