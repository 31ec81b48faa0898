/** The options of `openDataset`, and the interface of a source. */
import type { BadFile } from './bad-file.js';
import type { Dataset } from './dataset.js';
import type { Rgb } from './decode/background.js';

/** Receives the progress of long work: `done` of `total` (undefined when not known), in files or bytes. */
export interface Progress {
  readonly what: string;
  readonly done: number;
  readonly total: number | undefined;
}

export const checkFilesKinds = ['auto', 'headers', 'decode'] as const;
export type CheckFiles = (typeof checkFilesKinds)[number];

export interface OpenOptions {
  /** Share of each class's training images, in (0, 1), that becomes the test split; for data without one. */
  split?: number | undefined;
  /** Seed of that split. Default 0. */
  seed?: number | undefined;
  /**
   * The word for "test" in the name of the test images: a folder beside `train`, or a list beside that of the training
   * images. Default: the first that exists of test, testing, val, valid and validation, and has classes.
   */
  testSplit?: string | undefined;
  /**
   * The images are to be evaluated, not trained on: test images suffice, and where no split is (class folders alone,
   * one list) all images are test images, unless `split` is given. The training split may then be empty. Default false.
   */
  evaluation?: boolean | undefined;
  /** Folder that the paths in list files are relative to. Default: the folder of the list. */
  root?: string | undefined;
  /** Leave out images that cannot be read instead of stopping. Default false. */
  skipBad?: boolean | undefined;
  /** Never use the network. Default false. */
  offline?: boolean | undefined;
  /** Folder for downloads and decoded images. Default: see `defaultCacheDir`. */
  cacheDir?: string | undefined;
  /**
   * Decode every image file once, to find those that cannot be read and to keep small collections in memory.
   * Default true; false only lists the files.
   */
  check?: boolean | undefined;
  /**
   * The way in which image files are checked. `auto`, the default, decodes them; of more than 50,000 that do not fit
   * into memory it reads only the headers (docs/large-data.md). `headers`: only the headers are read, whatever the
   * number. `decode`: all files are decoded.
   */
  checkFiles?: CheckFiles | undefined;
  /** Image files of one size are kept in memory up to this many bytes. Default 4 GiB, at most a quarter of the RAM. */
  maxBytes?: number | undefined;
  /** Background of transparent images: red, green, blue, 0 … 255. Default white. */
  background?: Rgb | undefined;
  log?: ((line: string) => void) | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Called for each image that cannot be read, before the error or the log line. */
  onBad?: ((file: BadFile) => void) | undefined;
  /** Stops the work; the error is the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The options as sources get them, with the defaults filled in. */
export interface OpenContext {
  readonly cacheDir: string;
  readonly offline: boolean;
  readonly root: string | undefined;
  readonly testSplit: string | undefined;
  readonly evaluation: boolean;
  /** Evaluate all images of a source that has no split. */
  readonly takesAll: boolean;
  readonly log: (line: string) => void;
  readonly onProgress: (progress: Progress) => void;
  /** Told of each file and folder that decides which images there are, before it is read. */
  readonly reads: (fileOrFolder: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** A kind of source: one file in `sources/` and one line in the registry of `open.ts`. */
export interface SourceKind {
  /** One line for messages: what the user can give. */
  readonly summary: string;
  /** The fixed names that this kind answers to, such as `cifar10`. */
  readonly names?: readonly string[];
  /** Whether the user may name the test split. Default false: there is one, "test". */
  readonly namesSplits?: boolean;
  /** The data set, or undefined when `spec` is not of this kind. Throws `UserError` when it is, but is broken. */
  open(spec: string, context: OpenContext): Promise<Dataset | undefined>;
}

/** A source of a plugin: a kind of source with a name of its own, for messages. */
export interface SourceEntry extends SourceKind {
  readonly name: string;
}
