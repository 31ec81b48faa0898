#!/usr/bin/env bash
# Measures this project on one card, from the packed folder that `node bench/gpu/prepare.mjs` made: no network and no Node are needed, only
# python3 with the PyTorch for which it was packed, torchvision and Pillow. Results are files in OUT (default: ./gpu-results), written after each step.
#
#   OUT=folder [DEVICE=cpu] [PYTHON=python3] [TOTAL=570] [STEPS=engine,steps,loop,recipe] bash bench/gpu/run.sh [PACK]
#
# Each step has its own limit in seconds, and a step that fails does not stop the next. DEVICE=cpu tries everything with tiny sizes.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pack=${1:-$here/pack}
python=${PYTHON:-python3}
export DEVICE=${DEVICE:-cuda} PYTHON_TORCH=$python
total=${TOTAL:-570}
mkdir -p "${OUT:=gpu-results}"
out=$(cd "$OUT" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -f "$pack/deit-lt.tar.xz" ] || { echo "$pack has no deit-lt.tar.xz; make it with: node bench/gpu/prepare.mjs" >&2; exit 2; }

unpack() { "$python" -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$1" "$2" 2>/dev/null; }
unpack "$pack/deit-lt.tar.xz" "$work" || { echo "$pack/deit-lt.tar.xz cannot be unpacked" >&2; exit 1; }
cd "$work" || exit 1
# The libtorch of this machine in place of the one for which the addon was built; the versions must be equal.
libraries=$("$python" - <<'P'
import glob, json, os, sys, torch
folder = os.path.dirname(torch.__file__)
file = 'packages/torch/build/current.json'
current = json.load(open(file))
packed, found = current['libtorch']['version'].split('+')[0], torch.__version__.split('+')[0]
if packed != found: sys.exit(f'packed for PyTorch {packed}, but python3 has {found}: node bench/gpu/prepare.mjs --version {found}')
current['libtorch']['libDir'] = os.path.join(folder, 'lib')
json.dump(current, open(file, 'w'))
site = os.path.dirname(folder)
print(':'.join([os.path.join(folder, 'lib'), *sorted(glob.glob(os.path.join(site, 'nvidia', '*', 'lib')))]))
P
) || exit 1
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} PATH=$work/bin:$PATH DEIT_LT_CACHE=$work/cache
started=$SECONDS

# step NAME LIMIT COMMAND…: runs it, and adds a line to summary.jsonl. What it prints goes into NAME.txt.
step() {
  local name=$1 limit=$2 begin=$SECONDS code
  shift 2
  case ",${STEPS:-engine,steps,loop,recipe}," in *",$name,"*) ;; *) return ;; esac
  echo "== $name (at most $limit s)"
  timeout --signal=INT --kill-after=15 "$limit" "$@" >"$out/$name.txt" 2>&1
  code=$?
  printf '{"step": "%s", "exit": %d, "seconds": %d, "limit": %d}\n' "$name" "$code" $((SECONDS - begin)) "$limit" >>"$out/summary.jsonl"
  tail -n 12 "$out/$name.txt"
}
: >"$out/summary.jsonl"

small=(--budget small --set data.limit=60 data.imbalance=4 student.sampler=shuffle)
deit=(student.model.name=deit_small_distilled_patch16_224 student.batchSize=128 student.accumulation=1 student.repeats=1 student.sampler=shuffle
  student.epochs=3 student.drw.epoch=null student.schedule.warmupEpochs=0 evaluation.every=3)
rounds=(--rounds 3 --steps 10)
if [ "$DEVICE" = cpu ]; then
  rounds=(--rounds 1 --steps 2 --only "${ONLY:-small,resnet50}" --precision float32)
else
  nvidia-smi
fi

engine() {
  local files=(packages/torch/dist/test/cuda.test.js)
  [ "$DEVICE" = cpu ] || files=(packages/torch/dist/test/*.test.js)
  node --test --test-concurrency=8 --expose-gc --test-reporter=spec "${files[@]}"
}
export -f engine
step engine 180 bash -c engine
step steps 300 node bench/dist/gpu/compare.js "$out/steps.json" "${rounds[@]}"

loop() {
  local small=($SMALL) deit=($DEIT)
  echo "# images in memory, at 224"
  node packages/deit-lt/bin/deit-lt.mjs vit --data ./images10 --recipe cifar10-lt-100 --out memory "${small[@]}" --set device="$DEVICE" "${deit[@]}"
  echo "# images in memory, at 224, passes captured as CUDA graphs"
  node packages/deit-lt/bin/deit-lt.mjs vit --data ./images10 --recipe cifar10-lt-100 --out captured "${small[@]}" --set device="$DEVICE" cudaGraphs=auto "${deit[@]}"
  echo "# JPEG files of 500 × 375, at 224"
  node packages/deit-lt/bin/deit-lt.mjs vit --data ./photographs --recipe default --out files "${small[@]}" --set device="$DEVICE" "${deit[@]}"
}
export -f loop
export SMALL= DEIT="${deit[*]}"
[ "$DEVICE" = cpu ] && export SMALL="${small[*]}" DEIT=
unpack "$pack/cifar10-images.tar.xz" images10 || echo "no CIFAR-10 images in $pack" >&2
"$python" - "${PHOTOGRAPHS:-2560}" <<'P'
import os, random, sys
from PIL import Image
random.seed(0)
coarse = lambda: Image.frombytes('RGB', (25, 19), random.randbytes(25 * 19 * 3)).resize((500, 375), Image.BICUBIC)
drawn = [coarse() for _ in range(64)]
for i in range(int(sys.argv[1])):
    folder = f'photographs/{"test" if i % 16 == 0 else "train"}/class{i % 10}'
    os.makedirs(folder, exist_ok=True)
    drawn[i % 64].save(f'{folder}/{i}.jpg', quality=90 - i // 64 % 8)
P
step loop 130 bash -c loop

left=$((total - (SECONDS - started)))
recipe=(--recipe cifar10-lt-100 --out recipe)
[ "$DEVICE" = cpu ] && recipe=(--recipe cifar10-lt-100 --out recipe "${small[@]}")
[ "$left" -gt 10 ] && step recipe "$left" node packages/deit-lt/bin/deit-lt.mjs train --data ./images10 "${recipe[@]}" --set device="$DEVICE"
for part in teacher student; do [ -f recipe/$part/metrics.jsonl ] && cp recipe/$part/metrics.jsonl "$out/$part-metrics.jsonl"; done
cat "$out/summary.jsonl"
