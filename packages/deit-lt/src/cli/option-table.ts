/**
 * All options of the command line, in one table: parsing, checks, help texts and `docs/command-line.md` are made from
 * it. Nothing here imports the engine or a decoder, so that `--help` is there at once.
 */

/** What the options become. Each is undefined when it was not given and has no default. */
export interface Options {
  data?: string;
  recipe?: string;
  set?: string[];
  plugin?: string;
  budget?: 'small';
  out?: string;
  resume?: boolean;
  saveEvery?: number;
  vit?: boolean;
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
  top?: number;
  diff?: string;
  /** Each command has its own formats. */
  format?: string;
  /** Of an exported model, or of the arithmetic: each command says which there are. */
  precision?: 'fp32' | 'fp16' | 'int8' | 'auto' | 'float32' | 'bfloat16';
  attention?: boolean;
  port?: number;
  host?: string;
  svg?: string;
  html?: string;
  figures?: string;
  speed?: boolean;
  json?: boolean;
}

export interface OptionSpec {
  /** The word that stands for the value in help texts; absent for an option that is on or off. */
  readonly value?: string;
  /** Default `text`. `list`: any number of values. */
  readonly type?: 'text' | 'number' | 'integer' | 'list';
  /** Limits of a number; `below` and `above` exclude the limit itself. */
  readonly min?: number;
  readonly above?: number;
  readonly below?: number;
  readonly choices?: readonly string[];
  /** Given as `--no-NAME`; the option is on without it. */
  readonly negated?: boolean;
  readonly description: string;
}

export const optionTable: Readonly<Record<keyof Options, OptionSpec>> = {
  data: {
    value: 'DATA',
    description:
      'the images: a name (shapes, cifar10, cifar100), a folder, an archive, a list file or annotations (JSON)',
  },
  recipe: { value: 'NAME|FILE', description: 'how to train; "deit-lt recipes" lists the names (default: by the data)' },
  set: {
    value: 'KEY=VALUE',
    type: 'list',
    description: 'changes values of the recipe, such as student.epochs=90',
  },
  plugin: {
    value: 'FILE',
    description:
      'loads a JavaScript module of your own first, which registers losses, tasks or models (docs/plugins.md)',
  },
  budget: {
    value: 'BUDGET',
    choices: ['small'],
    description: 'small shrinks the recipe to tiny images and networks and two epochs: for trying it out only',
  },
  out: {
    value: 'PATH',
    description: 'the run folder (default: runs/DATE-TIME-RECIPE); of export and demo the file or folder to write',
  },
  resume: {
    description:
      'resumes the run in --out, or starts it where there is none yet; recipe and data come from its config.json when they are not given',
  },
  saveEvery: {
    value: 'SECONDS',
    type: 'number',
    min: 0,
    description:
      'at least so many seconds between two checkpoints, also inside of an epoch, and so many that saving takes at most a twentieth of the time; 0 saves after each update (default: 20)',
  },
  vit: { description: 'also trains the plain ViT, without a teacher, for comparison' },
  teacher: { value: 'RUN', description: "the teacher's run folder or checkpoint, also PyTorch's, or an ONNX model" },
  from: {
    value: 'RUN',
    description:
      'begins with the weights of this run folder or checkpoint; with learn: classifier only its last layer learns',
  },
  imbalance: {
    value: 'RATIO',
    type: 'number',
    min: 1,
    description: 'makes the training set long-tailed: largest class by smallest, such as 100',
  },
  imbalanceType: {
    value: 'TYPE',
    choices: ['exp', 'step'],
    description: 'how class sizes fall from the largest to the smallest',
  },
  split: {
    value: 'SHARE',
    type: 'number',
    above: 0,
    below: 1,
    description: 'keeps this share of each class as test images, for data that have none',
  },
  testSplit: {
    value: 'NAME',
    description:
      'the folder of the test images, or the word for "train" in the name of their list (default: test, else val, whichever has classes)',
  },
  root: { value: 'DIR', description: "folder of a list file's paths (default: where the list is)" },
  check: {
    value: 'HOW',
    choices: ['auto', 'headers', 'decode'],
    description:
      'how image files are checked before the work: by decoding them all, or by their headers (default: auto, which takes headers for more than 50,000 files that do not come into memory)',
  },
  skipBad: { description: 'leaves out images that cannot be read, instead of stopping' },
  offline: { description: 'never uses the network' },
  select: {
    value: 'SPLIT',
    choices: ['validation', 'test', 'last'],
    description: 'what chooses the best epoch (same as --set evaluation.select=…); the last epoch needs no images',
  },
  which: { value: 'WHICH', choices: ['best', 'last'], description: 'the checkpoint of a run folder (default: best)' },
  weights: {
    value: 'WEIGHTS',
    choices: ['ema', 'raw'],
    description: 'averaged weights (EMA) or those as trained (default: as the run chose)',
  },
  save: { description: 'keeps the figures, and what was said of each image, in the run folder, for "deit-lt compare"' },
  tau: {
    value: 'TAU',
    type: 'number',
    min: 0,
    description: 'strength of the normalisation: 0 none, 1 full (default: the best on the validation images)',
  },
  top: { value: 'COUNT', type: 'integer', min: 1, description: 'most likely classes to show (default: 5)' },
  diff: { value: 'NAME|FILE', description: 'shows only the values that another recipe has otherwise, side by side' },
  format: {
    value: 'FORMAT',
    description: 'of what is written; each command says which there are',
  },
  precision: {
    value: 'PRECISION',
    description:
      "of the weights of an ONNX model; int8 quantises its inputs as they come (default: fp32). Of eval, predict and analyze: what the network computes in, in place of its recipe's; auto is bfloat16 where the hardware has it",
  },
  attention: { description: 'adds an ONNX output, attentions, with those of every block and head' },
  port: {
    value: 'PORT',
    type: 'integer',
    min: 0,
    below: 65536,
    description: 'where the page is served; 0 is any that is free (default: the same one each time, if it is free)',
  },
  host: {
    value: 'ADDRESS',
    description: 'the address that is served (default: 127.0.0.1, this machine alone; 0.0.0.0 is the network too)',
  },
  svg: { value: 'FILE', description: 'writes the histogram of the classes as a picture' },
  html: {
    value: 'FILE',
    description: 'where the report is written (default: report.html in the run folder; of several, in this one)',
  },
  figures: { value: 'DIR', description: 'also writes each figure of the report into this folder, as SVG and PNG' },
  speed: { negated: true, description: 'does not measure how fast this machine trains' },
  json: { description: 'prints JSON on the standard output and nothing else there' },
};

/** `imbalanceType` → `--imbalance-type <TYPE>`, as help texts and commander write it. */
export function flagsOf(name: keyof Options): string {
  const { value, type, negated } = optionTable[name];
  const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const flag = `--${negated === true ? 'no-' : ''}${words}`;
  return value === undefined ? flag : `${flag} <${value}${type === 'list' ? '...' : ''}>`;
}
