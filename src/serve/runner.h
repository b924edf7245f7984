/* Who runs a request: the caller itself, for models whose work is shorter than handing it over,
 * or instance threads fed by a queue. Both are this record. */
#ifndef NEREID_SERVE_RUNNER_H
#define NEREID_SERVE_RUNNER_H

#include "engine/engine.h"
#include "serve/queue.h"
#include "serve/stats.h"

struct runner;
/* The thread of a job that no caller hands over: it shares one execution under a lock. */
#define RUNNER_GUEST UINT32_MAX

/* Time comes from outside, so that tests decide it. */
struct serve_clock { uint64_t (*now_ns)(void), (*unix_ns)(void); };

/* Arrays are in the engine's order of inputs and outputs, and the caller's. */
struct runner_job {
	struct tensor *in;
	struct tensor *out;              /* filled: shapes, and data in `arena` where wanted */
	const bool *want;
	/* The data of `in` live as long as those of `out`, which then may be the same memory. */
	bool lasting;
	struct arena *arena;             /* of the request; the runner's while the job runs */
	/* of the caller: which execution an inline run uses; or RUNNER_GUEST */
	uint32_t thread;
	int64_t batch;
	struct status status;            /* its message lies in `arena` */
	struct stats_times times;
	uint64_t started_ns, queued_ns;
	uint64_t priority, timeout_us;   /* as the client said; 0: it did not */
	uint64_t deadline_ns;            /* set by the runner; 0: none */
	bool admitted;                   /* was counted before: never refused for a full queue */
	void (*done)(struct runner_job *j);  /* called once, on whichever thread ran it */
	/* NULL: an inline job runs before runner_submit returns. Else, where runner_holds, it waits for
	 * others of its caller until runner_flush; this is called for the first that waits, after each
	 * flush too where some are left, and makes sure of runner_flush. */
	void (*soon)(struct runner_job *j);
	struct runner_job *next;
	/* Set from outside when nobody waits for the result any more; NULL: never. A job that has not
	 * begun then ends with CANCELLED. */
	const _Atomic bool *cancelled;
};

struct runner_options {
	struct model *model;
	/* initialised by runner_new, released by its owner after runner_free */
	struct stats *stats;
	struct serve_clock clock;
	/* caller threads; instance threads when it does not run inline */
	uint32_t callers, instances;
	uint32_t threads;                /* of an instance; 0: all usable processors shared out */
	bool queued;                     /* never inline */
	int64_t batch_max;               /* of the model's configuration; 0: it has no batches */
	struct queue_options queue;
};
struct status runner_new(const struct runner_options *o, struct runner **out) MUST_CHECK;
/* Runs j now, or queues it. UNAVAILABLE when the queue is full: then done is not called. */
struct status runner_submit(struct runner *r, struct runner_job *j, uint64_t now_ns) MUST_CHECK;
/* Whether inline jobs with `soon` wait for others, to share a run. r may be NULL. */
bool runner_holds(const struct runner *r);
/* One run of what waits for caller `thread`, on its thread; done is called for each job of it. */
void runner_flush(struct runner *r, uint32_t thread);
/* Counts a job that was refused before it was handed over, on the thread that would have. */
void runner_count_refusal(struct runner *r, const struct runner_job *j);
/* Lets what is queued end, then frees. */
void runner_free(struct runner *r);
/* Whether done is called before runner_submit returns. r NULL: of an ensemble, which may do
 * either. */
bool runner_inline(const struct runner *r);

#endif
