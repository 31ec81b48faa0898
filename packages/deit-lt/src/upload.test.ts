/** An upload gives what was put into it, packed or not; the CPU itself is the device. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { Upload } from './upload.js';

const images = torch
  .arange(2 * 4 * 5 * 3)
  .view(2, 4, 5, 3)
  .permute(0, 3, 1, 2)
  .to('uint8');

/** Each kind of content, with sizes that need padding in between. */
const contents = (upload: Upload) => [
  upload.numbers(Float32Array.of(1.5, -2, 3)),
  upload.numbers(Float64Array.of(Math.PI, 1e-300, 0, 7), [2, 2]),
  upload.images(images),
  upload.numbers(Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 5)),
  upload.indices([3, 2 ** 40, 1]),
  upload.indices(Int32Array.of(9, 8)),
  upload.perImage([0.1, 0.2]),
  upload.tensor(torch.arange(3).float().view(3, 1).expand(3, 2)),
  upload.images(images.float().narrow(2, 1, 2)),
  upload.numbers(new Float32Array(0), [0, 3]),
];

suite('Upload', () => {
  test('gives the same tensors packed as unpacked, time and again', () => {
    const [packed, plain] = [new Upload('cpu', true), new Upload('cpu')];
    const [sent, expected] = [contents(packed), contents(plain)];
    packed.send();
    plain.send();
    for (const [i, get] of sent.entries())
      for (const tensor of [get(), torch.tidy(() => torch.keep(get()))]) {
        const wanted = expected[i]!();
        assert.deepEqual([tensor.dtype, tensor.shape], [wanted.dtype, wanted.shape]);
        assert.ok(torch.equal(tensor, wanted), `content ${i}`);
      }
    for (const get of [sent[2]!, expected[2]!]) assert.ok(get().isContiguous({ memoryFormat: 'channels_last' }));
  });

  test('copies to the device once', () => {
    const upload = new Upload('meta');
    const sent = contents(upload);
    upload.send();
    const [first, second] = [sent[0]!(), sent[1]!()];
    assert.deepEqual([first.device, second.device], ['meta', 'meta']);
    assert.equal(second.storageOffset(), 2); // 3 float32 take 12 of 16 bytes
  });

  test('refuses to give what was not sent, and to send twice', () => {
    const upload = new Upload('cpu', true);
    const get = upload.perImage([1]);
    assert.throws(() => get(), /internal: this upload has not been sent/);
    upload.send();
    assert.throws(() => upload.send(), /internal: an upload is sent once/);
  });

  test('of nothing sends nothing', () => {
    new Upload('cpu', true).send();
  });
});
