/* Inside the engine: variants (graphs compiled for this host) and how they are built. */
#ifndef NEREID_ENGINE_ENGINE_PRIV_H
#define NEREID_ENGINE_ENGINE_PRIV_H

#include "backend/registry.h"
#include "base/file.h"
#include "base/pool.h"
#include "engine/engine.h"
#include "onnx/onnx.h"
#include "plan/plan.h"

#include <pthread.h>

enum { VARIANTS_MAX = 32, VARIANT_KEY_BYTES = 4096 };

/* What decides how a graph is compiled for the host. */
struct build_options {
	const char *backend;     /* only this one (ref stays for what it cannot do); NULL: the best */
	bool tune;
	uint32_t threads;        /* to tune for */
	int64_t batch_opt;       /* to tune for */
	struct buf *log;         /* NULL: none */
};

/* Inference, portable passes and inference again, in place. */
struct status build_portable(struct ir_graph *g, struct buf *log) MUST_CHECK;
/* Partition, layouts, tactics and packing, in place, for a graph with no free symbol but batch_sym. Nodes get the attributes
 * backend and tactic. */
struct status build_target(struct ir_graph *g, const struct build_options *o) MUST_CHECK;
/* Times every tactic of n on made-up data and returns the fastest. */
struct status tune_node(const struct ir_graph *g, const struct ir_node *n, const struct backend *b, const struct build_options *o,
                        struct pool *p, uint32_t *tactic, uint64_t *ns) MUST_CHECK;

/* A graph compiled for one set of shapes, or for every batch. Immutable once made; shared by execs. */
struct variant {
	struct variant *next;
	uint32_t refs;           /* execs that use it; under the model's lock */
	size_t key_bytes;        /* 0: the variant for every batch */
	uint8_t key[VARIANT_KEY_BYTES];
	struct arena arena;
	struct ir_graph *graph;
};

enum { MODEL_MAGIC = 0x6e72d902, EXEC_MAGIC = 0x6e72d903 };
struct model {
	uint32_t magic;
	char *path;
	struct arena arena;                  /* of the portable graph and of io */
	struct onnx_model onnx;              /* when opened from ONNX */
	struct plan plan;                    /* when opened from a plan */
	struct ir_graph *portable;           /* NULL: not read, the plan's own section serves */
	bool by_value;                       /* small integer inputs decide shapes */
	struct model_io inputs[MODEL_IO_MAX], outputs[MODEL_IO_MAX];
	uint32_t n_inputs, n_outputs;
	bool batched;
	int64_t batch_max;
	uint64_t weights_bytes, cost_ns;
	char backend_text[64];
	struct build_options build;
	pthread_mutex_t lock;                /* of variants, their refs and n_variants */
	struct variant *variants;            /* owned; the one for every batch, if any, has key_bytes 0 */
	uint32_t n_variants;
};

/* The variant for these inputs, made if need be, with one more ref. *batch: the value of its free symbol. */
struct status variant_acquire(struct model *m, const struct tensor *in, struct variant **out, int64_t *batch) MUST_CHECK;
void variant_release(struct model *m, struct variant *v);
/* Whether v serves these inputs; sets *batch. Allocates nothing. */
bool variant_fits(const struct model *m, const struct variant *v, const struct tensor *in, int64_t *batch);
void variant_free(struct variant *v);
/* Adds the variant for every batch made from m->portable; UNSUPPORTED where shapes depend on more than the batch. */
struct status variant_add_general(struct model *m) MUST_CHECK;
/* Takes over a graph already compiled for this host (from a plan), in an arena that the variant then owns. */
struct status variant_add_compiled(struct model *m, struct arena *a, struct ir_graph *g) MUST_CHECK;

#endif
