/* Inside inference: one function a family, and what they share. A family's function sees a node whose inputs are inferred, and sets type, rank,
 * dims and, where it can, content of its outputs. */
#ifndef NEREID_IR_INFER_INFER_PRIV_H
#define NEREID_IR_INFER_INFER_PRIV_H

#include "ir/ir.h"

typedef struct status infer_fn(struct ir_graph *g, struct ir_node *n);
infer_fn infer__conv, infer__pool, infer__norm, infer__unary, infer__binary, infer__softmax, infer__gemm, infer__shape, infer__move,
	infer__resize, infer__reduce, infer__layout;

/* ONNX's constraints on the types of inputs, before shapes. */
struct status infer__types(const struct ir_node *n) MUST_CHECK;
/* INVALID_ARG: "node NAME (Op): <text>". */
struct status infer__bad(const struct ir_node *n, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/* Sets output i; a shape that the output already has must agree where both are numbers. */
struct status infer__set(struct ir_graph *g, struct ir_node *n, uint32_t i, enum dtype t, int32_t rank,
                         const struct dim *dims) MUST_CHECK;
/* Known elements of output i, copied; ignored over LIMIT_CONTENT. */
struct status infer__content(struct ir_graph *g, struct ir_node *n, uint32_t i, const struct dim *c, uint32_t count) MUST_CHECK;
/* Elements of a small integer value, constant or followed; false when not known. */
bool infer__elements(const struct ir_value *v, struct dim *out, uint32_t max, uint32_t *count);
/* Input i, or NULL where it is absent. */
static inline struct ir_value *infer__in(const struct ir_node *n, uint32_t i) { return i < n->n_in ? n->in[i] : 0; }
/* Axis in 0..rank-1 from -rank..rank-1; false when out of range. */
bool infer__axis(int64_t axis, int32_t rank, int32_t *out);
/* Numpy's broadcast of two shapes into out; false when two numbers differ. */
bool infer__broadcast(struct ir_graph *g, const struct dim *a, int32_t ra, const struct dim *b, int32_t rb, struct dim *out, int32_t *rank);
/* Products, sums and quotients of dims: exact where they can be written as k * symbol, else a fresh symbol. false: overflow or no symbols left. */
bool infer__mul(struct ir_graph *g, struct dim a, struct dim b, struct dim *out);
bool infer__add(struct ir_graph *g, struct dim a, struct dim b, struct dim *out);
bool infer__div(struct ir_graph *g, struct dim a, struct dim b, struct dim *out);
bool infer__fresh(struct ir_graph *g, struct dim *out);
/* Output size of one axis of a sliding window: kernel, stride, dilation, both pads (set from auto_pad when it says so). */
struct infer_window { int64_t kernel, stride, dilation, begin, end; bool ceil; };
/* Reads window attributes of a node with `spatial` axes. */
struct status infer__windows(const struct ir_node *n, uint32_t spatial, const int64_t *kernel, struct infer_window *w) MUST_CHECK;
struct status infer__slide(struct ir_graph *g, const struct ir_node *n, struct dim in, const struct infer_window *w, struct dim *out) MUST_CHECK;

#endif
