/* Where values live during a run: offsets in one arena for those that nodes make, aliases for those that only rename others. */
#ifndef NEREID_PLAN_MEMORY_H
#define NEREID_PLAN_MEMORY_H

#include "ir/ir.h"

enum place_kind {
	PLACE_NONE,     /* nobody reads it */
	PLACE_CONST,    /* value->data */
	PLACE_INPUT,    /* the caller's buffer of input `index` */
	PLACE_OUTPUT,   /* the caller's buffer of output `index` */
	PLACE_ARENA,    /* `offset` + batch * `each` bytes into the arena */
};
struct place { enum place_kind kind; uint32_t index; size_t offset, each; };

struct memory_plan {
	struct place *places;       /* by value id; an alias has the place of what it renames */
	uint32_t *roots;            /* by value id: the value that it renames, or itself */
	size_t arena_bytes;
	size_t each_bytes;          /* batch * each_bytes from its front is all that `each` leads to */
	uint32_t *copy_from;        /* by output: id of the value to copy from after the run, or UINT32_MAX: written in place */
};

/* Whether the node only renames its input: same bytes, other dims. Such nodes are not run. */
bool memory_is_alias(const struct ir_node *n);
/* Plans g for batches up to batch_max. All memory from `a`. LIMIT when a size overflows.
 * Source: Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference", greedy by size. */
struct status memory_plan(const struct ir_graph *g, int64_t batch_max, struct arena *a, struct memory_plan *out) MUST_CHECK;

#endif
