import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { urlHostsOf } from './url-hosts.js';

suite('urlHostsOf()', () => {
  test('writes hosts as addresses have them', () => {
    assert.equal(urlHostsOf({}), undefined);
    assert.deepEqual(urlHostsOf({ allowUrl: true }), ['*']);
    const given = [
      'images.example.org',
      'LOCALHOST',
      '127.0.0.1',
      '::1',
      '[0:0::1]',
      'b\u00fccher.example',
      'my_host',
      '*',
    ];
    assert.deepEqual(urlHostsOf({ allowUrl: given }), [
      ...['images.example.org', 'localhost', '127.0.0.1', '[::1]', '[::1]', 'xn--bcher-kva.example', 'my_host', '*'],
    ]);
  });

  test('refuses what no address has as its host', () => {
    const wrong = [
      'http://x/',
      'http://x',
      'x/',
      'a,b',
      '127.0.0.1:4790',
      'x:80',
      '[::1]:80',
      'me@x',
      '*.example.org',
      '',
    ];
    for (const given of [...wrong, 'a b', '1.2.3.400', '[x]', 'x?', 'x#y', 'runs/mine'])
      assert.throws(
        () => urlHostsOf({ allowUrl: ['x', given] }),
        { code: 'USAGE', message: /^--allow-url .*: expected a host name without scheme and port/ },
        given,
      );
  });
});
