# clampmeter -- `make help` lists the targets.
CC      ?= cc
OPT     ?= -O3 -g
FLAVOR  ?= release
MAKEFLAGS += --no-print-directory
B       := build/$(FLAVOR)
BIN     := $(B)/clampmeter
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo dev)
DATE    := $(shell git log -1 --format=%cs 2>/dev/null)
PKGS    := ncursesw libpcre2-8 jansson libutf8proc
Q       := $(if $(V),,@)# make V=1 shows whole commands

# ncurses' flags define _XOPEN_SOURCE themselves; ours comes first.
PKG_CFLAGS := $(filter-out -D_XOPEN_SOURCE% -D_DEFAULT_SOURCE,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lreadline

# No -ffast-math: a replayed session has to produce the same bits as the live one.
# -fno-math-errno and -fno-trapping-math change no result; they let gcc vectorize.
CPPFLAGS += -I. -D_XOPEN_SOURCE=700 -D_DEFAULT_SOURCE -DVERSION='"$(VERSION)"' -DVERSION_DATE='"$(DATE)"' $(PKG_CFLAGS)
CFLAGS   += -std=c11 $(OPT) -ffp-contract=off -fno-math-errno -fno-trapping-math -pthread -MMD -MP \
            -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla $(WERROR)
LDFLAGS  += -pthread
LDLIBS   += $(PKG_LIBS) -ldl -lm

# The building has four floors.  A floor may call the floors listed after it and
# no others; each is an archive, and its tests link only what it stands on, so a
# call upward fails at link time, in the test that should have caught it.
FLOORS         := engine analysis views app
under.engine   := engine
under.analysis := analysis engine
under.views    := views analysis engine
under.app      := app views analysis engine
libs            = $(patsubst %,$(B)/lib%.a,$(under.$(1)))
objs            = $(patsubst %.c,$(B)/%.o,$(1))
# A line that says what is being done, then the doing.
define LINK
@echo "  LD $@"
$(Q)$(CC) $(LDFLAGS) $(OPT) -o $@ $^
endef

## all      build the program, build/release/clampmeter (the default)
all: $(BIN)

define floor
SRC.$(1)   := $$(filter-out app/main.c,$$(sort $$(wildcard $(1)/*.c $(1)/*/*.c)))
TESTS.$(1) := $$(patsubst %.c,$(B)/%,$$(sort $$(wildcard tests/$(1)/test_*.c)))
$(B)/lib$(1).a: $$(call objs,$$(SRC.$(1)))
$$(TESTS.$(1)): $(B)/tests/$(1)/%: $(B)/tests/$(1)/%.o $(B)/tests/libtest.a $$(call libs,$(1))
	$$(LINK) -lcmocka $$(LDLIBS)
test-$(1): $$(TESTS.$(1)) ; @tests/tools/run.sh $$^
endef
$(foreach f,$(FLOORS),$(eval $(call floor,$f)))

# What several tests share: the tiny model written in memory, readers of reference
# files, the emulated device.
$(B)/tests/libtest.a: $(call objs,$(sort $(wildcard tests/*.c)))
include engine/cuda/build.mk

$(BIN): $(B)/app/main.o $(call libs,app)
	$(LINK) $(LDLIBS)
$(B)/%.a:
	@mkdir -p $(@D)
	@rm -f $@ && $(AR) rcs $@ $^
$(B)/%.o: %.c
	@mkdir -p $(@D); echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
# What names the version, and what contains the built-in model, follows them.
$(call objs,app/manual.c app/manpage.c): $(B)/version
$(B)/version: $(if $(filter $(VERSION),$(shell cat $(B)/version 2>/dev/null)),,always)
	@mkdir -p $(@D); echo '$(VERSION)' > $@
$(B)/app/demo.o: $(wildcard app/demo/demo.gguf)
-include $(shell find $(B) -name '*.d' 2>/dev/null)

# One kernel file per instruction set; kernels.c picks at run time.
ifeq ($(shell uname -m),x86_64)
$(B)/engine/kernels_avx2.o:   CFLAGS += -mavx2 -mfma -mf16c
$(B)/engine/kernels_avx512.o $(B)/engine/kernels_amx.o: CFLAGS += -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mavx512vbmi -mfma -mf16c -mprefer-vector-width=512
endif

## run      install what is missing, build, open the meter (ARGS="MODEL -p TEXT")
run: deps
	@$(MAKE) all
	@$(BIN) $(ARGS)
## test     install what is missing, run every test
test: deps
	@$(MAKE) check
check: $(FLOORS:%=test-%) test-cli test-cuda
# The whole program, from outside; tests/cli/*.c are programs those tests use.
CLI_TOOLS := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/cli/*.c)))
$(CLI_TOOLS): %: %.o $(B)/tests/libtest.a $(call libs,analysis)
	$(LINK) -lcmocka $(LDLIBS)
test-cli: $(BIN) $(CLI_TOOLS)
	@tests/tools/cli.sh $(B)
deps:
	@tests/tools/deps.sh
## asan     the tests under AddressSanitizer and UBSan
asan: ; @$(MAKE) check FLAVOR=asan OPT='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all'
## tsan     the threaded tests under ThreadSanitizer
THREADED = $(patsubst %,$(B)/tests/%,$(shell grep -lr 'threaded test' tests --include='test_*.c' | sed 's|^tests/||; s|\.c$$||'))
tsan: ; @$(MAKE) tsan-run FLAVOR=tsan OPT='-O1 -g -fsanitize=thread'
tsan-run: $(THREADED) ; @tests/tools/run.sh $^
## lint     include direction, forbidden calls, cppcheck
lint:
	@tests/tools/deps.sh lint
	@tests/tools/floors.sh $(FLOORS)
	@tests/tools/lint.sh $(FLOORS)
## bench    the benchmarks of tests/bench, one line a figure
BENCHES := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/bench/*.c)))
$(BENCHES): %: %.o $(B)/tests/libtest.a $(call libs,app)
	$(LINK) $(LDLIBS)
bench: $(BENCHES) $(BIN) ; @for b in $(BENCHES); do $$b || exit 1; done
## fuzz     every reader of outside bytes, FUZZ_SECONDS each (needs clang)
FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
$(FUZZERS): %: %.o $(B)/tests/libtest.a $(call libs,app)
	$(LINK) -fsanitize=fuzzer $(LDLIBS)
fuzz-run: $(FUZZERS)
	@tests/tools/fuzz.sh $(FUZZ_SECONDS) $^
fuzz: ; @tests/tools/deps.sh fuzz
	@$(MAKE) fuzz-run FLAVOR=fuzz CC=clang OPT='-O1 -g -fsanitize=fuzzer-no-link,address,undefined'
## man      clampmeter.1, written by the program from its own tables
man: $(BIN)
	@$(BIN) --man > $(B)/clampmeter.1
## install  into PREFIX (/usr/local)
PREFIX ?= /usr/local
install: $(BIN) $(CUDA_SO) man
	install -D -m755 $(BIN) $(DESTDIR)$(PREFIX)/bin/clampmeter
	$(if $(wildcard $(CUDA_SO)),install -D -m755 $(CUDA_SO) $(DESTDIR)$(PREFIX)/lib/clampmeter/clampmeter-cuda.so)
	install -D -m644 $(B)/clampmeter.1 $(DESTDIR)$(PREFIX)/share/man/man1/clampmeter.1
## clean    remove what was built
clean: ; rm -rf build
## help     this list
help: ; @sed -n 's/^## /  /p' Makefile

.SECONDARY:
.PHONY: always all run test check test-cli test-cuda deps asan tsan tsan-run lint bench fuzz fuzz-run man install clean help $(FLOORS:%=test-%)
