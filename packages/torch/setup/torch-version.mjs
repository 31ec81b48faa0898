// Versions of libtorch as numbers, read from its header, its Python file or its build-version file.

/** The oldest libtorch that the addon is written for. */
export const oldestVersion = '1.13';

/**
 * @param {string} text such as `2.11.0+cu130` or `1.13.0a0`
 * @returns {[number, number, number] | null}
 */
export function versionNumbers(text) {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text.trim());
  return match && [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** @param {string} version @param {string} least */
export function isAtLeast(version, least) {
  const [a, b] = [versionNumbers(version), versionNumbers(least)];
  if (!a || !b) return false;
  return (a[0] - b[0] || a[1] - b[1] || a[2] - b[2]) >= 0;
}

/**
 * The version that `torch/version.h` defines, in any of the forms from 1.13 to 2.11.
 *
 * @param {string} header
 * @returns {string | null} null for a header that only includes another one (2.9 and later)
 */
export function parseVersionHeader(header) {
  const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
    (part) => new RegExp(`#define\\s+TORCH_VERSION_${part}\\s+(\\d+)`).exec(header)?.[1],
  );
  return parts.every((part) => part !== undefined) ? parts.join('.') : null;
}

/**
 * @param {string} text of `torch/version.py`
 * @returns {{ version: string | null, cuda: string | null }}
 */
export function parseVersionPy(text) {
  /** @param {string} name */
  const value = (name) => new RegExp(`^${name}\\b[^=\\n]*=\\s*['"]([^'"]+)['"]`, 'm').exec(text)?.[1] ?? null;
  return { version: value('__version__'), cuda: value('cuda') };
}

/**
 * @param {string} version such as `2.3.0+cu121`
 * @returns {string | null} `12.1`
 */
export function cudaOfVersion(version) {
  const match = /\+cu(\d+)(\d)$/.exec(version);
  return match && `${match[1]}.${match[2]}`;
}

/**
 * Which C++ library interface libtorch was built with, from the text of its `TorchConfig.cmake`.
 *
 * @param {string} text
 * @returns {boolean | undefined} undefined when the file does not say (2.8 and later: always the new one)
 */
export function parseCxx11Abi(text) {
  const value = /_GLIBCXX_USE_CXX11_ABI=([01])/.exec(text)?.[1];
  return value === undefined ? undefined : value === '1';
}
