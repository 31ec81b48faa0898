import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { before, mock, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { native } from '../src/binding/addon.js';
import * as torch from '../src/index.js';
import { readBytes } from '../src/tensor/values.js';
import { settledLiveTensors } from './helpers/live-tensors.js';
import { assertSameBytes, assertSameTensors, testFolder, variety } from './helpers/safetensors-files.js';

const { load, open, save, serialize, deserialize } = torch.safetensors;
const { at, leftovers } = testFolder();

suite('safetensors.save() and load()', () => {
  test('bring back every dtype, shape and layout byte by byte', () => {
    const tensors = variety();
    save(at('variety.safetensors'), tensors, { metadata: { format: 'pt', note: 'ünï "x"' } });
    assertSameTensors(load(at('variety.safetensors')), tensors);
    assertSameTensors(deserialize(fs.readFileSync(at('variety.safetensors'))), tensors);
    assert.ok(
      Buffer.from(serialize(new Map(Object.entries(tensors)), { metadata: { format: 'pt', note: 'ünï "x"' } })).equals(
        fs.readFileSync(at('variety.safetensors')),
      ),
    );
    using file = open(at('variety.safetensors'));
    assert.deepEqual(file.metadata, { format: 'pt', note: 'ünï "x"' });
  });

  test('give tensors that are contiguous, leaves, and not shared with the file', () => {
    save(at('a.safetensors'), { a: torch.randn([2, 3]).t() });
    const a = load(at('a.safetensors')).get('a') as torch.Tensor;
    assert.deepEqual(a.stride(), [2, 1]);
    assert.ok(a.isLeaf && !a.requiresGrad);
    a.zero_();
    assert.notEqual(load(at('a.safetensors')).get('a')?.abs().sum().item(), 0);
  });

  test('write what the reference library writes', () => {
    // The bytes that its own tests expect of serialize({"attn.0": [[[0, 1, 2], [3, 4, 5]]]}), {} and a shorter name.
    const attn = torch.arange(6).float().view([1, 2, 3]);
    const headerOf = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(8, bytes.length - 24)).toString();
    const bytes = serialize({ 'attn.0': attn });
    assert.deepEqual([...bytes.subarray(0, 8)], [64, 0, 0, 0, 0, 0, 0, 0]);
    assert.equal(headerOf(bytes), '{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}');
    assert.deepEqual(
      [...bytes.subarray(bytes.length - 24)],
      [0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64],
    );
    assert.equal(
      headerOf(serialize({ attn0: attn.view([1, 1, 2, 3]) })),
      `{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}${' '.repeat(7)}`,
    );
    assert.equal(Buffer.from(serialize({})).toString('latin1'), '\x08\0\0\0\0\0\0\0{}      ');
    assert.equal(
      Buffer.from(serialize({}, { metadata: { framework: 'pt' } })).toString('latin1', 8),
      '{"__metadata__":{"framework":"pt"}}     ',
    );
  });

  test('put the widest dtype first, then order by name in UTF-8, and align every tensor', () => {
    save(
      at('order.safetensors'),
      Object.fromEntries(
        ['\u{1F600}', '\uFF5E', 'b', '10', '9', 'a'].flatMap((name) => [
          [name, torch.ones([3], { dtype: 'uint8' })],
          [`${name}.w`, torch.ones([3])],
          [`${name}.i`, torch.ones([1], { dtype: 'int64' })],
        ]),
      ),
    );
    using file = open(at('order.safetensors'));
    const names = ['10', '9', 'a', 'b', '\uFF5E', '\u{1F600}'];
    assert.deepEqual(file.names, [...names.map((n) => `${n}.i`), ...names.map((n) => `${n}.w`), ...names]);
    assert.equal(fs.readFileSync(at('order.safetensors')).readUInt32LE(0) % 8, 0);
  });

  test('read tensors of a file whose data is not aligned', () => {
    const values = torch.randn([5]).double();
    const header =
      '{"pad":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"x":{"dtype":"F64","shape":[5],"data_offsets":[3,43]}}';
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(header.length));
    fs.writeFileSync(
      at('unaligned.safetensors'),
      Buffer.concat([start, Buffer.from(header), Buffer.from([1, 2, 3]), readBytes(values)]),
    );
    assertSameBytes(load(at('unaligned.safetensors')).get('x'), values, 'x');
    assertSameBytes(deserialize(fs.readFileSync(at('unaligned.safetensors'))).get('x'), values, 'x');
  });

  test('read only the named tensors, in the order of the data', () => {
    save(at('n.safetensors'), { a: torch.ones([1]), b: torch.ones([2]), c: torch.ones([3]) });
    assert.deepEqual([...load(at('n.safetensors'), { names: new Set(['c', 'a']) }).keys()], ['a', 'c']);
    assert.throws(() => load(at('n.safetensors'), { names: ['a', 'd'] }), {
      name: 'SafetensorsError',
      code: 'NO_SUCH_TENSOR',
      message: /no tensor "d"; did you mean/,
    });
    assert.throws(() => load(at('n.safetensors'), { names: 'a' }), { code: 'ARGUMENT' });
  });

  test('leave out types that only the format has when they are not named', () => {
    const header =
      '{"a":{"dtype":"U32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}';
    const bytes = Buffer.concat([
      Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from(header),
      Buffer.from([0, 0, 0, 0, 7]),
    ]);
    assert.throws(() => deserialize(bytes), { code: 'DTYPE_UNSUPPORTED', tensor: 'a', message: /U32/ });
    assert.equal(
      deserialize(bytes, { names: ['b'] })
        .get('b')
        ?.item(),
      7,
    );
    fs.writeFileSync(at('u32.safetensors'), bytes);
    using file = open(at('u32.safetensors'));
    assert.equal(file.infos.get('a')?.dtype, 'U32');
    assert.throws(() => file.get('a'), { code: 'DTYPE_UNSUPPORTED' });
    assert.equal(file.get('b').item(), 7);
  });

  test('write tensors larger than what is in flight at once', () => {
    const big = torch.arange(3_000_000); // 24 MB, three pieces
    save(at('big.safetensors'), { big, t: big.view([1000, 3000]).t() });
    const loaded = load(at('big.safetensors'));
    assert.ok(loaded.get('big')?.equal(big));
    assert.ok(loaded.get('t')?.equal(big.view([1000, 3000]).t()));
  });

  test('leave no tensors behind but those they return', () => {
    const tensors = variety();
    save(at('live.safetensors'), tensors);
    const before = settledLiveTensors();
    torch.tidy(() => {
      save(at('live.safetensors'), tensors);
      serialize(tensors);
      const loaded = load(at('live.safetensors'));
      assert.equal(native().liveTensors(), before + loaded.size);
      assert.throws(() => load(at('live.safetensors'), { names: ['scalar', 'nothing like it'] }));
      deserialize(serialize(tensors));
      assert.equal(native().liveTensors(), before + 2 * loaded.size);
    });
    assert.equal(native().liveTensors(), before);
  });

  test('read onto another device', { skip: torch.cuda.isAvailable() ? false : 'no CUDA device' }, () => {
    const tensors = variety();
    const onDevice = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.cuda()]));
    save(at('cuda.safetensors'), onDevice);
    assertSameTensors(load(at('cuda.safetensors')), tensors);
    for (const tensor of load(at('cuda.safetensors'), { device: 'cuda' }).values())
      assert.equal(tensor.device, 'cuda:0');
  });
});

