/** Levels 0…255 to the network's numbers. Every pipeline has it, after the colours and before random erasing. */
import * as torch from '@deit-lt/torch';
import { deviceConstant } from '../device-constant.js';
import type { PipelineContext } from './augmentation.js';
import { type BatchTransform, plannedTransform } from './transform.js';

/** `(images/255 − mean) / std` per channel, `[B, 3, H, W]`; `mean` and `std` are of values 0…1. */
export function normalize({ mean, std }: Pick<PipelineContext, 'mean' | 'std'>): BatchTransform {
  const scale = deviceConstant(() => torch.tensor(std.map((deviation) => 1 / (255 * deviation))));
  const shift = deviceConstant(() => torch.tensor(mean.map((average, c) => -average / std[c]!)));
  return plannedTransform(
    () => (images) =>
      torch.tidy(() => {
        const [batch, channels, height, width] = images.shape as [number, number, number, number];
        // Channels last, a row of pixels is a row of width · 3 numbers: broadcasting along it is several times faster
        // than along the three channels.
        const rows = images.permute(0, 2, 3, 1).reshape(batch * height, width * channels);
        const tiled = (values: typeof scale): torch.Tensor => values(images.device).repeat(width); // (W · 3)
        return torch.addcmul(tiled(shift), rows, tiled(scale)).view(batch, height, width, channels).permute(0, 3, 1, 2);
      }),
  );
}
