# make demo: train on real images. make test: every test; CI=true adds the sanitizers. See CONTRIBUTING.md.
SHELL := bash
.SHELLFLAGS := -o pipefail -ec
PYTHON := .venv/bin/python
PRESET ?= release
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
export PYTHONPATH := $(CURDIR)/bindings/python

.PHONY: setup build demo test test-slow fuzz bench lint format gen docs sanitize test-gpu sanitize-gpu bench-gpu gpu-bundle clean

setup:
	@bash tools/setup.sh

build: setup
	@$(PYTHON) tools/build.py $(PRESET)

demo: build
	@$(PYTHON) examples/python/train_fashion_mnist.py

test: build
	@bash tools/setup.sh test
	@$(PYTHON) tools/run_tests.py $(if $(CI),--sanitizers)

test-slow: build
	@bash tools/setup.sh test
	@MIXNET_TEST_PROGRAMS=100000 $(PYTHON) tools/run_tests.py --sanitizers --slow

# INPUTS per target; what was run is added to tests/fuzz/RECORD.md.
INPUTS ?= 100000
fuzz: setup
	@$(PYTHON) tools/fuzz.py --inputs $(INPUTS) --record

# Sets up the peers in .venv-peers/, then runs every benchmark beside them; BENCH_SECONDS per side and row. See docs/guide/benchmarks.md.
BENCH_SECONDS ?= 2
bench: build
	@$(PYTHON) benchmarks/environments.py
	@for b in build/$(PRESET)/*_bench; do $$b; done
	@for b in imperative_add figure7 replay kvstore kvstore_group csv_files image_pipeline image_timeline; do $(PYTHON) benchmarks/$$b.py; done
	@for b in node_overhead steps latency branches int8 attention figure6; do $(PYTHON) benchmarks/$$b.py --seconds $(BENCH_SECONDS); done

lint: setup
	@$(PYTHON) tools/check_format.py
	@$(PYTHON) tools/check_layers.py
	@$(PYTHON) tools/check_text.py

format: setup
	@$(PYTHON) tools/check_format.py --update

gen: build
	@$(PYTHON) tools/check_generated.py --update

docs: gen
	@bash tools/setup.sh docs
	@$(PYTHON) -m sphinx -W --keep-going -q -b html docs docs/_build/html && echo "docs/_build/html/index.html"

sanitize: setup
	@$(PYTHON) tools/run_tests.py --only sanitizers

# On a machine with a GPU: the tests of tests/gpu and Python's on it.
test-gpu: setup
	@nvidia-smi -L >/dev/null 2>&1 || { echo "$@: needs a CUDA device, found none"; exit 1; }
	@$(PYTHON) tools/build.py cuda
	@build/cuda/mixnet_gpu_tests
	@LD_LIBRARY_PATH=build/cuda $(PYTHON) -m pytest -q tests/gpu

# The same kernels under compute-sanitizer's memcheck and racecheck.
sanitize-gpu: setup
	@nvidia-smi -L >/dev/null 2>&1 || { echo "$@: needs a CUDA device, found none"; exit 1; }
	@$(PYTHON) tools/build.py cuda
	@$(PYTHON) tools/sanitize_gpu.py

bench-gpu: setup
	@nvidia-smi -L >/dev/null 2>&1 || { echo "$@: needs a CUDA device, found none"; exit 1; }
	@$(PYTHON) tools/build.py cuda
	@$(PYTHON) benchmarks/environments.py torch
	@LD_LIBRARY_PATH=build/cuda $(PYTHON) benchmarks/gpu.py --seconds $(BENCH_SECONDS)

# build/gpu_bundle.tar.xz: the three above for a machine without a compiler or network. See docs/guide/gpu.md.
gpu-bundle: setup
	@$(PYTHON) tools/gpu_bundle.py

clean:
	rm -rf build .venv docs/_build
