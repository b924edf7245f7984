/* Inside net: staying awake while requests come close together ("busy polling").
 *
 * A loop that waits in the kernel needs tens of microseconds to run again; on a virtual machine
 * that is more than a small model takes to compute. So once reads came a few times, each soon after
 * the one before, the loop asks for events without waiting, giving way to other threads each time,
 * until none came for as long as the limit says. Owned by its loop's thread. */
#ifndef NEREID_NET_AWAKE_H
#define NEREID_NET_AWAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* EMPTY: a poll that finds nothing takes at most so long itself; the rest is others' turn. */
enum { AWAKE_ROW = 4, AWAKE_EMPTY_NS = 5000 };
struct awake {
	uv_idle_t idle;                      /* while it runs, the loop does not wait */
	uint64_t limit_ns;                   /* 0: never awake */
	uint64_t last_ns;                    /* when reads were last seen */
	uint32_t row;                        /* how often they were seen soon after the time before */
	bool came, on;                       /* came: reads since the last decision */
	uint64_t looked_ns;                  /* when it was decided last */
	_Atomic uint64_t spent_ns;           /* in polls that found nothing; any thread may read it */
};

void awake_init(struct awake *a, uv_loop_t *loop);
/* Something was read. */
static inline void awake_came(struct awake *a) { a->came = true; }
/* Whether to stay awake now instead of waiting, after what came since the last decision. */
bool awake_decide(struct awake *a, uint64_t now_ns);
/* Before the loop waits for events: makes it wait, or not. */
void awake_before_wait(struct awake *a);

#endif
