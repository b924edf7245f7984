/* Graph to better graph. Passes are listed in passes.def in the order in which they run; each is idempotent and leaves a graph that
 * ir_verify accepts (checked after each one). */
#ifndef NEREID_PASS_PASS_H
#define NEREID_PASS_PASS_H

#include "ir/ir.h"

enum pass {
#define X(name, text, phase, fn) PASS_##name,
#include "pass/passes.def"
#undef X
	PASS_COUNT
};
enum pass_phase { PHASE_PORTABLE /* on any target */, PHASE_TARGET /* after partition, for the host's backends */ };

/* Runs a node on constant inputs, for folding: fills data of each output in arena a. The engine lends ref for this. UNSUPPORTED: leave it. */
typedef struct status fold_fn(const struct ir_graph *g, const struct ir_node *n, struct arena *a);
struct pass_context {
	fold_fn *fold;                                                          /* NULL: no folding */
	bool (*channels_last)(const struct ir_graph *g, const struct ir_node *n); /* PHASE_TARGET; NULL: none */
	uint32_t disabled;                                                      /* bit per enum pass */
	/* (optional) told after each pass, for the build log */
	void (*done)(void *ctx, enum pass p, uint32_t changes);
	void *done_ctx;
};
const char *pass_name(enum pass p);
/* Runs the phase's passes in order. */
struct status pass_run(struct ir_graph *g, enum pass_phase phase, const struct pass_context *c) MUST_CHECK;

#endif
