// What to type where the set-up does not install by itself.

/** @typedef {import('./operating-system.mjs').SystemKind} SystemKind */

// In a folder of its own: Debian, Fedora and Homebrew forbid pip to touch the system's Python.
export const pip = 'python3 -m venv ~/torch && . ~/torch/bin/activate && pip install torch';
const conda = 'conda install -c conda-forge pytorch cxx-compiler';

/** The ways to libtorch and a compiler on each kind of system, the usual one first. @type {Record<SystemKind, [string, string][]>} */
const libtorchCommands = {
  debian: [
    ['Debian, Ubuntu', 'sudo apt-get install libtorch-dev libopenblas0-pthread g++'],
    ['or pip, for a newer libtorch or CUDA', `sudo apt-get install g++ python3-venv && ${pip}`],
  ],
  fedora: [
    ['Fedora', `sudo dnf install gcc-c++ python3 && ${pip}`],
    ['or conda', conda],
  ],
  macos: [
    ['macOS', 'xcode-select --install; brew install pytorch'],
    ['or pip', pip],
    ['or conda', conda],
  ],
  linux: [
    ['a C++ compiler (g++ 9 or newer, or clang++) from your distribution, and pip', pip],
    ['or conda', conda],
  ],
  other: [
    ['a Debian or Ubuntu (on Windows inside WSL 2)', 'sudo apt-get install libtorch-dev libopenblas0-pthread g++'],
  ],
};

/** @param {SystemKind} kind @returns {string} */
export function libtorchHelp(kind) {
  const lines = libtorchCommands[kind].map(([where, command]) => `  ${where}:\n    ${command}`);
  const zip = '  or an unpacked libtorch of pytorch.org:\n    export LIBTORCH=/path/to/libtorch';
  return [...lines, ...(kind === 'other' ? [] : [zip]), 'Then run the same command again.'].join('\n');
}

/** @type {Record<SystemKind, string>} */
const compilerCommands = {
  debian: 'sudo apt-get install g++',
  fedora: 'sudo dnf install gcc-c++',
  macos: 'xcode-select --install',
  linux: 'install g++ 9 or newer, or clang++, from your distribution',
  other: 'install g++ or clang++ and put it on the PATH',
};

/** @param {SystemKind} kind @returns {string} */
export const compilerHelp = (kind) =>
  `  ${compilerCommands[kind]}\nor name your compiler in CXX. Then run the same command again.`;

/** @type {Record<SystemKind, string>} */
const referenceCommands = {
  debian: 'sudo apt-get install python3-torch python3-numpy python3-torchvision',
  fedora: `${pip} numpy torchvision`,
  macos: `${pip} numpy torchvision`,
  linux: `${pip} numpy torchvision`,
  other: `${pip} numpy torchvision`,
};

/** @param {SystemKind} kind @returns {string} */
export const referenceHelp = (kind) =>
  `  ${referenceCommands[kind]}\nor name a Python that has torch and numpy in PYTHON_TORCH.`;
