/* winograd_tmpl.h compiled for plain vectors of 16 bytes: the transforms of Winograd's F(4x4, 3x3).
 *
 * The loops, and why they look so, are in the template. The Makefile compiles this file with the
 * instruction set that ends its name, so nothing here may be called before base/cpu.h says that the
 * processor has it. It keeps no state and knows no threads; what calls it cuts the work into
 * pieces. */
#include "backend/cpu/kernels/winograd_tmpl.h"
