/** NumPy's part in pickles: arrays of numbers, and single numbers. */
import { type GlobalCall, type KnownGlobals, PickledObject, type PickleValue, sizesOf, textOf } from './values.js';

/** A NumPy array: `bytes` are its elements in order (columns first when `fortran`). */
export class NumpyArray extends PickledObject {
  shape: readonly number[] = [];
  /** NumPy's type string without the byte order: `u1`, `i8`. */
  dtype = '';
  fortran = false;
  bytes: Uint8Array = new Uint8Array(0);

  override setState(state: PickleValue): void {
    const [, shape, dtype, fortran, bytes] = Array.isArray(state) ? state : [];
    if (!(dtype instanceof NumpyDtype) || !(bytes instanceof Uint8Array)) throw new Error('it has an array of objects');
    this.shape = sizesOf(shape, 'the shape of an array');
    this.dtype = dtype.code;
    this.fortran = fortran === true || fortran === 1;
    this.bytes = bytes; // not a copy: many arrays may share one byte string
  }
}

/** NumPy's type of elements. */
export class NumpyDtype extends PickledObject {
  bigEndian = false;

  constructor(readonly code: string) {
    super();
  }

  override setState(state: PickleValue): void {
    this.bigEndian = Array.isArray(state) && textOf(state[1]) === '>';
  }
}

type Decode = (view: DataView, littleEndian: boolean) => number | bigint | boolean;

/** Types by NumPy's type string. */
const decoders: Readonly<Record<string, Decode>> = {
  b1: (view) => view.getUint8(0) !== 0,
  u1: (view) => view.getUint8(0),
  i1: (view) => view.getInt8(0),
  u2: (view, little) => view.getUint16(0, little),
  i2: (view, little) => view.getInt16(0, little),
  u4: (view, little) => view.getUint32(0, little),
  i4: (view, little) => view.getInt32(0, little),
  u8: (view, little) => safe(view.getBigUint64(0, little)),
  i8: (view, little) => safe(view.getBigInt64(0, little)),
  f2: (view, little) => halfToNumber(view.getUint16(0, little)),
  f4: (view, little) => view.getFloat32(0, little),
  f8: (view, little) => view.getFloat64(0, little),
};

const safe = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scalar: GlobalCall = ([dtype, bytes]) => {
  const decode = dtype instanceof NumpyDtype ? decoders[dtype.code] : undefined;
  if (!(dtype instanceof NumpyDtype) || decode === undefined || !(bytes instanceof Uint8Array))
    throw new Error('it has a NumPy scalar that is not a number');
  if (bytes.length !== Number(dtype.code.slice(1))) throw new Error('it is damaged (a NumPy scalar of the wrong size)');
  return decode(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), !dtype.bigEndian);
};

/** Python 3 writes bytes for old protocols as text in Latin-1. */
const encode: GlobalCall = ([text, encoding]) => {
  if (typeof text === 'string' && textOf(encoding) === 'latin1') return Buffer.from(text, 'latin1');
  throw new Error('it calls _codecs.encode in an unknown way');
};

const reconstruct: GlobalCall = () => new NumpyArray();

/** Arrays and scalars of NumPy 1 and 2. */
export const numpyGlobals: KnownGlobals = {
  'numpy.core.multiarray._reconstruct': reconstruct,
  'numpy._core.multiarray._reconstruct': reconstruct,
  'numpy.core.multiarray.scalar': scalar,
  'numpy._core.multiarray.scalar': scalar,
  'numpy.ndarray': null,
  'numpy.dtype': ([code]) => new NumpyDtype(textOf(code)),
  '_codecs.encode': encode,
  'codecs.encode': encode,
};
