// Makes a folder with a folder for each class from a public package of drawings, as docs/results.md uses it:
//   node scripts/drawings.mjs stamps|emoji|clipart PACKAGE FOLDER
// PACKAGE is the unpacked package. Nothing is downloaded: without PACKAGE the script prints the commands that fetch it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { runMain, SetupError } from '../packages/torch/setup/setup-error.mjs';

/**
 * An image of a package: its class, and its path in the package with forward slashes.
 * @typedef {{ class: string, file: string }} Drawing
 */

const [stamps, clipart] = ['usr/share/tuxpaint/stamps', 'usr/share/openclipart/png'];

/** Folders of clip art that name a use or a form, not a kind of thing. */
const notThings = ['buttons', 'computer', 'logos', 'shapes', 'signs_and_symbols', 'special', 'unsorted'];

/** @type {Readonly<Record<string, { fetch: string, list: (folder: string) => Drawing[] }>>} */
const packages = {
  stamps: {
    fetch: 'apt-get download tuxpaint-stamps-default && dpkg -x tuxpaint-stamps-default_*.deb PACKAGE',
    list: (folder) => byFirstFolder(folder, stamps),
  },
  clipart: {
    fetch: 'apt-get download openclipart-png && dpkg -x openclipart-png_*.deb PACKAGE',
    list: (folder) => byFirstFolder(folder, clipart).filter((each) => !notThings.includes(each.class)),
  },
  emoji: {
    fetch:
      'npm pack emoji-datasource-twitter@16.0.0 && mkdir PACKAGE && tar -xf emoji-datasource-twitter-*.tgz -C PACKAGE --strip-components 1',
    list: emojiByCategory,
  },
};

/** Larger images are posters; the program would take seconds for each. */
const mostPixels = 4e6;
/** Two to train and one to test. */
const fewestOfClass = 3;

await runMain(async () => {
  const [name = '', folder, out] = process.argv.slice(2);
  const known = Object.hasOwn(packages, name) ? packages[name] : undefined;
  if (known === undefined)
    throw new SetupError(
      `Expected: node scripts/drawings.mjs ${Object.keys(packages).join('|')} PACKAGE FOLDER`,
      'USAGE',
    );
  if (folder === undefined || out === undefined)
    throw new SetupError(
      `Expected: node scripts/drawings.mjs ${name} PACKAGE FOLDER, PACKAGE being the unpacked package. This fetches it:\n  ${known.fetch}`,
      'USAGE',
    );
  if (existsSync(out)) throw new SetupError(`${out} exists; name a folder that does not.`, 'USAGE');
  const chosen = choose(known.list(folder), folder);
  write(chosen, out);
  report(chosen, out);
});

/**
 * Returns the PNG files below `base`, whose class is the first folder, in the order of their paths.
 * @param {string} folder
 * @param {string} base
 * @returns {Drawing[]}
 */
function byFirstFolder(folder, base) {
  const top = path.join(folder, base);
  if (!existsSync(top)) throw new SetupError(`${top} does not exist; PACKAGE must be the unpacked package.`, 'USAGE');
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.png'))
    .map((entry) => path.relative(top, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .filter((file) => file.includes('/'))
    .sort()
    .map((file) => ({ class: file.slice(0, file.indexOf('/')), file: `${base}/${file}` }));
}

/**
 * Returns the emoji of 64 pixels; their class is the category. Variants by skin tone are left out: they differ in colour alone.
 * @param {string} folder
 * @returns {Drawing[]}
 */
function emojiByCategory(folder) {
  const table = path.join(folder, 'emoji.json');
  if (!existsSync(table))
    throw new SetupError(`${table} does not exist; PACKAGE must be the unpacked package.`, 'USAGE');
  /** @type {{ category: string, image: string, has_img_twitter: boolean }[]} */
  const rows = JSON.parse(readFileSync(table, 'utf8'));
  return rows
    .filter((row) => row.has_img_twitter)
    .map(({ category, image }) => ({
      class: category.toLowerCase().replace(/[^a-z]+/g, '-'),
      file: `img/twitter/64/${image}`,
    }));
}

/**
 * Leaves out second copies of a file, images that are very large, and classes that are too small.
 * @param {Drawing[]} all
 * @param {string} folder
 */
function choose(all, folder) {
  const seen = new Set();
  const read = all.map((each) => ({ ...each, bytes: readFileSync(path.join(folder, each.file)) }));
  const once = read.filter(({ bytes }) => {
    const hash = createHash('sha256').update(bytes).digest('hex');
    const isNew = !seen.has(hash) && pixelsOf(bytes) <= mostPixels;
    seen.add(hash);
    return isNew;
  });
  const sizes = countsOf(once);
  return once.filter((each) => (sizes.get(each.class) ?? 0) >= fewestOfClass);
}

/** @param {Buffer} png */
function pixelsOf(png) {
  const isPng = png.length > 24 && png.toString('latin1', 12, 16) === 'IHDR';
  return isPng ? png.readUInt32BE(16) * png.readUInt32BE(20) : Number.POSITIVE_INFINITY;
}

/** @param {readonly Drawing[]} all */
function countsOf(all) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const each of all) counts.set(each.class, (counts.get(each.class) ?? 0) + 1);
  return counts;
}

/**
 * @param {readonly (Drawing & { bytes: Buffer })[]} chosen
 * @param {string} out
 */
function write(chosen, out) {
  for (const name of countsOf(chosen).keys()) mkdirSync(path.join(out, name), { recursive: true });
  for (const each of chosen)
    writeFileSync(path.join(out, each.class, each.file.replaceAll('/', '--')), each.bytes, { flag: 'wx' });
}

/**
 * @param {readonly Drawing[]} chosen
 * @param {string} out
 */
function report(chosen, out) {
  const sizes = [...countsOf(chosen)].sort(([, a], [, b]) => b - a);
  console.log(`${out}: ${chosen.length} images in ${sizes.length} classes`);
  console.log(sizes.map(([name, count]) => `${name} ${count}`).join(', '));
}
