/** Where weights come from, and their licence, as far as the files beside them say so. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parsed } from '../description/formats.js';
import { repositoryOf } from './find-weights.js';

/** Facts for the run and the model card. */
export interface WeightsOrigin {
  /** As its folder writes it (`apache-2.0`); absent when no file says it. */
  readonly licence?: string;
  /** An address or the name of a repository; absent when it is unknown. */
  readonly source?: string;
}

const longest = 200;
const said = z.string().min(1).max(longest);
const configSchema = z.looseObject({
  license: said.optional().catch(undefined),
  pretrained_cfg: z
    .looseObject({
      license: said.optional().catch(undefined),
      hf_hub_id: said.optional().catch(undefined),
      origin_url: said.optional().catch(undefined),
      url: said.optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

/**
 * Reads the licence from the `config.json` (timm's `pretrained_cfg`) or the head of the `README.md` in the folder of `file`,
 * and the origin from the same or from the name of a folder of Hugging Face's cache.
 */
export function originOf(file: string): WeightsOrigin {
  const folder = path.dirname(file);
  const config = configSchema.safeParse(parsed(textOf(path.join(folder, 'config.json'))) ?? {}).data;
  const { license, hf_hub_id, origin_url, url } = config?.pretrained_cfg ?? {};
  const licence = config?.license ?? license ?? licenceInCard(textOf(path.join(folder, 'README.md')) ?? '');
  const source = repositoryAbove(file) ?? (hf_hub_id && `https://huggingface.co/${hf_hub_id}`) ?? origin_url ?? url;
  return { ...(licence && { licence }), ...(source && { source }) };
}

/** The line `license:` of the YAML block that a model card begins with. */
function licenceInCard(card: string): string | undefined {
  const [, head = ''] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card) ?? [];
  const [, value] = /^license:\s*["']?([^"'\r\n#]+?)["']?\s*$/m.exec(head) ?? [];
  return value === undefined ? undefined : value.slice(0, longest);
}

/** The repository of a file in Hugging Face's cache: `…/models--timm--NAME/snapshots/REVISION/model.safetensors`. */
function repositoryAbove(file: string): string | undefined {
  const [repository, snapshots, revision] = path.resolve(file).split(path.sep).slice(-4, -1);
  if (snapshots !== 'snapshots' || !repository?.startsWith('models--')) return undefined;
  return `https://huggingface.co/${repositoryOf(repository)} (revision ${revision})`;
}

/** Undefined for a file that cannot be read. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
