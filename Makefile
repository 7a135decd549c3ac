# A thin face over CMake, for people. `make help` lists what there is.
.POSIX:
.PHONY: all help configured demo test bench check format fuzz lesson web web-test install clean

MAKEFLAGS += --no-print-directory
BUILD = build
JOBS = $$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
PREFIX = /usr/local
CMAKE_FLAGS =
TWILL = $(BUILD)/twill
DEMO = demo
BENCH_QUICK =
BENCH_LONG =

all: configured
	@cmake --build $(BUILD) -j $(JOBS)

help:
	@echo "make           build the library and the command, $(TWILL)"
	@echo "make demo      a convolution worked out, and a network trained on digits (installs what is missing)"
	@echo "make test      build and run all tests (installs what is missing)"
	@echo "make bench     time everything on this machine, beside the peers that are installed; writes docs/benchmarks.md"
	@echo "make check     the house rules; make format: clang-format over all sources"
	@echo "make lesson    write anew what docs/lesson*.md shows, figures too"
	@echo "make web       the explorer, a page for any static host, in $(BUILD)/web (installs what is missing)"
	@echo "make web-test  its tests, in node and a headless Chromium"
	@echo "make fuzz      feed the readers hostile bytes for FUZZ_SECONDS each (60)"
	@echo "make install   into PREFIX ($(PREFIX)), below DESTDIR"
	@echo "make clean     remove $(BUILD), $(DEMO) and the presets' folders"

configured:
	@command -v cmake >/dev/null && command -v cc >/dev/null || { TWILL_NO_INSTALL=1 scripts/packages build; exit 1; }
	@cmake -S . -B $(BUILD) $(CMAKE_FLAGS) >/dev/null

demo:
	@scripts/packages demo
	@$(MAKE) configured
	@echo "building $(TWILL) ..."
	@cmake --build $(BUILD) -j $(JOBS) --target twill-command >$(BUILD)/demo.log 2>&1 || { cat $(BUILD)/demo.log; exit 1; }
	@TWILL=$(TWILL) DEMO=$(DEMO) scripts/demo

test:
	@scripts/packages test
	@$(MAKE) configured CMAKE_FLAGS="$(CMAKE_FLAGS) -DTWILL_TESTS=ON"
	@cmake --build $(BUILD) -j $(JOBS)
	@cd $(BUILD) && ctest -j $(JOBS) --output-on-failure

bench: all
	@TWILL=$(TWILL) BENCH_RESULTS=$(BUILD)/bench/results BENCH_QUICK=$(BENCH_QUICK) BENCH_LONG=$(BENCH_LONG) scripts/bench

check:
	@scripts/check

format:
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

lesson: all
	@TWILL=$(TWILL) scripts/lesson

fuzz:
	@scripts/packages fuzz
	@scripts/fuzz

web:
	@scripts/packages web
	@$(MAKE) configured
	@cmake --build $(BUILD) -j $(JOBS) --target twill-command twill-round-weights >$(BUILD)/web.log 2>&1 || { cat $(BUILD)/web.log; exit 1; }
	@BUILD=$(BUILD) scripts/web

web-test: web
	@BUILD=$(BUILD) scripts/web-test

install: all
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf $(BUILD) build-* $(DEMO)
