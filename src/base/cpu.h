/* Instruction sets of this processor, in ascending levels, and the mask that forces a lower one. */
#ifndef NEREID_BASE_CPU_H
#define NEREID_BASE_CPU_H

#include "base/span.h"
#include <stdbool.h>
#include <stdint.h>

/* X(NAME, bit, text) */
#define CPU_FLAGS(X)                       \
	X(AVX2, 0, "avx2")       /* with FMA, F16C, BMI2 */ \
	X(AVX512, 1, "avx512")   /* F, BW, DQ, VL */ \
	X(AVX512_BF16, 2, "avx512bf16") \
	X(VNNI, 3, "vnni")       /* AVX-512 VNNI */ \
	X(AMX, 4, "amx")         /* tile, bf16, int8; with the system's permission */
enum cpu_flag {
#define X(name, bit, text) CPU_##name = 1u << (bit),
	CPU_FLAGS(X)
#undef X
};

/* What the processor has, less what NEREID_CPU_MASK or cpu_mask_set took away. A mask is a level name ("c", "avx2",
 * "avx512", "avx512bf16", "vnni", "amx"): that level and all below. Read once; set before any kernel table is made. */
uint32_t cpu_flags(void);
bool cpu_mask_set(struct str level);             /* false: unknown level */
const char *cpu_level_text(uint32_t flags);      /* the highest level in flags, "c" for none */
void cpu_name(char *text, size_t n);             /* the processor's brand string */
uint64_t cpu_l2_bytes(void);                     /* per core; 1 MiB where unknown */

#endif
