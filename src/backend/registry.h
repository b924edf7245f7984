/* The boundary between the engine and those who compute: one const record a backend, at the bottom of its file.
 *
 * A backend is asked three times. At compile time: does it support a node, by which tactics, and pack its constants. At load time: prepare
 * a step for a node. At run time: the step's function. Only run is hot: it allocates nothing and reads no clock.
 */
#ifndef NEREID_BACKEND_REGISTRY_H
#define NEREID_BACKEND_REGISTRY_H

#include "base/pool.h"
#include "base/tensor.h"
#include "ir/ir.h"

enum { BACKEND_ABI = 1, BACKEND_TACTICS_MAX = 32 };

struct step;
struct step_args {
	const struct tensor *in;    /* concrete; data NULL where an optional input is absent. Channels-last values: dims still N,C,... */
	struct tensor *out;         /* data and dims set by the caller */
	uint32_t n_in, n_out;
	int64_t batch;              /* value of the free symbol; 1 where there is none */
	void *scratch;              /* step->scratch_bytes, 64-byte aligned, undefined content */
	struct pool *pool;
};
/* No output has an element: nothing is to be done, whatever the other dims, which may be huge. */
static inline bool step_is_empty(const struct step_args *a)
{
	bool empty = a->n_out > 0;
	for (uint32_t i = 0; i < a->n_out && empty; i++) {
		const struct tensor *t = &a->out[i];
		empty = t->dtype == DTYPE_INVALID; /* it is left out */
		for (uint32_t k = 0; k < t->rank && !empty; k++)
			empty = t->dims[k] == 0;
	}
	return empty;
}
/* Outputs do not overlap inputs, but for Conv, whose output may be its residual.
 * May fail only for what depends on input values (an index out of range, an integer division by zero). */
typedef struct status step_fn(const struct step *s, const struct step_args *a);
struct step { step_fn *run; const void *state; size_t scratch_bytes; };

struct prepare_args {
	const struct ir_graph *graph;
	const struct ir_node *node;
	uint32_t tactic;
	int64_t batch_max;          /* state and scratch must do for every batch from 0 to this */
	uint32_t threads;           /* of the pool that run will get */
	struct arena *arena;        /* for state; lives as long as the step */
};

struct backend {
	uint32_t abi;
	const char *name;
	/* GOOD, or UNAVAILABLE with the sentence that `nereid doctor` prints. */
	struct status (*probe)(void);
	/* Whether it can run this node with these types, shapes and layouts; dims may hold the batch symbol. */
	bool (*supports)(const struct ir_graph *g, const struct ir_node *n);
	/* (optional) Whether it would run this node with channels-last values. */
	bool (*channels_last)(const struct ir_graph *g, const struct ir_node *n);
	/* (optional) Tactics that fit, best guess first; at most BACKEND_TACTICS_MAX. Absent: one, number 0. */
	uint32_t (*tactics)(const struct ir_graph *g, const struct ir_node *n, uint32_t *ids);
	const char *(*tactic_name)(enum op op, uint32_t id);
	/* (optional) Replaces constant inputs by packed ones (LAYOUT_PACKED, dtype UINT8, rank 1) in g's arena. Target-dependent. */
	struct status (*pack)(struct ir_graph *g, struct ir_node *n, uint32_t tactic);
	struct status (*prepare)(const struct prepare_args *a, struct step *out);
};

/* In order of preference; the last is ref, which supports everything. */
const struct backend *const *backend_list(uint32_t *n);
const struct backend *backend_find(struct str name);    /* NULL */

/* Runs a node on its constant inputs with ref and sets the data of its outputs, in arena a. UNSUPPORTED, and nothing is
 * changed, where an input is not constant, a shape is not known, or the outputs would be large. For pass.h's fold. */
enum { BACKEND_FOLD_BYTES_MAX = 1 << 26 };
struct status backend_fold(const struct ir_graph *g, const struct ir_node *n, struct arena *a) MUST_CHECK;

#endif
