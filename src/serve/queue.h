/* The queue in front of a model's instances: levels of priority, limits and times as a
 * configuration's dynamic_batching says. */
#ifndef NEREID_SERVE_QUEUE_H
#define NEREID_SERVE_QUEUE_H

#include "base/limits.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct runner_job;

struct queue_policy {
	uint64_t timeout_us;                 /* 0: jobs wait as long as it takes */
	bool may_override;                   /* a job's own timeout counts where it is shorter */
	bool delays;                         /* a job whose time is over goes behind all others */
	uint32_t jobs_max;                   /* 0: LIMIT_INFER_QUEUE */
};
/* All zero: one level without times. */
struct queue_options {
	struct queue_policy policy[LIMIT_PRIORITIES];
	uint32_t levels;                     /* 0: one, and priorities mean nothing */
	uint32_t default_level;              /* 1 is the highest */
};

struct queue_level {
	struct runner_job *first, **last;    /* in the order in which they came */
	struct runner_job *late, **late_last;
	uint32_t n;                          /* of both */
};
/* Belongs to whoever holds the lock of its runner. */
struct queue {
	struct queue_options options;
	struct queue_level level[LIMIT_PRIORITIES];
	uint32_t n;
};

void queue_init(struct queue *q, const struct queue_options *o);   /* o is copied */
/* Sets j's deadline from its priority, timeout_us, started_ns and queued_ns. */
void queue_set_deadline(const struct queue_options *o, struct runner_job *j);
/* Whether j runs even when its time is over. */
bool queue_delays(const struct queue_options *o, const struct runner_job *j);
/* UNAVAILABLE in Triton's words when its level is full; an admitted job is never refused. */
struct status queue_put(struct queue *q, struct runner_job *j) MUST_CHECK;
/* The next job, or NULL. Jobs whose time is over and who are to be refused are taken out before
 * it and chained to *expired by their `next`. */
struct runner_job *queue_take(struct queue *q, uint64_t now_ns, struct runner_job **expired);

#endif
