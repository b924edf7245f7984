/* Which training kernels this processor runs.
 *
 * The three sets are compiled from one template (gemm_tmpl.h), each with its own instruction
 * set. The choice follows cpu_flags(), so NEREID_CPU_MASK forces a level here as it does for
 * inference. It is made at every call of train__kernels: cheap, and free of state. Training does
 * not use the inference kernels of the cpu backend: it needs transposed products and writes
 * gradients, and the layers keep the two rooms apart.
 */
#include "train/gemm_priv.h"

#include "base/cpu.h"

const struct train_kernels *train__kernels(void)
{
	uint32_t flags = cpu_flags();
	if (flags & CPU_AVX512)
		return &train__kernels_avx512;
	if (flags & CPU_AVX2)
		return &train__kernels_avx2;
	return &train__kernels_c;
}