suite('safetensors.open()', () => {
  test('lists names, dtypes, shapes and sizes without reading tensors', () => {
    save(at('o.safetensors'), { w: torch.zeros([2, 3], { dtype: 'bfloat16' }), n: torch.tensor(3n) });
    using file = open(at('o.safetensors'));
    assert.deepEqual(file.names, ['n', 'w']);
    assert.deepEqual(file.infos.get('w'), { dtype: 'bfloat16', shape: [2, 3], byteLength: 12 });
    assert.deepEqual(file.infos.get('n'), { dtype: 'int64', shape: [], byteLength: 8 });
    assert.deepEqual(file.metadata, {});
    assert.equal(file.path, at('o.safetensors'));
  });

  test('get() of a small tensor reads its bytes only, in a file of 5 GB', (t) => {
    const file = at('sparse.safetensors');
    const big = 5_000_000_000;
    const header = JSON.stringify({
      big: { dtype: 'U8', shape: [big], data_offsets: [0, big] },
      small: { dtype: 'F32', shape: [2], data_offsets: [big, big + 8] },
    });
    const start = Buffer.alloc(8 + header.length, header);
    start.write(header, 8);
    start.writeBigUInt64LE(BigInt(header.length));
    try {
      fs.writeFileSync(file, start);
      fs.truncateSync(file, start.length + big);
      fs.appendFileSync(file, readBytes(torch.tensor([1.5, -2])));
    } catch (error) {
      fs.rmSync(file, { force: true });
      return t.skip(`this file system has no sparse files: ${String(error)}`);
    }
    const reads = mock.method(fs, 'readSync');
    using opened = open(file);
    assert.deepEqual(opened.get('small').toArray(), [1.5, -2]);
    const bytesRead = reads.mock.calls.reduce((sum, call) => sum + (call.result ?? 0), 0);
    reads.mock.restore();
    assert.equal(bytesRead, start.length + 8);
    fs.rmSync(file);
  });

  test('a file that shrinks after it was opened is an error, not a crash', () => {
    const file = at('shrinks.safetensors');
    save(file, { a: torch.zeros([1000]), z: torch.ones([1], { dtype: 'uint8' }) });
    using opened = open(file);
    fs.truncateSync(file, 1000);
    assert.throws(() => opened.get('a'), { code: 'TRUNCATED', tensor: 'a', expected: '4000 bytes', path: file });
    assert.throws(() => opened.get('z'), { code: 'TRUNCATED', tensor: 'z', found: '0' });
  });

  test('after close() get() throws; closing twice is harmless', () => {
    save(at('c.safetensors'), { a: torch.ones([1]) });
    const file = open(at('c.safetensors'));
    const kept = file.get('a');
    file.close();
    file.close();
    assert.throws(() => file.get('a'), { code: 'CLOSED', tensor: 'a' });
    assert.equal(kept.item(), 1);
  });

  test('continues to read the old file when it is saved again', () => {
    save(at('swap.safetensors'), { a: torch.ones([3]) });
    using old = open(at('swap.safetensors'));
    save(at('swap.safetensors'), { b: torch.zeros([9]) });
    assert.deepEqual(old.get('a').toArray(), [1, 1, 1]);
  });

  test('paths that are no files are errors that name the path and the reason', () => {
    const refused = (file: string, reason: RegExp): void =>
      assert.throws(() => open(file), { name: 'SafetensorsError', code: 'IO', path: file, message: reason });
    refused(
      at('missing.safetensors'),
      /missing\.safetensors: cannot open it: there is no such file or folder \(ENOENT\)/,
    );
    refused(at(''), /it is a folder, not a file/);
    refused('/dev/null', /not a file/);
    assert.throws(() => open(3 as unknown as string), { code: 'ARGUMENT' });
    assert.throws(() => deserialize('x' as unknown as Uint8Array), { code: 'ARGUMENT' });
  });

  test('a file that may not be read is an error', {
    skip: process.getuid?.() === 0 ? 'root may read everything' : false,
  }, () => {
    save(at('secret.safetensors'), {});
    fs.chmodSync(at('secret.safetensors'), 0);
    assert.throws(() => open(at('secret.safetensors')), {
      code: 'IO',
      message: /this user may not do that \(EACCES\)/,
    });
  });
});

