/* ONNX files to graphs and back. Reading is zero-copy: names and initialisers point into `bytes` (or into
 * mapped external files), which must outlive the graph. An initialiser that does not lie on its type's
 * boundary in the file, or is stored as numbers of protobuf, is copied into the arena, whose limit must
 * allow for that; files of onnx_write are aligned. */
#ifndef NEREID_ONNX_ONNX_H
#define NEREID_ONNX_ONNX_H

#include "base/file.h"
#include "ir/ir.h"

enum { ONNX_EXTERNAL_MAX = 64 };
struct onnx_model {
	struct ir_graph *graph;         /* in the caller's arena; shapes not yet inferred */
	int64_t ir_version, opset;
	struct str producer, producer_version;
	/* Constants of the graph that the file lists as inputs too: what the caller leaves out keeps this value.
	 * They are constants in the graph; ir_add_input makes one an input that has `data` as its default. */
	struct ir_value **defaults;
	uint32_t n_defaults;
	struct file_map file;           /* owned when opened by path */
	struct file_map external[ONNX_EXTERNAL_MAX];
	uint32_t n_external;
};
/* `where` names the input in errors; `dir` (NULL: none allowed) is the only directory in which external data may lie. */
struct status onnx_read(struct span bytes, const char *where, const char *dir, struct arena *a, struct onnx_model *out) MUST_CHECK;
struct status onnx_open(const char *path, struct arena *a, struct onnx_model *out) MUST_CHECK;   /* a directory: its model.onnx */
void onnx_release(struct onnx_model *m);     /* unmaps; the graph is dead afterwards */
/* Writes an ONNX-only graph (no INTERNAL ops, no fused activations): opset 17, or 20 where an operator needs it.
 * UNSUPPORTED names the node that ONNX cannot say; LIMIT: over protobuf's 2 GiB. */
struct status onnx_write(const struct ir_graph *g, const char *producer, const char *path) MUST_CHECK;

#endif
