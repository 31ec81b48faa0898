/** Numbers from PyTorch itself, for tests that compare; a machine without it skips them. */
import { spawnSync } from 'node:child_process';

const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';

/** Whether Python finds the packages; to import torch would take seconds. */
function finds(...packages: readonly string[]): boolean {
  const code = 'import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))';
  return spawnSync(python, ['-c', code, ...packages]).status === 0;
}

/** Whether a package has a file, without importing it. */
function findsFile(name: string, file: string): boolean {
  const code = `import importlib.util, os, sys
spec = importlib.util.find_spec(sys.argv[1])
sys.exit(not (spec and os.path.exists(os.path.join(os.path.dirname(spec.origin), sys.argv[2]))))`;
  return spawnSync(python, ['-c', code, name, file]).status === 0;
}

/** What a suite's `skip` is: false, or why. */
export const skipPython = !finds('torch') && `no torch in ${python} (PYTHON_TORCH names another)`;

/** The same where torchvision is needed too. */
export const skipTorchvision =
  !finds('torch', 'torchvision') && `no torchvision in ${python}; on Debian: apt-get install python3-torchvision`;

/** The same where `torchvision.transforms.v2` and safetensors are needed too. */
export const skipTransformsV2 =
  !(finds('torch', 'safetensors') && findsFile('torchvision', 'transforms/v2/__init__.py')) &&
  `no torchvision with transforms.v2 in ${python}; \`npm run setup:torch\` installs it`;

/** The same where timm and safetensors are needed too. */
export const skipTimm =
  !finds('torch', 'timm', 'safetensors') && `no timm in ${python}; \`npm run setup:torch\` installs it`;

/** What `code` leaves in `out`, with `input` as `given`; `torch` and `math` are there. Throws with Python's message. */
export function fromPython<T>(code: string, input: unknown): T {
  const program = `import json, math, sys, torch\ngiven = json.load(sys.stdin)\n${code}\nprint(json.dumps(out))`;
  const env = { ...process.env, OMP_NUM_THREADS: '1' };
  const { status, stdout, stderr } = spawnSync(python, ['-c', program], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    env,
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`Python failed:\n${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The logits that timm computes from a Hugging Face folder with the network's code in the Python file `code`, row-major. */
export function logitsInTimm(hub: string, code: string, images: unknown): number[] {
  return fromPython<number[]>(
    `import timm, importlib
sys.path.append(given["hub"])
importlib.import_module(given["code"])
model = timm.create_model("local-dir:" + given["hub"], pretrained=True).eval()
with torch.no_grad(): out = model(torch.tensor(given["images"])).flatten().tolist()`,
    { hub, code, images },
  );
}
