/** Words that this project does not use towards its readers, with what to write instead. */

export interface Unplain {
  readonly pattern: RegExp;
  readonly instead: string;
}

export const unplainWords: readonly Unplain[] = [
  { pattern: /\bto the same bits\b/, instead: 'bit-exactly' },
  { pattern: /\b(goes|go|going) on (at|from|to|there|where|with|after)\b/, instead: 'resumes, continues' },
  { pattern: /\b(is|are|was|were|be) asked (about|of|for)\b/, instead: 'is evaluated on, is requested' },
  { pattern: /\b(is|are|was|were) told\b/, instead: 'receives' },
  { pattern: /\bhears?\b/, instead: 'receives' },
  { pattern: /\banew\b/, instead: 'again' },
  { pattern: /\bmend(s|ed|ing)?\b/i, instead: 'fix, replace' },
  { pattern: /\botherwise than\b/, instead: 'differs from' },
  { pattern: /\bin vain\b/, instead: '(say what fails)' },
  { pattern: /(?<=[a-z] )oracles?\b(?! [!=&])/, instead: '(say what it is)' },
  { pattern: /\bper cent\b/i, instead: '%' },
  { pattern: /(?<![Ss]tandard[ -])(?<=[\p{L}\d,] )deviations?\b(?! [*=]|\()/u, instead: 'standard deviation' },
  { pattern: /\bunlikeness\b(?!\()/, instead: 'consistency loss' },
  { pattern: /\bstrange (images|to)\b/, instead: 'out-of-distribution' },
  { pattern: /\bnetworks? of convolutions\b/, instead: 'CNN' },
  { pattern: /(?<![Tt]here )\b(is|are) none of\b/, instead: 'is not one of' },
  { pattern: /(?<!\b[Tt]here )\bis no (?!longer\b|more\b|\$)[a-z]/, instead: 'is not a' },
  { pattern: /\bwhich is more than data\b/, instead: 'has a type that is not allowed' },
  { pattern: /\b(says|say) what is on\b/, instead: 'classifies' },
  { pattern: /\bthe lengths of (its|their) weights\b/, instead: 'the L2 norms of its weight vectors' },
  { pattern: /\b(teacher|run|folder|file) that is there\b/, instead: 'existing' },
  { pattern: /\blooked at once\b/, instead: 'scanned once' },
  { pattern: /\bas suits\b/, instead: '(name the rule)' },
  { pattern: /\b(is|are) said\b/, instead: 'a message says' },
  { pattern: /\b(kept|keeps?) (aside|[\w ]+ aside)\b/, instead: 'set aside' },
  { pattern: /\btaken for granted\b/, instead: 'assumed' },
  { pattern: /\band (its|their) kin\b/, instead: 'and similar' },
  { pattern: /\bhas not\b(?! (been|yet|run|fin|chang|end|train|learn|notic))/, instead: 'does not have' },
];

/** Each use of such a word in `text`, with its line and what to write instead. */
export function unplainIn(text: string): string[] {
  return text.split('\n').flatMap((line, i) =>
    unplainWords.flatMap(({ pattern, instead }) => {
      const found = pattern.exec(line)?.[0];
      return found === undefined
        ? []
        : [`line ${i + 1}: "${found}" (instead: ${instead}): ${line.trim().slice(0, 160)}`];
    }),
  );
}

/** A source file without its comments, line by line. */
export function withoutComments(source: string): string {
  const blank = (text: string): string => text.replace(/[^\n]/g, '');
  return source.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, blank).replace(/(^|[ \t])\/\/ .*$/gm, '');
}
