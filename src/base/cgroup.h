/* What the process may use: limits of its control groups, of version 1 and 2. */
#ifndef NEREID_BASE_CGROUP_H
#define NEREID_BASE_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* The lowest limit of the process's group and those above it, as far as they can be seen; false:
 * none. root: where /proc and /sys lie; "" but in tests. */
bool cgroup_memory(const char *root, uint64_t *bytes);
bool cgroup_cpu(const char *root, double *cores);

#endif
