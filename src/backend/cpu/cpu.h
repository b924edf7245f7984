/* The cpu backend: fast execution on the host's vector units, fp32. It runs what cpu_ops.def lists; its tactics and packed weights belong to the
 * instruction set of the processor (base/cpu.h). */
#ifndef NEREID_BACKEND_CPU_CPU_H
#define NEREID_BACKEND_CPU_CPU_H

#include "backend/registry.h"

extern const struct backend backend_cpu;

#endif
