/** Fixed numbers on the device that uses them: sent there once, not with each batch. */
import * as torch from '@deit-lt/torch';

/** Returns what gives the tensor of `make` (on the CPU) on a device; it is made once for each and belongs to no scope. */
export function deviceConstant(make: () => torch.Tensor): (device: string) => torch.Tensor {
  const made = new Map<string, torch.Tensor>();
  return (device) => {
    const existing = made.get(device);
    if (existing !== undefined) return existing;
    const constant = torch.keep(torch.tidy(() => make().to(device)));
    made.set(device, constant);
    return constant;
  };
}
