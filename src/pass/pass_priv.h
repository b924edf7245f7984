/* Inside the pass room: the signature of a pass, and what passes share. */
#ifndef NEREID_PASS_PASS_PRIV_H
#define NEREID_PASS_PASS_PRIV_H

#include "pass/pass.h"

/* Adds the number of its rewrites to *changes. May leave dead nodes and stale ids: the runner compacts, then verifies. */
typedef struct status pass_fn(struct ir_graph *g, const struct pass_context *c, uint32_t *changes);
pass_fn pass__canon, pass__fold, pass__cse, pass__batch_norm, pass__fuse, pass__layout;

/* Makes `to` stand for `from`, the output of a node that goes away, also where from is an output of the graph, whose name stays. false, and nothing
 * is changed, where that needs a copy at run time: an output of the graph that is an input, a constant or another output. */
bool pass__forward(struct ir_graph *g, struct ir_value *from, struct ir_value *to);
/* Whether node `by` is the only user of v, once, and v leaves the graph nowhere. */
bool pass__only_use(const struct ir_graph *g, const struct ir_value *v);

#endif
