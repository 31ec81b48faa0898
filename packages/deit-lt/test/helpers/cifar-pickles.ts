/** CIFAR's Python version as Python 2 pickled it, written by hand. */
import type { CifarLayout } from '../../src/data/cifar/layouts.js';
import { labelOf, planesOf } from './cifar.js';

const shortString = (text: string): Buffer =>
  Buffer.concat([Buffer.from('U'), Buffer.from([text.length]), Buffer.from(text)]);

/** The pixels as a plain string. */
export function longString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([Buffer.from('T'), length, bytes]);
}

/** As NumPy 1 of Python 2 pickles a uint8 array of two rows. */
export function numpyArray(bytes: Buffer): Buffer {
  const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
  return Buffer.concat([
    latin('cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03(K\x01'),
    latin(
      'K\x02M\x00\x0c\x86cnumpy\ndtype\nq\x04U\x02u1K\x00K\x01\x87Rq\x05(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89',
    ),
    longString(bytes),
    latin('tb'),
  ]);
}

/** The files of CIFAR-10 as Python 2 pickled them (protocol 2: byte strings for text). */
export function python2Files(layout: CifarLayout, data: (bytes: Buffer) => Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const dictionary = (...items: Buffer[]): Buffer =>
    Buffer.concat([Buffer.from('\x80\x02}(', 'latin1'), ...items, Buffer.from('u.')]);
  const list = (items: Buffer[]): Buffer => Buffer.concat([Buffer.from(']('), ...items, Buffer.from('e')]);
  [...layout.train, ...layout.test].forEach((name, file) => {
    const labels = [0, 1].map((i) => Buffer.from(`K${String.fromCharCode(labelOf(layout, file, i))}`, 'latin1'));
    const bytes = Buffer.concat([planesOf(2 * file), planesOf(2 * file + 1)]);
    files.set(name, dictionary(shortString('labels'), list(labels), shortString('data'), data(bytes)));
  });
  const names = Array.from({ length: layout.numClasses }, (_, i) => shortString(`class ${i}`));
  files.set(layout.meta, dictionary(shortString('label_names'), list(names)));
  return files;
}
