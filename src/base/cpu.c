/* What the processor can do, and what it is told not to.
 *
 * Flags come from cpuid, and from the system's word that it saves the wide registers (xgetbv)
 * and lends the tiles (arch_prctl). They are read once; the mask may be set by the environment or,
 * before any kernel table is filled, by cpu_mask_set. A level implies the ones below it, in the
 * order of CPU_FLAGS. Two threads that race to read compute the same value.
 */
#include "base/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

enum { NOT_READ = 1u << 31 };
static uint32_t found = NOT_READ, allowed = NOT_READ;

#ifdef __x86_64__
static bool amx_permitted(void)
{
	enum { ARCH_REQ_XCOMP_PERM_ = 0x1023, XTILEDATA = 18 };
	return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM_, XTILEDATA) == 0;
}

static uint32_t detect(void)
{
	uint32_t a, b, c, d, a1, b1, c1, d1, flags = 0;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return 0;
	uint32_t low, high;
	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	bool ymm = (low & 6) == 6, zmm = (low & 0xe6) == 0xe6, tiles = (low & 0x60000) == 0x60000;
	if (!__get_cpuid_count(7, 0, &a1, &b1, &c1, &d1))
		return 0;
	if (ymm && (b1 & bit_AVX2) && (b1 & bit_BMI2) && (c & bit_FMA) && (c & bit_F16C))
		flags |= CPU_AVX2;
	uint32_t need = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
	if (!(flags & CPU_AVX2) || !zmm || (b1 & need) != need)
		return flags;
	flags |= CPU_AVX512;
	uint32_t vnni = c1 >> 11 & 1, amx = d1 >> 22 & d1 >> 24 & d1 >> 25 & 1;
	if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1))
		flags |= CPU_AVX512_BF16;
	if (vnni)
		flags |= CPU_VNNI;
	if (amx && tiles && amx_permitted())
		flags |= CPU_AMX;
	return flags;
}
#else
static uint32_t detect(void)
{
	return 0;
}
#endif

struct level { const char *text; uint32_t bit; };
static const struct level levels[] = {
#define X(name, bit, text) {text, 1u << (bit)},
	CPU_FLAGS(X)
#undef X
};
enum { LEVELS = sizeof levels / sizeof *levels };

/* Flags up to and including a level; "c" is none. */
static bool mask_of(struct str level, uint32_t *mask)
{
	uint32_t m = 0;
	if (str_is(level, "c")) {
		*mask = 0;
		return true;
	}
	for (int i = 0; i < LEVELS; i++) {
		m |= levels[i].bit;
		if (str_is(level, levels[i].text)) {
			*mask = m;
			return true;
		}
	}
	return false;
}

uint32_t cpu_flags(void)
{
	uint32_t f = __atomic_load_n(&found, __ATOMIC_RELAXED);
	uint32_t m = __atomic_load_n(&allowed, __ATOMIC_RELAXED);
	if (f == NOT_READ) {
		f = detect();
		__atomic_store_n(&found, f, __ATOMIC_RELAXED);
	}
	if (m == NOT_READ) {
		const char *text = getenv("NEREID_CPU_MASK");
		if (!text || !mask_of(str_from(text), &m))
			m = ~NOT_READ;
		__atomic_store_n(&allowed, m, __ATOMIC_RELAXED);
	}
	return f & m;
}

bool cpu_mask_set(struct str level)
{
	uint32_t m;
	if (!mask_of(level, &m))
		return false;
	__atomic_store_n(&allowed, m, __ATOMIC_RELAXED);
	return true;
}

const char *cpu_level_text(uint32_t flags)
{
	const char *text = "c";
	for (int i = 0; i < LEVELS; i++)
		if (flags & levels[i].bit)
			text = levels[i].text;
	return text;
}

void cpu_name(char *text, size_t n)
{
	char brand[49] = "unknown processor";
#ifdef __x86_64__
	uint32_t r[12], top = __get_cpuid_max(0x80000000, 0);
	if (top >= 0x80000004) {
		for (uint32_t i = 0; i < 3; i++)
			__get_cpuid(0x80000002 + i, &r[4 * i], &r[4 * i + 1], &r[4 * i + 2], &r[4 * i + 3]);
		memcpy(brand, r, 48);
		brand[48] = 0;
	}
#endif
	snprintf(text, n, "%s", brand);
}

uint64_t cpu_l2_bytes(void)
{
	long n = sysconf(_SC_LEVEL2_CACHE_SIZE);
	return n > 0 ? (uint64_t)n : 1u << 20;
}
