/** RegNetY under timm's names and under torchvision's. */
import { UserError } from '../errors.js';
import { regnetNameFromTorchvision } from '../models/regnet.js';
import { countOf, type Family } from './family.js';

/** Blocks and channels of the four stages. */
const published: Readonly<Record<string, string>> = {
  '1,3,6,6 48,104,208,440': 'regnety_004',
  '2,6,17,2 48,120,336,888': 'regnety_016',
  '2,4,11,1 224,448,1232,3024': 'regnety_160',
};

export const regnets: Family = (given, { file }) => {
  const shapes = new Map([...given].map(([name, shape]) => [regnetNameFromTorchvision(name), shape]));
  if (!shapes.has('stem.conv.weight') || !shapes.has('s1.b1.conv1.conv.weight')) return undefined;
  const stages = [1, 2, 3, 4];
  const depths = stages.map((s) => countOf(shapes, new RegExp(`^s${s}\\.b(\\d+)\\.`)));
  const widths = stages.map((s) => shapes.get(`s${s}.b1.conv1.conv.weight`)?.[0]);
  const plan = `${depths.join(',')} ${widths.join(',')}`;
  const name = published[plan];
  if (name === undefined || !shapes.has('s1.b1.se.fc1.weight'))
    throw new UserError(
      'CHECKPOINT',
      `${file} is a RegNet of blocks and channels ${plan}; there are ${Object.values(published).join(', ')}.`,
    );
  return {
    kind: 'teacher',
    model: { name },
    inChans: shapes.get('stem.conv.weight')?.[1] ?? 0,
    numClasses: shapes.get('head.fc.weight')?.[0] ?? 0,
    imageSize: 224,
    cifar: false,
    rename: regnetNameFromTorchvision,
  };
};
