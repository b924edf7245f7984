# One Makefile. `make` is a release build; ASAN=1, TSAN=1, TINY=1 and DEBUG=1 build variants, each in its own folder.
#   make            build/nereid
#   make check      unit tests (no GPU, no network)
#   make tidy       the lint
#   make bench         build/bench-kernels: the convolutions of ResNet50, layer by layer
#   make fuzz       fuzz targets (needs clang)
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

all: $B/nereid
$B/libnereid.a: $(OBJ)
	@rm -f $@ && ar rcs $@ $^
$B/nereid: $(CLI_OBJ) $B/libnereid.a
	$(CC) $(LDFLAGS_ALL) -o $@ $(CLI_OBJ) $B/libnereid.a $(LIBS)
$B/nereid-test: $(TEST_OBJ) $B/libnereid.a
	$(CC) $(LDFLAGS_ALL) -o $@ $(TEST_OBJ) $B/libnereid.a $(LIBS) $(shell pkg-config --libs cmocka)

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

check: $B/nereid-test $B/nereid
	$B/nereid-test
tidy:
	python3 tools/tidy.py
clean:
	rm -rf build
-include $(wildcard $B/bench/*.d)
.PHONY: ops-table all bench check tidy clean
