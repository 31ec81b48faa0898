/** All commands of the command line, with their arguments, options and examples. See `option-table.ts`. */
import { builtInFormats } from '../export/formats.js';
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
  'fitMemory',
  'procs',
  'imbalance',
  'imbalanceType',
  ...reading,
  'select',
] as const;

/** Options of the commands that classify images with a trained model. */
const inference = ['which', 'weights', 'adaptation', 'precision', 'set', 'plugin'] as const;

/** The precisions of the computation, as in recipes. */
export const computedPrecisions = ['auto', 'float32', 'bfloat16', 'float16'] as const;
/** The precisions of the weights of an exported model. */
const exported = ['fp32', 'fp16', 'int8'] as const;

/** Options of commands that plan a training when no recipe is given. */
const planning = ['time', 'goal'] as const;

const run: ArgumentSpec = {
  name: '<run>',
  description:
    "a run folder, or a checkpoint: our own, PyTorch's (.pth, .pt, .pth.tar), or safetensors with timm's names",
};

/** For commands that need only logits. */
const model: ArgumentSpec = { ...run, description: `${run.description}; or an ONNX model (.onnx)` };

export const commandTable: readonly CommandSpec[] = [
  {
    name: 'quickstart',
    summary: 'trains a teacher, a plain ViT and a student in minutes, and compares them',
    details:
      'Uses drawn shapes, which need no download, or your own images with --data. Images are trained at 32 x 32 pixels.',
    options: ['data', 'set', 'plugin', 'out', 'resume', ...reading],
    examples: ['deit-lt quickstart', 'deit-lt quickstart --data my-images'],
    load: () => import('./quickstart.js'),
  },
  {
    name: 'inspect',
    summary:
      'describes a data set: class sizes, groups, image sizes, damaged files, duplicates and near duplicates, training time',
    arguments: [
      {
        name: '<data>',
        description: 'a name (shapes, cifar10, cifar100), a folder, an archive, a list file or annotations (JSON)',
      },
    ],
    options: [
      'imbalance',
      'imbalanceType',
      ...reading,
      'recipe',
      'set',
      'plugin',
      'speed',
      'nearDuplicates',
      'model',
      'svg',
      'json',
    ],
    examples: [
      'deit-lt inspect my-images --split 0.1',
      'deit-lt inspect my-images --model runs/mine --no-speed',
      'deit-lt inspect cifar10 --imbalance 100 --svg classes.svg',
      'deit-lt inspect inat/train2018.json --no-speed',
    ],
    load: () => import('./inspect.js'),
  },
  {
    name: 'plan',
    summary: 'plans a training that fits the data, this machine and the time, and explains it',
    details:
      'Looks at the images, measures the speed of this machine for some seconds, and prints input size, networks, epochs, time, memory, and what to expect. "train" without --recipe trains the same.',
    arguments: [
      {
        name: '<data>',
        description: 'a name (shapes, cifar10, cifar100), a folder, an archive, a list file or annotations (JSON)',
      },
    ],
    options: [
      'time',
      'goal',
      'savePlan',
      'vit',
      'imbalance',
      'imbalanceType',
      ...reading,
      'set',
      'plugin',
      'speed',
      'json',
    ],
    examples: [
      'deit-lt plan my-images --split 0.2 --time 30m',
      'deit-lt plan my-images --split 0.2 --time 8h --save my.yaml',
      'deit-lt plan my-images --goal speed --json',
    ],
    load: () => import('./plan.js'),
  },
  {
    name: 'train',
    summary: 'trains the teacher, then the student, which learns from it',
    details:
      'The run folder gets the folders teacher/ and student/. Ctrl-C saves a checkpoint and stops; --resume continues from it.',
    options: [...training, ...planning, 'vit', 'yes', 'seeds', 'dryRun'],
    examples: [
      'deit-lt train --data my-images --split 0.1 --time 30m',
      'deit-lt train --data cifar10 --imbalance 100 --set student.epochs=90 --out runs/cifar',
      'deit-lt train --resume --out runs/cifar',
      'deit-lt train --data my-images --dry-run',
      'deit-lt train --data my-images --seeds 0,1,2 --out runs/three',
    ],
    load: () => import('./train.js'),
  },
  {
    name: 'teacher',
    summary: 'trains only the teacher',
    options: [...training, ...planning, 'from', 'seeds', 'dryRun'],
    examples: ['deit-lt teacher --data cifar10 --imbalance 100 --out runs/teacher'],
    load: () => import('./teacher.js'),
  },
  {
    name: 'student',
    summary: 'trains only the student, with an existing teacher',
    options: ['teacher', ...training, ...planning, 'from', 'seeds', 'dryRun'],
    examples: ['deit-lt student --teacher runs/teacher --data cifar10 --imbalance 100'],
    load: () => import('./student.js'),
  },
  {
    name: 'vit',
    summary: "trains a plain ViT with the student's recipe and no teacher, for comparison",
    options: [...training, ...planning, 'from', 'seeds', 'dryRun'],
    examples: [
      'deit-lt vit --data cifar10 --imbalance 100',
      'deit-lt vit --data cifar10 --recipe cifar10-lt-100-crt --from runs/vit',
    ],
    load: () => import('./vit.js'),
  },
  {
    name: 'eval',
    summary: 'measures the accuracy of a trained model on test images: balanced, overall, head, mid and tail',
    details:
      'The test images are in the folder test or val (--test-split names another), or in the test list beside the training list. If there are only class folders, or only one list, all images are evaluated.',
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
    summary: 'compares runs: accuracies with intervals, and differences on the same images',
    details: 'Runs that differ only in their seed become one row with mean and standard deviation.',
    arguments: [
      {
        name: '<run...>',
        description: 'run folders, or folders that contain some; the others are compared with the first',
      },
    ],
    options: ['format', 'json', 'plugin'],
    formats: ['table', 'markdown', 'csv', 'latex'],
    examples: ['deit-lt compare runs/cifar', 'deit-lt compare runs/seed-0 runs/seed-1 runs/other --format markdown'],
    load: () => import('./compare.js'),
  },
  {
    name: 'analyze',
    summary: 'analyses a trained model: CLS against DIST, attention, rank of features, calibration, teacher',
    details:
      'Writes analysis.json into the run folder, for a run of "train" into the folder of each model. Ctrl-C keeps what is done; the same command continues from there.',
    arguments: [{ name: '<run>', description: 'a run folder' }],
    options: ['data', ...reading, 'which', 'precision', 'set', 'plugin', 'json'],
    precisions: computedPrecisions,
    examples: ['deit-lt analyze runs/cifar --data cifar10', 'deit-lt analyze runs/cifar/student --data cifar10 --json'],
    load: () => import('./analyze.js'),
  },
  {
    name: 'tau',
    summary: 'normalises the classifier of a trained model by the L2 norms of its weight vectors (τ-normalisation)',
    details:
      'Writes the normalised model with its accuracy and predictions as a new run, which "compare" can compare with the first.',
    arguments: [run],
    options: ['data', ...reading, 'tau', 'out', 'json', 'plugin'],
    examples: ['deit-lt tau runs/vit --data cifar10 --out runs/vit-tau', 'deit-lt compare runs/vit runs/vit-tau'],
    load: () => import('./tau.js'),
  },
  {
    name: 'adapt',
    summary:
      'adapts the predictions of a trained model to where it is used: class frequencies, calibrated probabilities, "unknown"',
    details:
      'Fits a few numbers on the validation images of the training, or on --calibration, and writes adaptation.json beside the model; the weights stay. "predict", "serve", "export", "demo" and DeitLT.classify() apply it; "eval", "compare" and "analyze" measure the model as it was trained.',
    arguments: [model],
    options: [
      'data',
      ...reading,
      'calibration',
      'prior',
      'priorFrom',
      'onlyClasses',
      'minPrecision',
      'errorCost',
      'coverage',
      'which',
      'set',
      'plugin',
      'json',
    ],
    examples: [
      'deit-lt adapt runs/cifar --data cifar10',
      'deit-lt adapt runs/birds --data birds --prior-from photos-of-this-forest --min-precision 0.9',
      'deit-lt adapt model.onnx --calibration labelled --coverage 0.9',
    ],
    load: () => import('./adapt.js'),
  },
  {
    name: 'report',
    summary: 'writes one HTML file about one or more runs: tables, curves, classes, attention, images, settings',
    details:
      'The file needs no network and has no scripts. Run "analyze" first to have attention, ranks and images in it.',
    arguments: [
      {
        name: '<run...>',
        description: 'run folders, or folders that contain some; the others are compared with the first',
      },
    ],
    options: ['html', 'figures', 'plugin'],
    examples: ['deit-lt report runs/cifar', 'deit-lt report runs/a runs/b --html both.html --figures figures'],
    load: () => import('./report.js'),
  },
  {
    name: 'studio',
    summary: 'serves a page that follows runs as they train, and shows and compares their results',
    details:
      'Only this machine can open the page, unless --host names another address. Runs are found in subfolders too, also those that begin later; nothing is written. The page shows the training images that the command of a run names; --data names others.',
    arguments: [
      {
        name: '[folder]',
        description: 'the folder with the runs (default: runs if it exists, else the current folder)',
      },
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
    summary:
      'trains several models and compares them: "ood" is distillation in and out of distribution, "ladder" adds changes to a recipe one by one',
    details:
      "ood: trains two teachers, with weak and with strong augmentation, and three students from each: on weak images, on strong images, and on strong and mixed images. Weak is the augmentation of the recipe's teacher, strong that of its student. ladder: trains the recipe as it is, then with the first change of --changes, then with the first two, and so on, with each seed; a teacher is trained once for all rungs that have the same.",
    arguments: [{ name: '<study>', description: 'the study: ood or ladder' }],
    options: [...training, 'changes', 'seeds', 'json'],
    examples: [
      'deit-lt study ood --data cifar10 --recipe cifar10-lt-cpu-ood --out runs/ood',
      'deit-lt study ood --resume --out runs/ood',
      'deit-lt study ladder --changes changes.yaml --seeds 0,1,2 --data shapes --recipe quickstart --out runs/ladder',
    ],
    load: () => import('./study.js'),
  },
  {
    name: 'predict',
    summary: 'classifies images',
    details:
      'Folders are searched for images. Files that cannot be read are listed at the end, and the exit code is then 1. JSON lines and CSV are printed while the images are classified, or written to the file of --out, which --resume continues after an interruption, without the images that it has.',
    arguments: [
      run,
      {
        name: '<image...>',
        description: "image files, folders, patterns ('photos/*.jpg'), or - for a list of paths on the standard input",
      },
    ],
    options: ['top', ...inference, 'format', 'wide', 'json', 'out', 'resume', 'sortInto', 'link', 'review'],
    precisions: computedPrecisions,
    formats: ['table', 'json-lines', 'csv'],
    examples: [
      'deit-lt predict runs/cifar photo.jpg',
      'deit-lt predict runs/cifar photos --top 1 --json',
      "find photos -name '*.jpg' | deit-lt predict runs/cifar - --format csv",
      'deit-lt predict runs/cifar photos --wide --out predictions.csv --resume',
      'deit-lt predict runs/cifar photos --sort-into sorted --review look-first.csv',
    ],
    load: () => import('./predict.js'),
  },
  {
    name: 'import',
    summary: 'makes a run folder from a checkpoint of another program',
    details:
      'Recognises the published DeiT-LT students, LDAM and PaCo teachers, and DeiT, ViT, ResNet and RegNetY of timm and torchvision by the names of their weights. No code in the file is executed.',
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
      'An ONNX model is first run with onnxruntime on 16 images and compared with the original; it is written only if they agree. The Hub folder has ONNX models in three precisions, weights for timm, and a model card with the measured accuracy.',
    arguments: [model],
    options: ['format', 'out', 'precision', 'attention', 'option', 'which', 'weights', 'adaptation', 'set', 'plugin'],
    precisions: exported,
    formats: builtInFormats,
    moreFormats: true,
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
    summary: 'serves a page that classifies your images in the browser and shows attention maps',
    details:
      'The model runs in the browser (ONNX, WebAssembly): images do not leave it, and no network is needed. With --out, the page is written as a folder for any web server instead.',
    arguments: [run],
    options: ['port', 'host', 'out', 'precision', 'which', 'weights', 'adaptation', 'set', 'plugin'],
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
    name: 'serve',
    summary: 'answers HTTP requests with the predictions of trained models, for other programs',
    details:
      'POST /v1/classify takes an image as the body, or images as the files of a form; the answer is JSON. Images of requests at the same time are gathered into batches. Also: GET /healthz, /metrics (Prometheus), /openapi.json, /v1/models, and a page to try it. SIGTERM and Ctrl-C stop it when all that was accepted is answered. Where there are several models, ?model=NAME chooses one.',
    arguments: [{ ...model, name: '<run...>', description: `${model.description}. NAME=RUN names it` }],
    options: ['port', 'host', 'maxBatch', 'queue', 'maxBytes', 'maxPixels', 'allowUrl', ...inference],
    precisions: computedPrecisions,
    examples: [
      'deit-lt serve runs/cifar',
      'deit-lt serve birds=runs/birds fish=fish.onnx --port 8080 --queue 64',
      'deit-lt serve runs/cifar --host 0.0.0.0 --max-batch 8 --allow-url images.example.org',
    ],
    serves: true,
    load: () => import('./serve.js'),
  },
  {
    name: 'recipes',
    summary: 'lists the recipes, shows all values of one, or compares two',
    arguments: [
      { name: '[show]', description: 'the word "show" (optional)' },
      { name: '[name]', description: 'the name of a recipe, or a recipe file' },
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
    name: 'completion',
    summary: 'prints a script with which a shell completes commands, options and their values',
    details:
      'For bash: deit-lt completion bash > ~/.local/share/bash-completion/completions/deit-lt. For zsh: the same with zsh into a file named _deit-lt in a folder of $fpath. For fish: deit-lt completion fish > ~/.config/fish/completions/deit-lt.fish.',
    arguments: [{ name: '<shell>', description: 'bash, zsh or fish' }],
    options: [],
    examples: ['deit-lt completion bash', 'deit-lt completion fish'],
    load: () => import('./completion.js'),
  },
  {
    name: 'doctor',
    summary: 'describes this machine: libtorch, processor, memory, image decoder, cache folder',
    options: ['json'],
    examples: ['deit-lt doctor'],
    load: () => import('./doctor.js'),
  },
];
