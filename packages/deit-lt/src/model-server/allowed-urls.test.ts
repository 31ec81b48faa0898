import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { fetchImage, isPublic } from './allowed-urls.js';

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const named = { hosts: ['127.0.0.1'], maxBytes: 1000 };

suite('fetchImage()', () => {
  test('returns the bytes at an address of a host that is named, also after a redirect', async (t) => {
    const url = await serve(t, ({ url: place }, response) => {
      if (place === '/moved') response.writeHead(302, { location: '/image' });
      response.end('bytes');
    });
    assert.equal((await fetchImage(`${url}/moved`, named)).toString(), 'bytes');
  });

  test('refuses hosts that are not named, and this network when every public host is allowed', async (t) => {
    let requests = 0;
    const url = await serve(t, (_, response) => {
      requests++;
      response.end('secret');
    });
    const port = new URL(url).port;
    const forbidden = { status: 403, code: 'FORBIDDEN' };
    await assert.rejects(fetchImage(url, { hosts: ['example.org'], maxBytes: 9 }), forbidden);
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '2130706433', '0x7f.1'])
      await assert.rejects(fetchImage(`http://${host}:${port}/`, { hosts: ['*'], maxBytes: 9 }), forbidden, host);
    assert.equal(requests, 0);
  });

  test('refuses a redirect to a host that is not named', async (t) => {
    const other = await serve(t, (_, response) => response.end('secret'));
    const url = await serve(t, (_, response) =>
      response.writeHead(302, { location: other.replace('127.0.0.1', '127.0.0.2') }).end(),
    );
    await assert.rejects(fetchImage(url, named), { status: 403 });
  });

  test('gives up on large, slow, missing and circular answers, and on other protocols', async (t) => {
    const url = await serve(t, ({ url: place }, response) => {
      if (place === '/large') return void response.end(Buffer.alloc(2000));
      if (place === '/circle') return void response.writeHead(302, { location: '/circle' }).end();
      if (place === '/missing') return void response.writeHead(404).end();
      response.destroy();
    });
    await assert.rejects(fetchImage(`${url}/large`, named), { status: 413, code: 'TOO_LARGE' });
    await assert.rejects(fetchImage(`${url}/circle`, named), { status: 502, message: /redirects more than 3 times/ });
    await assert.rejects(fetchImage(`${url}/missing`, named), { status: 502, message: /status 404/ });
    await assert.rejects(fetchImage('file:///etc/passwd', named), {
      status: 400,
      message: /http: or https:, not file:/,
    });
    await assert.rejects(fetchImage('no url', named), { status: 400 });
  });

  test('gives up on bodies that are slow or break off, with and without a length', async (t) => {
    const url = await serve(t, ({ url: place = '' }, response) => {
      if (place.includes('length')) response.setHeader('content-length', 100);
      if (place.includes('plain')) response.useChunkedEncodingByDefault = false;
      response.setHeader('connection', 'close');
      response.write('x'); // and never ends
      if (place.includes('broken')) setTimeout(() => response.destroy(), 20);
    });
    for (const kind of ['chunked', 'plain', 'length'])
      await assert.rejects(
        fetchImage(`${url}/${kind}`, { ...named, timeoutMs: 200 }),
        { status: 502, code: 'URL_FAILED', message: /it took too long/ },
        kind,
      );
    for (const kind of ['chunked', 'length'])
      await assert.rejects(
        fetchImage(`${url}/broken-${kind}`, named),
        { status: 502, code: 'URL_FAILED', message: /the connection broke off/ },
        kind,
      );
  });

  test('blames the host, not the client, for a redirect that cannot be followed', async (t) => {
    for (const location of ['file:///etc/passwd', 'http://[']) {
      const url = await serve(t, (_, response) => response.writeHead(302, { location }).end());
      const wanted = { status: 502, code: 'URL_FAILED', message: /it redirects to an address that/ };
      await assert.rejects(fetchImage(url, named), wanted, location);
    }
  });
});

test('isPublic() agrees with the ipaddress module of Python', (t) => {
  const addresses = [
    ...['8.8.8.8', '1.1.1.1', '127.0.0.1', '10.1.2.3', '172.16.0.1', '172.32.0.1', '192.168.1.1', '169.254.169.254'],
    ...[
      '100.64.0.1',
      '100.128.0.1',
      '0.0.0.0',
      '224.0.0.1',
      '255.255.255.255',
      '198.18.0.1',
      '203.0.113.5',
      '11.0.0.1',
    ],
    ...['::1', '::', 'fe80::1', 'fc00::1', '2001:db8::1', '2606:4700::1111', 'ff02::1', '2a00:1450::1'],
  ];
  const script =
    'import sys, ipaddress; [print(int(a.is_global and not a.is_multicast)) for a in map(ipaddress.ip_address, sys.argv[1:])]';
  const { status, stdout } = spawnSync('python3', ['-c', script, ...addresses], { encoding: 'utf8' });
  if (status !== 0) return t.skip('no python3');
  const theirs = stdout
    .trim()
    .split('\n')
    .map((line) => line === '1');
  assert.deepEqual(
    addresses.map((address) => [address, isPublic(address)]),
    addresses.map((address, i) => [address, theirs[i]]),
  );
});
