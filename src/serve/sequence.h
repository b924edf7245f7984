/* Sequences of requests: which are open, in what order their requests run, and the state that is
 * kept from one to the next. */
#ifndef NEREID_SERVE_SEQUENCE_H
#define NEREID_SERVE_SEQUENCE_H

#include "serve/infer.h"
#include "serve/scheduling.h"

struct sequencer;

/* Of one version of a model; plan and runner outlive it. The runner has a queue. */
struct status sequencer_new(const struct sequence_plan *plan, struct runner *runner,
                            const struct serve_clock *clock, struct sequencer **out) MUST_CHECK;
/* Before the runner is freed; no request is started any more. */
void sequencer_stop(struct sequencer *s);            /* NULL is fine */
void sequencer_free(struct sequencer *s);            /* after the runner; NULL is fine */
/* Whether r may belong to a sequence at all, in Triton's words: batch and correlation id. */
struct status sequencer_check(const struct sequencer *s, const struct infer_request *r) MUST_CHECK;
/* Runs r's job in its turn; job.done is called then. Fails, and done is not called, where r starts
 * no sequence and belongs to none, or too many wait. */
struct status sequencer_start(struct sequencer *s, struct infer_request *r,
                              uint64_t now_ns) MUST_CHECK;

#endif
