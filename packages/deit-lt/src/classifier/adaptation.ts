/**
 * How the predictions of a model are adapted to where it is used: `adaptation.json` beside the model, made by `deit-lt
 * adapt`. It changes the logits of the prediction, and says when the answer is "unknown" and which classes are in the
 * conformal set.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { appliedAdaptation } from '../description/applied-adaptation.js';
import { UserError } from '../errors.js';
import { passMachineFault } from '../machine-fault.js';
import { sha256Of, writeFileAtomic } from '../runs/files.js';
import { readJson } from '../runs/read-json.js';
import { suggestedCommand } from '../suggested-command.js';

const format = 'deit-lt adaptation 1';
const probability = z.number().min(0).max(1);
const natural = z.int().nonnegative();

/** Figures of predictions under the target shares of the classes; accuracies and the error in %. */
const measures = z.object({
  images: natural,
  accuracy: z.number().min(0).max(100.001).describe('by the target shares of the classes'),
  balanced: z.number().min(0).max(100.001),
  nll: z.number().describe('negative log-likelihood, in nats'),
  ece: z.number().min(0).max(100.001).describe('expected calibration error'),
});

export const adaptationSchema = z
  .object({
    format: z.literal(format),
    sha256: z.string().describe("of the model's file"),
    classNames: z.array(z.string()).min(1),
    ...appliedAdaptation.shape,
    adjustment: z.number().describe('strength of the logit adjustment by the training shares'),
    fitted: z.object({
      data: z.string(),
      imagesPerClass: z.array(natural),
      before: measures,
      after: measures,
      bins: z.array(
        z.object({ images: z.number(), confidence: probability.nullable(), accuracy: probability.nullable() }),
      ),
      curve: z.array(z.object({ threshold: probability, coverage: probability, risk: probability })),
    }),
    test: z.object({ before: measures, after: measures }).nullable(),
    command: z.array(z.string()),
    made: z.string(),
  })
  .refine(
    ({ classNames, bias, prior, unknown, conformal, fitted }) =>
      [bias, prior.shares, fitted.imagesPerClass, unknown?.thresholds, unknown?.own, conformal?.limits].every(
        (each) => each === undefined || each.length === classNames.length,
      ),
    { error: 'its arrays have not a value for each class' },
  )
  .refine(({ outputs }) => ['avg', 'cls,dist'].includes(outputs.join()), {
    error: 'its outputs are neither avg nor cls and dist',
  })
  .refine(({ outputs, weights }) => outputs.length === weights.length, {
    error: 'outputs and weights differ in length',
  });

export type Adaptation = z.infer<typeof adaptationSchema>;
export type AdaptationMeasures = z.infer<typeof measures>;
export { format as adaptationFormat };

/** Returns the place of the adaptation of the model in `file`: in its run folder, else beside the file. */
export function adaptationFile(file: string): string {
  const folder = path.dirname(path.resolve(file));
  return path.basename(folder) === 'checkpoints'
    ? path.join(path.dirname(folder), 'adaptation.json')
    : `${path.resolve(file)}.adaptation.json`;
}

/** Returns the command that made `adaptation` for the model in `file`; where that is not known, one to complete. */
export function adaptCommand(file: string, adaptation?: Pick<Adaptation, 'command'>): string {
  const { command = [] } = adaptation ?? {};
  const words = command.slice(command.indexOf('adapt')).filter((word) => word !== '--json');
  return words[0] === 'adapt' ? suggestedCommand(...words) : suggestedCommand('adapt', file, '--data', 'DATA');
}

/** Writes it whole or not at all. Throws UserError RUN_FOLDER. */
export function writeAdaptation(file: string, adaptation: Adaptation): void {
  writeFileAtomic(file, `${JSON.stringify(adaptation, null, 2)}\n`);
}

/**
 * Reads the adaptation of the model in `file`; undefined where there is none. Throws UserError ADAPTATION for a file
 * that cannot be used, or that was made for other weights.
 */
export function readAdaptation(file: string): Adaptation | undefined {
  const place = adaptationFile(file);
  if (!existsSync(place)) return undefined;
  const adaptation = parsed(place, file);
  if (adaptation.sha256 !== sha256Of(file))
    throw new UserError(
      'ADAPTATION',
      `${place} was made for other weights than those of ${file}: run "${adaptCommand(file, adaptation)}" again, or leave it out with --no-adaptation.`,
    );
  return adaptation;
}

function parsed(place: string, model: string): Adaptation {
  try {
    return readJson(place, adaptationSchema);
  } catch (error) {
    passMachineFault(error);
    throw new UserError(
      'ADAPTATION',
      `${place} cannot be used: ${(error as Error).message}. Run "${adaptCommand(model)}" again, remove it, or leave it out with --no-adaptation.`,
      { cause: error },
    );
  }
}
