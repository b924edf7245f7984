/* The table of kernels: one constant record per instruction set, projected from kernels.def, and
 * the choice among them.
 *
 * The records are constants, so choosing is reading the processor's flags: nothing is initialised,
 * any thread may ask at any time, and a mask set by a test or by NEREID_CPU_MASK takes effect with
 * the next question. On other processors than x86-64 only the C record exists. This file knows no
 * shapes: drivers (conv.c, gemm.c ...) do. */
#include "backend/cpu/kernels/kernels.h"

#include "base/cpu.h"

static const struct kernels kernels_c = {
	.isa = "c", .brgemm_mr = 4, .brgemm_nr = 8,
#define X(field, c, avx2, avx512) .field = kernel_##field##_##c##_c,
#include "backend/cpu/kernels/kernels.def"
#undef X
};
#if defined(__x86_64__)
static const struct kernels kernels_avx2 = {
	.isa = "avx2", .brgemm_mr = 6, .brgemm_nr = 16,
#define X(field, c, avx2, avx512) .field = kernel_##field##_##avx2##_avx2,
#include "backend/cpu/kernels/kernels.def"
#undef X
};
static const struct kernels kernels_avx512 = {
	.isa = "avx512", .brgemm_mr = 14, .brgemm_nr = 32,
#define X(field, c, avx2, avx512) .field = kernel_##field##_##avx512##_avx512,
#include "backend/cpu/kernels/kernels.def"
#undef X
};
#endif

const struct kernels *kernels_now(void)
{
#if defined(__x86_64__)
	uint32_t flags = cpu_flags();

	if (flags & CPU_AVX512)
		return &kernels_avx512;
	if (flags & CPU_AVX2)
		return &kernels_avx2;
#endif
	return &kernels_c;
}
