/* Counters of what was refused, by reason (tables/refusals.def), for the metrics page. Any
 * thread. */
#ifndef NEREID_BASE_REFUSED_H
#define NEREID_BASE_REFUSED_H

#include "base/status.h"

#include <stdint.h>

enum refusal {
#define X(name, text, what) REFUSED_##name,
#include "tables/refusals.def"
#undef X
	REFUSALS
};
void refused(enum refusal why);
uint64_t refused_count(enum refusal why);
const char *refused_text(enum refusal why);
/* The reason of a request for inference that ended with st before it was run. */
enum refusal refused_why(struct status st);

#endif
