/* The command line of trtexec, from tables/trtexec.def. */
#ifndef NEREID_CLI_TRTEXEC_H
#define NEREID_CLI_TRTEXEC_H

#include "engine/engine.h"

enum trt_option {
#define X(name, text, value, otherwise, fate, help) TRT_##name,
#include "tables/trtexec.def"
#undef X
	TRT_COUNT
};

enum { TRT_PERCENTILES_MAX = 8, TRT_STREAMS_MAX = 64 };

struct trtexec {
	const char *value[TRT_COUNT];   /* into argv or the table; flags: "" when given; NULL:
	        not given */
	struct compile_options compile; /* the profile's names point into argv */
	struct profile shapes;          /* to measure; n 0: a batch of one */
	uint64_t iterations, warm_up_ns, avg_runs;
	double duration_s;
	uint32_t streams;
	double percentile[TRT_PERCENTILES_MAX];
	uint32_t n_percentiles;
	bool help, measure;
};
/* argv[0] is the program. Refuses what the table does not have, and orders that make no sense
 * together; the sentence names the option. */
struct status trtexec_parse(int argc, char **argv, struct trtexec *out) MUST_CHECK;
/* The options given that change nothing, one after another: *i starts at 0; NULL after the last. */
const char *trtexec_ignored(const struct trtexec *t, int *i, const char **why);
/* Text of --help. */
void trtexec_help(struct buf *out);

#endif
