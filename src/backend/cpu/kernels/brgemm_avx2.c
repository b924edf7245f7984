/* brgemm_tmpl.h compiled for AVX2 with FMA: tiles of 6 rows by 16 columns.
 *
 * The loops, and why they look so, are in the template; this file only names the tile. The Makefile
 * compiles it with the instruction set that ends its name, so nothing here may be called before
 * base/cpu.h says that the processor has it. It is not where shapes are split into tiles: conv.c
 * and gemm.c do that. */
#define MR 6
#define TILE 6x16
#include "backend/cpu/kernels/brgemm_tmpl.h"
