/* Names, graph inputs and outputs, and what is known of values while reading.
 *
 * ONNX graphs are single-assignment by name: a name is made once, before it is used. Inputs
 * that have an initialiser are constants with a name in onnx_model.defaults. A dimension with a
 * name is a symbol; one without gets a symbol of its own, named after input and place. The batch
 * symbol is the first dimension that all inputs share. Owned by the reader's thread. Not here:
 * value_info and the declared shapes of outputs, which inference knows better than the file.
 */
#include "onnx/onnx_priv.h"

#include "base/panic.h"

struct status onnx__name_check(struct onnx_reader *r, struct str name, const char *what)
{
	if (name.n > (size_t)LIMIT_ONNX_NAME_BYTES)
		return FAIL(LIMIT, "%s: the name of %s has %zu bytes; at most %d are accepted", r->where, what,
		            name.n, LIMIT_ONNX_NAME_BYTES);
	if (name.n && memchr(name.p, 0, name.n))
		return FAIL(CORRUPT, "%s: the name of %s has a zero byte in it", r->where, what);
	return STATUS_GOOD;
}

struct status onnx__define(struct onnx_reader *r, struct str name, struct ir_value *v)
{
	CHECK(v);
	TRY(onnx__name_check(r, name, "a value"));
	if (map_get(&r->values, name))
		return FAIL(CORRUPT, "%s: the value '%.*s' is made twice", r->where, STR_ARG(name));
	return map_put(&r->values, name, v) ? STATUS_GOOD : READER_FULL(r);
}

/* ---- hints ---- */

struct onnx_hint onnx__hint(const struct onnx_reader *r, const struct ir_value *v)
{
	if (!v || v->id >= r->n_hints)
		return (struct onnx_hint){-1, DTYPE_INVALID};
	return r->hints[v->id];
}

bool onnx__hint_set(struct onnx_reader *r, const struct ir_value *v, struct onnx_hint h)
{
	while (r->n_hints <= v->id) {
		if (!ARENA_GROW(&r->scratch, r->hints, r->n_hints, r->cap_hints, INT32_MAX))
			return false;
		r->hints[r->n_hints++] = (struct onnx_hint){-1, DTYPE_INVALID};
	}
	r->hints[v->id] = h;
	return true;
}

static int8_t wider(struct onnx_hint a, struct onnx_hint b, int8_t least)
{
	if (a.rank < least || b.rank < least)
		return -1;
	return a.rank > b.rank ? a.rank : b.rank;
}

static int8_t output_rank(const struct onnx_reader *r, const struct ir_node *n, struct onnx_hint x)
{
	struct onnx_hint y = onnx__hint(r, n->n_in > 1 ? n->in[1] : 0);
	switch (n->op) {
	case OP_GEMM:
	case OP_FLATTEN: return 2;
	case OP_SHAPE: return 1;
	case OP_ADD:
	case OP_SUB:
	case OP_MUL:
	case OP_DIV:
	case OP_POW:
	case OP_EQUAL: return wider(x, y, 0);
	case OP_MAT_MUL: return wider(x, y, 2);
	case OP_RESHAPE:
	case OP_EXPAND:
		if (n->op == OP_RESHAPE && n->in[1] && n->in[1]->data && y.rank == 1 && n->in[1]->rank == 1 &&
		    n->in[1]->dims[0].k <= IR_RANK_MAX)
			return (int8_t)n->in[1]->dims[0].k;
		return -1;
	case OP_SQUEEZE:
	case OP_UNSQUEEZE:
	case OP_GATHER:
	case OP_WHERE:
	case OP_CONSTANT_OF_SHAPE: return -1;
	case OP_ARG_MAX:
	case OP_REDUCE_MEAN:
	case OP_REDUCE_SUM: return ir_attr_int(n, ATTR_ID_KEEPDIMS, 1) ? x.rank : -1;
	default: return x.rank;
	}
}

static enum dtype output_dtype(const struct onnx_reader *r, const struct ir_node *n, uint32_t i,
                               struct onnx_hint x)
{
	const struct ir_attr *value = ir_attr(n, ATTR_ID_VALUE);
	switch (n->op) {
	case OP_SHAPE:
	case OP_ARG_MAX: return DTYPE_INT64;
	case OP_EQUAL: return DTYPE_BOOL;
	case OP_CAST: return dtype_from_onnx(ir_attr_int(n, ATTR_ID_TO, 0));
	case OP_WHERE: return (enum dtype)onnx__hint(r, n->in[1]).dtype;
	case OP_CONSTANT_OF_SHAPE: return value ? value->t->dtype : DTYPE_FP32;
	case OP_MAX_POOL: return i ? DTYPE_INT64 : (enum dtype)x.dtype;
	case OP_DROPOUT: return i ? DTYPE_BOOL : (enum dtype)x.dtype;
	default: return (enum dtype)x.dtype;
	}
}

bool onnx__hint_node(struct onnx_reader *r, const struct ir_node *n)
{
	struct onnx_hint x = onnx__hint(r, n->n_in ? n->in[0] : 0);
	int8_t rank = output_rank(r, n, x);
	for (uint32_t i = 0; i < n->n_out; i++) {
		struct onnx_hint h = {rank, (uint8_t)output_dtype(r, n, i, x)};
		if (n->out[i] && !onnx__hint_set(r, n->out[i], h))
			return false;
	}
	return true;
}