suite('safetensors.save() when it fails', () => {
  const file = (): string => at('kept.safetensors');
  const assertOldFileKept = (): void => {
    assert.deepEqual(load(file()).get('old')?.toArray(), [1, 2]);
    assert.deepEqual(leftovers(), []);
  };
  before(() => save(file(), { old: torch.tensor([1, 2]) }));

  for (const [what, method, failAt] of [
    ['the disk is full', 'writeSync', 2],
    ['the disk does not sync', 'fsyncSync', 1],
    ['the rename fails', 'renameSync', 1],
  ] as const) {
    test(`leaves the old file and no temporary one: ${what}`, () => {
      const original = fs[method] as (...args: unknown[]) => unknown;
      let calls = 0;
      const mocked = mock.method(fs, method, (...args: unknown[]) => {
        if (++calls < failAt) return original(...args);
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'write' });
      });
      assert.throws(() => save(file(), variety()), {
        name: 'SafetensorsError',
        code: 'IO',
        path: file(),
        message: /cannot write it: the disk is full \(ENOSPC\)/,
      });
      mocked.mock.restore();
      assertOldFileKept();
    });
  }

  test('leaves the old file and no temporary one: a limit of the system', {
    skip: process.platform === 'win32' ? 'no ulimit' : false,
  }, () => {
    const index = pathToFileURL(path.resolve(import.meta.dirname, '../src/index.js')).href;
    const code = `const torch = await import(${JSON.stringify(index)}); try { torch.safetensors.save(${JSON.stringify(file())}, { a: torch.zeros([1000000]) }); } catch (error) { console.log(error.code, error.message); }`;
    const { stdout, stderr } = spawnSync(
      'bash',
      ['-c', 'ulimit -f 100; exec "$0" --input-type=module -e "$1"', process.execPath, code],
      { encoding: 'utf8' },
    );
    assert.match(stdout, /^IO .*kept\.safetensors: cannot write it: .*EFBIG/, stderr);
    assertOldFileKept();
  });

  test('refuses what no file can hold before it touches the disk', () => {
    const gone = torch.ones([1]);
    gone.dispose();
    const refused = (tensors: unknown, expected: object, metadata?: unknown): void =>
      assert.throws(
        () => save(file(), tensors as Record<string, torch.Tensor>, { metadata: metadata as Record<string, string> }),
        { name: 'SafetensorsError', path: file(), ...expected },
      );
    refused({ ok: torch.ones([1]), gone }, { code: 'ARGUMENT', tensor: 'gone', message: /released by dispose/ });
    refused({ a: [1, 2] }, { code: 'ARGUMENT', tensor: 'a', message: /expected a Tensor, got \[1, 2\]/ });
    refused({ a: null }, { code: 'ARGUMENT', tensor: 'a' });
    refused({ __metadata__: torch.ones([1]) }, { code: 'ARGUMENT' });
    refused({ '\ud800': torch.ones([1]) }, { code: 'ARGUMENT', message: /surrogate/ });
    refused(new Map([[1, torch.ones([1])]]), { code: 'ARGUMENT', message: /a name must be a string/ });
    refused({ c: torch.zeros([1], { dtype: 'complex64' }) }, { code: 'ARGUMENT', message: /complex64/ });
    refused({ m: torch.zeros([1], { device: 'meta' }) }, { code: 'ARGUMENT', message: /meta/ });
    refused({ s: torch.eye(3).toSparse() }, { code: 'ARGUMENT', message: /sparse_coo/ });
    refused([torch.ones([1])], { code: 'ARGUMENT' });
    refused(null, { code: 'ARGUMENT' });
    refused({}, { code: 'METADATA' }, { epoch: 3 });
    refused({}, { code: 'METADATA' }, ['x']);
    assertOldFileKept();
  });

  test('names a folder that is not there, and a path that is a folder', () => {
    assert.throws(() => save(at('no/such/folder/a.safetensors'), {}), {
      code: 'IO',
      message: /no\/such\/folder\/a\.safetensors: cannot write it: there is no such file or folder/,
    });
    fs.mkdirSync(at('folder.safetensors'));
    assert.throws(() => save(at('folder.safetensors'), {}), { code: 'IO', message: /it is a folder/ });
    assert.throws(() => save(path.join(file(), 'a'), {}), {
      code: 'IO',
      message: /a part of the path is not a folder/,
    });
    assert.deepEqual(leftovers(), []);
  });

  test('replaces what a link points to, and keeps the link', () => {
    save(at('real.safetensors'), { a: torch.ones([1]) });
    fs.symlinkSync(at('real.safetensors'), at('link.safetensors'));
    save(at('link.safetensors'), { b: torch.ones([1]) });
    assert.ok(fs.lstatSync(at('link.safetensors')).isSymbolicLink());
    assert.deepEqual([...load(at('real.safetensors')).keys()], ['b']);
  });
});
