/* Who runs a request: the caller itself, for models whose work is shorter than handing it over, or instance threads fed by a queue. Both are this record. */
#ifndef NEREID_SERVE_RUNNER_H
#define NEREID_SERVE_RUNNER_H

#include "engine/engine.h"
#include "serve/stats.h"

struct runner;
struct runner_job {
	struct tensor in[MODEL_IO_MAX], out[MODEL_IO_MAX];  /* the engine's order; out is filled: data in `arena` where want */
	bool want[MODEL_IO_MAX];
	struct arena *arena;             /* of the request; the runner's while the job runs */
	uint32_t thread;                 /* of the caller: which execution an inline run uses */
	int64_t batch;
	struct status status;            /* message in `error` */
	char error[STATUS_TEXT];
	struct stats_times times;
	uint64_t started_ns, queued_ns;
	void (*done)(struct runner_job *j);  /* called once, on whichever thread ran it */
	struct runner_job *next;
};

struct runner_options { struct model *model; struct stats *stats; uint32_t callers, instances; };
struct status runner_new(const struct runner_options *o, struct runner **out) MUST_CHECK;
/* Runs j now, or queues it. UNAVAILABLE when the queue is full: then done is not called. */
struct status runner_submit(struct runner *r, struct runner_job *j, uint64_t now_ns) MUST_CHECK;
/* Lets what is queued end, then frees. */
void runner_free(struct runner *r);
bool runner_inline(const struct runner *r);

#endif
