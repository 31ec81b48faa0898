/** What no single value of a recipe shows: values that do not go together, and those that have no effect. */
import type { Recipe, TrainingRecipe } from './schema.js';

const parts = ['teacher', 'student'] as const;

/** What makes the recipe impossible, one sentence each. */
export function contradictions(recipe: Recipe): string[] {
  return parts.flatMap((name) => {
    const { weights, ema, schedule } = recipe[name];
    return [
      ...(weights === 'ema' && ema === null
        ? [`${name}.weights is "ema" but ${name}.ema is null: set a decay, such as 0.999, or ${name}.weights=raw`]
        : []),
      ...(schedule.milestones.length !== schedule.factors.length
        ? [
            `${name}.schedule has ${schedule.milestones.length} milestones and ${schedule.factors.length} factors: expected one factor for each`,
          ]
        : []),
    ];
  });
}

/** What a part of the recipe says in vain, to be told before a training; undefined when nothing. */
export function unreachedReweighting(
  name: string,
  { drw, epochs }: Pick<TrainingRecipe, 'drw' | 'epochs'>,
): string | undefined {
  if (drw.epoch === null || drw.epoch < epochs) return undefined;
  return `${name}.drw.epoch is ${drw.epoch}, but there are ${epochs} epochs: there will be no re-weighting (--set ${name}.drw.epoch=0.85 begins it at 85 %)`;
}
