/* The metrics port: one page, with what the server, the process, the machine and its GPUs do. */
#ifndef NEREID_FRONT_METRICS_H
#define NEREID_FRONT_METRICS_H

#include "front/sampler.h"
#include "net/http.h"
#include "serve/metrics.h"

enum { METRICS_PROTOCOLS_MAX = 4 };
struct metrics_front {
	/* filled in by the owner after metrics_init, before the port opens */
	const struct repo *repo;
	const char *version;
	bool strict_ready;
	struct metrics_config config;
	const struct net *net;                /* whose connections are counted; NULL: none */
	struct sampler *sampler;              /* NULL: nothing of the machine and its GPUs */
	struct buf scratch;                   /* the page; the loop's */
};
void metrics_init(struct metrics_front *f, const struct repo *repo);
void metrics_release(struct metrics_front *f);
http_handler metrics_handle;                  /* ctx: struct metrics_front; one loop thread only */

#endif
