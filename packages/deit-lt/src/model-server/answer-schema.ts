/** The answers of the model server. Their types, `/openapi.json` and the tests follow from these schemas. */
import { z } from 'zod';

const ranked = z.object({ class: z.string(), probability: z.number().min(0).max(1) });

const classified = z.object({
  name: z.string().optional().describe('name of the file or the url, where the request has one'),
  top: z.array(ranked).describe('the prediction: the most likely classes first'),
  cls: z.array(ranked).optional().describe('the same by CLS of a student'),
  dist: z.array(ranked).optional().describe('the same by DIST of a student'),
  unknown: z
    .boolean()
    .optional()
    .describe('of a model with thresholds (deit-lt adapt): whether the answer is "unknown"'),
  set: z.array(z.string()).optional().describe('of a model with a coverage (deit-lt adapt): the conformal set'),
});

export const errorSchema = z.object({
  error: z.object({
    code: z.string().describe('for programs, such as BAD_IMAGE'),
    message: z.string().describe('for people'),
  }),
});

const refused = z.object({ name: z.string().optional(), ...errorSchema.shape });

export const classifySchema = z.object({
  model: z.string(),
  predictions: z.array(z.union([classified, refused])).describe('one for each image, in the order of the request'),
});

export const modelsSchema = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['student', 'teacher', 'vit']),
      imageSize: z.int().describe('side of the square input in pixels'),
      classes: z.array(z.string()).describe('in the order of the outputs'),
      adapted: z.boolean().describe('whether predictions are adapted (deit-lt adapt)'),
    }),
  ),
});

export const healthSchema = z.object({
  status: z.enum(['ok', 'stopping']),
  version: z.string(),
  models: z.array(z.string()),
});

/** The body of a request of the type application/json. */
export const urlRequestSchema = z.strictObject({
  url: z.string().optional(),
  urls: z.array(z.string()).min(1).optional(),
  model: z.string().optional(),
  top: z.int().min(1).optional(),
});

export type ClassifyAnswer = z.infer<typeof classifySchema>;
export type PredictionAnswer = ClassifyAnswer['predictions'][number];
export type ModelsAnswer = z.infer<typeof modelsSchema>;
export type HealthAnswer = z.infer<typeof healthSchema>;
export type ErrorAnswer = z.infer<typeof errorSchema>;
