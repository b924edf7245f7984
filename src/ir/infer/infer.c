/* Shape and type inference: the walk over the nodes, and the arithmetic of symbolic dimensions.
 *
 * A dimension is k or k times a symbol, which covers what batches do; a result that cannot be
 * written so becomes a fresh, derived symbol, and the engine then compiles such a graph for
 * concrete shapes. Contents of small integer tensors are followed the same way, because exporters
 * compute the targets of Reshape from Shape. Rules are ONNX's (operator specifications, opset 7 to
 * 23). Single-threaded; idempotent.
 */
#include "ir/infer/infer_priv.h"

#include "base/limits.h"
#include "base/panic.h"

#include <stdarg.h>
#include <stdio.h>

static infer_fn *const families[OP_COUNT] = {
#define X(name, text, family, in_min, in_max, out_min, out_max, flags) [OP_##name] = infer__##family,
#include "ir/ops.def"
#undef X
};

struct status infer__bad(const struct ir_node *n, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return FAIL(INVALID_ARG, "node %.*s (%s): %s", STR_ARG(n->name), op_info(n->op)->text, text);
}

static struct status no_symbols(const struct ir_node *n)
{
	return infer__bad(n, "a dimension overflows, or the graph has over %d unknown dimensions",
	                  IR_SYMBOLS_MAX);
}

struct status infer__set(struct ir_graph *g, struct ir_node *n, uint32_t i, enum dtype t, int32_t rank,
                         const struct dim *dims)
{
	char text[256];
	struct ir_value *v = i < n->n_out ? n->out[i] : 0;
	if (!v)
		return STATUS_GOOD;
	CHECK(!v->data);
	if (rank > IR_RANK_MAX)
		return infer__bad(n, "the result has rank %d; at most %d is supported", rank, IR_RANK_MAX);
	for (int32_t k = 0; k < rank; k++)
		if (dims[k].k < 0)
			return infer__bad(n, "the inputs' shapes give a dimension of %lld", (long long)dims[k].k);
	bool agrees = v->rank < 0 || v->rank == rank;
	for (int32_t k = 0; agrees && v->rank >= 0 && k < rank; k++)
		agrees = !dim_known(v->dims[k]) || !dim_known(dims[k]) || v->dims[k].k == dims[k].k;
	if (!agrees || (v->dtype && t && v->dtype != t))
		return infer__bad(n, "the model declares %s, which is not what its inputs give",
		                  ir_value_text(g, v, text, sizeof text));
	v->dtype = t;
	v->rank = rank;
	for (int32_t k = 0; k < rank; k++)
		v->dims[k] = dims[k];
	return STATUS_GOOD;
}

struct status infer__content(struct ir_graph *g, struct ir_node *n, uint32_t i, const struct dim *c,
                             uint32_t count)
{
	struct ir_value *v = i < n->n_out ? n->out[i] : 0;
	if (!v || count > LIMIT_GRAPH_CONTENT)
		return STATUS_GOOD;
	struct dim *copy = ARENA_ARRAY(g->arena, (size_t)count + 1, struct dim);
	if (!copy)
		return FAIL(NO_MEMORY, "no memory for inference");
	if (count)
		memcpy(copy, c, count * sizeof *c);
	v->content = copy;
	v->content_n = count;
	return STATUS_GOOD;
}

bool infer__elements(const struct ir_value *v, struct dim *out, uint32_t max, uint32_t *count)
{
	int64_t n;
	if (!v)
		return false;
	if (v->content) {
		if (v->content_n > max)
			return false;
		memcpy(out, v->content, v->content_n * sizeof *out);
		*count = v->content_n;
		return true;
	}
	if (!v->data || v->dtype == DTYPE_FP32 || !ir_value_elements(v, 1, &n) || n > max ||
	    n > LIMIT_GRAPH_CONTENT)
		return false;
	int64_t numbers[LIMIT_GRAPH_CONTENT];
	if (!ir_value_ints(v, numbers, LIMIT_GRAPH_CONTENT, count))
		return false;
	for (uint32_t i = 0; i < *count; i++)
		out[i] = DIM(numbers[i]);
	return true;
}

bool infer__axis(int64_t axis, int32_t rank, int32_t *out)
{
	if (axis < -rank || axis >= rank)
		return false;
	*out = (int32_t)(axis < 0 ? axis + rank : axis);
	return true;
}

bool infer__fresh(struct ir_graph *g, struct dim *out)
{
	uint32_t s = ir_symbol_fresh(g);
	*out = (struct dim){1, s};
	return s != 0;
}

bool infer__mul(struct ir_graph *g, struct dim a, struct dim b, struct dim *out)
{
	if (a.sym && b.sym)
		return infer__fresh(g, out);
	struct dim r = {0, a.sym ? a.sym : b.sym};
	if (__builtin_mul_overflow(a.k, b.k, &r.k))
		return false;
	if (r.k == 0)
		r.sym = 0;
	*out = r;
	return r.k >= 0 || !r.sym;
}

bool infer__add(struct ir_graph *g, struct dim a, struct dim b, struct dim *out)
{
	if (!b.sym && b.k == 0) {
		*out = a;
		return true;
	}
	if (!a.sym && a.k == 0) {
		*out = b;
		return true;
	}
	if (a.sym != b.sym)
		return infer__fresh(g, out);
	out->sym = a.sym;
	return !__builtin_add_overflow(a.k, b.k, &out->k);
}

bool infer__div(struct ir_graph *g, struct dim a, struct dim b, struct dim *out)
{
	if (b.sym == 0 && b.k == 0)
		return false;
	if (a.sym == b.sym && a.sym && a.k % b.k == 0) {
		*out = DIM(a.k / b.k);
		return true;
	}
	if (!b.sym && (!a.sym || a.k % b.k == 0)) {
		*out = (struct dim){a.k / b.k, a.sym};
		return true;
	}
	return infer__fresh(g, out);
}

