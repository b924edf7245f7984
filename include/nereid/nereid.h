/* Nereid's public C surface: open a model, run it. Usable from C11 and C++11.
 *
 * A model is a plan made by `nereid compile`, or an ONNX file, which is then compiled on the spot. It may be shared by threads. An
 * execution belongs to one thread at a time and owns the memory for activations. Functions return NRD_OK or a code; the sentence for the last failure
 * on the calling thread is nrd_error().
 *
 *   nrd_model *m; nrd_exec *e;
 *   if (nrd_model_open("resnet50.plan", &m) || nrd_exec_new(m, 2, &e)) { puts(nrd_error()); return 1; }
 *   nrd_tensor in = {.dtype = NRD_FP32, .rank = 4, .dims = {1, 3, 224, 224}, .data = pixels, .bytes = sizeof pixels};
 *   nrd_tensor out;
 *   nrd_exec_shapes(e, &in, &out); out.data = malloc(out.bytes); nrd_exec_run(e, &in, &out);
 */
#ifndef NEREID_NEREID_H
#define NEREID_NEREID_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NRD_API __attribute__((visibility("default")))
#define NRD_VERSION "0.1.0"
#define NRD_RANK_MAX 8

enum nrd_status {
#define X(name, number, text) NRD_##name = number,
#include "nereid/status.def"
#undef X
};

enum nrd_dtype {
#define X(name, onnx, size, wire, config) NRD_##name,
#include "nereid/dtype.def"
#undef X
	NRD_DTYPE_COUNT
};

typedef struct nrd_model nrd_model;
typedef struct nrd_exec nrd_exec;

/* Row-major. The caller owns data. */
typedef struct nrd_tensor {
	enum nrd_dtype dtype;
	uint32_t rank;                /* up to NRD_RANK_MAX */
	int64_t dims[NRD_RANK_MAX];
	void *data;
	size_t bytes;
} nrd_tensor;

/* One input or output of a model; -1 in dims is a dynamic dimension. name lives as long as the model. */
typedef struct nrd_io {
	const char *name;
	enum nrd_dtype dtype;
	uint32_t rank;
	int64_t dims[NRD_RANK_MAX];
} nrd_io;

NRD_API enum nrd_status nrd_model_open(const char *path, nrd_model **out);
/* After all its executions are freed. NULL is fine. */
NRD_API void nrd_model_free(nrd_model *m);
NRD_API uint32_t nrd_model_inputs(const nrd_model *m);
NRD_API uint32_t nrd_model_outputs(const nrd_model *m);
/* INVALID_ARG when i is out of range. */
NRD_API enum nrd_status nrd_model_input(const nrd_model *m, uint32_t i, nrd_io *out);
NRD_API enum nrd_status nrd_model_output(const nrd_model *m, uint32_t i, nrd_io *out);

/* threads: at least 1, counting the caller's. */
NRD_API enum nrd_status nrd_exec_new(nrd_model *m, uint32_t threads, nrd_exec **out);
NRD_API void nrd_exec_free(nrd_exec *e);
/* Shapes and byte sizes of all outputs, in the model's order, for these inputs, in the model's order. */
NRD_API enum nrd_status nrd_exec_shapes(nrd_exec *e, const nrd_tensor *in, nrd_tensor *out);
/* out[i].data and .bytes say where to write and how much room is there; data NULL: not wanted. */
NRD_API enum nrd_status nrd_exec_run(nrd_exec *e, const nrd_tensor *in, nrd_tensor *out);

/* The sentence for the last failure on this thread; never NULL. Valid until the next call on it. */
NRD_API const char *nrd_error(void);
NRD_API const char *nrd_version(void);

#ifdef __cplusplus
}
#endif
#endif
