/** Archives and pickles made to do harm, written here byte by byte. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { openClassifier } from '../src/classifier/classifier.js';
import { openTorchFile } from '../src/torch-files/open.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { zipOf } from './helpers/zip.js';

const pickle = (body: string): Buffer => Buffer.from(`\x80\x02${body}.`, 'latin1');

/** A tensor of the storage `key`, of `length` float32: pushes it. */
function tensor(key: string, length: number, shape: number[], stride: number[]): string {
  const int = (value: number): string => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return `J${bytes.toString('latin1')}`;
  };
  const text = (value: string): string => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
  const storage = `(${text('storage')}ctorch\nFloatStorage\n${text(key)}${text('cpu')}${int(length)}tQ`;
  const sizes = (values: number[]): string => `(${values.map(int).join('')}t`;
  return `ctorch._utils\n_rebuild_tensor_v2\n(${storage}${int(0)}${sizes(shape)}${sizes(stride)}\x89)tR`;
}

function written(t: TestContext, bytes: Buffer): string {
  const file = path.join(temporaryFolder(t), 'x.pth');
  writeFileSync(file, bytes);
  return file;
}

const refused = (t: TestContext, bytes: Buffer, message: RegExp): Promise<void> =>
  assert.rejects(openTorchFile(written(t, bytes)), { code: 'CHECKPOINT', message });

