/* The metrics page in Prometheus' text format. */
#ifndef NEREID_SERVE_METRICS_H
#define NEREID_SERVE_METRICS_H

#include "serve/repo.h"

/* What the machine does, sampled by the caller. */
struct machine_sample { bool known; double cpu; uint64_t memory_total, memory_used; };
/* last: busy and total ticks of the sample before */
struct status machine_read(struct machine_sample *out, uint64_t last[2]) MUST_CHECK;
void metrics_page(const struct repo *r, const struct machine_sample *machine, struct buf *out);

#endif
