import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseMultipart } from './multipart.js';

/** A body as undici, which we did not write, makes it from a form. */
async function encoded(form: FormData): Promise<{ body: Buffer; type: string }> {
  const response = new Response(form);
  return { type: response.headers.get('content-type')!, body: Buffer.from(await response.arrayBuffer()) };
}

const refusal = (message: RegExp) => ({ status: 400, code: 'BAD_REQUEST', message });

suite('parseMultipart()', () => {
  test('returns the parts that another program encoded, byte for byte', async () => {
    const form = new FormData();
    const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * 37) % 256);
    const tricky = Buffer.from('\r\n--\r\n\r\n--------\r\n');
    form.append('image', new File([bytes], 'Bild "1" ü.png'));
    form.append('image', new File([tricky], 'b.png'));
    form.append('image', new File([], 'empty.png'));
    form.append('top', '3');
    const { body, type } = await encoded(form);
    const parts = parseMultipart(body, type);
    assert.deepEqual(
      parts.map(({ name, file, bytes: content }) => [name, file, content.length]),
      [
        ['image', 'Bild "1" ü.png', 5000],
        ['image', 'b.png', tricky.length],
        ['image', 'empty.png', 0],
        ['top', undefined, 1],
      ],
    );
    assert.deepEqual(new Uint8Array(parts[0]!.bytes), bytes);
    assert.deepEqual(parts[1]!.bytes, tricky);
  });

  test('takes a preamble, a quoted boundary and a short one', () => {
    const body = Buffer.from('preamble\r\n--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--\r\n');
    for (const boundary of ['boundary="x"', 'boundary=x'])
      assert.deepEqual(
        parseMultipart(body, `multipart/form-data; ${boundary}`).map(({ name, bytes }) => [name, bytes.toString()]),
        [['a', '1']],
      );
  });

  for (const [what, type, body, message] of [
    ['no boundary', 'multipart/form-data', '', /needs its boundary/],
    ['another boundary', 'multipart/form-data; boundary=y', '--x\r\n', /does not have the boundary/],
    [
      'a cut body',
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1',
      /cut off/,
    ],
    ['a part without headers', 'multipart/form-data; boundary=x', '--x\r\nhello\r\n--x--', /no empty line/],
    ['a part without a name', 'multipart/form-data; boundary=x', '--x\r\nA: b\r\n\r\n1\r\n--x--', /has no name/],
    ['nothing', 'multipart/form-data; boundary=x', '', /does not have the boundary/],
  ] as const)
    test(`refuses ${what}`, () => {
      assert.throws(() => parseMultipart(Buffer.from(body), type), refusal(message));
    });

  test('refuses every cut of a body', async () => {
    const form = new FormData();
    form.append('image', new File(['0123456789'], 'a.png'));
    const { body, type } = await encoded(form);
    const end = body.lastIndexOf('--'); // the end mark
    for (let length = 0; length < end; length++)
      assert.throws(() => parseMultipart(body.subarray(0, length), type), { status: 400 }, `${length} bytes`);
  });
});
