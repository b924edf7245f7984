/* What this process uses, and what the machine does, as /proc tells. root: where /proc and /sys
 * lie; "" but in tests. */
#ifndef NEREID_BASE_PROCESS_H
#define NEREID_BASE_PROCESS_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct process_sample {
	uint64_t resident_bytes, open_fds, max_fds;   /* max_fds: UINT64_MAX without a limit */
	double cpu_seconds;                /* of all threads, in user and kernel mode */
	double start_seconds;              /* Unix time */
};
struct status process_read(const char *root, struct process_sample *out) MUST_CHECK;

/* What limits the process: its control groups, or else the machine. */
struct process_limits { uint64_t memory_bytes; double cpu_cores; };
struct status process_limits(const char *root, struct process_limits *out) MUST_CHECK;

/* cpu is the busy share of all processors since the sample before, whose ticks are in `last`. */
struct machine_sample { bool known; double cpu; uint64_t memory_total, memory_used; };
struct machine_ticks { uint64_t busy, all; };
struct status machine_read(const char *root, struct machine_sample *out,
                           struct machine_ticks *last) MUST_CHECK;

#endif
