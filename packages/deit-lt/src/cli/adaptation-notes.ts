/** Lines about the adaptation that a command applies. */
import { existsSync } from 'node:fs';
import { adaptationFile } from '../classifier/adaptation.js';
import type { AnyClassifier } from '../classifier/classifier.js';
import { ruleWords } from './adaptation-text.js';

/** Says that the predictions are adapted, and to what; `asked` is the option `--no-adaptation`. */
export function adaptationNotes(
  { adaptation, file }: Pick<AnyClassifier, 'adaptation' | 'file'>,
  asked: boolean | undefined,
): string[] {
  if (adaptation === undefined) return [];
  if (asked === false)
    return [
      `${file} has an adaptation in it (${ruleWords(adaptation)}), which --no-adaptation cannot leave out: export it again with --no-adaptation.`,
    ];
  if (!existsSync(adaptationFile(file))) return [`${file} has an adaptation in it (${ruleWords(adaptation)}).`];
  return [
    `The adaptation in ${adaptationFile(file)} is applied (${ruleWords(adaptation)}); --no-adaptation leaves it out.`,
  ];
}
