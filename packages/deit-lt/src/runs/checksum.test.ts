import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import * as torch from '@deit-lt/torch';
import { temporaryFolder } from '../../test/helpers/temporary-folder.js';
import { checksumKey, checksumOf, requireChecksum } from './checksum.js';
import { saveTensors } from './save-tensors.js';

const tensors = () =>
  new Map([
    ['b', torch.tensor([1, 2, 3])],
    ['a', torch.tensor([[0.5], [-0.5]], { dtype: 'bfloat16' })],
    ['empty', torch.zeros([0, 2])],
    ['mask', torch.tensor([true, false])],
  ]);

function read(file: string): [Map<string, torch.Tensor>, Readonly<Record<string, string>>] {
  using opened = torch.safetensors.open(file);
  return [new Map(opened.names.map((name) => [name, opened.get(name)])), opened.metadata];
}

/** Undefined for what is not a safetensors file any more. */
function readOrNothing(file: string): ReturnType<typeof read> | undefined {
  try {
    return read(file);
  } catch (error) {
    if (error instanceof torch.safetensors.SafetensorsError) return undefined;
    throw error;
  }
}

suite('checksumOf()', () => {
  test('is the CRC-32 of metadata, names, types, shapes and values', () => {
    const value = torch.tensor([1, 2], { dtype: 'float32' });
    const bytes = Buffer.concat([
      Buffer.from('[["k","v"]]'),
      Buffer.from('["x","float32",[2]]'),
      Buffer.from(Float32Array.of(1, 2).buffer),
    ]);
    assert.equal(
      checksumOf(new Map([['x', value]]), { k: 'v' }),
      `crc32:${crc32(bytes).toString(16).padStart(8, '0')}`,
    );
  });

  test('does not depend on the order, nor on the memory format', () => {
    const metadata = { x: '1', y: '2' };
    const turned = new Map([...tensors()].reverse());
    assert.equal(checksumOf(turned, { y: '2', x: '1' }), checksumOf(tensors(), metadata));
    const image = torch.arange(24).view([1, 2, 3, 4]);
    const of = (tensor: torch.Tensor): string => checksumOf(new Map([['x', tensor]]), {});
    assert.equal(of(image.contiguous({ memoryFormat: 'channels_last' })), of(image));
    assert.notEqual(of(image.view([2, 3, 4])), of(image));
  });

  test('finds every flipped bit of a file that was saved with it', (t) => {
    const file = path.join(temporaryFolder(t), 'x.safetensors');
    const metadata = { format: 'f', config: '{"a": 1}' };
    saveTensors(file, tensors(), metadata);
    requireChecksum(...read(file));
    const [whole, saved] = [readFileSync(file), checksumOf(tensors(), metadata)];
    let readable = 0;
    for (let bit = 0; bit < 8 * whole.length; bit += 3) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(file, damaged);
      const content = readOrNothing(file);
      if (content?.[1][checksumKey] === undefined) continue; // the format found it, or the key itself was hit
      if (content[1][checksumKey] === saved && checksumOf(...content) === saved) continue; // it says the same: a space, a bool of 3
      assert.throws(() => requireChecksum(...content), /its checksum differs: it was damaged or changed/);
      readable++;
    }
    assert.ok(readable > 100, `${readable} files were readable`);
  });

  test('is not required of files of earlier versions', () => requireChecksum(tensors(), { format: 'f' }));
});
