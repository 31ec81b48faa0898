/** safetensors files of Python, and those in the folder of golden files. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertSameTensors, testFolder, variety } from './helpers/safetensors-files.js';
import { assertClose, Reference } from './reference/reference.js';

const { load, open, save, serialize, deserialize } = torch.safetensors;
const { at } = testFolder();

suite('safetensors and Python', () => {
  const reference = new Reference();
  after(() => reference.stop());

  test("NumPy reads the bytes of save()'s files, every tensor aligned", async () => {
    const tensors = variety();
    save(at('for-python.safetensors'), tensors, { metadata: { epoch: '3' } });
    const { read, metadata, aligned } = await reference.run<{
      read: Record<string, torch.Tensor>;
      metadata: Record<string, string>;
      aligned: boolean;
    }>(
      `
import json, struct
raw = open(path, 'rb').read()
n = struct.unpack('<Q', raw[:8])[0]
header = json.loads(raw[8:8 + n].decode('utf-8'))
types = dict(F64='f8', F32='f4', F16='f2', BF16='i2', I64='i8', I32='i4', I16='i2', I8='i1', U8='u1', BOOL='?')
read, aligned = {}, n % 8 == 0
out['metadata'] = header.pop('__metadata__')
for name, e in header.items():
    begin, end = e['data_offsets']
    dtype = np.dtype(types[e['dtype']])
    aligned = aligned and begin % dtype.itemsize == 0
    x = torch.from_numpy(np.array(np.ndarray(e['shape'], dtype, raw, 8 + n + begin) if end > begin else np.zeros(e['shape'], dtype)))
    read[name] = x.view(torch.bfloat16) if e['dtype'] == 'BF16' else x
out['read'], out['aligned'] = read, bool(aligned)`,
      { path: at('for-python.safetensors') },
    );
    assert.deepEqual(metadata, { epoch: '3' });
    assert.equal(aligned, true);
    assertSameTensors(new Map(Object.entries(read)), tensors);
  });

  test('load() reads what Python writes, unpadded and unaligned', async () => {
    const { written } = await reference.run<{ written: Record<string, torch.Tensor> }>(
      `
import json, struct
torch.manual_seed(0)
x = torch.randn(4, 3) * 20
written = {'u8': x.abs().byte(), 'bool': x > 0, 'bf16': x.bfloat16(), 'f16': x.half(), 'f64': x.double(), 'f32': x, 'i8': x.char(), 'i16': x.short(), 'i32': x.int(), 'i64': x.long(), 'scalar': torch.tensor(7)}
names = dict(zip([torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool], 'F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL'.split()))
header, data = {'__metadata__': {'by': 'python'}}, b'\\x07'
header['first'] = {'dtype': 'U8', 'shape': [1], 'data_offsets': [0, 1]}
for name, t in written.items():
    b = (t.view(torch.int16) if t.dtype == torch.bfloat16 else t).numpy().tobytes()
    header[name] = {'dtype': names[t.dtype], 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(b)]}
    data += b
text = json.dumps(header).encode()
text += b' ' * ((9 - len(text)) % 8)
open(path, 'wb').write(struct.pack('<Q', len(text)) + text + data)
out['written'] = written`,
      { path: at('from-python.safetensors') },
    );
    const loaded = load(at('from-python.safetensors'));
    assert.equal(loaded.get('first')?.item(), 7);
    loaded.delete('first');
    assertSameTensors(loaded, written);
    assertClose(loaded.get('f32') ?? null, written.f32);
  });
});

const golden = path.resolve(import.meta.dirname, '../../../../../shared/golden');

suite('golden safetensors files', { skip: fs.existsSync(golden) ? false : `no folder ${golden}` }, () => {
  const files = fs.existsSync(golden) ? fs.readdirSync(golden).filter((name) => name.endsWith('.safetensors')) : [];

  for (const name of files) {
    test(`${name} loads, and is written as it was`, () => {
      torch.tidy(() => {
        using file = open(path.join(golden, name));
        const tensors = load(file.path);
        assert.deepEqual([...tensors.keys()], file.names);
        assert.ok(tensors.size > 0);
        for (const [key, { dtype, shape }] of file.infos) {
          const tensor = tensors.get(key) as torch.Tensor;
          assert.equal(tensor.dtype, dtype);
          assert.deepEqual(tensor.shape, shape);
        }
        assertSameTensors(deserialize(serialize(tensors)), Object.fromEntries(tensors));
      });
    });
  }

  test('hold the tensors that the JSON beside them names by key', () => {
    let checked = 0;
    for (const name of files) {
      using file = open(path.join(golden, name));
      for (const key of keysIn(
        JSON.parse(fs.readFileSync(path.join(golden, name.replace('.safetensors', '.json')), 'utf8')),
      )) {
        assert.ok(file.infos.has(key), `${name} has no ${key}`);
        checked++;
      }
    }
    assert.ok(checked >= 10, `only ${checked} keys`);
  });
});

/** The strings of all properties called `key`, at any depth. */
function keysIn(value: unknown): string[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, item]) =>
    name === 'key' && typeof item === 'string' ? [item] : keysIn(item),
  );
}
