# Two commands for newcomers: `make run` and `make test`. Both use one release build.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
export SWIFT_BACKTRACE ?= enable=no
# Tests run side by side: threads that wait shall not spin.
export OMP_WAIT_POLICY ?= passive

SWIFT_FILES = Package.swift Plugins Sources Tests
# A module imports what the manifest says that it knows, and nothing else.
CHECKED = --explicit-target-dependency-import-check error
DITHER = .build/release/dither

# The program that is installed and packed: with Swift's runtime inside. BINARY=… takes one that was built elsewhere.
STATIC = .build-static/release/dither
BINARY ?= $(STATIC)
PREFIX ?= /usr/local
# Foundation's own data is most of it; lld leaves out the names that nobody links with.
STATIC_FLAGS = --static-swift-stdlib -Xswiftc -use-ld=lld -Xlinker --no-export-dynamic

help:
	@echo 'make run          build, serve the shipped models on loopback and show what they do (ONCE=1: then stop)'
	@echo 'make test         lint, every test, the C and the Python clients'
	@echo 'make build        the release build that both use'
	@echo 'make test-swift   only the Swift tests        make test-clients   only the C and the Python client'
	@echo 'make test-sweeps  sweeps that are killed again and again   make test-recipes   10 000 recipes with mistakes'
	@echo 'make test-cluster servers that share a database and a bucket, killed, frozen and cut off (ROUNDS=20: 80 times)'
	@echo 'make test-slurm   the files of deploy/slurm under a Slurm of one node, with killed tasks'
	@echo 'make conformance  ONNX node tests, exports of scikit-learn and PyTorch, models of PyPI'
	@echo 'make lint         check the formatting        make fix            apply it'
	@echo 'make verify       the quick checks of the house: formatting, layers, words, links, generated code'
	@echo 'make fuzz         every reader of foreign bytes, 60 s each; make sanitize: tests under the sanitizers'
	@echo 'make faults       attackers, full disks, SIGKILL against a server (FAULTS=); make soak: 10 minutes of mixed calls (SOAK_SECONDS=)'
	@echo 'make check-deploy the files of deploy/ against the programs and schemas that they are for'
	@echo 'make clients      build the C client          make generate       regenerate the protobuf code'
	@echo 'make install      the program with Swift inside, manual pages, completions, models (PREFIX, DESTDIR); make uninstall'
	@echo 'make install-c    the C client with its header and dither.pc (PREFIX, DESTDIR)'
	@echo 'make deb          a Debian package with a systemd unit; make test-deb tries it in a bare root (as root),'
	@echo '                  make test-service under a systemd of its own, make test-container in a container (buildah)'
	@echo 'make clean        remove what was built'

setup:
	@scripts/setup

setup-tests:
	@scripts/setup test

setup-package:
	@scripts/setup package

build: setup
	@[[ -x $(DITHER) ]] || echo 'The first build compiles every dependency: some 10 minutes on two cores; later ones take seconds.'
	swift build -c release --product dither $(CHECKED)

# By product: `--build-tests` would also build the dependencies' own tools, protoc among them.
build-tests: build
	swift build -c release --product ditherPackageTests $(CHECKED)

run: build
	@scripts/demo $(if $(filter 1,$(ONCE)),--once)

test: setup-tests lint build-tests test-clients check-deploy test-swift

# Last, so that its closing line is the last one. Tests that drive processes, and those of deadlines, drains and silent uploads, run by themselves:
# beside the others, which hold every thread for minutes, they would see a last moment too late. Two at a time, where they wait for processes: each
# of those waits holds a thread that another test's client needs.
test-swift: build-tests
	@scripts/test-servers
	@scripts/test-swift --skip CommandLineTests --skip TransportTests --skip BlobsTests
	@scripts/test-swift --filter 'TransportTests|BlobsTests'
	@scripts/test-swift --filter CommandLineTests --experimental-maximum-parallelization-width 2

