/** All commands of the command line: what they take, an example of each, and where they are. See `option-table.ts`. */
import type { ArgumentSpec, CommandSpec } from './command-spec.js';

const reading = ['split', 'testSplit', 'root', 'check', 'skipBad', 'offline'] as const;
const training = [
  'data',
  'recipe',
  'set',
  'plugin',
  'budget',
  'out',
  'resume',
  'saveEvery',
  'imbalance',
  'imbalanceType',
  ...reading,
  'select',
] as const;

/** What a network computes in: as in recipes. */
export const computedPrecisions = ['auto', 'float32', 'bfloat16'] as const;
/** What the weights of an exported model are. */
const exported = ['fp32', 'fp16', 'int8'] as const;

const run: ArgumentSpec = {
  name: '<run>',
  description:
    "a run folder, or a checkpoint: our own, PyTorch's (.pth, .pt, .pth.tar), or safetensors with timm's names",
};

/** Where logits are all that is wanted. */
const model: ArgumentSpec = { ...run, description: `${run.description}; or an ONNX model (.onnx)` };

export const commandTable: readonly CommandSpec[] = [
  {
    name: 'quickstart',
    summary: 'trains teacher, plain ViT and student in minutes and compares them',
    details: 'On drawn shapes that need no download, or on your own small images with --data.',
    options: ['data', 'set', 'plugin', 'out', 'resume', ...reading],
    examples: ['deit-lt quickstart', 'deit-lt quickstart --data my-images'],
    load: () => import('./quickstart.js'),
  },
  {
    name: 'inspect',
    summary: 'shows what is in a data set: classes, long tail, groups, sizes, duplicates, training time',
    arguments: [
      {
        name: '<data>',
        description: 'a name (shapes, cifar10, cifar100), a folder, an archive, a list file or annotations (JSON)',
      },
    ],
    options: ['imbalance', 'imbalanceType', ...reading, 'recipe', 'set', 'plugin', 'speed', 'svg', 'json'],
    examples: [
      'deit-lt inspect my-images --split 0.1',
      'deit-lt inspect cifar10 --imbalance 100 --svg classes.svg',
      'deit-lt inspect inat/train2018.json --no-speed',
    ],
    load: () => import('./inspect.js'),
  },
  {
    name: 'train',
    summary: 'trains the teacher, then the student that is distilled from it',
    details: 'The run folder then has teacher/ and student/. Ctrl-C saves first; --resume resumes.',
    options: [...training, 'vit'],
    examples: [
      'deit-lt train --data my-images --split 0.1',
      'deit-lt train --data cifar10 --imbalance 100 --set student.epochs=90 --out runs/cifar',
      'deit-lt train --resume --out runs/cifar',
    ],
    load: () => import('./train.js'),
  },
  {
    name: 'teacher',
    summary: 'trains the teacher alone',
    options: [...training, 'from'],
    examples: ['deit-lt teacher --data cifar10 --imbalance 100 --out runs/teacher'],
    load: () => import('./teacher.js'),
  },
  {
    name: 'student',
    summary: 'trains the student alone, from a teacher that is there',
    options: ['teacher', ...training, 'from'],
    examples: ['deit-lt student --teacher runs/teacher --data cifar10 --imbalance 100'],
    load: () => import('./student.js'),
  },
  {
    name: 'vit',
    summary: "trains a plain ViT with the student's recipe and no teacher, for comparison",
    options: [...training, 'from'],
    examples: [
      'deit-lt vit --data cifar10 --imbalance 100',
      'deit-lt vit --data cifar10 --recipe cifar10-lt-100-crt --from runs/vit',
    ],
    load: () => import('./vit.js'),
  },
  {
    name: 'eval',
    summary: 'measures a trained model on test images: balanced, overall, head, mid and tail accuracy',
    details:
      'The test images are those of a test or val folder (--test-split NAME chooses) or of the list beside that of the training images. Of class folders alone, or of one list, all images are evaluated.',
    arguments: [model],
    options: ['data', ...reading, 'which', 'weights', 'save', 'precision', 'set', 'plugin', 'json'],
    precisions: computedPrecisions,
    examples: [
      'deit-lt eval runs/cifar --data cifar10',
      'deit-lt eval runs/cifar --data cifar10 --precision float32 --json',
      'deit-lt eval teacher.pth.tar --data cifar10',
      'deit-lt eval runs/mine --data my-images --test-split val',
    ],
    load: () => import('./eval.js'),
  },
  {
    name: 'compare',
    summary: 'shows runs side by side: accuracies with intervals, and their differences on the same images',
    details: 'Runs that differ in their seed alone are one row, with mean and standard deviation.',
    arguments: [
      {
        name: '<run...>',
        description: 'run folders, or folders that have some; the first is what the others are compared with',
      },
    ],
    options: ['format', 'json', 'plugin'],
    formats: ['table', 'markdown', 'csv', 'latex'],
    examples: ['deit-lt compare runs/cifar', 'deit-lt compare runs/seed-0 runs/seed-1 runs/other --format markdown'],
    load: () => import('./compare.js'),
  },
  {
    name: 'analyze',
    summary: 'measures what a trained model learned: experts, attention, rank of features, calibration, teacher',
    details:
      'Writes analysis.json into the run folder, of "train" into each of its models. Ctrl-C keeps what is done, and the same command goes on.',
    arguments: [{ name: '<run>', description: 'a run folder' }],
    options: ['data', ...reading, 'which', 'precision', 'set', 'plugin', 'json'],
    precisions: computedPrecisions,
    examples: ['deit-lt analyze runs/cifar --data cifar10', 'deit-lt analyze runs/cifar/student --data cifar10 --json'],
    load: () => import('./analyze.js'),
  },
  {
    name: 'tau',
    summary: 'normalises the classifier of a trained model by the lengths of its weights (τ-normalisation)',
    details: 'The normalised model, its figures and predictions are a run of their own, to be compared with the first.',
    arguments: [run],
    options: ['data', ...reading, 'tau', 'out', 'json', 'plugin'],
    examples: ['deit-lt tau runs/vit --data cifar10 --out runs/vit-tau', 'deit-lt compare runs/vit runs/vit-tau'],
    load: () => import('./tau.js'),
  },
  {
    name: 'report',
    summary: 'writes runs into one HTML file: tables with intervals, curves, classes, attention, images, settings',
    details:
      'The file needs no network and no scripts. What a run has not is left out: "analyze" adds attention, ranks and images.',
    arguments: [
      {
        name: '<run...>',
        description: 'run folders, or folders that have some; the first is what the others are compared with',
      },
    ],
    options: ['html', 'figures', 'plugin'],
    examples: ['deit-lt report runs/cifar', 'deit-lt report runs/a runs/b --html both.html --figures figures'],
    load: () => import('./report.js'),
  },
  {
    name: 'studio',
    summary: 'serves a page that follows runs as they train, compares them, and shows what is in them',
    details:
      'For this machine alone unless --host says otherwise. It finds runs at any depth, also those that begin later, and writes nothing. Training images are those that the command of a run names; --data names others.',
    arguments: [
      { name: '[folder]', description: 'where the runs are (default: runs if there is such a folder, else .)' },
    ],
    options: ['port', 'host', 'data', 'split', 'testSplit', 'root', 'plugin'],
    examples: [
      'deit-lt studio',
      'deit-lt studio runs/cifar --port 8080',
      'deit-lt studio runs --data my-images --split 0.1',
    ],
    serves: true,
    load: () => import('./studio.js'),
  },
  {
    name: 'study',
    summary: 'trains what a comparison needs and compares it: "ood", distillation in and out of distribution',
    details:
      'Two teachers, of weak and strong augmentation, and from each three students: weak, strong, strong and mixed. Weak is what the recipe has for its teacher, strong what it has for its student.',
    arguments: [{ name: '<study>', description: 'ood' }],
    options: [...training, 'json'],
    examples: [
      'deit-lt study ood --data cifar10 --recipe cifar10-lt-cpu-ood --out runs/ood',
      'deit-lt study ood --resume --out runs/ood',
    ],
    load: () => import('./study.js'),
  },
  {
    name: 'predict',
    summary: 'says what is on images',
    details:
      'Folders are searched for images. Files that cannot be read are named at the end, and the exit code is 1. JSON lines and CSV are printed as they come.',
    arguments: [
      run,
      {
        name: '<image...>',
        description: "image files, folders, patterns ('photos/*.jpg'), or - for a list of paths on the standard input",
      },
    ],
    options: ['top', 'which', 'weights', 'precision', 'set', 'plugin', 'format', 'json'],
    precisions: computedPrecisions,
    formats: ['table', 'json-lines', 'csv'],
    examples: [
      'deit-lt predict runs/cifar photo.jpg',
      'deit-lt predict runs/cifar photos --top 1 --json',
      "find photos -name '*.jpg' | deit-lt predict runs/cifar - --format csv",
    ],
    load: () => import('./predict.js'),
  },
  {
    name: 'import',
    summary: 'makes a run folder of a checkpoint from elsewhere',
    details:
      "DeiT-LT's students, LDAM's and PaCo's teachers, and DeiT, ViT, ResNet and RegNetY of timm and torchvision are known by the names of their weights. Nothing in the file is run.",
    arguments: [{ name: '<file>', description: "PyTorch's .pth, .pt or .pth.tar, or safetensors" }],
    options: ['out', 'data', ...reading, 'weights', 'set', 'plugin'],
    examples: [
      'deit-lt import deit_lt_best_checkpoint.pth --out runs/published --data cifar10',
      'deit-lt import vit.safetensors --out runs/vit --set student.mean=[0.5,0.5,0.5] student.std=[0.5,0.5,0.5]',
    ],
    load: () => import('./import.js'),
  },
  {
    name: 'export',
    summary: 'writes a trained model for other programs: PyTorch, timm, ONNX, the Hugging Face Hub',
    details:
      'ONNX models are run with onnxruntime on 16 images and compared before they are written. The folder for the Hub has ONNX models in three precisions, weights for timm, and a card with what was measured.',
    arguments: [model],
    options: ['format', 'out', 'precision', 'attention', 'which', 'weights', 'set', 'plugin'],
    precisions: exported,
    formats: ['safetensors', 'onnx', 'torch', 'huggingface'],
    examples: [
      'deit-lt export runs/cifar --format onnx --out model.onnx',
      'deit-lt export runs/cifar --format onnx --precision int8 --attention --out model.onnx',
      'deit-lt export runs/cifar --format torch --out model.pth',
      'deit-lt export runs/cifar --format huggingface --out my-model',
    ],
    load: () => import('./export.js'),
  },
  {
    name: 'demo',
    summary: 'serves a page where a trained model says what is on your images, in the browser, and where it looks',
    details:
      'The model runs in the browser itself (ONNX, WASM): images do not leave it, and no network is needed. --out writes the page for any web server instead.',
    arguments: [run],
    options: ['port', 'host', 'out', 'precision', 'which', 'weights', 'set', 'plugin'],
    precisions: exported,
    examples: [
      'deit-lt demo runs/cifar',
      'deit-lt demo runs/cifar --out my-page',
      'deit-lt demo deit.pth --precision int8 --port 8080',
    ],
    serves: true,
    load: () => import('./demo.js'),
  },
  {
    name: 'recipes',
    summary: 'lists the recipes, shows all values of one, or compares two',
    arguments: [
      { name: '[show]', description: 'the word "show", which may be left out' },
      { name: '[name]', description: 'a recipe, or a recipe file' },
    ],
    options: ['diff', 'set', 'plugin', 'budget', 'json'],
    examples: [
      'deit-lt recipes',
      'deit-lt recipes show quickstart',
      'deit-lt recipes show cifar10-lt-100 --diff default',
      'deit-lt recipes show quickstart --set student.epochs=48 --diff quickstart',
    ],
    load: () => import('./recipes.js'),
  },
  {
    name: 'doctor',
    summary: 'shows what this machine has: libtorch, processor, memory, image decoder, cache folder',
    options: ['json'],
    examples: ['deit-lt doctor'],
    load: () => import('./doctor.js'),
  },
];
