/* Training kernels for the level "c": 4 floats a vector.
 *
 * The code is in gemm_tmpl.h; this file only fixes the vector width. The Makefile compiles it
 * with the instruction set that its name ends in, so nothing here may run before train__kernels
 * has looked at the processor. Stateless: any number of threads may call these functions on
 * different outputs. Not the inference kernels: those pack their weights and know nothing of
 * gradients.
 */
#define LANES 4
#define KERNELS train__kernels_c
#pragma GCC optimize("O3")
#include "train/gemm_tmpl.h"
