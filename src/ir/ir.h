/* What a graph is: typed single-assignment values with symbolic dimensions, and the nodes that make them.
 *
 * Everything lives in the graph's arena; the contents of constants may instead point into a mapped file that outlives the
 * graph. A graph belongs to one thread while it changes and may be shared when it no longer does. Rewriting: build new
 * nodes with ir_node_new, redirect uses with ir_replace, mark nodes dead, then ir_compact.
 *
 * Dimensions. A dimension is k, or k times a symbol, such as 196*batch. A graph has at most IR_SYMBOLS_MAX symbols. What inference
 * cannot write so becomes a fresh symbol with flag `derived`: such graphs need ir_bind with concrete values before they can be compiled.
 */
#ifndef NEREID_IR_IR_H
#define NEREID_IR_IR_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/tensor.h"

enum { IR_RANK_MAX = TENSOR_RANK_MAX, IR_SYMBOLS_MAX = 256, IR_RANK_UNKNOWN = -1 };

enum op {
#define X(name, text, family, in_min, in_max, out_min, out_max, flags) OP_##name,
#include "ir/ops.def"
#undef X
	OP_COUNT
};
enum { OPF_ELEMENTWISE = 1, OPF_CHANNELS = 2, OPF_SHAPE = 4, OPF_INTERNAL = 8 };
struct op_info { const char *text, *family; uint8_t in_min, in_max, out_min, out_max; uint8_t flags; };
const struct op_info *op_info(enum op op);
bool op_from_text(struct str text, enum op *out);

enum attr_kind { ATTR_INT, ATTR_FLOAT, ATTR_INTS, ATTR_FLOATS, ATTR_STRING, ATTR_TENSOR };
enum attr {
#define X(name, text, kind) ATTR_ID_##name,
#include "ir/attrs.def"
#undef X
	ATTR_COUNT
};
const char *attr_text(enum attr id);
enum attr_kind attr_kind(enum attr id);
bool attr_from_text(struct str text, enum attr *out);

/* Activations that fuse into a producer. */
enum ir_act { ACT_NONE, ACT_RELU, ACT_LEAKY_RELU /* alpha */, ACT_CLIP /* alpha..beta */, ACT_SIGMOID, ACT_TANH, ACT_HARD_SWISH, ACT_GELU, ACT_COUNT };

struct dim { int64_t k; uint32_t sym; };   /* sym 0: the number k; else k * value(symbol sym), k >= 1 */
#define DIM(n) ((struct dim){(n), 0})
static inline bool dim_known(struct dim d) { return d.sym == 0; }
static inline bool dim_eq(struct dim a, struct dim b) { return a.k == b.k && a.sym == b.sym; }
/* Value at `batch`, for graphs with one free symbol. */
static inline int64_t dim_at(struct dim d, int64_t batch) { return d.sym ? d.k * batch : d.k; }

struct ir_symbol { struct str name; bool derived; };

enum ir_layout { LAYOUT_PLAIN, LAYOUT_CHANNELS_LAST /* dims still read N,C,spatial; storage is N,spatial,C */, LAYOUT_PACKED /* a backend's own bytes */ };

struct ir_node;
struct ir_value {
	uint32_t id;                    /* index in graph->values */
	struct str name;
	enum dtype dtype;               /* DTYPE_INVALID until inferred */
	int32_t rank;                   /* IR_RANK_UNKNOWN until inferred */
	struct dim dims[IR_RANK_MAX];
	enum ir_layout layout;
	struct ir_node *producer;       /* NULL: graph input, constant, or absent */
	const void *data;               /* constants: little-endian row-major content, 1-byte BOOL; not owned */
	size_t data_bytes;
	const struct dim *content;      /* small integer tensors whose elements inference knows (symbolically); else NULL */
	uint32_t content_n;
	uint32_t uses;                  /* by nodes and graph outputs; ir_compact counts */
};

struct ir_attr {
	enum attr id;
	union {
		int64_t i;
		float f;
		struct { const int64_t *p; uint32_t n; } ints;
		struct { const float *p; uint32_t n; } floats;
		struct str s;
		struct ir_value *t;     /* a constant */
	};
};

struct ir_node {
	uint32_t id;                    /* index in graph->nodes */
	enum op op;
	bool dead;
	struct str name;
	struct ir_value **in;           /* NULL where an optional input is absent */
	struct ir_value **out;          /* NULL where an optional output is not wanted */
	uint32_t n_in, n_out;
	struct ir_attr *attrs;
	uint32_t n_attrs;
};

enum { IR_GRAPH_MAGIC = 0x6e72d901 };
struct ir_graph {
	uint32_t magic;
	struct arena *arena;            /* not owned */
	struct str name;
	struct ir_node **nodes;         /* in an order in which inputs come before uses */
	uint32_t n_nodes, cap_nodes;
	struct ir_value **values;
	uint32_t n_values, cap_values;
	struct ir_value **inputs, **outputs;
	uint32_t n_inputs, n_outputs, cap_inputs, cap_outputs;
	struct ir_symbol *symbols;      /* [0] is unused */
	uint32_t n_symbols, cap_symbols;
	uint32_t batch_sym;             /* the symbol that may stay free when compiled; 0: none */
};

