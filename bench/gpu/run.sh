#!/usr/bin/env bash
# Measures this project on one card, from the packed folder that `node bench/gpu/prepare.mjs` made: no network and no Node are needed, only
# python3 with the PyTorch for which it was packed, torchvision and Pillow. Results are files in OUT (default: ./gpu-results), written after each step.
#
#   OUT=folder [DEVICE=cpu] [PYTHON=python3] [TOTAL=570] [STEPS=engine,steps,loop,recipe] bash bench/gpu/run.sh [PACK]
#
# All ends within TOTAL seconds: each step has a share of them, and gets less when less is left. A step that fails or that its limit ends does not
# stop the next. DEVICE=cpu tries everything with tiny sizes; on a slow machine a larger TOTAL gives each step longer.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pack=$(realpath -m "${1:-$here/pack}")
total=${TOTAL:-570}
# Seconds that a command gets to end after its limit, before it is killed.
grace=$((total / 40 + 1))
chosen=${STEPS:-engine,steps,loop,recipe}
wrong() { echo "$1" >&2; exit 2; }
[[ $total =~ ^[1-9][0-9]*$ ]] || wrong "TOTAL=$total: expected a number of seconds, such as 570"
for name in ${chosen//,/ }; do
  [[ $name =~ ^(engine|steps|loop|recipe)$ ]] || wrong "STEPS=$chosen: there is no step \"$name\"; there are engine, steps, loop, recipe"
done
[[ ${DEVICE:=cuda} =~ ^(cpu|cuda)$ ]] || wrong "DEVICE=$DEVICE: expected cpu or cuda"
python=$(command -v "${PYTHON:-python3}") || wrong "there is no ${PYTHON:-python3} on the PATH; PYTHON names the Python that has PyTorch"
[ -f "$pack/deit-lt.tar.xz" ] || wrong "$pack has no deit-lt.tar.xz; make it with: node bench/gpu/prepare.mjs"
[[ $python == /* ]] || python=$PWD/$python
export DEVICE PACK=$pack PYTHON_TORCH=$python
mkdir -p "${OUT:=gpu-results}" || exit 1
out=$(cd "$OUT" && pwd)
work=$(mktemp -d)
running=

# The metrics of a training that was cut off count as well.
keep_metrics() {
  local part
  for part in teacher student; do
    [ -f "$work/recipe/$part/metrics.jsonl" ] && cp "$work/recipe/$part/metrics.jsonl" "$out/$part-metrics.jsonl"
  done
  return 0
}
stop() {
  [ -n "$running" ] && kill "$running" 2>/dev/null && wait "$running"
  exit 143
}
trap 'keep_metrics; rm -rf "$work"' EXIT
trap stop TERM INT HUP

# unpack ARCHIVE FOLDER [N]: by Python, since a bare machine may have no xz; of each folder in it the first N files, or all.
unpack() {
  "$PYTHON_TORCH" - "$@" <<'P'
import collections, os, sys, tarfile
archive, folder, most = [*sys.argv[1:], sys.maxsize][:3]
seen = collections.Counter()
def chosen(members):
    for member in members:
        seen[os.path.dirname(member.name)] += member.isfile()
        if seen[os.path.dirname(member.name)] <= int(most): yield member
try:
    with tarfile.open(archive) as opened: opened.extractall(folder, members=chosen(opened))
except (OSError, EOFError, tarfile.TarError) as error: sys.exit(f'{archive} cannot be unpacked: {error}')
P
}
unpack "$pack/deit-lt.tar.xz" "$work" || exit 1
cd "$work" || exit 1
# The libtorch of this machine in place of the one for which the addon was built; the versions must be equal.
libraries=$("$python" - <<'P'
import glob, importlib.util, json, os, runpy, sys
spec = importlib.util.find_spec('torch')
if spec is None: sys.exit(f'{sys.executable} has no PyTorch; PYTHON names a Python that has it')
folder = os.path.dirname(spec.origin)
found = runpy.run_path(os.path.join(folder, 'version.py'))
file = 'packages/torch/build/current.json'
current = json.load(open(file))
libtorch = current['libtorch']
def compare(what, packed, here, version):
    if packed != here: sys.exit(f'packed for {what} {packed}, but {sys.executable} has {here}: node bench/gpu/prepare.mjs --version {version}')
release = found['__version__'].split('+')[0]
compare('PyTorch', libtorch['version'].split('+')[0], release, release)
if os.environ['DEVICE'] == 'cuda': compare('the CUDA', *(str(cuda).split('.')[0] for cuda in (libtorch.get('cuda'), found.get('cuda'))), found['__version__'])
libtorch['libDir'] = os.path.join(folder, 'lib')
json.dump(current, open(file, 'w'))
site = os.path.dirname(folder)
print(':'.join([os.path.join(folder, 'lib'), *sorted(glob.glob(os.path.join(site, 'nvidia', '*', 'lib')))]))
P
) || exit 1
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} PATH=$work/bin:$PATH DEIT_LT_CACHE=$work/cache

# note NAME EXIT SECONDS LIMIT: a line of summary.jsonl; EXIT is null for a step for which no time was left.
note() { printf '{"step": "%s", "exit": %s, "seconds": %d, "limit": %d}\n' "$@" >>"$out/summary.jsonl"; }

# step NAME SHARE FUNCTION: runs it in a shell of its own, at most SHARE % of TOTAL. What it prints goes into NAME.txt.
step() {
  local name=$1 limit=$((total * $2 / 100)) begin=$SECONDS left=$((total - SECONDS - 2 * grace)) code
  case ",$chosen," in *",$name,"*) ;; *) return ;; esac
  [ "$limit" -gt "$left" ] && limit=$left
  if [ "$limit" -lt "$grace" ]; then
    echo "== $name: no time is left"
    note "$name" null 0 0
    return
  fi
  echo "== $name (at most $limit s)"
  timeout --kill-after="$grace" "$limit" bash -c "$3" >"$out/$name.txt" 2>&1 &
  running=$!
  wait "$running"
  code=$?
  running=
  note "$name" "$code" $((SECONDS - begin)) "$limit"
  tail -n 12 "$out/$name.txt"
}
: >"$out/summary.jsonl"
[ "$DEVICE" = cpu ] || nvidia-smi

# The test files of the card first, so that a limit does not end them.
engine() {
  local first=(packages/torch/dist/test/cuda*.test.js) file others=() code=0 cores
  for file in packages/torch/dist/test/*.test.js; do [[ $file == */cuda* ]] || others+=("$file"); done
  cores=$(nproc)
  local run=(node --test --test-concurrency=$((cores < 8 ? cores : 8)) --expose-gc --test-reporter=spec)
  "${run[@]}" "${first[@]}" || code=1
  "${run[@]}" "${others[@]}" || code=1
  return "$code"
}

