/**
 * All options of the command line, in one table: the parser, its checks, the help and `docs/command-line.md` are made
 * from it. Nothing here imports the engine or a decoder, so that `--help` is fast.
 */

/** The parsed options. An option that was not given is undefined. */
export interface Options {
  data?: string;
  recipe?: string;
  set?: string[];
  plugin?: string;
  budget?: 'small';
  /** Seconds. */
  time?: number;
  goal?: 'accuracy' | 'size' | 'speed';
  yes?: boolean;
  savePlan?: string;
  out?: string;
  resume?: boolean;
  dryRun?: boolean;
  saveEvery?: number;
  fitMemory?: boolean;
  procs?: number;
  vit?: boolean;
  changes?: string;
  seeds?: string;
  teacher?: string;
  from?: string;
  imbalance?: number;
  imbalanceType?: 'exp' | 'step';
  split?: number;
  testSplit?: string;
  root?: string;
  check?: 'auto' | 'headers' | 'decode';
  skipBad?: boolean;
  offline?: boolean;
  select?: 'validation' | 'test' | 'last';
  which?: 'best' | 'last';
  weights?: 'ema' | 'raw';
  save?: boolean;
  tau?: number;
  calibration?: string;
  prior?: string;
  priorFrom?: string;
  onlyClasses?: string[];
  minPrecision?: number;
  errorCost?: number;
  coverage?: number;
  adaptation?: boolean;
  top?: number;
  wide?: boolean;
  sortInto?: string;
  link?: boolean;
  review?: string;
  diff?: string;
  /** Each command has its own formats. */
  format?: string;
  /** Precision of an exported model, or of the computation; each command has its own choices. */
  precision?: 'fp32' | 'fp16' | 'int8' | 'auto' | 'float32' | 'bfloat16' | 'float16';
  attention?: boolean;
  option?: string[];
  port?: number;
  host?: string;
  maxBatch?: number;
  queue?: number;
  maxBytes?: number;
  maxPixels?: number;
  /** True without values. */
  allowUrl?: true | string[];
  svg?: string;
  html?: string;
  figures?: string;
  speed?: boolean;
  nearDuplicates?: 'yes' | 'no';
  model?: string;
  json?: boolean;
}

export interface OptionSpec {
  /** The word that stands for the value in help texts; absent for an option that is on or off. */
  readonly value?: string;
  /** Default `text`. `list`: any number of values. */
  readonly type?: 'text' | 'number' | 'integer' | 'list' | 'duration';
  /** Whether the values of a list may be left out; the option is then true. */
  readonly mayBeEmpty?: boolean;
  /** Limits of a number; `below` and `above` exclude the limit itself. */
  readonly min?: number;
  readonly above?: number;
  readonly below?: number;
  readonly choices?: readonly string[];
  /** Given as `--no-NAME`; the option is on without it. */
  readonly negated?: boolean;
  /** The word on the command line, where another command has an option of that name and another meaning. */
  readonly word?: string;
  readonly description: string;
}