bool infer__broadcast(struct ir_graph *g, const struct dim *a, int32_t ra, const struct dim *b, int32_t rb,
                      struct dim *out, int32_t *rank)
{
	struct dim made[IR_RANK_MAX];
	int32_t r = ra > rb ? ra : rb;
	for (int32_t i = 0; i < r; i++) {
		struct dim x = i < r - ra ? DIM(1) : a[i - (r - ra)], y = i < r - rb ? DIM(1) : b[i - (r - rb)];
		if (dim_eq(x, y) || dim_eq(y, DIM(1)))
			made[i] = x;
		else if (dim_eq(x, DIM(1)))
			made[i] = y;
		else if (dim_known(x) && dim_known(y))
			return false;
		else if (dim_known(x) || dim_known(y))
			made[i] = dim_known(x) ? x : y; /* the symbol must be that number, or one */
		else if (!infer__fresh(g, &made[i]))
			return false;
	}
	memcpy(out, made, (size_t)r * sizeof *out);
	*rank = r;
	return true;
}

struct status infer__windows(const struct ir_node *n, uint32_t spatial, const int64_t *kernel,
                             struct infer_window *w)
{
	int64_t stride[IR_RANK_MAX], dilation[IR_RANK_MAX], pads[2 * IR_RANK_MAX];
	uint32_t ns = ir_attr_ints(n, ATTR_ID_STRIDES, stride, IR_RANK_MAX);
	uint32_t nd = ir_attr_ints(n, ATTR_ID_DILATIONS, dilation, IR_RANK_MAX);
	uint32_t np = ir_attr_ints(n, ATTR_ID_PADS, pads, 2 * IR_RANK_MAX);
	if ((ns && ns != spatial) || (nd && nd != spatial) || (np && np != 2 * spatial))
		return infer__bad(n, "strides, dilations and pads have %u, %u and %u entries; the input has "
		                  "%u spatial dimensions", ns, nd, np, spatial);
	for (uint32_t i = 0; i < spatial; i++) {
		w[i] = (struct infer_window){
			.kernel = kernel[i], .stride = ns ? stride[i] : 1, .dilation = nd ? dilation[i] : 1,
			.begin = np ? pads[i] : 0, .end = np ? pads[spatial + i] : 0,
			.ceil = ir_attr_int(n, ATTR_ID_CEIL_MODE, 0) != 0,
		};
		const int64_t most = INT32_MAX;
		if (w[i].kernel < 1 || w[i].stride < 1 || w[i].dilation < 1 || w[i].begin < 0 || w[i].end < 0 ||
		    w[i].kernel > most || w[i].stride > most || w[i].dilation > most || w[i].begin > most ||
		    w[i].end > most)
			return infer__bad(n, "kernel %lld, stride %lld, dilation %lld and pads %lld and %lld are "
			                  "not all in range", (long long)w[i].kernel, (long long)w[i].stride,
			                  (long long)w[i].dilation, (long long)w[i].begin, (long long)w[i].end);
	}
	return STATUS_GOOD;
}

struct status infer__slide(struct ir_graph *g, const struct ir_node *n, struct dim in,
                           const struct infer_window *w, struct dim *out)
{
	struct str automatic = ir_attr_str(n, ATTR_ID_AUTO_PAD, STR("NOTSET"));
	if (!dim_known(in)) {
		if (str_starts(automatic, STR("SAME_")) && w->stride == 1) {
			*out = in;
			return STATUS_GOOD;
		}
		return infer__fresh(g, out) ? STATUS_GOOD : no_symbols(n);
	}
	int64_t reach = (w->kernel - 1) * w->dilation + 1, size = in.k + w->begin + w->end;
	if (str_starts(automatic, STR("SAME_"))) {
		*out = DIM((in.k + w->stride - 1) / w->stride);
		return STATUS_GOOD;
	}
	if (str_is(automatic, "VALID"))
		size = in.k;
	if (size < reach)
		return infer__bad(n, "a window that reaches over %lld does not fit into %lld padded to %lld",
		                  (long long)reach, (long long)in.k, (long long)size);
	int64_t steps = (size - reach + (w->ceil ? w->stride - 1 : 0)) / w->stride;
	/* the last window must begin inside the input or the padding before it */
	if (w->ceil && steps * w->stride >= in.k + w->begin)
		steps--;
	*out = DIM(steps + 1);
	return STATUS_GOOD;
}

static struct status inputs_known(const struct ir_node *n)
{
	for (uint32_t i = 0; i < n->n_in; i++) {
		const struct ir_value *v = n->in[i];
		if (v && (!v->dtype || v->rank < 0))
			return infer__bad(n, "the shape of its input %.*s is not known", STR_ARG(v->name));
	}
	return STATUS_GOOD;
}

struct status ir_infer_node(struct ir_graph *g, struct ir_node *n)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	TRY(inputs_known(n));
	TRY(infer__types(n));
	return families[n->op](g, n);
}


struct status ir_infer(struct ir_graph *g)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	for (uint32_t i = 0; i < g->n_inputs; i++)
		if (!g->inputs[i]->dtype || g->inputs[i]->rank < 0)
			return FAIL(INVALID_ARG, "input %.*s has no declared type and shape",
			            STR_ARG(g->inputs[i]->name));
	for (uint32_t i = 0; i < g->n_nodes; i++)
		TRY(ir_infer_node(g, g->nodes[i]));
	return STATUS_GOOD;
}
