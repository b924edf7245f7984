/* The decision to stay awake, and uv's way to do so: a loop with an idle handle does not wait.
 *
 * After a limit without a read the row begins anew, so what a client that slows down costs is one
 * limit in AWAKE_ROW requests. Each loop's thread has its own.
 */
#include "net/awake.h"

#include <sched.h>

void awake_init(struct awake *a, uv_loop_t *loop)
{
	uv_idle_init(loop, &a->idle);
}

bool awake_decide(struct awake *a, uint64_t now)
{
	/* twice: the time between reads has a wake-up in it as long as the loop waits */
	if (a->came && now - a->last_ns > 2 * a->limit_ns)
		a->row = 0;
	else if (a->came)
		a->row += a->row < AWAKE_ROW;
	else if (now - a->last_ns > a->limit_ns)
		a->row = 0;
	if (a->came)
		a->last_ns = now;
	a->came = false;
	return a->row == AWAKE_ROW;
}

/* The client may wait for this very processor. */
static void on_idle(uv_idle_t *h)
{
	(void)h;
	sched_yield();
}

void awake_before_wait(struct awake *a)
{
	if (!a->limit_ns || (!a->came && !a->on))
		return;
	uint64_t now = uv_hrtime(), passed = now - a->looked_ns;
	if (a->on && !a->came)
		atomic_fetch_add_explicit(&a->spent_ns, passed < AWAKE_EMPTY_NS ? passed : AWAKE_EMPTY_NS,
		                          memory_order_relaxed);
	a->looked_ns = now;
	bool on = awake_decide(a, now);
	if (on && !a->on)
		uv_idle_start(&a->idle, on_idle);
	else if (!on && a->on)
		uv_idle_stop(&a->idle);
	a->on = on;
}