export const optionTable: Readonly<Record<keyof Options, OptionSpec>> = {
  data: {
    value: 'DATA',
    description:
      'the data set: a name (shapes, cifar10, cifar100), a folder, an archive, a list file or annotations (JSON)',
  },
  recipe: {
    value: 'NAME|FILE',
    description: 'the training recipe; "deit-lt recipes" lists them (default: chosen by the data)',
  },
  set: {
    value: 'KEY=VALUE',
    type: 'list',
    description: 'changes values of the recipe, such as student.epochs=90',
  },
  plugin: {
    value: 'FILE',
    description:
      'loads a JavaScript module of your own first, which registers losses, networks, optimizers and more (docs/plugins.md)',
  },
  budget: {
    value: 'BUDGET',
    choices: ['small'],
    description: 'small: tiny images and networks, two epochs; only to try whether a training runs',
  },
  time: {
    value: 'TIME',
    type: 'duration',
    description:
      'the time that the trainings may take in all, such as 30m, 8h or 1h30m; epochs, learning rate and re-weighting are fitted to it (docs/plan.md)',
  },
  goal: {
    value: 'GOAL',
    choices: ['accuracy', 'size', 'speed'],
    description: 'what a planned training is best at: accuracy (the default), a small model file, or fast predictions',
  },
  yes: { description: 'starts a planned training without asking; only a terminal is asked' },
  savePlan: {
    value: 'FILE',
    word: 'save',
    description: 'plan: writes the plan as a recipe file, for --recipe FILE',
  },
  out: {
    value: 'PATH',
    description:
      'the run folder (default: runs/DATE-TIME-RECIPE); for export, demo and predict, the file or folder to write',
  },
  resume: {
    description:
      'resumes the run in --out, or starts it if there is none; recipe and data are read from its config.json unless they are given. predict: continues the file in --out',
  },
  dryRun: { description: 'checks recipe, data and networks, prints what would be trained, and writes no run folder' },
  saveEvery: {
    value: 'SECONDS',
    type: 'number',
    min: 0,
    description:
      'least number of seconds between two checkpoints, also within an epoch (default: 20). The pause is longer where saving would take more than a twentieth of the time. 0 saves after every update',
  },
  fitMemory: {
    description:
      'tries two updates first, and halves batches that do not fit into memory; an update keeps its images, in more batches',
  },
  procs: {
    value: 'N',
    type: 'integer',
    min: 1,
    description:
      'trains in this many processes on this machine, each with its part of the shards of the recipe (docs/distributed.md)',
  },
  changes: {
    value: 'FILE',
    description: 'study ladder: a YAML file with the list of changes, each "name" and "set" (settings as of --set)',
  },
  seeds: {
    value: 'LIST',
    description:
      'trains once with each of these seeds, such as 0,1,2, into OUT/seed-SEED, and prints mean and interval; study ladder: the seeds of every rung (default there: 0,1,2)',
  },
  vit: { description: 'also trains a plain ViT, without a teacher, for comparison' },
  teacher: { value: 'RUN', description: "the teacher: a run folder, a checkpoint (also PyTorch's), or an ONNX model" },
  from: {
    value: 'WEIGHTS',
    description:
      'starts from these weights: a run folder, a checkpoint, a file of timm or torchvision, or the name of one in a cache (docs/pretrained.md); --set student.learn=classifier (or teacher.learn) trains only the last layer, lora:8 low-rank matrices beside the others',
  },
  imbalance: {
    value: 'RATIO',
    type: 'number',
    min: 1,
    description:
      'makes the training set long-tailed; RATIO is the size of the largest class divided by that of the smallest, such as 100',
  },
  imbalanceType: {
    value: 'TYPE',
    choices: ['exp', 'step'],
    description: 'how class sizes decrease from the largest to the smallest: exponentially, or in one step',
  },
  split: {
    value: 'SHARE',
    type: 'number',
    above: 0,
    below: 1,
    description: 'sets this share of each class aside as test images, such as 0.1, if the data have none',
  },
  testSplit: {
    value: 'NAME',
    description:
      'the folder of the test images, or the word that replaces "train" in the name of their list (default: test, else val)',
  },
  root: {
    value: 'DIR',
    description: 'the folder that the paths of a list file start from (default: the folder of the list)',
  },
  check: {
    value: 'HOW',
    choices: ['auto', 'headers', 'decode'],
    description:
      'how image files are checked at the start: decode reads them whole, headers only their headers (default: auto, which is headers for more than 50,000 files that are not kept in memory)',
  },
  skipBad: { description: 'leaves out images that cannot be read; otherwise they are an error' },
  offline: { description: 'never uses the network' },
  select: {
    value: 'SPLIT',
    choices: ['validation', 'test', 'last'],
    description: 'the images that choose the best epoch; last takes the last epoch (same as --set evaluation.select=…)',
  },
  which: {
    value: 'WHICH',
    choices: ['best', 'last'],
    description: 'which checkpoint of a run folder is used (default: best)',
  },
  weights: {
    value: 'WEIGHTS',
    choices: ['ema', 'raw'],
    description: 'ema: averaged weights; raw: weights without averaging (default: those that the run chose)',
  },
  save: { description: 'saves the accuracy and the predictions in the run folder, for "deit-lt compare"' },
  tau: {
    value: 'TAU',
    type: 'number',
    min: 0,
    description:
      'strength of the normalisation, from 0 (none) to 1 (full) (default: the best on the validation images)',
  },
  calibration: {
    value: 'DATA',
    description:
      'labelled images that the model was not trained on, instead of the validation images of its training: a folder with a folder for each class, an archive or a list file',
  },
  prior: {
    value: 'uniform|training|FILE',
    description:
      'how often each class occurs where the model is used: all alike (the default), as in training, or a JSON file such as {"cat": 0.7, "lynx": 0.3}; classes that are not in the file do not occur',
  },
  priorFrom: {
    value: 'FOLDER',
    description:
      'images without labels from where the model is used; how often each class occurs is estimated from them',
  },
  onlyClasses: {
    value: 'NAME',
    type: 'list',
    description: 'names of the classes that can occur; no other is predicted',
  },
  minPrecision: {
    value: 'SHARE',
    type: 'number',
    above: 0,
    below: 1,
    description:
      'answers "unknown" below a threshold of each class, with which this share of the other answers is right',
  },
  errorCost: {
    value: 'COST',
    type: 'number',
    above: 1,
    description: 'answers "unknown" where a wrong answer, which costs COST times as much, would cost more on average',
  },
  coverage: {
    value: 'SHARE',
    type: 'number',
    above: 0,
    below: 1,
    description:
      'adds a set of classes to each answer, such that for each class the sets of this share of its images contain the class (conformal prediction)',
  },
  adaptation: {
    negated: true,
    description: 'leaves out what "deit-lt adapt" fitted: the model is used as it was trained',
  },
  top: { value: 'COUNT', type: 'integer', min: 1, description: 'number of most likely classes to show (default: 5)' },
  wide: {
    description:
      'CSV with one row for each image: its class with probability and margin (to the second class), then the other ranks',
  },
  sortInto: {
    value: 'FOLDER',
    description:
      'copies each image into a folder of its class in FOLDER ("unknown" for such answers of an adapted model); nothing is overwritten',
  },
  link: { description: 'with --sort-into: makes symbolic links instead of copies' },
  review: {
    value: 'FILE',
    description: 'also writes a CSV file with all images, those that the model is least sure of first',
  },
  diff: { value: 'NAME|FILE', description: 'shows only the values that differ from another recipe, side by side' },
  format: {
    value: 'FORMAT',
    description: 'the format of the output',
  },
  precision: {
    value: 'PRECISION',
    description:
      "export and demo: the weights of the ONNX model (default: fp32); int8 quantises activations dynamically. eval, predict, serve and analyze: the precision of the computation instead of the recipe's; auto is bfloat16 where the hardware supports it",
  },
  attention: {
    description: 'adds an ONNX output named attentions, with the attention weights of every block and head',
  },
  option: {
    value: 'KEY=VALUE',
    type: 'list',
    description: 'sets options of the format, such as precision=int8; for formats that a module of --plugin registers',
  },
  port: {
    value: 'PORT',
    type: 'integer',
    min: 0,
    below: 65536,
    description: 'the port to listen on; 0 takes any free one (default: always the same one, if it is free)',
  },
  host: {
    value: 'ADDRESS',
    description: 'the address to listen on (default: 127.0.0.1, only this machine; 0.0.0.0 also the network)',
  },
  maxBatch: {
    value: 'IMAGES',
    type: 'integer',
    min: 1,
    description: 'largest number of images that the network computes at once (default: 16)',
  },
  queue: {
    value: 'IMAGES',
    type: 'integer',
    min: 1,
    description:
      'largest number of images that are accepted and not answered yet; requests beyond it get the status 429 (default: 256)',
  },
  maxBytes: {
    value: 'BYTES',
    type: 'integer',
    min: 1,
    description: 'largest body of a request (default: 20000000)',
  },
  maxPixels: {
    value: 'PIXELS',
    type: 'integer',
    min: 1,
    description: 'images of more pixels are refused before they are decoded (default: 100000000)',
  },
  allowUrl: {
    value: 'HOST',
    type: 'list',
    mayBeEmpty: true,
    description:
      'lets clients name images by their address (http, https): of these hosts, or without a value of every host with a public address',
  },
  svg: { value: 'FILE', description: 'also writes the histogram of the classes as an SVG picture' },
  html: {
    value: 'FILE',
    description: 'the file to write (default: report.html in the run folder; for several runs, in the current folder)',
  },
  figures: { value: 'DIR', description: 'also writes each figure of the report into this folder, as SVG and PNG' },
  model: {
    value: 'RUN',
    description:
      'a trained model of these classes: lists the images whose label is probably wrong by its predictions (confident learning)',
  },
  speed: { negated: true, description: 'skips measuring the training speed of this machine' },
  nearDuplicates: {
    value: 'yes|no',
    choices: ['yes', 'no'],
    description:
      'whether test images are looked for that are training images in another form (default: yes up to 100000 image files, all of which are decoded)',
  },
  json: { description: 'prints JSON, and nothing else, to the standard output' },
};

/** `imbalanceType` → `--imbalance-type <TYPE>`, as help texts and commander write it. */
export function flagsOf(name: keyof Options): string {
  const { value, type, negated, mayBeEmpty, word = name } = optionTable[name];
  const words = word.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const flag = `--${negated === true ? 'no-' : ''}${words}`;
  if (value === undefined) return flag;
  const values = `${value}${type === 'list' ? '...' : ''}`;
  return mayBeEmpty === true ? `${flag} [${values}]` : `${flag} <${values}>`;
}
