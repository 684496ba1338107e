#!/bin/bash
# In a bundle of tools/gpu_bundle.py: ./run.sh {test,sanitize,bench,all} [seconds per stage, 600]. PYTHON names another interpreter than python3; what is
# said goes into $OUT too, where that is set, a file per stage. Ends with a line per stage, and with 1 if one failed.
set -u -o pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
what=${1:-all} limit=${2:-600} python=$(command -v "${PYTHON:-python3}")
case $what in
  test) stages="kernels python" ;;
  sanitize) stages="sanitize" ;;
  bench) stages="bench" ;;
  all) stages="kernels python bench sanitize" ;;
  *) echo "[run.sh] expected test, sanitize, bench or all, got $what"; exit 1 ;;
esac
[ -n "$python" ] || { echo "[run.sh] python3: expected on PATH, found none"; exit 1; }

# CUDA's libraries among Python's packages: mixnet's own search sees packages only where Python has loaded one.
packages=$("$python" -c 'import glob, site, sys
for folder in sys.path:
    print("".join(":" + path for path in sorted(glob.glob(folder + "/nvidia/*/lib"))), end="")')
export LD_LIBRARY_PATH=$here/build/cuda${packages}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PYTHONPATH=$here/bindings/python:$here/packages MIXNET_NATIVE=$here/native MIXNET_BENCH_TORCH=$python PYTHONUNBUFFERED=1
cd "$here" || exit 1

"$python" --version
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo "no nvidia-smi"
"$python" - <<'END'
import ctypes
for title, name in (("cuBLASLt", "libcublasLt.so.13"), ("cuDNN", "libcudnn.so.9"), ("NCCL", "libnccl.so.2"), ("NVRTC", "libnvrtc.so.13")):
    try:
        ctypes.CDLL(name)
        print(f"{title}: {name}")
    except OSError as error:
        print(f"{title}: none, {error}")
END
"$python" -c 'import mixnet as mx; print("mixnet", mx.__version__, "with", mx.num_gpus(), "GPUs")' || exit 1

stage() {
  case $1 in
    kernels) timeout -k 10 "$limit" build/cuda/mixnet_gpu_tests ;;
    python) timeout -k 10 "$limit" "$python" -m pytest -q -p no:cacheprovider tests/gpu ;;
    bench) timeout -k 10 "$limit" "$python" benchmarks/gpu.py --quick ;;
    sanitize) timeout -k 10 "$limit" "$python" tools/sanitize_gpu.py ;;
  esac
}

failed=0 told=
for name in $stages; do
  begin=$SECONDS log=/dev/null
  [ -z "${OUT:-}" ] || log=$OUT/$name.txt
  stage "$name" 2>&1 | tee "$log"
  code=${PIPESTATUS[0]}
  end="failed, exit code $code"
  [ "$code" = 0 ] && end=passed
  { [ "$code" = 124 ] || [ "$code" = 137 ]; } && end="cut off after $limit s"
  [ "$code" = 0 ] || failed=1
  told+="$name: $end, $((SECONDS - begin)) s"$'\n'
done
printf '%s' "$told"
exit $failed
