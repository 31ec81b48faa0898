/**
 * Styles of augmentation by name, for `augment: { preset: NAME }` in recipes. A preset is nothing but entries: a loaded
 * recipe shows them in its place, and entries beside it change or add to them.
 */

/** Entries of the registry; typed loosely, because the registry checks them like those of a recipe. */
type Entries = Readonly<Record<string, unknown>>;

/** MoCo v2's (Chen et al. 2020, arXiv 2003.04297). */
const moco: Entries = {
  randomResizedCrop: { scale: [0.2, 1] },
  flip: true,
  colorJitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  grayscale: { probability: 0.2 },
  gaussianBlur: { probability: 0.5, radius: [0.1, 2] },
};

export const presets = {
  /** DeiT's, and the published student's: strong. */
  deit: {
    randomResizedCrop: { scale: [0.08, 1] },
    flip: true,
    randAugment: { config: 'rand-m9-mstd0.5-inc1' },
    randomErasing: { probability: 0.25, fill: 'pixel' },
  },
  /** DeiT-III's: simple random crop, 3-Augment, colour jitter. */
  deit3: {
    simpleRandomCrop: { padding: 4, mode: 'reflect' },
    flip: true,
    threeAugment: true,
    colorJitter: { brightness: 0.3, contrast: 0.3, saturation: 0.3 },
  },
  /** The CIFAR teachers' (published as student transform 1): a shift and a flip. */
  ldam: { simpleRandomCrop: { padding: 4, mode: 'zero' }, flip: true },
  /** Nothing random (published as student transform 2): the shorter side becomes the input's, the middle is cropped. */
  eval: { centerCrop: { enlarge: 1 } },
  /** Views of PaCo's query encoder on CIFAR. */
  'paco-query': {
    padCrop: { padding: 4 },
    flip: true,
    autoAugment: { policy: 'cifar10' },
    cutout: { length: 16 },
  },
  /** Views of PaCo's key encoder on CIFAR: those of MoCo v2. */
  'paco-key': moco,
  /** GPaCo's second view of long-tailed CIFAR: the same with less blur. */
  'gpaco-key': { ...moco, gaussianBlur: { probability: 0.2, radius: [0.1, 2] } },
  moco,
} as const satisfies Record<string, Entries>;

export type PresetName = keyof typeof presets;

export const presetNames = Object.keys(presets) as [PresetName, ...PresetName[]];

/**
 * The entries of the `preset` that `values` name, with their own over them: options of an entry are merged, `true` takes
 * an entry as it is in the preset, `false` takes it away. `undefined` when they name none, or one that is not known.
 */
export function expandPreset({ preset, ...own }: Entries): Record<string, unknown> | undefined {
  if (typeof preset !== 'string' || !Object.hasOwn(presets, preset)) return undefined;
  const entries: Entries = presets[preset as PresetName];
  const changed = Object.entries(own).map(([name, value]) => {
    const base = entries[name];
    if (isOptions(base) && isOptions(value)) return [name, { ...base, ...value }];
    return [name, base !== undefined && value === true ? base : value];
  });
  return { ...entries, ...Object.fromEntries(changed) };
}

function isOptions(value: unknown): value is Entries {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
