/** The Markdown pages of this repository, and the code in them. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const repository = path.resolve(import.meta.dirname, '../../../../..');

/** README, CONTRIBUTING and all pages of docs/, relative to the repository. */
export function pageNames(): string[] {
  const docs = readdirSync(path.join(repository, 'docs'), { recursive: true, encoding: 'utf8' });
  return ['README.md', 'CONTRIBUTING.md', ...docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
}

export function readPage(name: string): string {
  return readFileSync(path.join(repository, name), 'utf8');
}

/** The fenced blocks of a language, such as `js`, in order. */
export function codeBlocks(page: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...page.matchAll(fence)].map(([, code = '']) => code);
}

/** The words of each `deit-lt` command in a page's `sh` blocks; usage lines with `[options]` are left out. */
export function commandsIn(page: string): string[][] {
  const lines = codeBlocks(page, 'sh').flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'));
  return lines
    .flatMap((line) => /(?:^|[\s|;])deit-lt (.*)$/.exec(line.replace(/\s#\s.*$/, ''))?.[1] ?? [])
    .filter((words) => !words.includes('[options]') && /^[a-z]/.test(words)) // not `docker build --tag deit-lt .`
    .map((text) => shellWords(text.replace(/\s*(?:&|;.*)\s*$/, '').replace(/ \| .*$/, '')));
}

/** As a shell divides simple lines: single and double quotes, no escapes. */
function shellWords(text: string): string[] {
  return [...text.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replaceAll(/['"]/g, ''));
}
