// Run by `npm run test:packed` in a folder where the packages are installed: draws images, or classifies one.
import { mkdirSync } from 'node:fs';

const [what, ...args] = process.argv.slice(2);
if (what === 'draw') await draw(String(args[0]));
else if (what === 'classify') await classify(String(args[0]), String(args[1]));
else throw new Error(`internal: expected draw or classify, received ${what}`);

/** Three classes of one colour each, of 12, 8 and 6 images. @param {string} folder */
async function draw(folder) {
  const { default: sharp } = await import('sharp');
  const classes = { red: [12, 220, 40, 40], green: [8, 40, 200, 60], blue: [6, 50, 60, 230] };
  for (const [name, [count = 0, r = 0, g = 0, b = 0]] of Object.entries(classes)) {
    mkdirSync(`${folder}/${name}`, { recursive: true });
    for (let i = 0; i < count; i++) {
      const background = { r: r - 3 * i, g: g + 2 * i, b: b - i };
      await sharp({ create: { width: 32, height: 32, channels: 3, background } })
        .png()
        .toFile(`${folder}/${name}/${i}.png`);
    }
  }
}

/** @param {string} run @param {string} image */
async function classify(run, image) {
  const { DeitLT } = await import('deit-lt');
  const model = await DeitLT.load(run);
  const { top, cls, dist } = await model.classify(image, { top: 3 });
  console.log(JSON.stringify({ top, cls, dist }));
  model.dispose();
}
