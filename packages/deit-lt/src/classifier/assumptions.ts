/** Assumptions about a model whose file does not describe it. */
import type { FamilySettings, RecognisedModel } from '../published/family.js';
import type { WeightSource } from '../published/weight-source.js';
import { isValues, type Values } from '../recipe/merge.js';
import { applySettings } from '../recipe/settings.js';
import { partName } from '../recipe/training-kind.js';
import type { RunConfig } from '../runs/run-folder.js';
import { logitScale } from './logit-scale.js';

/** The sizes of a transformer that no weight shows and `settings` say: they are needed before there is a recipe. */
export function sizesIn(settings: readonly string[]): Pick<FamilySettings, 'numHeads' | 'patchSize'> {
  const { student } = applySettings({}, settings);
  const model = isValues(student) && isValues(student.model) ? student.model : {};
  const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
  return { numHeads: number(model.numHeads), patchSize: number(model.patchSize) };
}

/** A line for each thing that neither the file nor `settings` say. */
export function assumptions(
  { file, facts }: WeightSource,
  { kind, model }: RecognisedModel,
  settings: readonly string[],
  { recipe }: RunConfig,
): string[] {
  const part = partName(kind);
  const { [part]: given } = applySettings({}, settings);
  const said: Values = { ...facts, ...(isValues(given) && given) };
  const { mean, std } = recipe[part];
  return [
    ...(facts.notes ?? []).map((note) => `${file}: ${note}`),
    ...(said.mean !== undefined && said.std !== undefined ? [] : [normalisationNote(file, part, { mean, std })]),
    ...(facts.numHeads === undefined && sizesIn(settings).numHeads === undefined ? headsNote(file, model) : []),
    ...(kind === 'teacher' && model.cosine === true && !(isValues(said.loss) && said.loss.scale !== undefined)
      ? [scaleNote(file, logitScale({ kind, recipe: recipe.teacher }))]
      : []),
  ];
}

/** Also for ONNX models. */
export function normalisationNote(
  file: string,
  part: string,
  { mean, std }: { readonly mean: readonly number[]; readonly std: readonly number[] },
): string {
  return `${file} does not contain its image normalisation: assumed are ${part}.mean=[${mean.join()}] and ${part}.std=[${std.join()}]; --set changes them ([0,0,0] and [1,1,1] leave images in 0 … 1).`;
}

/** A published size has the heads of its name. */
function headsNote(file: string, { numHeads, embedDim }: RecognisedModel['model']): string[] {
  if (numHeads === undefined || embedDim === undefined) return [];
  return [
    `${file}: no weight shows the number of attention heads; assumed are ${numHeads} of width ${embedDim / numHeads}. If it was trained with another number, give it: --set student.model.numHeads=N.`,
  ];
}

function scaleNote(file: string, scale: number): string {
  return `${file} has a cosine classifier without a logit scale: ${scale} is assumed (--set teacher.loss.scale changes it).`;
}
