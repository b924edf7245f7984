/* What the parts of the ONNX writer share. */
#ifndef NEREID_ONNX_WRITE_PRIV_H
#define NEREID_ONNX_WRITE_PRIV_H

#include "onnx/onnx_priv.h"

struct onnx_writer {
	const char *path;
	struct arena scratch;           /* a copy of the graph, names, messages */
	struct ir_graph *g;             /* the copy, with shapes inferred */
	struct str *names;              /* by value id: unique and not empty */
	bool *needed;                   /* by value id: constants that nodes or outputs use */
	int64_t opset;
};

/* 17, or 20 where a node says what 17 cannot. */
int64_t onnx__opset_needed(const struct ir_graph *g);
/* The node as a message in scratch. Marks the constants that it needs. */
struct status onnx__node_message(struct onnx_writer *w, const struct ir_node *n, struct ox_node *out)
	MUST_CHECK;

#endif
