/* brgemm_tmpl.h compiled for AVX-512: tiles of 14 rows by 32 columns.
 *
 * The loops, and why they look so, are in the template; this file only names the tile. The Makefile
 * compiles it with the instruction set that ends its name, so nothing here may be called before
 * base/cpu.h says that the processor has it. It is not where shapes are split into tiles: conv.c
 * and gemm.c do that. */
#define MR 14
#define TILE 14x32
#include "backend/cpu/kernels/brgemm_tmpl.h"
