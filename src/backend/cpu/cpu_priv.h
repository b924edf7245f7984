/* Inside the cpu backend: what it needs to know of one operator. The drivers (conv.h, gemm.h ...) take plain arguments; these records stand
 * between them and nodes. */
#ifndef NEREID_BACKEND_CPU_CPU_PRIV_H
#define NEREID_BACKEND_CPU_CPU_PRIV_H

#include "backend/cpu/act.h"
#include "backend/registry.h"

struct cpu_op {
	bool (*supports)(const struct ir_graph *g, const struct ir_node *n);
	/* Whether it would run the node on channels-last values, asked while they are plain; NULL: never. */
	bool (*wants)(const struct ir_graph *g, const struct ir_node *n);
	uint32_t (*tactics)(const struct ir_graph *g, const struct ir_node *n, uint32_t *ids); /* NULL: one */
	const char *(*tactic_name)(uint32_t id);  /* NULL: the operator's only way */
	struct status (*pack)(struct ir_graph *g, struct ir_node *n, uint32_t tactic); /* NULL: nothing to pack */
	struct status (*prepare)(const struct prepare_args *a, struct step *out);
};

#define X(op, record) extern const struct cpu_op cpu__##record;
#include "backend/cpu/cpu_ops.def"
#undef X

/* A value that is there, FP32, of known rank. */
static inline bool cpu__f32(const struct ir_value *v) { return v && v->dtype == DTYPE_FP32 && v->rank >= 0; }
/* Dims from `first` on are numbers. */
bool cpu__static_from(const struct ir_value *v, int32_t first);
/* The activation that passes fused into n. */
struct act cpu__act(const struct ir_node *n);
/* A constant of n bytes for packed weights, aligned to 64, in g's arena: *data is to be filled. */
struct status cpu__packed(struct ir_graph *g, const struct ir_value *from, size_t bytes, void **data,
                          struct ir_value **out) MUST_CHECK;

#endif
