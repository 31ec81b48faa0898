/** The published forms of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): which files there are and how they are read. */

export type CifarFormat = 'binary' | 'python';

export interface CifarLayout {
  /** The data set: `cifar10` or `cifar100`. */
  readonly dataset: 'cifar10' | 'cifar100';
  readonly format: CifarFormat;
  /** The folder inside the published archive. */
  readonly folder: string;
  /** The archive's name on the server and its MD5. */
  readonly archive: string;
  readonly md5: string;
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** The file with the class names. */
  readonly meta: string;
  readonly numClasses: number;
}

const batches = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}`);

/** Binary forms first: they are read without a pickle. */
export const cifarLayouts: readonly CifarLayout[] = [
  {
    dataset: 'cifar10',
    format: 'binary',
    folder: 'cifar-10-batches-bin',
    archive: 'cifar-10-binary.tar.gz',
    md5: 'c32a1d4ab5d03f1284b67883e8d87530',
    train: batches.map((name) => `${name}.bin`),
    test: ['test_batch.bin'],
    meta: 'batches.meta.txt',
    numClasses: 10,
  },
  {
    dataset: 'cifar100',
    format: 'binary',
    folder: 'cifar-100-binary',
    archive: 'cifar-100-binary.tar.gz',
    md5: '03b5dce01913d631647c71ecec9e9cb8',
    train: ['train.bin'],
    test: ['test.bin'],
    meta: 'fine_label_names.txt',
    numClasses: 100,
  },
  {
    dataset: 'cifar10',
    format: 'python',
    folder: 'cifar-10-batches-py',
    archive: 'cifar-10-python.tar.gz',
    md5: 'c58f30108f718f92721af3b95e74349a',
    train: batches,
    test: ['test_batch'],
    meta: 'batches.meta',
    numClasses: 10,
  },
  {
    dataset: 'cifar100',
    format: 'python',
    folder: 'cifar-100-python',
    archive: 'cifar-100-python.tar.gz',
    md5: 'eb9058c3a382ffc7106e4002c42a8d85',
    train: ['train'],
    test: ['test'],
    meta: 'meta',
    numClasses: 100,
  },
];

/** Side of a CIFAR image in pixels, and its bytes in one colour and in all three. */
export const cifarSide = 32;
export const planeBytes = cifarSide * cifarSide;
export const imageBytes = 3 * planeBytes;

/** All files of a layout. */
export function filesOf({ train, test, meta }: CifarLayout): string[] {
  return [...train, ...test, meta];
}
