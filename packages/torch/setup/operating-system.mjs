// Which system this is, as far as the names of packages depend on it.
import { readText } from './files.mjs';

/** @typedef {'debian' | 'fedora' | 'macos' | 'linux' | 'other'} SystemKind `debian` stands for Ubuntu and all others with apt */

/**
 * @param {{ platform?: NodeJS.Platform, osRelease?: string }} [options]
 * @returns {{ kind: SystemKind, name: string }} `name` as a person knows it
 */
export function detectSystem({ platform = process.platform, osRelease = readText('/etc/os-release') ?? '' } = {}) {
  if (platform === 'darwin') return { kind: 'macos', name: 'macOS' };
  if (platform !== 'linux') return { kind: 'other', name: platform };
  const release = parseOsRelease(osRelease);
  const family = `${release.ID ?? ''} ${release.ID_LIKE ?? ''}`.split(' ');
  const name = release.PRETTY_NAME ?? release.ID ?? 'Linux';
  if (family.includes('debian') || family.includes('ubuntu')) return { kind: 'debian', name };
  if (family.includes('fedora') || family.includes('rhel')) return { kind: 'fedora', name };
  return { kind: 'linux', name };
}

/** @param {string} text @returns {Record<string, string>} */
export function parseOsRelease(text) {
  const lines = [...text.matchAll(/^([A-Z_]+)=(.*)$/gm)];
  return Object.fromEntries(
    lines.map(([, name, value]) => [
      name,
      String(value)
        .trim()
        .replace(/^(["'])(.*)\1$/, '$2'),
    ]),
  );
}
