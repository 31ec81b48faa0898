/**
 * Foreign text (names of classes and files, values of options, messages of other programs) made safe to show: what would steer a
 * terminal, begin a line, reorder or hide letters is written out, `\n`, `\x1b`, `\u202e`. All other text stays as it is, in any
 * script. Programs that read our files get the raw text in their format's own quoting instead.
 */

/** Characters that a format character may follow: scripts and emoji that are written with joiners. */
const joins = String.raw`[^\p{ASCII}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Zs}\p{Cc}\p{Cf}]`;
/** Tags belong to the flags of regions: a black flag and the letters of the region. */
const flagTags = String.raw`(?<=\u{1F3F4}[\u{E0020}-\u{E007F}]*)[\u{E0020}-\u{E007F}]`;
/** Fillers of old Hangul and Khmer vowels are ignorable in Unicode's table, and yet letters of texts. */
const letters = String.raw`[\u034F\u115F\u1160\u17B4\u17B5\p{Variation_Selector}]`;

const deceptive = new RegExp(
  [
    String.raw`(?!(?<=${joins})[\u200C\u200D]|${flagTags}|${letters})`,
    String.raw`[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\uFFF9-\uFFFB\uFFFE\uFFFF]`,
  ].join(''),
  'gu',
);

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** `text` on one line. Applying it again changes nothing. */
export function visible(text: string): string {
  return writeOut(text, writtenOut);
}

/** `text` with `write` of each character that deceives in its place. */
export function writeOut(text: string, write: (sign: string) => string): string {
  return text.replace(deceptive, write);
}

/** `text` with its line breaks; each of its lines as `visible` gives it. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

function writtenOut(sign: string): string {
  const code = sign.codePointAt(0)!;
  const hex = code.toString(16);
  if (code > 0xffff) return `\\u{${hex}}`;
  return short[sign] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`);
}

/** `value` as JSON in which those characters are written as JSON's own escapes: the same value for a program, safe to look at. */
export function visibleJson(value: unknown, indent?: number): string {
  const lines = JSON.stringify(value, null, indent).split('\n');
  return lines.map((line) => writeOut(line, (sign) => sign.split('').map(jsonEscape).join(''))).join('\n');
}

const jsonEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The first `most` characters of a text that may be of any length, for a message. */
export function beginning(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`;
}
