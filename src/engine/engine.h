/* The engine's door: a model (a plan, or an ONNX file compiled on the spot), and executions of it.
 *
 * A model is shared by threads. An exec belongs to one thread at a time; it owns its arena of activations, and its pool. Shapes that differ in the
 * batch symbol only share one compiled variant; any other set of input shapes (or of values of inputs that decide shapes) gets a variant of its own on
 * first use, kept in a small cache in the model.
 */
#ifndef NEREID_ENGINE_ENGINE_H
#define NEREID_ENGINE_ENGINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/tensor.h"

enum { MODEL_IO_MAX = 64 };

struct model;
struct exec;

struct model_io {
	struct str name;
	enum dtype dtype;
	uint32_t rank;
	int64_t dims[TENSOR_RANK_MAX];   /* -1: dynamic */
	bool optional;                   /* inputs with a default value in the model */
	bool batched;                    /* dims[0] is the batch symbol */
	bool unused;                     /* an input that nothing reads: any data will do */
};

struct shape_range { struct str name; uint32_t rank; int64_t min[TENSOR_RANK_MAX], opt[TENSOR_RANK_MAX], max[TENSOR_RANK_MAX]; };
struct profile { struct shape_range input[MODEL_IO_MAX]; uint32_t n; };   /* n 0: from the model, batch 1/1/1 where unknown */
/* "input:1x3x224x224,mask:1x10" into the min, opt or max of the profile. */
enum profile_end { PROFILE_MIN, PROFILE_OPT, PROFILE_MAX };
struct status profile_parse(struct profile *p, enum profile_end end, struct str text) MUST_CHECK;

struct compile_options {
	struct profile profile;
	uint32_t threads;                /* to tune for; 0: pool_usable_cpus() */
	bool fp16, bf16, int8, best;     /* permissions, as in TensorRT */
	bool no_tune;                    /* cost model instead of timing */
	const char *backend;             /* force one, as "ref"; NULL: best */
	bool verbose;
};
/* Compiles ONNX to a plan file. log (may be NULL, else initialised) gets the build log: passes, layers with precision, tactic and time, sizes. */
struct status engine_compile(const char *onnx_path, const struct compile_options *o, const char *plan_path, struct buf *log) MUST_CHECK;

struct model_options {
	const char *cache_dir;           /* NULL: $NEREID_CACHE, else ~/.cache/nereid; "" : none */
	const char *backend;             /* as above */
	int64_t batch_max;               /* what exec arenas are planned for; 0: the plan's profile max, or 1 for an ONNX file */
	bool tune;                       /* time tactics when an ONNX file is compiled on the spot */
};
/* path: a plan or an ONNX file (by content, not by name). A TensorRT engine is refused with a sentence that says how to make a plan. */
struct status model_open(const char *path, const struct model_options *o, struct model **out) MUST_CHECK;
void model_free(struct model *m);        /* after all its execs */
const struct model_io *model_inputs(const struct model *m, uint32_t *n);
const struct model_io *model_outputs(const struct model *m, uint32_t *n);
bool model_batched(const struct model *m);            /* every input and output is batched */
uint64_t model_weights_bytes(const struct model *m);
const char *model_path(const struct model *m);
const char *model_backend_text(const struct model *m); /* "cpu (avx512)" */
/* Whether entries of a batch do not know of each other: each gets the same answer to the last bit
 * alone and in any batch. Before the first run. */
bool model_merges(const struct model *m);
/* Estimated time of one run at batch 1 in ns (0: unknown), which decides whether it runs inline on an event loop. */
uint64_t model_cost_ns(const struct model *m);

/* threads >= 1, counting the caller. */
struct status exec_new(struct model *m, uint32_t threads, struct exec **out) MUST_CHECK;
void exec_free(struct exec *e);
struct model *exec_model(const struct exec *e);
/* Shapes and byte sizes of the outputs for these inputs (dims, dtype and, for inputs that decide shapes, data must be set; in model order).
 * Makes the variant when it is new: the one place besides exec_new that may allocate. BYTES outputs: bytes is that of the input they repeat. */
struct status exec_shapes(struct exec *e, const struct tensor *in, struct tensor *out) MUST_CHECK;
/* The input's data that output i repeats, as an Identity or a Reshape of it does; NULL for other outputs. After exec_shapes, for the same inputs.
 * exec_run copies them, unless out[i].data is this very memory. */
const void *exec_repeats(const struct exec *e, uint32_t i, const struct tensor *in);
/* out[i].data: where to write (out[i].bytes at least the size that exec_shapes gave), or NULL for an output that is not wanted.
 * Allocates nothing when exec_shapes saw these shapes last. */
struct status exec_run(struct exec *e, const struct tensor *in, struct tensor *out) MUST_CHECK;

/* Gives back memory of activations that a batch of one does not need, until a larger one needs it
 * again. For when e is idle. */
void exec_trim(struct exec *e);

/* One row a step, for inspect, bench --profile and trtexec --dumpProfile. */
struct step_info { struct str node, op, backend, tactic, precision; double flops; uint64_t ns_total, runs; uint64_t weights_bytes; };
struct status exec_profile(struct exec *e, bool on) MUST_CHECK;     /* start or stop timing of steps */
uint32_t exec_steps(const struct exec *e, struct step_info *out, uint32_t max);
uint64_t exec_arena_bytes(const struct exec *e);

/* Text of `nereid inspect`: tables of tensors, layers, sizes, FLOPs; or a dot graph. */
struct status engine_inspect(const char *path, bool dot, bool json, struct buf *out) MUST_CHECK;

#endif