suite('hostile checkpoints', () => {
  test('a compressed member, as of a zip bomb, is never unpacked', async (t) => {
    const bomb = deflateRawSync(Buffer.alloc(1 << 24));
    const members = [{ name: 'x/data.pkl', content: bomb, method: 8, size: 1 << 24 }];
    await refused(t, zipOf(members), /member x\/data\.pkl is compressed or encrypted/);
  });

  test('a path that leaves the archive', async (t) => {
    for (const name of ['../../etc/passwd', '/etc/passwd', 'x\\..\\y'])
      await refused(
        t,
        zipOf([
          { name, content: Buffer.from('x') },
          { name: 'x/data.pkl', content: pickle('}') },
        ]),
        /path|characters|without data/,
      );
  });

  test('a storage that the archive does not have', async (t) => {
    await refused(
      t,
      zipOf([{ name: 'x/data.pkl', content: pickle(tensor('7', 4, [4], [1])) }]),
      /storage 7 is missing/,
    );
  });

  test('numbers repeated to fill the memory', async (t) => {
    const content = pickle(`}X\x0c\0\0\0conv1.weight${tensor('0', 1, [30_000, 30_000], [0, 0])}s`);
    const file = written(
      t,
      zipOf([
        { name: 'x/data.pkl', content },
        { name: 'x/data/0', content: Buffer.alloc(4) },
      ]),
    );
    using opened = await openTorchFile(file);
    const [only] = (opened.value as Map<string, Parameters<typeof opened.tensor>[0]>).values();
    assert.throws(() => opened.tensor(only!), { code: 'CHECKPOINT', message: /more memory than the file has bytes/ });
  });

  test('a number of a million bytes, and lists within themselves', async (t) => {
    const long = Buffer.concat([
      pickle('').subarray(0, 2),
      Buffer.from('8b40420f00', 'hex'),
      Buffer.alloc(1_000_000, 1),
      Buffer.from('.'),
    ]);
    await refused(t, zipOf([{ name: 'x/data.pkl', content: long }]), /whole number of 1000000 bytes/);
    const endless = pickle(']q\0h\0a');
    await assert.rejects(openClassifier(written(t, zipOf([{ name: 'x/data.pkl', content: endless }]))), {
      code: 'CHECKPOINT',
      message: /has no weights/,
    });
  });

  /** 5 MB under memo 0; then `each`, which names it, 800 times in a list. */
  const shared = (value: Buffer, each: string): Buffer =>
    zipOf([
      {
        name: 'x/data.pkl',
        content: Buffer.concat([pickle('').subarray(0, 2), value, Buffer.from(`q\0](${each.repeat(800)}e.`, 'latin1')]),
      },
    ]);
  const long = (opcode: string): Buffer => {
    const head = Buffer.from(`${opcode}    `, 'latin1');
    head.writeUInt32LE(5_000_000, 1);
    return Buffer.concat([head, Buffer.alloc(5_000_000, 0x61)]);
  };
  const pairs = Buffer.concat([
    Buffer.from(']('),
    Buffer.from('K\x01K\x02\x86'.repeat(100_000), 'latin1'),
    Buffer.from('e'),
  ]);

  test('arrays that share one byte string share its memory', async (t) => {
    const dtype = 'cnumpy\ndtype\nX\x02\0\0\0u1\x85R';
    const array = `cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x01\x85${dtype}\x89h\0tb`;
    const file = written(t, shared(long('B'), array));
    const before = process.memoryUsage().rss;
    using opened = await openTorchFile(file);
    assert.equal((opened.value as unknown[]).length, 800);
    assert.ok(process.memoryUsage().rss - before < 100e6);
  });

  for (const [what, value, each] of [
    ['text that is encoded again and again', long('X'), 'c_codecs\nencode\nh\0X\x06\0\0\0latin1\x86R'],
    ['paths of one long name', long('X'), 'cpathlib\nPosixPath\nh\0h\0h\0\x87R'],
    ['dictionaries of the same pairs', pairs, 'ccollections\nOrderedDict\nh\0\x85R'],
    ['sets of the same values', pairs, 'cbuiltins\nfrozenset\nh\0\x85R'],
    ['keys of one long byte string', long('B'), '}h\0K\x01s'],
  ] as const)
    test(`${what} fill no memory`, async (t) => {
      const start = performance.now();
      await refused(t, shared(value, each), /far more memory than the file has bytes/);
      assert.ok(performance.now() - start < 60_000);
    });

  test('names that are containers within containers', async (t) => {
    const nested = `]q\0${Array.from({ length: 40 }, (_, i) => `](h${String.fromCharCode(i)}h${String.fromCharCode(i)}eq${String.fromCharCode(i + 1)}`).join('')}`;
    await refused(
      t,
      zipOf([{ name: 'x/data.pkl', content: pickle(`${nested}0cpathlib\nPosixPath\nh\x28\x85R`) }]),
      /a name that is not text/,
    );
  });

  test('every way to call a function', async (t) => {
    const calls: Record<string, string> = {
      'os.system': 'cos\nsystem\nX\x04\0\0\0exit\x85R',
      'builtins.getattr': 'X\x08\0\0\0builtinsX\x07\0\0\0getattr\x93)R',
      'subprocess.Popen': '(isubprocess\nPopen\n',
      'torch.load': 'ctorch\nload\n)\x81',
      'builtins.__import__': 'cbuiltins\n__import__\n)R',
      'torch.hub.load': 'ctorch.hub\nload\n',
      'collections.__proto__': 'ccollections\n__proto__\n',
    };
    for (const [name, body] of Object.entries(calls))
      await refused(
        t,
        zipOf([{ name: 'x/data.pkl', content: pickle(body) }]),
        new RegExp(`refers to ${name}, which has a type that is not allowed`),
      );
  });

  test('files of other kinds are named as such', async (t) => {
    await refused(t, Buffer.from('<html>'), /not a PyTorch file/);
    await refused(t, Buffer.alloc(0), /not a PyTorch file/);
    await refused(t, zipOf([{ name: 'x/code/y.py', content: Buffer.from('x') }]), /TorchScript program/);
    await refused(t, zipOf([{ name: 'word/document.xml', content: Buffer.from('x') }]), /without data\.pkl/);
    await assert.rejects(openTorchFile(temporaryFolder(t)), { code: 'CHECKPOINT' });
  });
});
