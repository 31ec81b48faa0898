/** Decodes mutated images of one parser, in a process whose death `images.ts` notices: `parser first count folder`. */
import path from 'node:path';
import { judge, mutation, type ParserName, seedsOf, type Verdict } from '#deit-lt-test/helpers/mutated-images.js';

export type Message =
  | { readonly kind: 'begin'; readonly index: number }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'wrong'; readonly index: number; readonly why: string }
  /** The largest memory of the process so far. */
  | { readonly kind: 'end'; readonly mib: number };

const [parser, first, count, folder] = process.argv.slice(2) as [ParserName, string, string, string];
const say = (message: Message, done: () => void = () => {}): void => void process.send!(message, done);
const seeds = await seedsOf(parser);
const file = path.join(folder, `${parser}-${process.pid}`);
for (let index = Number(first); index < Number(first) + Number(count); index++) {
  say({ kind: 'begin', index });
  try {
    say({ kind: 'verdict', verdict: await judge(mutation(seeds, index), file) });
  } catch (error) {
    say({ kind: 'wrong', index, why: error instanceof Error ? error.message : String(error) });
  }
}
say({ kind: 'end', mib: process.resourceUsage().maxRSS / 1024 }, () => process.disconnect());
