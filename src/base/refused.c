/* Counting refusals.
 *
 * One atomic number a reason, shared by all threads: what is refused costs more than that. They
 * only grow, as Prometheus wants counters.
 */
#include "base/refused.h"

#include "base/panic.h"

#include <stdatomic.h>

static _Atomic uint64_t counts[REFUSALS];
static const char *const texts[] = {
#define X(name, text, what) text,
#include "tables/refusals.def"
#undef X
};

void refused(enum refusal why)
{
	CHECK((unsigned)why < REFUSALS);
	atomic_fetch_add_explicit(&counts[why], 1, memory_order_relaxed);
}

uint64_t refused_count(enum refusal why)
{
	CHECK((unsigned)why < REFUSALS);
	return atomic_load_explicit(&counts[why], memory_order_relaxed);
}

const char *refused_text(enum refusal why)
{
	CHECK((unsigned)why < REFUSALS);
	return texts[why];
}

enum refusal refused_why(struct status st)
{
	switch (st.code) {
	case STATUS_INVALID_ARG:
	case STATUS_INTERNAL: /* what Triton says of JSON that is not right */
	case STATUS_CORRUPT:
		return REFUSED_INVALID;
	case STATUS_NOT_FOUND:
		return REFUSED_UNKNOWN_MODEL;
	case STATUS_UNAVAILABLE:
		return REFUSED_QUEUE;
	case STATUS_NO_MEMORY:
		return REFUSED_MEMORY;
	case STATUS_LIMIT:
		return REFUSED_BODY;
	default:
		return REFUSED_OTHER;
	}
}
