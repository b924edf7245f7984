/* unary_tmpl.h compiled for AVX-512: element-wise functions of one argument.
 *
 * The loops, and why they look so, are in the template. The Makefile compiles this file with the
 * instruction set that ends its name, so nothing here may be called before base/cpu.h says that the
 * processor has it. It keeps no state and knows no threads; what calls it cuts the work into
 * pieces. */
#include "backend/cpu/kernels/unary_tmpl.h"
