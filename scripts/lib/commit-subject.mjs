// How the subject of a commit is written: "Refuse lists that are cut off", imperative, at most 72 characters.

const longest = 72;

/** Imperatives that look like other forms. */
const imperatives = new Set(
  'alias bias bring canvas embed exceed feed focus heed need ping proceed ring seed shed speed string succeed'.split(
    ' ',
  ),
);

/** Words that begin a description of things, not an order. */
const notVerbs = new Set(
  'a all also an and another are as at by each every fewer for from here how i in into is it its less more most my new no not of on one only or other our same some such than that the their then there these they this those to two up upon was we were what when where whether which who why with without'.split(
    ' ',
  ),
);

/**
 * What is wrong with a subject, or null. A word and a colon may stand before it: `Docs: Explain …`. English has no rule that tells
 * an imperative, so only what cannot be one is refused: lower-case beginnings, articles and the like, and words in -ed, -ing, -s.
 *
 * @param {string} subject
 * @returns {string | null}
 */
export function subjectFault(subject) {
  const length = [...subject].length;
  if (length > longest) return `has ${length} characters; at most ${longest}, and the why in the body`;
  if (subject !== subject.trim() || subject === '') return 'is empty or has spaces around it';
  if (/[.!]$/.test(subject)) return `ends with "${subject.at(-1)}"; write it without`;
  const text = subject.replace(/^[\w./-]+: /, '');
  const [first = ''] = text.split(/[\s,:]/, 1);
  const word = first.toLowerCase();
  if (imperatives.has(word)) return beginsWithCapital(subject);
  if (notVerbs.has(word) || !/^[a-z-]+$/.test(word))
    return `begins with "${first}"; begin with a verb: "Add …", "Refuse …"`;
  if (/(ed|ing)$/.test(word) || /[^s]s$/.test(word))
    return `begins with "${first}"; write the imperative: "Add …", not "Added …" or "Adds …"`;
  return beginsWithCapital(subject);
}

/** @param {string} subject */
const beginsWithCapital = (subject) =>
  /^\p{Lu}/u.test(subject) ? null : 'begins with a small letter; write a capital one';