steps() {
  local rounds=(--rounds 3 --steps 10)
  [ "$DEVICE" = cpu ] && rounds=(--rounds 1 --steps 2 --only "${ONLY:-small,resnet50}" --precision float32 --patience 300)
  exec node bench/dist/gpu/compare.js "$OUT_FILE" "${rounds[@]}"
}

# CIFAR-10, once for all steps; without a card 60 images of each class and split.
unpack_images() {
  [ -d images10 ] && return
  local most=()
  [ "$DEVICE" = cpu ] && most=(60)
  rm -rf images10.part
  unpack "$PACK/cifar10-images.tar.xz" images10.part "${most[@]}" && mv images10.part images10
}

# JPEG files of 500 × 375 in ten classes.
draw_photographs() {
  local count=2560
  [ "$DEVICE" = cpu ] && count=320
  "$PYTHON_TORCH" - "${PHOTOGRAPHS:-$count}" <<'P'
import os, random, sys
from PIL import Image
random.seed(0)
coarse = lambda: Image.frombytes('RGB', (25, 19), random.randbytes(25 * 19 * 3)).resize((500, 375), Image.BICUBIC)
drawn = [coarse() for _ in range(64)]
for i in range(int(sys.argv[1])):
    folder = f'photographs/{"test" if i // 10 % 16 == 0 else "train"}/class{i % 10}'
    os.makedirs(folder, exist_ok=True)
    drawn[i % 64].save(f'{folder}/{i}.jpg', quality=90 - i // 64 % 8)
P
}

small=(--budget small --set data.limit=60 data.imbalance=4 student.sampler=shuffle)

loop() {
  local set=(--set device="$DEVICE" student.model.name=deit_small_distilled_patch16_224 student.batchSize=128 student.accumulation=1
    student.repeats=1 student.sampler=shuffle student.epochs=3 student.drw.epoch=null student.schedule.warmupEpochs=0 evaluation.every=3)
  local vit=(node packages/deit-lt/bin/deit-lt.mjs vit) code=0
  [ "$DEVICE" = cpu ] && set=("${small[@]}" device="$DEVICE") && echo "# no card: tiny networks and images, whose figures say nothing"
  unpack_images && {
    echo "# images in memory, at 224"
    "${vit[@]}" --data ./images10 --recipe cifar10-lt-100 --out memory "${set[@]}" || code=$?
    echo "# images in memory, at 224, passes captured as CUDA graphs"
    "${vit[@]}" --data ./images10 --recipe cifar10-lt-100 --out captured "${set[@]}" cudaGraphs=auto || code=$?
  } || code=1
  echo "# JPEG files of 500 × 375, at 224"
  draw_photographs && "${vit[@]}" --data ./photographs --recipe default --out files "${set[@]}" || code=$?
  return "$code"
}

recipe() {
  local more=(--set device="$DEVICE")
  [ "$DEVICE" = cpu ] && more=("${small[@]}" device="$DEVICE")
  unpack_images || return 1
  exec node packages/deit-lt/bin/deit-lt.mjs train --data ./images10 --recipe cifar10-lt-100 --out recipe "${more[@]}"
}

# A step is a shell of its own, which gets what it uses from here.
export OUT_FILE=$out/steps.json
shared="set -u; $(declare -p small); $(declare -f unpack unpack_images draw_photographs)"
of() { echo "$shared; $(declare -f "$1"); $1"; }
step engine 26 "$(of engine)"
step steps 42 "$(of steps)"
step loop 18 "$(of loop)"
step recipe 100 "$(of recipe)"
keep_metrics
cat "$out/summary.jsonl"
