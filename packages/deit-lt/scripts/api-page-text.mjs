// What docs/api.md says besides the doc comments: its order and its introductions.

/** @typedef {import('../../../scripts/api-page/describe-package.mjs').Section} Section */

export const preface = `# API of deit-lt

\`import { DeitLT } from 'deit-lt'\`: the library of which the command line is made. Tensors, modules and optimizers are those of
\`@deit-lt/torch\`, written \`torch.…\` here: [its API](torch-api.md). How to install is in [the package's README](../packages/deit-lt/README.md).

How to read this page:

- Options are one object at the end; fields with a \`?\` may be left out.
- A mistake of the user throws \`UserError\`, with a \`code\` of [the list of errors](errors.md). Messages that begin with \`internal:\` are mistakes of
  this package: please report them.
- Shapes stand in brackets: \`B\` images, \`C\` classes or channels, \`H × W\` pixels, \`T\` tokens.
- Types that signatures name stand below the first signature that names them.`;

/** @type {Section[]} */
export const sections = [
  {
    title: 'Prediction',
    intro: 'A trained model for a program of your own: a run folder, a checkpoint of PyTorch, safetensors or ONNX.',
    of: [
      ['', 'deit-lt'],
      ['', 'classifier/'],
      ['', 'evaluation/ranking'],
      ['', 'adaptation/'],
    ],
  },
  {
    title: 'Data',
    intro: 'What may lie on the disk is in [docs/data.md](data.md).',
    of: [
      ['', 'data/'],
      ['', 'by-class'],
    ],
  },
  {
    title: 'Recipes and training',
    intro: 'Every value of a recipe, with its reason, is in [default.yaml](../packages/deit-lt/recipes/default.yaml).',
    of: [
      ['', 'recipe/'],
      ['', 'training/'],
      ['', 'runs/'],
      ['', 'studies/'],
    ],
  },
  {
    title: 'Evaluation and comparison',
    intro: 'One definition of every figure: [docs/comparing.md](comparing.md).',
    of: [
      ['', 'evaluation/'],
      ['', 'analysis/compared-runs'],
      ['', 'analysis/comparison'],
      ['', 'analysis/comparison-figures'],
    ],
  },
  {
    title: 'Augmentation',
    intro: 'The table of all operations is in [docs/augmentation.md](augmentation.md).',
    of: [['', 'augment/']],
  },
  { title: 'Export', intro: 'The formats are described in [docs/export.md](export.md).', of: [['', 'export/']] },
  { title: 'Losses', of: [['', 'losses/']] },
  { title: 'Models', of: [['', 'models/']] },
  {
    title: 'Plugins',
    intro:
      'Losses, networks, optimizers, schedules, samplers, augmentations, data sources, tasks and exporters of your own, for recipes and `--plugin`: [docs/plugins.md](plugins.md). `torch` and `z` (zod) are exported too.',
    of: [
      ['', 'plugin'],
      ['', 'registry'],
      ['', 'tasks/'],
    ],
  },
  {
    title: 'Optimization and random numbers',
    of: [
      ['', 'optim/'],
      ['', 'random/'],
    ],
  },
  {
    title: 'Analysis',
    intro: 'What the figures mean, and those of `deit-lt analyze`, is in [docs/analysis.md](analysis.md).',
    of: [['', 'analysis/']],
  },
  {
    title: 'Reports',
    intro: '`makeReport(readRuns([folder]))` is what `deit-lt report` writes.',
    of: [['', 'report/']],
  },
  { title: 'Errors', of: [['', 'errors']] },
  {
    title: 'deit-lt/browser',
    intro: "`import … from 'deit-lt/browser'`: what also runs in a browser, without Node and libtorch.",
    of: ['analysis/', 'augment/', 'data/', 'evaluation/', 'export/', 'report/', 'text/'].map((folder) => [
      'browser',
      folder,
    ]),
  },
  {
    title: 'deit-lt/browser-studio',
    intro: "`import … from 'deit-lt/browser-studio'`: what draws the curves of runs in a browser, by Observable Plot.",
    of: ['evaluation/', 'report/', 'studio/'].map((folder) => ['browser-studio', folder]),
  },
];
