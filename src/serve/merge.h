/* Jobs of one caller that wait for each other for a moment, to share a run. */
#ifndef NEREID_SERVE_MERGE_H
#define NEREID_SERVE_MERGE_H

#include "engine/engine.h"

enum { MERGE_JOBS_MAX = 32 };
struct merge;
struct runner_job;

/* For runs of e with up to `most` entries of a batch, e's model being one that model_merges. *out
 * stays NULL where sharing a run makes no sense: most < 2, or entries too large to be worth
 * copying. */
struct status merge_new(struct exec *e, int64_t most, struct merge **out) MUST_CHECK;
void merge_free(struct merge *m);
/* Adds j to those that wait; true when it is the first. */
bool merge_hold(struct merge *m, struct runner_job *j);
/* All that wait, linked by next, oldest first; none waits afterwards. */
struct runner_job *merge_take(struct merge *m);
/* Puts j and those linked to it back, in front of what came to wait meanwhile; true when nothing
 * did. */
bool merge_return(struct merge *m, struct runner_job *j);
/* How many of the n jobs from the first on can share a run. At least 1. */
uint32_t merge_count(const struct merge *m, struct runner_job *const *jobs, uint32_t n);
/* Runs them all as one; each job's outputs lie in its own arena afterwards, or its status says why
 * not. */
void merge_run(struct merge *m, struct runner_job *const *jobs, uint32_t n);

#endif
