/**
 * The formats that are read, known by a file's first bytes and never by its name. Other formats are not passed to
 * libvips, which would also draw SVG and open the files that an SVG refers to.
 */
import { latin1 } from './byte-view.js';
import { UnreadableImage } from './unreadable.js';

export type ImageFormat = 'jpeg' | 'png' | 'gif' | 'webp' | 'tiff' | 'avif' | 'bmp' | 'pnm';

/** Number of bytes that `formatOf` needs. */
export const headBytes = 1024;

type Rule<T> = readonly [T, (head: string) => boolean];

const allowed: readonly Rule<ImageFormat>[] = [
  ['jpeg', (head) => head.startsWith('\xff\xd8\xff')],
  ['png', (head) => head.startsWith('\x89PNG\r\n\x1a\n')],
  ['gif', (head) => /^GIF8[79]a/.test(head)],
  ['webp', (head) => head.startsWith('RIFF') && head.startsWith('WEBP', 8)],
  ['tiff', (head) => /^(II[*+]\0|MM\0[*+])/.test(head)],
  ['avif', (head) => /^(avif|avis|mif1|msf1|miaf)/.test(brandOf(head))],
  ['bmp', (head) => head.startsWith('BM') && isBitmapHeader(head)],
  ['pnm', (head) => /^P[1-6][\s#]/.test(head)],
];

/** Formats that occur among image files and are not supported. */
const refused: readonly Rule<string>[] = [
  ['an SVG drawing', (head) => /<svg[\s>]/i.test(head) || /<!DOCTYPE svg/i.test(head)],
  ['a PDF document', (head) => head.includes('%PDF-')],
  ['a HEIC image', (head) => /^(hei[cxms]|hev[cxms])/.test(brandOf(head))],
  ['a JPEG 2000 image', (head) => head.startsWith('jP  ', 4) || head.startsWith('\xff\x4f\xff\x51')],
  ['a JPEG XL image', (head) => head.startsWith('\xff\x0a') || head.startsWith('JXL ', 4)],
  ['a Photoshop document', (head) => head.startsWith('8BPS')],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are the format's mark
  ['a Windows icon', (head) => /^\0\0[\x01\x02]\0/.test(head)],
  ['a portable any-map (PAM) or float map (PFM)', (head) => /^P[7Ff][\s#]/.test(head)],
  ['a web page', (head) => /^\s*(<!DOCTYPE html|<html)/i.test(head)],
  [
    'a Git LFS pointer: its content was not fetched (git lfs pull)',
    (head) => head.startsWith('version https://git-lfs'),
  ],
];

/** The brand of a file in boxes (ISO 14496-12); empty for other files. */
const brandOf = (head: string): string => (head.startsWith('ftyp', 4) ? head.slice(8, 12) : '');

/** The length of the second header follows the first, of 14 bytes; "BM" alone also begins words. */
function isBitmapHeader(head: string): boolean {
  return [12, 16, 40, 52, 56, 64, 108, 124].includes(head.charCodeAt(14)) && head.startsWith('\0\0\0', 15);
}

/** The format of a file that begins with `head`. Throws `UnreadableImage` that names a format which is not read. */
export function formatOf(head: Uint8Array): ImageFormat {
  const text = latin1(head.subarray(0, headBytes));
  const found = allowed.find(([, is]) => is(text));
  if (found !== undefined) return found[0];
  if (text === '') throw new UnreadableImage('is empty');
  const known = refused.find(([, is]) => is(text));
  if (known === undefined) throw new UnreadableImage('is not an image in a format that can be read');
  throw new UnreadableImage(`has a format that cannot be read (it is ${known[0]})`);
}
