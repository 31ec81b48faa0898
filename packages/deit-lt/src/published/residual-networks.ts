/** ResNets: the CIFAR ones of LDAM and PaCo, torchvision's and timm's, ResNeXt, and the form for small images. */
import { UserError } from '../errors.js';
import { modelNames } from '../models/registry.js';
import { countOf, type Family, type RecognisedModel } from './family.js';
import type { Shapes } from './weight-source.js';

/** Three stages and `linear`: of 6n + 2 layers. */
export const cifarResNets: Family = (shapes, { file }) => {
  const stem = stemOf(shapes);
  if (stem === undefined || shapes.has('layer4.0.conv1.weight')) return undefined;
  const [n, ...others] = blocksOf(shapes, 3);
  if (others.some((count) => count !== n)) throw unknownNetwork(file, `stages of ${[n, ...others].join(', ')} blocks`);
  const { width, inChans } = stem;
  const { cosine, numClasses } = classifierOf(shapes, 'linear');
  return {
    kind: 'teacher',
    model: { name: `resnet${6 * n! + 2}`, cosine, ...(width !== 16 && { width }) },
    inChans,
    numClasses,
    imageSize: 32,
    cifar: true,
    rename: (name) => name,
  };
};

/** Blocks of the stages, whether they are bottlenecks, groups of their 3 × 3 convolutions, channels of a group. */
const published: Readonly<Record<string, string>> = {
  '2,2,2,2 basic 1×64': 'resnet18',
  '3,4,6,3 basic 1×64': 'resnet34',
  '3,4,6,3 bottleneck 1×64': 'resnet50',
  '3,4,23,3 bottleneck 1×64': 'resnet101',
  '3,8,36,3 bottleneck 1×64': 'resnet152',
  '3,4,6,3 bottleneck 32×4': 'resnext50_32x4d',
  '3,4,23,3 bottleneck 32×4': 'resnext101_32x4d',
  '3,4,23,3 bottleneck 32×8': 'resnext101_32x8d',
};

/** Four stages and `fc`. With a 3 × 3 stem it is the form for small images. */
export const torchvisionResNets: Family = (shapes, { file }) => {
  const stem = stemOf(shapes);
  if (stem === undefined || !shapes.has('layer4.0.conv1.weight')) return undefined;
  const { width, inChans, kernel } = stem;
  const blocks = blocksOf(shapes, 4).join(',');
  const isBottleneck = shapes.has('layer1.0.conv3.weight');
  const [inner = 0, groupWidth = 0] = shapes.get(`layer1.0.conv${isBottleneck ? 2 : 1}.weight`) ?? [];
  const groups = isBottleneck ? `${inner / groupWidth}×${groupWidth}` : '1×64';
  const plan = `${blocks} ${isBottleneck ? 'bottleneck' : 'basic'} ${groups}`;
  const name = kernel === 3 ? `${published[plan]}_cifar` : published[plan];
  const fits = kernel === 3 ? /^resnet(18|34)_cifar$/.test(name!) : kernel === 7 && width === 64;
  if (name === undefined || !fits)
    throw unknownNetwork(file, `${plan}, a stem of ${width} channels, ${kernel} × ${kernel}`);
  const { cosine, numClasses } = classifierOf(shapes, 'fc');
  return {
    kind: 'teacher',
    model: { name, cosine, ...(width !== 64 && { width }) },
    inChans,
    numClasses,
    imageSize: kernel === 3 ? 32 : 224,
    cifar: kernel === 3,
    rename: (each) => each,
  };
};

/**
 * The wrapper of PaCo's training around either: the network under `encoder_q`, without its classifier, which is
 * `linear` outside. Key encoder, embedding heads and queue are of the training alone.
 */
export const pacoTeachers: Family = (shapes, settings) => {
  if (!shapes.has('encoder_q.conv1.weight') || !shapes.has('linear.weight')) return undefined;
  const name = shapes.has('encoder_q.layer4.0.conv1.weight') ? 'fc' : 'linear';
  const rename = (each: string): string | null => {
    if (each.startsWith('linear.')) return each.replace('linear', name);
    return each.startsWith('encoder_q.') && !each.startsWith('encoder_q.fc.') ? each.slice('encoder_q.'.length) : null;
  };
  const inner = new Map(
    [...shapes].flatMap(([each, shape]) => (rename(each) === null ? [] : [[rename(each)!, shape]])),
  );
  const network: RecognisedModel | undefined = cifarResNets(inner, settings) ?? torchvisionResNets(inner, settings);
  return network && { ...network, rename };
};

/** Undefined without the names that all of them have. */
function stemOf(shapes: Shapes): { width: number; inChans: number; kernel: number } | undefined {
  const [width, inChans, kernel] = shapes.get('conv1.weight') ?? [];
  const isOne = ['bn1.running_mean', 'layer1.0.conv1.weight', 'layer3.0.conv1.weight'].every((name) =>
    shapes.has(name),
  );
  if (width === undefined || inChans === undefined || kernel === undefined || !isOne) return undefined;
  return { width, inChans, kernel };
}

function blocksOf(shapes: Shapes, stages: number): number[] {
  return Array.from({ length: stages }, (_, i) => countOf(shapes, new RegExp(`^layer${i + 1}\\.(\\d+)\\.`)));
}

/** A cosine classifier has no bias, and its weight the other way round: `[features, classes]`. */
function classifierOf(shapes: Shapes, name: string): { cosine: boolean; numClasses: number } {
  const [first = 0, second = 0] = shapes.get(`${name}.weight`) ?? [];
  const cosine = !shapes.has(`${name}.bias`);
  return { cosine, numClasses: cosine ? second : first };
}

function unknownNetwork(file: string, plan: string): UserError {
  return new UserError(
    'CHECKPOINT',
    `${file} is a ResNet of an unknown shape: ${plan}. Known are ${modelNames()
      .filter((name) => name.startsWith('res'))
      .join(', ')}.`,
  );
}