/* ---- building ---- */
struct ir_graph *ir_graph_new(struct arena *a);                     /* NULL: out of memory */
struct ir_value *ir_value_new(struct ir_graph *g, struct str name); /* name may be empty; NULL: out of memory or limit */
struct ir_value *ir_const(struct ir_graph *g, struct str name, enum dtype dtype, uint32_t rank, const int64_t *dims,
                          const void *data, size_t data_bytes);     /* data is kept, not copied */
struct ir_node *ir_node_new(struct ir_graph *g, enum op op, struct str name, uint32_t n_in, uint32_t n_out); /* appended; in/out NULL */
void ir_node_output(struct ir_node *n, uint32_t i, struct ir_value *v);   /* sets out[i] and v->producer */
bool ir_add_input(struct ir_graph *g, struct ir_value *v) MUST_CHECK;
bool ir_add_output(struct ir_graph *g, struct ir_value *v) MUST_CHECK;
uint32_t ir_symbol(struct ir_graph *g, struct str name);            /* finds or makes; 0: limit */
uint32_t ir_symbol_fresh(struct ir_graph *g);                       /* derived; 0: limit */

/* ---- attributes ---- */
const struct ir_attr *ir_attr(const struct ir_node *n, enum attr id);        /* NULL when absent */
int64_t ir_attr_int(const struct ir_node *n, enum attr id, int64_t otherwise);
float ir_attr_float(const struct ir_node *n, enum attr id, float otherwise);
struct str ir_attr_str(const struct ir_node *n, enum attr id, struct str otherwise);
/* Copies up to max ints; returns the count in the attribute, 0 when absent. */
uint32_t ir_attr_ints(const struct ir_node *n, enum attr id, int64_t *out, uint32_t max);
bool ir_set_int(struct ir_graph *g, struct ir_node *n, enum attr id, int64_t v) MUST_CHECK;
bool ir_set_float(struct ir_graph *g, struct ir_node *n, enum attr id, float v) MUST_CHECK;
bool ir_set_ints(struct ir_graph *g, struct ir_node *n, enum attr id, const int64_t *p, uint32_t k) MUST_CHECK;  /* copied */
bool ir_set_str(struct ir_graph *g, struct ir_node *n, enum attr id, struct str s) MUST_CHECK;                   /* copied */
bool ir_set_tensor(struct ir_graph *g, struct ir_node *n, enum attr id, struct ir_value *t) MUST_CHECK;

/* ---- reading ---- */
bool ir_value_static(const struct ir_value *v);                     /* rank known and every dim a number */
bool ir_value_elements(const struct ir_value *v, int64_t batch, int64_t *out);   /* false on overflow or unknown */
/* Elements of an integer constant, or of known content, as numbers; false when not known. At most max. */
bool ir_value_ints(const struct ir_value *v, int64_t *out, uint32_t max, uint32_t *n);
bool ir_value_scalar_f32(const struct ir_value *v, float *out);     /* constant with one element, any number type */
char *ir_value_text(const struct ir_graph *g, const struct ir_value *v, char *text, size_t n);  /* "x FP32[batch,3,224,224]" */
bool ir_is_output(const struct ir_graph *g, const struct ir_value *v);

/* ---- changing ---- */
void ir_replace(struct ir_graph *g, struct ir_value *from, struct ir_value *to);   /* in all node inputs and graph outputs */
/* Drops dead nodes and nodes nobody uses, orders topologically, renumbers ids, counts uses. CORRUPT: a cycle. */
struct status ir_compact(struct ir_graph *g) MUST_CHECK;
/* Deep copy into arena `a` (constants' data shared) with symbols bound: values[s] >= 0 replaces symbol s; -1 leaves it. */
struct status ir_bind(const struct ir_graph *g, const int64_t *values, struct arena *a, struct ir_graph **out) MUST_CHECK;

/* ---- validity ---- */
/* Every rule of the form: ids, arity, one producer each, order, dtypes and ranks known after inference. Says which node. */
struct status ir_verify(const struct ir_graph *g) MUST_CHECK;
/* Shapes, types and known contents of all values from the inputs'. INVALID_ARG or UNSUPPORTED with node and reason. Idempotent.
 * Declared shapes of outputs are checked against the inferred. */
struct status ir_infer(struct ir_graph *g) MUST_CHECK;
struct status ir_infer_node(struct ir_graph *g, struct ir_node *n) MUST_CHECK;
/* 2 * multiply-adds for conv and gemm, elements otherwise, at batch. */
double ir_node_flops(const struct ir_node *n, int64_t batch);

#endif
