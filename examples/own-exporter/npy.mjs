// An exporter of one's own: one tensor of the model as a NumPy file, float32. Without `tensor`, the last matrix of the network:
// the weights of its classifier, whose norms by class show how much a long tail shrinks the rare classes.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { writeFileSync } from 'node:fs';
import { registerExporter, torch, UserError, z } from 'deit-lt';

function npy(values, shape) {
  const tuple = `(${shape.map((side) => `${side},`).join(' ')})`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`; // the data begin at a multiple of 64
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([start, Buffer.from(header, 'latin1'), Buffer.from(values.buffer)]);
}

registerExporter({
  name: 'npy',
  ending: '.npy',
  options: z.object({ tensor: z.string().optional().describe('name in the state dict; default: the last matrix') }),
  create:
    ({ tensor }) =>
    ({ model }, file) =>
      torch.tidy(() => {
        const tensors = model.stateDict();
        const name = tensor ?? [...tensors.keys()].filter((key) => tensors.get(key).ndim === 2).at(-1);
        const found = tensors.get(name);
        if (found === undefined)
          throw new UserError('USAGE', `--option tensor=${name}: the model has ${[...tensors.keys()].join(', ')}.`);
        writeFileSync(file, npy(found.float().cpu().contiguous().view([-1]).toTypedArray(), found.shape));
        return [`${name}: [${found.shape.join(', ')}]`]; // a line for the user
      }),
});
