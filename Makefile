# make demo: train on real images. make test: everything CI runs but the sanitizers. See CONTRIBUTING.md.
SHELL := bash
PYTHON := .venv/bin/python
PRESET ?= release
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
export PYTHONPATH := $(CURDIR)/bindings/python

.PHONY: setup build demo test test-slow fuzz bench lint gen docs sanitize test-gpu bench-gpu clean

setup:
	@bash tools/setup.sh

build: setup
	@[ -e build/$(PRESET)/build.ninja ] || cmake --preset $(PRESET) -DCMAKE_PREFIX_PATH=$(CURDIR)/.venv -DPython3_EXECUTABLE=$(CURDIR)/$(PYTHON) > build-$(PRESET).log 2>&1 || { cat build-$(PRESET).log; exit 1; }
	@rm -f build-$(PRESET).log
	@ninja -C build/$(PRESET) | tail -n 1

demo: build
	@$(PYTHON) examples/python/train_fashion_mnist.py

test: build
	@$(PYTHON) tools/run_tests.py $(if $(CI),--sanitizers)

test-slow: build
	@MIXNET_TEST_PROGRAMS=100000 $(PYTHON) tools/run_tests.py --sanitizers --slow

# INPUTS per target; what was run is added to tests/fuzz/RECORD.md.
INPUTS ?= 100000
fuzz: setup
	@$(PYTHON) tools/fuzz.py --inputs $(INPUTS) --record

bench: build
	@for b in build/$(PRESET)/*_bench; do $$b; done
	@for b in benchmarks/*.py; do $(PYTHON) $$b; done

lint: setup
	@ruff check bindings tools tests examples benchmarks
	@$(PYTHON) tools/check_layers.py
	@$(PYTHON) tools/check_text.py

gen: build
	@$(PYTHON) tools/gen/python_ops.py

docs: build
	@$(PYTHON) tools/gen/operator_pages.py

sanitize: setup
	@$(PYTHON) tools/run_tests.py --only sanitizers

test-gpu bench-gpu:
	@echo "$@: this version has no CUDA backend"; exit 1

clean:
	rm -rf build .venv
