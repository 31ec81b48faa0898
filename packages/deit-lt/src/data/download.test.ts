import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { binaryFiles, layoutOf, writeArchive, writeFolder } from '../../test/helpers/cifar.js';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { readCifar } from './cifar/read.js';
import { download } from './download.js';
import { openDataset } from './open.js';
import type { OpenContext, Progress } from './open-options.js';
import { findOrFetch } from './sources/cifar-names.js';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) % 256));
const md5 = createHash('md5').update(content).digest('hex');

interface ServerOptions {
  /** The content that is served at every path but `/absent`. */
  body?: Buffer;
  ranges?: boolean;
  /** The first so many answers break off half-way. */
  breaks?: number;
  /** Nobody listens at the address. */
  closed?: boolean;
}

/** A server on this machine; `asked` are the Range headers that came. */
async function serve(
  t: TestContext,
  { body = content, ranges = true, breaks = 0, closed = false }: ServerOptions = {},
): Promise<{ url: string; asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = [];
  const server = http.createServer((request, response) => {
    const { range } = request.headers;
    asked.push(range);
    if (request.url === '/absent') {
      response.writeHead(404).end('not here');
      return;
    }
    const from = ranges && range !== undefined ? Number(/bytes=(\d+)-/.exec(range)![1]) : 0;
    if (from > 0 && from >= body.length) {
      response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end();
      return;
    }
    const part = body.subarray(from);
    const headers: http.OutgoingHttpHeaders = { 'content-length': part.length };
    if (from > 0) headers['content-range'] = `bytes ${from}-${body.length - 1}/${body.length}`;
    response.writeHead(from > 0 ? 206 : 200, headers);
    if (asked.length > breaks) response.end(part);
    else response.write(part.subarray(0, part.length / 2), () => setTimeout(() => response.destroy(), 20));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  if (closed) await new Promise((resolve) => server.close(resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, asked };
}

suite('download()', () => {
  test('fetches a file with progress', async (t) => {
    const { url } = await serve(t);
    const target = path.join(temporaryFolder(t), 'new/folder/data.bin');
    const progress: Progress[] = [];
    await download({ url, target, md5 }, { onProgress: (p) => progress.push(p) });
    assert.deepEqual(fs.readFileSync(target), content);
    assert.deepEqual(progress.at(-1), { what: 'downloading data.bin', done: content.length, total: content.length });
    assert.deepEqual(fs.readdirSync(path.dirname(target)), ['data.bin']);
  });

  test('continues the part of an earlier run', async (t) => {
    const { url, asked } = await serve(t);
    const target = path.join(temporaryFolder(t), 'data.bin');
    write(`${target}.part`, content.subarray(0, 100_000));
    const progress: Progress[] = [];
    await download({ url, target, md5 }, { onProgress: (p) => progress.push(p) });
    assert.deepEqual(fs.readFileSync(target), content);
    assert.deepEqual(asked, ['bytes=100000-']);
    assert.ok(progress[0]!.done > 100_000);
    assert.equal(progress.at(-1)!.total, content.length);
  });

  test('takes up a connection that breaks', async (t) => {
    const { url, asked } = await serve(t, { breaks: 2 });
    const target = path.join(temporaryFolder(t), 'data.bin');
    await download({ url, target, md5 });
    assert.deepEqual(fs.readFileSync(target), content);
    assert.deepEqual([asked.length, asked[0]], [3, undefined]);
  });

  test('keeps the part when it gives up', async (t) => {
    const { url } = await serve(t, { breaks: 9 });
    const target = path.join(temporaryFolder(t), 'data.bin');
    const message = /the connection broke after \d+ bytes; run the command again to continue/;
    await assert.rejects(download({ url, target, md5 }, { attempts: 2 }), { code: 'DOWNLOAD', message });
    assert.ok(fs.statSync(`${target}.part`).size > content.length / 2);
    assert.ok(!fs.existsSync(target));
  });

  test('starts over when the server does not support ranges', async (t) => {
    const { url, asked } = await serve(t, { ranges: false });
    const target = path.join(temporaryFolder(t), 'data.bin');
    write(`${target}.part`, content.subarray(0, 100_000));
    await download({ url, target, md5 });
    assert.deepEqual(fs.readFileSync(target), content);
    assert.equal(asked.length, 1);
  });

  test('a whole part is only renamed, one of another file is fetched again', async (t) => {
    for (const part of [content, Buffer.alloc(100_000, 1), Buffer.alloc(400_000, 1)]) {
      const { url } = await serve(t);
      const target = path.join(temporaryFolder(t), 'data.bin');
      write(`${target}.part`, part);
      await download({ url, target, md5 });
      assert.deepEqual(fs.readFileSync(target), content);
    }
  });

  test('refuses a file with another checksum and leaves nothing', async (t) => {
    const { url } = await serve(t, { body: Buffer.from('changed') });
    const folder = temporaryFolder(t);
    const wrong = download({ url, target: path.join(folder, 'data.bin'), md5 });
    await assert.rejects(wrong, { code: 'DOWNLOAD', message: /its MD5 is [0-9a-f]{32}, expected/ });
    assert.deepEqual(fs.readdirSync(folder), []);
  });

  test('explains what to do when the file or the server does not exist', async (t) => {
    const { url } = await serve(t);
    const target = path.join(temporaryFolder(t), 'data.bin');
    const notFound = {
      code: 'DOWNLOAD',
      message: /the server answered 404\nFetch http.*absent\nby other means and put it in/,
    };
    await assert.rejects(download({ url: `${url}/absent`, target, md5 }), notFound);
    const { url: closed } = await serve(t, { closed: true });
    const refused = { code: 'DOWNLOAD', message: /ECONNREFUSED/ };
    await assert.rejects(download({ url: closed, target, md5 }), refused);
  });

  test('stops with the reason of the signal', async (t) => {
    const { url } = await serve(t);
    const stop = new AbortController();
    const target = path.join(temporaryFolder(t), 'data.bin');
    const stopped = download(
      { url, target, md5 },
      { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) },
    );
    await assert.rejects(stopped, /enough/);
  });
});

suite('cifar10 by name', () => {
  const layout = layoutOf('cifar-10-batches-bin');
  const context = (cacheDir: string, offline = false): OpenContext => ({
    cacheDir,
    offline,
    root: undefined,
    testSplit: undefined,
    evaluation: false,
    takesAll: false,
    log: () => {},
    onProgress: () => {},
    reads: () => {},
    signal: undefined,
  });

  test('is downloaded once, then found in the cache folder', async (t) => {
    const archive = path.join(temporaryFolder(t), 'x.tar.gz');
    const ours = { ...layout, md5: await writeArchive(archive, layout.folder, binaryFiles(layout)) };
    const { url, asked } = await serve(t, { body: fs.readFileSync(archive) });
    const cacheDir = temporaryFolder(t);
    for (const offline of [false, true]) {
      const files = await findOrFetch([ours], context(cacheDir, offline), url);
      assert.equal(readCifar('cifar10', files).train.labels.length, 10);
    }
    assert.equal(asked.length, 1);
    assert.deepEqual(fs.readdirSync(cacheDir), [layout.archive]);
  });

  test('the Python archive or an unpacked folder in the cache will do', async (t) => {
    const [withArchive, withFolder] = [temporaryFolder(t), temporaryFolder(t)];
    const python = layoutOf('cifar-10-batches-py');
    const target = path.join(withArchive!, python.archive);
    const files = new Map([['data_batch_1', Buffer.from('x')]]);
    const ours = { ...python, md5: await writeArchive(target, python.folder, files) };
    assert.equal((await findOrFetch([layout, ours], context(withArchive!, true))).layout.format, 'python');
    writeFolder(path.join(withFolder!, layout.folder), binaryFiles(layout));
    assert.equal((await openDataset('cifar10', { cacheDir: withFolder!, offline: true })).test?.labels.length, 2);
  });

  test('offline names the file to fetch and the place to put it', async (t) => {
    const cacheDir = temporaryFolder(t);
    await assert.rejects(openDataset('cifar100', { cacheDir, offline: true }), (error: Error) => {
      assert.match(error.message, /--offline/);
      assert.match(error.message, /Fetch https:\/\/www\.cs\.toronto\.edu\/~kriz\/cifar-100-binary\.tar\.gz/);
      assert.ok(error.message.includes(`put it in ${cacheDir}`));
      return true;
    });
  });

  test('a damaged archive in the cache is not used', async (t) => {
    const cacheDir = temporaryFolder(t);
    write(path.join(cacheDir, layout.archive), 'half');
    const message = /is damaged: its MD5 is .*Remove it/;
    await assert.rejects(openDataset('cifar10', { cacheDir }), { code: 'DOWNLOAD', message });
  });
});
