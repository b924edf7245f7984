/* ONNX files to graphs and back. Reading is zero-copy: initialisers point into `bytes` (or into mapped external files), which must outlive the graph. */
#ifndef NEREID_ONNX_ONNX_H
#define NEREID_ONNX_ONNX_H

#include "base/file.h"
#include "ir/ir.h"

enum { ONNX_EXTERNAL_MAX = 64 };
struct onnx_model {
	struct ir_graph *graph;         /* in the caller's arena; shapes not yet inferred */
	int64_t ir_version, opset;
	struct str producer, producer_version;
	struct file_map file;           /* owned when opened by path */
	struct file_map external[ONNX_EXTERNAL_MAX];
	uint32_t n_external;
};
/* `where` names the input in errors; `dir` (NULL: none allowed) is the only directory in which external data may lie. */
struct status onnx_read(struct span bytes, const char *where, const char *dir, struct arena *a, struct onnx_model *out) MUST_CHECK;
struct status onnx_open(const char *path, struct arena *a, struct onnx_model *out) MUST_CHECK;   /* a directory: its model.onnx */
void onnx_release(struct onnx_model *m);     /* unmaps; the graph is dead afterwards */
/* Writes an opset-17 model of an ONNX-only graph (no INTERNAL ops, no fused activations). */
struct status onnx_write(const struct ir_graph *g, const char *producer, const char *path) MUST_CHECK;

#endif
