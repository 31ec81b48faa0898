import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { type AppOptions, createApp, isOwnHost, sayJson } from './app.js';
import { fileType } from './file-types.js';
import { listen } from './listen.js';

async function serve(t: TestContext, options: AppOptions): Promise<string> {
  const server = await listen(createApp(options));
  t.after(() => server.close());
  return server.url;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** The path as it is: `fetch` would take out the dots. */
function ask(base: string, pathname: string, options: http.RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const request = http.request({ hostname, port, path: pathname, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on('error', reject).end();
  });
}

suite('createApp()', () => {
  /** A folder to serve, with a secret beside it. */
  function makeFolder(t: TestContext): string {
    const folder = temporaryFolder(t);
    write(path.join(folder, 'secret.txt'), 'secret');
    write(path.join(folder, 'page/index.html'), '<p>page</p>');
    write(path.join(folder, 'page/a b.wasm'), 'wasm');
    write(path.join(folder, 'page/sub/x.json'), '{}');
    symlinkSync(path.join(folder, 'secret.txt'), path.join(folder, 'page/link.txt'));
    return path.join(folder, 'page');
  }

  test('serves the files of a folder under their types', async (t) => {
    const url = await serve(t, { folders: [makeFolder(t)] });
    const page = await ask(url, '/?a=b');
    assert.equal(page.text, '<p>page</p>');
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(page.headers['x-content-type-options'], 'nosniff');
    assert.equal((await ask(url, '/a%20b.wasm')).headers['content-type'], 'application/wasm');
    const head = await ask(url, '/sub/x.json', { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '2', '']);
  });

  test('serves nothing outside of the folder', async (t) => {
    const url = await serve(t, { folders: [makeFolder(t)] });
    for (const pathname of [
      '/../secret.txt',
      '/sub/../../secret.txt',
      '/%2e%2e/secret.txt',
      '/..%2fsecret.txt',
      '/..%5csecret.txt',
      '/link.txt',
      '//secret.txt',
      '/sub',
      '/sub/',
      '/index.html%00.txt',
      '/%E0%A4%A',
      '/etc/passwd',
    ]) {
      const { status, text } = await ask(url, pathname);
      assert.equal(status, 404, pathname);
      assert.doesNotMatch(text, /secret$/, pathname);
    }
  });

  test('refuses the names of others', async (t) => {
    const url = await serve(t, { folders: [makeFolder(t)] });
    const asked = (host: string): Promise<Answer> => ask(url, '/', { headers: { host } });
    assert.equal((await asked('evil.example:80')).status, 403);
    assert.match((await asked('evil.example')).text, /evil\.example/);
    assert.equal((await asked('localhost:1')).status, 200);
  });

  test('refuses what a page of another site sends, not what its own page or a program sends', async (t) => {
    const url = await serve(t, {
      routes: [
        ({ response }) => {
          sayJson(response, 'started');
          return true;
        },
      ],
    });
    const { host, port } = new URL(url);
    const status = async (headers: http.OutgoingHttpHeaders, method = 'POST') =>
      (await ask(url, '/', { method, headers })).status;
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'cross-site', origin: `http://${host}` },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${Number(port) + 1}` },
    ]) {
      assert.equal(await status(headers), 403, JSON.stringify(headers));
      assert.equal(await status(headers, 'GET'), 200, JSON.stringify(headers));
    }
    for (const headers of [
      {},
      { origin: `http://${host}` },
      { 'sec-fetch-site': 'same-origin', origin: 'https://proxy.example' },
    ])
      assert.equal(await status(headers), 200, JSON.stringify(headers));
  });

  test('tries routes first, and responds for those that fail', async (t) => {
    const errors: unknown[] = [];
    const url = await serve(t, {
      folders: [makeFolder(t)],
      routes: [
        ({ url: { pathname } }) => {
          if (pathname === '/broken') throw new Error('broken');
          return false;
        },
        ({ response, url: { pathname } }) => {
          if (pathname === '/sub/x.json') sayJson(response, { of: 'route' });
          return pathname === '/sub/x.json';
        },
      ],
      onError: (error) => errors.push(error),
    });
    assert.equal((await ask(url, '/sub/x.json')).text, '{"of":"route"}');
    const broken = await ask(url, '/broken');
    assert.deepEqual([broken.status, broken.text], [500, 'The server failed.\n']);
    assert.match(String(errors[0]), /broken/);
    assert.equal((await ask(url, '/', { method: 'POST' })).status, 405);
  });
});

test('isOwnHost() recognises this machine by address and by name', () => {
  for (const host of ['127.0.0.1', '127.0.0.1:80', '[::1]:80', '192.168.1.2', 'LOCALHOST:1'])
    assert.equal(isOwnHost(host), true, host);
  for (const host of [undefined, '', 'localhost.evil.example', '127.0.0.1.evil.example', 'evil.example:80', '[evil]'])
    assert.equal(isOwnHost(host), false, String(host));
  assert.equal(isOwnHost('mine.example:80', ['Mine.example']), true);
});

test('fileType() treats unknown files as bytes', () => {
  assert.equal(fileType('a/model.onnx'), 'application/octet-stream');
  assert.equal(fileType('a/B.PNG'), 'image/png');
});

suite('listen()', () => {
  const app = createApp({});
  test('names the option to change when it cannot', async (t) => {
    const first = await listen(app);
    t.after(() => first.close());
    const port = Number(new URL(first.url).port);
    await assert.rejects(listen(app, { port }), {
      code: 'USAGE',
      message: /port \d+ of 127\.0\.0\.1 is in use.*--port/,
    });
    await assert.rejects(listen(app, { host: '192.0.2.1' }), { code: 'USAGE', message: /--host 192\.0\.2\.1 is no/ });
    const other = await listen(app, { usualPort: port });
    t.after(() => other.close());
    assert.notEqual(other.url, first.url);
  });
});
