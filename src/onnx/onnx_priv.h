/* What the parts of the ONNX reader share. */
#ifndef NEREID_ONNX_PRIV_H
#define NEREID_ONNX_PRIV_H

#include "base/limits.h"
#include "base/map.h"
#include "ir/ir.h"
#include "onnx/onnx.h"

#define PB_SET_FILE "onnx/onnx_proto.def"
#include "codec/pb_structs.h"
#undef PB_SET_FILE

/* What is known of a value while reading, before inference. It is only what follows from the graph itself,
 * never what the file claims in value_info. */
struct onnx_hint { int8_t rank; uint8_t dtype; };   /* rank -1, dtype DTYPE_INVALID: unknown */

struct onnx_reader {
	const char *where, *dir;        /* as onnx_read's */
	struct arena *arena;            /* of the graph */
	struct arena scratch;           /* of the decoded messages; goes with the reader */
	struct onnx_model *out;
	struct ir_graph *g;
	int64_t opset;
	struct map values;              /* name -> struct ir_value, so far */
	struct ir_value lost;           /* stands for outputs that are not computed */
	struct onnx_hint *hints;        /* by value id, in scratch */
	uint32_t n_hints, cap_hints;
	const struct ox_node *node;     /* in work */
	uint32_t node_index;
	struct str external[ONNX_EXTERNAL_MAX];   /* names of out->external */
};

/* FAIL with the node in work in front. */
#define NODE_FAIL(r, code, fmt, ...)                                                            \
	FAIL(code, "%s: node %u '%.*s' (%.*s): " fmt, (r)->where, (r)->node_index,              \
	     STR_ARG((r)->node->name), STR_ARG((r)->node->op_type), ##__VA_ARGS__)
#define READER_FULL(r)                                                                          \
	FAIL(LIMIT, "%s: the graph does not fit into the memory set aside for it (%zu bytes)",  \
	     (r)->where, (r)->arena->limit_bytes)

/* ---- read_tensor.c ---- */
/* A constant of a tensor in the file; `name` may be empty. */
struct status onnx__tensor(struct onnx_reader *r, const struct ox_tensor *t, struct str name,
                           struct ir_value **out) MUST_CHECK;
/* Constants made by the reader itself: a list of int64, and one number. NULL: memory. */
struct ir_value *onnx__const_ints(struct onnx_reader *r, const int64_t *p, uint32_t n);
struct ir_value *onnx__const_float(struct onnx_reader *r, enum dtype dtype, float f);
/* Strings one after the other as BYTES tensors hold them: length and bytes each. */
struct status onnx__strings(struct onnx_reader *r, const struct span *p, uint32_t n, const void **data,
                            size_t *data_bytes) MUST_CHECK;

/* ---- read_value.c ---- */
struct status onnx__name_check(struct onnx_reader *r, struct str name, const char *what) MUST_CHECK;
/* Makes the name known; CORRUPT when it is already. */
struct status onnx__define(struct onnx_reader *r, struct str name, struct ir_value *v) MUST_CHECK;
struct status onnx__graph_inputs(struct onnx_reader *r, const struct ox_graph *g) MUST_CHECK;
struct status onnx__graph_outputs(struct onnx_reader *r, const struct ox_graph *g) MUST_CHECK;
struct onnx_hint onnx__hint(const struct onnx_reader *r, const struct ir_value *v);
bool onnx__hint_set(struct onnx_reader *r, const struct ir_value *v, struct onnx_hint h);
/* From the node's op and its inputs' hints to its outputs'. */
bool onnx__hint_node(struct onnx_reader *r, const struct ir_node *n);

/* ---- read_node.c ---- */
struct status onnx__node(struct onnx_reader *r, const struct ox_node *n) MUST_CHECK;
/* The node's attribute, checked to be of the type; *out NULL when there is none. */
struct status onnx__attribute(struct onnx_reader *r, const char *name, enum ox_attr_type type,
                              const struct ox_attribute **out) MUST_CHECK;
/* The value of a name in the file that the node uses; "" gives NULL. */
struct status onnx__use(struct onnx_reader *r, struct str name, struct ir_value **out) MUST_CHECK;
/* A new value under the name as output i of the node. */
struct status onnx__output(struct onnx_reader *r, struct ir_node *n, uint32_t i, struct str name)
	MUST_CHECK;

/* ---- convert.c: older forms to the newest. n has room for at least 8 inputs. ---- */
typedef struct status onnx_convert_fn(struct onnx_reader *r, struct ir_node *n);
#define X(op, inputs_max, convert, kept, older) onnx_convert_fn onnx__convert_##convert;
#include "onnx/onnx_ops.def"
#undef X
/* Upsample's input and attributes, as Resize has them. */
onnx_convert_fn onnx__convert_upsample;
/* ---- convert_softmax.c ---- */
/* Softmax and LogSoftmax before opset 13, where everything from the axis on is one dimension. */
struct status onnx__softmax_flat(struct onnx_reader *r, enum op op) MUST_CHECK;

#endif