# Two sweeps of 200 trainings, killed 20 times each at random moments: the same tables, nothing lost, nothing done twice.
test-sweeps: build
	@scripts/test-sweeps

# Three servers, a worker, PostgreSQL, an S3 server and Envoy on loopback, and what befalls them: some minutes. ROUNDS=20 has 80 mishaps of workers.
test-cluster: build
	@Tests/Cluster/run $(DITHER)

# Arrays of deploy/slurm under a Slurm of one node, with killed tasks.
test-slurm: build
	@Tests/Slurm/run $(DITHER)

# `make test` tries 500 recipes with mistakes, this 10 000.
test-recipes: build-tests
	@DITHER_MUTATIONS=10000 scripts/test-swift --filter RecipeMutationTests

# An attacker, a full disk, SIGKILL: each against a server of its own. `FAULTS="drain roles"` runs some of them.
faults: build
	@Tests/Faults/run $(DITHER) $(FAULTS)

# Mixed calls at every door; memory must stay flat. SOAK_SECONDS=60 is shorter.
soak: build
	@Tests/Faults/soak $(DITHER)

check-deploy:
	@scripts/check-deploy $(wildcard $(DITHER))
	@scripts/simulate-scale --check

# ONNX's own node tests, judged by onnx's data. Needs the network, once.
conformance: build
	@scripts/conformance

test-clients: setup-tests build test-install-c
	@Tests/Clients/run $(DITHER)

lint:
	@swift format lint --strict --parallel --recursive $(SWIFT_FILES) && echo 'Formatting: as configured.'

# What takes no test of behavior: `make test` runs all but the last, which builds protoc's plugin the first time (some minutes).
verify: setup-tests lint build-tests
	@scripts/test-swift --filter TidyTests
	@scripts/check-generated

format: fix

fix:
	@swift format --in-place --parallel --recursive $(SWIFT_FILES)

clients: setup-tests
	$(MAKE) -C Sources/CDither

fuzz: setup-tests
	@scripts/fuzz

sanitize: setup-tests
	@scripts/sanitize

# A whole build of its own: 10 to 15 minutes on two cores.
static: setup
	swift build -c release --product dither --scratch-path .build-static $(STATIC_FLAGS) $(CHECKED)

# What is there is taken: `sudo make install` builds nothing as root.
$(STATIC):
	$(MAKE) static

install: $(BINARY)
	@BINARY=$(BINARY) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) scripts/install

uninstall:
	@PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) scripts/install --remove

install-c:
	@$(MAKE) --silent -C Sources/CDither OUT=$(CURDIR)/.build/cdither PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) install

uninstall-c:
	@$(MAKE) --silent -C Sources/CDither PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) uninstall

test-install-c:
	@$(MAKE) --silent install-c PREFIX=$(CURDIR)/.build/installed-c
	@scripts/test-install-c .build/installed-c

deb: setup-package $(BINARY)
	@BINARY=$(BINARY) scripts/deb

# Packing takes a minute or more: DEB=… tries a package that is there.
PACKED = $(or $(DEB),.build-static/dither_*.deb)

test-deb: $(if $(DEB),,deb)
	@scripts/test-deb $(PACKED)

test-service: $(if $(DEB),,deb)
	@scripts/test-service $(PACKED)

test-container: test-deb
	@scripts/test-container $(PACKED)

sbom:
	@scripts/sbom

generate:
	@scripts/generate-protobuf

clean:
	rm -rf .build .build-static .build-fuzz .build-asan .build-tsan .build-protoc
	$(MAKE) --silent -C Sources/CDither clean

.PHONY: help setup setup-tests build build-tests run test test-swift test-clients test-sweeps test-recipes test-cluster test-slurm lint verify fix format fuzz sanitize conformance \
  check-deploy faults soak clients generate clean setup-package static install uninstall install-c uninstall-c test-install-c deb test-deb test-service test-container sbom
