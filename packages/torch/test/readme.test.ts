import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';

const packageFolder = path.resolve(import.meta.dirname, '../..');
const root = path.resolve(packageFolder, '../..');
const readme = readFileSync(path.join(packageFolder, 'README.md'), 'utf8');
const example = readFileSync(path.join(packageFolder, 'examples/spirals.ts'), 'utf8');
const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);

/** What the README's shorter blocks take for granted. */
const prelude = `import * as torch from '@deit-lt/torch';
const { functional: F } = torch.nn;
declare const model: torch.nn.Sequential;
declare const optimizer: torch.optim.AdamW;
declare const batches: { images: torch.Tensor; labels: torch.Tensor }[];
declare const images: torch.Tensor, output: torch.Tensor, target: torch.Tensor;
declare function readPixels(): Promise<Float32Array>;
`;

const tsconfig = {
  extends: path.join(root, 'tsconfig.base.json'),
  compilerOptions: {
    composite: false,
    noEmit: true,
    declaration: false,
    sourceMap: false,
    rootDir: null,
    outDir: null,
    tsBuildInfoFile: null,
  },
  include: ['*.ts'],
};

suite("the README's example", () => {
  test('is examples/spirals.ts', () => {
    assert.ok(
      blocks.includes(example),
      'README.md has another text than examples/spirals.ts; copy the file into the block',
    );
  });

  test('trains to the accuracy that the README states, with a loss that falls', () => {
    const stated = Number(/at\s+least (\d+) %/.exec(readme)?.[1]);
    const file = path.join(packageFolder, 'dist/examples/spirals.js');
    const env = { ...process.env, OMP_NUM_THREADS: '1' }; // its tensors are small: more threads only wait for each other
    const output = execFileSync(process.execPath, [file], { encoding: 'utf8', env });
    const losses = [...output.matchAll(/loss ([\d.]+)/g)].map(([, loss]) => Number(loss));
    const accuracy = Number(/accuracy on 1000 new points: ([\d.]+) %/.exec(output)?.[1]);
    assert.equal(losses.length, 4, output);
    assert.ok(
      losses.every((loss, i) => i === 0 || loss < (losses[i - 1] as number)),
      output,
    );
    assert.ok(accuracy >= stated, `${accuracy} % is less than the ${stated} % of the README`);
  });
});

suite("the README's other code", () => {
  test('compiles', () => {
    const folder = mkdtempSync(path.join(packageFolder, 'dist/readme-')); // inside the package, to import it by its name
    try {
      const bodies = blocks
        .filter((code) => code !== example)
        .map((code, i) => `export async function block${i}() {\n${code}}\n`);
      assert.ok(bodies.length >= 5);
      writeFileSync(path.join(folder, 'blocks.ts'), `${prelude}${bodies.join('')}`);
      writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
      const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
      const { status, stdout } = spawnSync(process.execPath, [tsc, '--project', folder], { encoding: 'utf8' });
      assert.equal(status, 0, stdout);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

suite('links', () => {
  const docs = readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  const pages = docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  for (const name of ['README.md', 'CONTRIBUTING.md', 'packages/torch/README.md', ...pages]) {
    test(`of ${name} lead to files and headings that are there`, () => {
      const text = readFileSync(path.join(root, name), 'utf8');
      const broken = linksOf(text).filter((link) => !leadsSomewhere(link, path.join(root, name)));
      assert.deepEqual(broken, []);
    });
  }

  test('that lead nowhere are found', () => {
    const page = path.join(root, 'packages/torch/README.md');
    assert.deepEqual(linksOf('[a](#install) [b](https://nodejs.org) [c](nowhere.md)'), ['#install', 'nowhere.md']);
    assert.ok(!leadsSomewhere('nowhere.md', page));
    assert.ok(!leadsSomewhere('#nowhere', page));
  });
});

/** The targets of Markdown links that are no web addresses. */
function linksOf(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^https?:/.test(target));
}

function leadsSomewhere(link: string, page: string): boolean {
  const [file = '', heading] = link.split('#');
  const target = file === '' ? page : path.resolve(path.dirname(page), file);
  if (!existsSync(target)) return false;
  return heading === undefined || headingsOf(readFileSync(target, 'utf8')).has(heading);
}

/** The anchors that GitHub gives to headings. */
function headingsOf(text: string): Set<string> {
  const titles = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
