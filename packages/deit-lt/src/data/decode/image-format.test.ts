import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { formatOf } from './image-format.js';

const heads = {
  jpeg: '\xff\xd8\xff\xe0',
  png: '\x89PNG\r\n\x1a\n',
  gif: 'GIF89a',
  webp: 'RIFF....WEBPVP8 ',
  avif: '\0\0\0\x20ftypavif',
  tiff: 'MM\0*',
  bmp: 'BM............\x28\0\0\0',
  pnm: 'P6\n# a comment',
} as const;

const refused: Record<string, RegExp> = {
  '<svg xmlns="http://www.w3.org/2000/svg"/>': /SVG drawing/,
  '\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a comment -->\n<svg width="8">': /SVG drawing/,
  '%PDF-1.7\n': /PDF/,
  '\0\0\0\x18ftypheic': /HEIC/,
  '\0\0\0\x0cjP  \r\n': /JPEG 2000/,
  '\xff\x0a\xfa': /JPEG XL/,
  '8BPS\0\x01': /Photoshop/,
  '\0\0\x01\0\x01\0': /icon/,
  'P7\nWIDTH 3': /PAM/,
  '<!DOCTYPE html><p>Not found': /web page/,
  'version https://git-lfs.github.com/spec/v1': /git lfs pull/,
  '\x1f\x8b\x08 a compressed drawing': /can be read$/,
  'BM is how this text begins': /can be read$/,
  'P6-and more': /can be read$/,
};

suite('formatOf()', () => {
  for (const [format, head] of Object.entries(heads))
    test(`knows ${format}`, () => assert.equal(formatOf(Buffer.from(head, 'latin1')), format));

  for (const [head, message] of Object.entries(refused))
    test(`refuses ${JSON.stringify(head.slice(0, 24))}`, () =>
      assert.throws(() => formatOf(Buffer.from(head, 'latin1')), { name: 'UnreadableImage', message }));
});
