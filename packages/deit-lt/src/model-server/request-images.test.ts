import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { suite, test } from 'node:test';
import { requestImages } from './request-images.js';

function read(query: string, headers: Record<string, string> = {}, body = 'bytes') {
  const request = { headers } as unknown as IncomingMessage;
  return requestImages(request, new URL(`http://localhost/v1/classify${query}`), Buffer.from(body));
}

const refusal = (message: RegExp) => ({ status: 400, code: 'BAD_REQUEST', message });

suite('requestImages()', () => {
  test('takes model and top from the address, and refuses other and repeated parameters', () => {
    const { model, top } = read('?model=birds&top=3');
    assert.deepEqual([model, top], ['birds', '3']);
    assert.throws(() => read('?topp=2'), refusal(/unknown parameter "topp"; expected model or top/));
    assert.throws(() => read('?top=2&top=3'), refusal(/parameter top more than once/));
    assert.throws(() => read('?model=a&top=3&model=a'), refusal(/parameter model more than once/));
  });

  test('refuses JSON with both url and urls', () => {
    const json = { 'content-type': 'application/json' };
    assert.equal(read('', json, '{"url": "http://x/"}').images.length, 1);
    assert.equal(read('', json, '{"urls": ["http://x/", "http://y/"]}').images.length, 2);
    assert.throws(() => read('', json, '{"url": "http://x/", "urls": ["http://y/"]}'), refusal(/both url and urls/));
  });

  test('takes url fields of forms any number of times, and the others once', () => {
    const form = { 'content-type': 'multipart/form-data; boundary=b' };
    const fields = (...all: [string, string][]): string =>
      all.map(([name, text]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`).join('') +
      '--b--';
    assert.equal(read('', form, fields(['url', 'http://x/'], ['url', 'http://y/'], ['top', '2'])).images.length, 2);
    const repeated = fields(['url', 'http://x/'], ['top', '2'], ['top', '3']);
    assert.throws(() => read('', form, repeated), refusal(/field top more than once/));
  });

  test('refuses bodies that are compressed', () => {
    assert.equal(read('', { 'content-encoding': 'identity' }).images.length, 1);
    assert.throws(() => read('', { 'content-encoding': 'gzip' }), {
      status: 415,
      code: 'UNSUPPORTED_TYPE',
      message: /Content-Encoding gzip is not supported/,
    });
  });
});
