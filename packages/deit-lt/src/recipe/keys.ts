/** Every key that a recipe can have, read from the schema: for checking `--set` and for `deit-lt recipes`. */
import { z } from 'zod';
import { augmentShape, augmentValues } from '../augment/registry.js';
import { type Choices, choiceShape, choicesIn } from './choice.js';
import { recipeSchema } from './schema.js';

/** The part of the schema at a path of keys. */
export interface SchemaAt {
  /** Keys below; undefined when the path is one value. */
  readonly keys: readonly string[] | undefined;
  readonly description: string | undefined;
  readonly schema: z.ZodType;
}

/** The schema at `keys`, or undefined when no recipe has them. */
export function schemaAt(keys: readonly string[]): SchemaAt | undefined {
  let schema: z.ZodType = recipeSchema;
  for (const key of keys) {
    const shape = shapeOf(schema);
    if (shape?.[key] === undefined) return undefined;
    schema = shape[key];
  }
  const shape = shapeOf(schema);
  return { keys: shape && Object.keys(shape), description: schema.description, schema };
}

/** Returns the choices of the value at `keys`; undefined if it is not a choice. */
export function choicesAt(keys: readonly string[]): Choices | undefined {
  const { schema } = schemaAt(keys) ?? {};
  return schema && choicesIn(schema);
}

/** All paths of single values, `student.optimizer.lr`, in the order of the schema. */
export function recipeKeys(prefix: readonly string[] = []): string[] {
  const { keys } = schemaAt(prefix) ?? { keys: undefined };
  return keys === undefined ? [prefix.join('.')] : keys.flatMap((key) => recipeKeys([...prefix, key]));
}

/** The fields of an object schema, also behind optional, nullable, default, and in a union with plain values. */
function shapeOf(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  const choices = choicesIn(schema);
  if (choices !== undefined) return choiceShape(choices);
  if (schema === augmentValues) return augmentShape();
  if (schema instanceof z.ZodObject) return schema.shape as Record<string, z.ZodType>;
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  )
    return shapeOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe) return shapeOf(schema.in as z.ZodType) ?? shapeOf(schema.out as z.ZodType);
  if (schema instanceof z.ZodUnion)
    return (schema.options as z.ZodType[]).map(shapeOf).find((shape) => shape !== undefined);
  return undefined;
}
