# One Makefile. `make` is a release build; ASAN=1, TSAN=1, TINY=1 and DEBUG=1 build variants, each in its own folder.
#   make            build/nereid
#   make check      unit tests (no GPU, no network)
#   make tidy       the lint
#   make bench         build/bench-kernels: the convolutions of ResNet50, layer by layer
#   make fuzz       fuzz targets (needs clang); make fuzz-smoke runs each for FUZZ_SECONDS, fuzz-long for ten minutes
#   make headers    every header by itself
#   make install    PREFIX=/usr/local
CC ?= gcc
variant := $(if $(ASAN),-asan)$(if $(TSAN),-tsan)$(if $(TINY),-tiny)$(if $(DEBUG),-debug)
B := build$(if $(variant),/$(patsubst -%,%,$(variant)))
PKGS := libuv libnghttp2 openssl zlib

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter -Wno-maybe-uninitialized -Werror
CFLAGS_ALL := -std=gnu11 -O2 -g -fno-math-errno -ffp-contract=off -fno-common -pthread -D_GNU_SOURCE -Iinclude -Isrc -Itests $(WARN) \
	-ffile-prefix-map=$(CURDIR)/= $(shell pkg-config --cflags $(PKGS)) $(CFLAGS)
LDFLAGS_ALL := -pthread $(LDFLAGS)
LIBS := $(shell pkg-config --libs $(PKGS)) -lm -ldl
ifdef ASAN
CFLAGS_ALL += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DNEREID_DEBUG
LDFLAGS_ALL += -fsanitize=address,undefined
endif
ifdef TSAN
CFLAGS_ALL += -fsanitize=thread -DNEREID_DEBUG
LDFLAGS_ALL += -fsanitize=thread
endif
ifdef TINY
CFLAGS_ALL += -DNEREID_TINY -DNEREID_DEBUG
endif
ifdef DEBUG
CFLAGS_ALL += -DNEREID_DEBUG
endif

SRC := $(filter-out src/cli/%,$(wildcard src/*/*.c src/*/*/*.c src/*/*/*/*.c))
CLI := $(wildcard src/cli/*.c)
TEST := $(wildcard tests/unit/*.c tests/unit/*/*.c tests/unit/*/*/*.c tests/unit/*/*/*/*.c) tests/ops/cases.c
OBJ := $(SRC:%.c=$B/%.o)
CLI_OBJ := $(CLI:%.c=$B/%.o)
TEST_OBJ := $(TEST:%.c=$B/%.o)

all: $B/nereid $B/tritonserver $B/trtexec
$B/libnereid.a: $(OBJ)
	@rm -f $@ && ar rcs $@ $^
$B/nereid: $(CLI_OBJ) $B/libnereid.a
	$(CC) $(LDFLAGS_ALL) -o $@ $(CLI_OBJ) $B/libnereid.a $(LIBS)
# The names by which scripts made for Triton and TensorRT call it.
$B/tritonserver $B/trtexec: $B/nereid
	@ln -sf nereid $@
CLI_TESTED := $(filter-out %/main.o,$(CLI_OBJ))
$B/nereid-test: $(TEST_OBJ) $(CLI_TESTED) $B/libnereid.a
	$(CC) $(LDFLAGS_ALL) -o $@ $(TEST_OBJ) $(CLI_TESTED) $B/libnereid.a $(LIBS) $(shell pkg-config --libs cmocka)

# The case list of ops: dump (for tests/ops/ort.py), support, bench.
$B/nereid-ops: $B/tests/ops/main.o $B/tests/ops/cases.o $B/libnereid.a
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
-include $B/tests/ops/main.d
ops-table: $B/nereid-ops
	@mkdir -p docs
	$B/nereid-ops support >docs/OPS.md

# Each bench/NAME.c is a program of its own.
$B/bench-%: $B/bench/%.o $B/libnereid.a
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
bench: $B/bench-kernels

# Kernels are named for the instruction set that they are compiled for.
$B/src/backend/cpu/kernels/%.o: OPT := -O3
$B/%_avx2.o: ISA := -mavx2 -mfma -mf16c -mbmi2 -ffp-contract=fast
$B/%_avx512.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mbmi2 -ffp-contract=fast
$B/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(OPT) $(ISA) -MMD -MP -c -o $@ $<

-include $(OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TEST_OBJ:.o=.d)

# Fuzz targets, each with the library built by clang under its sanitizers. fuzz_ops brings the case list along.
F := build/fuzz
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,$F/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJ := $(SRC:%.c=$F/obj/%.o)
FUZZ_SECONDS ?= 20
CCACHE := $(shell command -v ccache)
FUZZ_FLAGS := -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=all \
	-std=gnu11 -pthread -D_GNU_SOURCE -DNEREID_DEBUG -Iinclude -Isrc -Itests -ffp-contract=off -fno-math-errno -w
$F/obj/%_avx2.o: ISA := -mavx2 -mfma -mf16c -mbmi2
$F/obj/%_avx512.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mbmi2
$F/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CCACHE) clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(ISA) -MMD -MP -c -o $@ $<
$F/libnereid.a: $(FUZZ_OBJ)
	@rm -f $@ && ar rcs $@ $^
$F/%: tests/fuzz/fuzz_%.c $F/libnereid.a
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< $F/libnereid.a $(LIBS)
-include $(FUZZ_OBJ:.o=.d)
fuzz: $(FUZZ)
# One line a target; a finding stays in build/fuzz. canary must be found out, or fuzzing itself is broken.
fuzz-smoke: $(FUZZ)
	@tools/fuzz_smoke.sh $F $(FUZZ_SECONDS) $(notdir $(FUZZ))
# Ten minutes a target, two at a time.
fuzz-long:
	@$(MAKE) fuzz-smoke FUZZ_SECONDS=600

test-program: $B/nereid-test $B/nereid-ops
where:
	@echo $B
check: $B/nereid-test $B/nereid
	$B/nereid-test
tidy:
	python3 tools/tidy.py
	python3 tools/deploycheck
clean:
	rm -rf build
-include $(wildcard $B/bench/*.d)
# Every header compiles alone; the public ones as C++ too.
headers:
	@for h in $$(git ls-files 'src/*.h' 'include/nereid/*.h' | grep -v -e _tmpl.h -e codec/pb_ -e kernels/v); do \
		echo "#include \"$$h\"" | $(CC) $(CFLAGS_ALL) -I. -fsyntax-only -x c - || exit 1; done
	@for h in include/nereid/*.h; do echo "#include \"$$h\"" | $(if $(shell command -v g++),g++,clang++) -Iinclude -I. -fsyntax-only -x c++ - || exit 1; done
PREFIX ?= /usr/local
install: $B/nereid $B/libnereid.a
	install -D -m 755 $B/nereid $(DESTDIR)$(PREFIX)/bin/nereid
	install -D -m 644 $B/libnereid.a $(DESTDIR)$(PREFIX)/lib/libnereid.a
	install -d $(DESTDIR)$(PREFIX)/include/nereid
	install -m 644 $(wildcard include/nereid/*) $(DESTDIR)$(PREFIX)/include/nereid
	ln -sf nereid $(DESTDIR)$(PREFIX)/bin/tritonserver
	ln -sf nereid $(DESTDIR)$(PREFIX)/bin/trtexec
.PHONY: all bench check clean fuzz fuzz-long fuzz-smoke headers install ops-table test-program tidy where
