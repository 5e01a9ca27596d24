# Two commands do everything, set-up included: `make run` and `make test`.
.POSIX:
SHELL := /bin/bash

BUILD  := .build/release
LOCI   := $(BUILD)/loci
MODEL  := .models/all-MiniLM-L6-v2
DATA   ?= loci-data
LISTEN ?= 127.0.0.1:7420

.PHONY: help program run test demo build setup model generate lint format bench crash-test power-fail model-test fuzz retrieval-quality trace-quality check-neon \
        sanitize clean eval large-model compare-tokenizers multilingual compression-quality

help: ## Show what can be made.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

run: program model ## Set up, build, and run a server on LISTEN (default 127.0.0.1:7420) with data in DATA.
	$(LOCI) serve --data $(DATA) --listen $(LISTEN)

test: build model ## Set up, build, and run every test.
	scripts/test

demo: program model ## A scripted tour against a temporary server.
	scripts/demo

# Tests look inside modules: everything is built so that they may, once, for running and for testing alike.
FLAGS := -c release -Xswiftc -enable-testing

build: setup ## Release build of everything.
	swift build $(FLAGS) --build-tests

program: setup
	swift build $(FLAGS) --product loci

setup: ## Install the Debian packages that are missing.
	@scripts/setup

model: setup ## Fetch the default encoder (pinned and checked).
	@scripts/fetch-model $(MODEL)

multilingual: program ## Fetch multilingual-e5-small, which knows Chinese; it is the default from then on.
	$(LOCI) models fetch multilingual-e5-small

generate: setup ## Regenerate the code made from proto/.
	scripts/generate

lint: setup ## Formatting, generated code, contract.
	scripts/lint

format: ## Format the Swift sources.
	scripts/format

bench: program model ## Measure against the peers; results in bench/out.
	bench/run

trace-quality: build ## Where a run failed: Who&When, cross-validated, beside the floors.
	LOCI_PRINT_MODEL=1 swift test $(FLAGS) --skip-build --filter FailureLocationTests

learning-bench: program ## Learning against mabwiser, on labelled pairs of memories, and an agent's curve; results in bench/out/learn.
	bench/learn

crash-test: program ## Kill the server N times at random moments (default 1000) and check every acknowledgement.
	scripts/crash-test $(or $(N),1000)

power-fail: build ## Replay STATES (default 100000) power-cut states of the log.
	LOCI_POWERFAIL_STATES=$(or $(STATES),100000) swift test $(FLAGS) --skip-build --filter PowerFail

model-test: build ## Random histories of collections, OPERATIONS (default 1000000) in all, against a dictionary.
	LOCI_MODEL_OPERATIONS=$$(( $(or $(OPERATIONS),1000000) / 8 )) swift test $(FLAGS) --skip-build --filter SegmentModelTests

retrieval-quality: build model ## nDCG of reduced precisions on SETS (default cranfield,cisi).
	LOCI_RETRIEVAL=$(or $(SETS),cranfield,cisi) swift test $(FLAGS) --skip-build --filter RetrievalQuality

compression-quality: build model ## What compression keeps of LoCoMo and agents' runs, beside its baselines; bytes; speed.
	@mkdir -p bench/out
	LOCI_COMPRESSION=1 swift test $(FLAGS) --skip-build --no-parallel --filter LociCompressTests.ReportTests \
	  | tee bench/out/compression.txt

eval: program model multilingual ## Quality of retrieval with both encoders, beside baselines; into bench/out (half an hour).
	bench/eval

check-neon: ## The encoder's NEON level, under emulation.
	scripts/check-neon

fuzz: setup ## Fuzz every decoder for SECONDS (default 600) each.
	scripts/fuzz $(or $(SECONDS),600)

large-model: build ## An encoder of bge-large-zh-v1.5's shape against a float64 reference (a minute, 3 GB).
	LOCI_LARGE_MODEL=1 swift test $(FLAGS) --skip-build --filter LargeModelTests

compare-tokenizers: setup ## Both tokenizers against PyPI's `tokenizers` on TEXTS (default 100000) texts and every code point.
	python3 -m venv .venv/tokenizers && .venv/tokenizers/bin/pip install -q tokenizers==0.23.3
	.venv/tokenizers/bin/python scripts/compare-tokenizers --texts $(or $(TEXTS),100000)

sanitize: setup model ## Wire, store and text suites under the thread and address sanitizers.
	scripts/sanitize

clean: ## Remove what was built.
	rm -rf .build .build-* bench/out