/* ---- graph inputs ---- */

static struct status dimension(struct onnx_reader *r, const struct ox_value_info *info, uint32_t i,
                               const struct ox_dim *d, struct dim *out)
{
	struct str name = d->dim_param;
	bool number = PB_IS_SET(d, ox_dim, dim_value) && d->dim_value >= 0;
	if (number && d->dim_value > LIMIT_ONNX_DIM)
		return FAIL(CORRUPT, "%s: dimension %u of input '%.*s' is %lld", r->where, i,
		            STR_ARG(info->name), (long long)d->dim_value);
	if (number) {
		*out = DIM(d->dim_value);
		return STATUS_GOOD;
	}
	TRY(onnx__name_check(r, name, "a dimension"));
	if (!name.n) {
		const char *own = arena_printf(r->arena, "%.*s.%u", STR_ARG(info->name), i);
		if (!own)
			return READER_FULL(r);
		name = str_from(own);
	}
	out->k = 1;
	out->sym = ir_symbol(r->g, name);
	if (!out->sym)
		return FAIL(LIMIT, "%s: more than %d dynamic dimensions; give the inputs fixed shapes when "
		            "exporting", r->where, IR_SYMBOLS_MAX - 1);
	return STATUS_GOOD;
}

static struct status input(struct onnx_reader *r, const struct ox_value_info *info)
{
	const struct ox_tensor_type *type = info->type ? info->type->tensor_type : 0;
	if (!type)
		return FAIL(UNSUPPORTED, "%s: input '%.*s' is not a tensor", r->where, STR_ARG(info->name));
	enum dtype dtype = dtype_from_onnx(type->elem_type);
	if (dtype == DTYPE_INVALID)
		return FAIL(UNSUPPORTED, "%s: input '%.*s' has element type %d of ONNX, which is not supported",
		            r->where, STR_ARG(info->name), type->elem_type);
	if (!type->shape || type->shape->dim.n > IR_RANK_MAX)
		return FAIL(UNSUPPORTED, "%s: input '%.*s' has %s; export the model with the shapes of its "
		            "inputs", r->where, STR_ARG(info->name),
		            type->shape ? "more than 8 dimensions" : "no shape");
	struct ir_value *v = ir_value_new(r->g, info->name);
	if (!v)
		return READER_FULL(r);
	v->dtype = dtype;
	v->rank = (int32_t)type->shape->dim.n;
	for (int32_t i = 0; i < v->rank; i++)
		TRY(dimension(r, info, (uint32_t)i, &type->shape->dim.p[i], &v->dims[i]));
	TRY(onnx__define(r, info->name, v));
	if (!ir_add_input(r->g, v) ||
	    !onnx__hint_set(r, v, (struct onnx_hint){(int8_t)v->rank, (uint8_t)dtype}))
		return READER_FULL(r);
	return STATUS_GOOD;
}

/* The symbol that is the first dimension of all inputs that have a dynamic one, when it is the
 * same. */
static uint32_t batch_symbol(const struct ir_graph *g)
{
	uint32_t sym = 0;
	for (uint32_t i = 0; i < g->n_inputs; i++) {
		const struct ir_value *v = g->inputs[i];
		uint32_t s = v->rank > 0 ? v->dims[0].sym : 0;
		if (s && sym && s != sym)
			return 0;
		sym = s ? s : sym;
	}
	return sym;
}

struct status onnx__graph_inputs(struct onnx_reader *r, const struct ox_graph *g)
{
	struct onnx_model *m = r->out;
	m->defaults = ARENA_ARRAY(r->arena, g->input.n ? g->input.n : 1, struct ir_value *);
	if (!m->defaults)
		return READER_FULL(r);
	for (uint32_t i = 0; i < g->input.n; i++) {
		const struct ox_value_info *info = &g->input.p[i];
		struct ir_value *v = map_get(&r->values, info->name);
		if (!info->name.n)
			return FAIL(CORRUPT, "%s: input %u has no name", r->where, i);
		if (!v)
			TRY(input(r, info));
		else if (v->data && m->n_defaults < r->out->graph->n_values)
			m->defaults[m->n_defaults++] = v;
		else
			return FAIL(CORRUPT, "%s: the input '%.*s' is listed twice", r->where,
			            STR_ARG(info->name));
	}
	r->g->batch_sym = batch_symbol(r->g);
	return STATUS_GOOD;
}

struct status onnx__graph_outputs(struct onnx_reader *r, const struct ox_graph *g)
{
	if (!g->output.n)
		return FAIL(CORRUPT, "%s: the graph has no outputs", r->where);
	for (uint32_t i = 0; i < g->output.n; i++) {
		struct str name = g->output.p[i].name;
		struct ir_value *v = map_get(&r->values, name);
		if (!v)
			return FAIL(CORRUPT, "%s: the output '%.*s' is made by no node", r->where, STR_ARG(name));
		if (v == &r->lost)
			return FAIL(UNSUPPORTED, "%s: the output '%.*s' is one that only training computes",
			            r->where, STR_ARG(name));
		if (!ir_add_output(r->g, v))
			return READER_FULL(r);
	}
	return STATUS_GOOD;
}
