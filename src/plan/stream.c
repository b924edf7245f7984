/* A graph as bytes: symbols, values, nodes with attributes, inputs, outputs.
 *
 * Every record is little-endian and counted, so reading is one forward walk that checks each
 * count against what is left before it allocates. Ids are positions; an id out of range, an
 * unknown word or a size that does not add up is CORRUPT at that offset. The order of words in
 * ops.def, attrs.def and dtype.def is part of the format. What a graph must be beyond its form is
 * checked by ir_verify at the end. Pure: no file is touched here.
 */
#include "plan/stream.h"

#include "base/limits.h"
#include "base/panic.h"

#define NONE UINT32_MAX

static void put_str(struct buf *b, struct str s)
{
	buf_u32(b, (uint32_t)s.n);
	buf_str(b, s);
}

static void put_f32(struct buf *b, float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	buf_u32(b, u);
}

static void put_id(struct buf *b, const struct ir_value *v)
{
	buf_u32(b, v ? v->id : NONE);
}

static bool put_value(struct buf *b, const struct ir_value *v, stream_place_fn *place, void *ctx)
{
	struct stream_place at = {0};
	put_str(b, v->name);
	buf_u32(b, (uint32_t)v->dtype);
	buf_u32(b, (uint32_t)v->rank);
	buf_u32(b, (uint32_t)v->layout);
	for (int32_t i = 0; i < v->rank; i++) {
		buf_u64(b, (uint64_t)v->dims[i].k);
		buf_u32(b, v->dims[i].sym);
	}
	buf_u32(b, v->data != 0);
	if (!v->data)
		return true;
	if (!place(ctx, v, &at))
		return false;
	buf_u32(b, at.section);
	buf_u64(b, at.offset);
	buf_u64(b, v->data_bytes);
	return true;
}

static bool put_attr(struct buf *b, const struct ir_attr *a, stream_place_fn *place, void *ctx)
{
	buf_u32(b, (uint32_t)a->id);
	switch (attr_kind(a->id)) {
	case ATTR_INT:
		buf_u64(b, (uint64_t)a->i);
		return true;
	case ATTR_FLOAT:
		put_f32(b, a->f);
		return true;
	case ATTR_INTS:
		buf_u32(b, a->ints.n);
		for (uint32_t i = 0; i < a->ints.n; i++)
			buf_u64(b, (uint64_t)a->ints.p[i]);
		return true;
	case ATTR_FLOATS:
		buf_u32(b, a->floats.n);
		for (uint32_t i = 0; i < a->floats.n; i++)
			put_f32(b, a->floats.p[i]);
		return true;
	case ATTR_STRING:
		put_str(b, a->s);
		return true;
	case ATTR_TENSOR:
		return put_value(b, a->t, place, ctx);
	}
	UNREACHABLE();
}

static bool put_node(struct buf *b, const struct ir_node *n, stream_place_fn *place, void *ctx)
{
	bool good = true;
	buf_u32(b, (uint32_t)n->op);
	put_str(b, n->name);
	buf_u32(b, n->n_in);
	buf_u32(b, n->n_out);
	buf_u32(b, n->n_attrs);
	for (uint32_t i = 0; i < n->n_in; i++)
		put_id(b, n->in[i]);
	for (uint32_t i = 0; i < n->n_out; i++)
		put_id(b, n->out[i]);
	for (uint32_t i = 0; good && i < n->n_attrs; i++)
		good = put_attr(b, &n->attrs[i], place, ctx);
	return good;
}

bool stream_write(const struct ir_graph *g, stream_place_fn *place, void *ctx, struct buf *b)
{
	bool good = true;
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	put_str(b, g->name);
	buf_u32(b, g->n_symbols);
	for (uint32_t i = 1; i < g->n_symbols; i++) {
		put_str(b, g->symbols[i].name);
		buf_u32(b, g->symbols[i].derived);
	}
	buf_u32(b, g->batch_sym);
	buf_u32(b, g->n_values);
	for (uint32_t i = 0; good && i < g->n_values; i++)
		good = put_value(b, g->values[i], place, ctx);
	buf_u32(b, g->n_nodes);
	for (uint32_t i = 0; good && i < g->n_nodes; i++)
		good = put_node(b, g->nodes[i], place, ctx);
	buf_u32(b, g->n_inputs);
	for (uint32_t i = 0; i < g->n_inputs; i++)
		put_id(b, g->inputs[i]);
	buf_u32(b, g->n_outputs);
	for (uint32_t i = 0; i < g->n_outputs; i++)
		put_id(b, g->outputs[i]);
	return good;
}

/* ---- reading ---- */

struct reader {
	struct span in;
	size_t at;
	struct ir_graph *g;
	stream_bytes_fn *bytes;
	void *ctx;
};

static struct status bad(const struct reader *r, const char *what)
{
	return FAIL(CORRUPT, "the graph at byte %zu of its section: %s", r->at, what);
}

static struct status no_memory(void)
{
	return FAIL(NO_MEMORY, "no memory to read a graph");
}

static struct status get_u32(struct reader *r, uint32_t *v)
{
	if (r->in.n - r->at < 4)
		return bad(r, "it ends too early");
	memcpy(v, r->in.p + r->at, 4);
	r->at += 4;
	return STATUS_GOOD;
}

static struct status get_u64(struct reader *r, uint64_t *v)
{
	if (r->in.n - r->at < 8)
		return bad(r, "it ends too early");
	memcpy(v, r->in.p + r->at, 8);
	r->at += 8;
	return STATUS_GOOD;
}

/* A number below `limit`. */
static struct status get_below(struct reader *r, uint32_t limit, uint32_t *v)
{
	TRY(get_u32(r, v));
	return *v < limit ? STATUS_GOOD : bad(r, "a number is out of range");
}

/* A count of records of at least `least` bytes each, so it cannot ask for more memory than the
 * input has. */
static struct status get_count(struct reader *r, uint32_t limit, size_t least, uint32_t *v)
{
	TRY(get_u32(r, v));
	if (*v > limit || *v > (r->in.n - r->at) / least)
		return bad(r, "a count is larger than what follows, or than the limit");
	return STATUS_GOOD;
}

/* Points into the input. */
static struct status get_str(struct reader *r, struct str *s)
{
	uint32_t n;
	TRY(get_count(r, LIMIT_ONNX_NAME_BYTES, 1, &n));
	*s = (struct str){(const char *)r->in.p + r->at, n};
	r->at += n;
	return STATUS_GOOD;
}

static struct status get_value(struct reader *r, struct ir_value *v)
{
	uint32_t dtype, rank, layout, constant, section;
	uint64_t k, offset, bytes;
	TRY(get_str(r, &v->name));
	TRY(get_below(r, DTYPE_COUNT, &dtype));
	TRY(get_u32(r, &rank));
	TRY(get_below(r, LAYOUT_PACKED + 1, &layout));
	if (rank > IR_RANK_MAX)
		return bad(r, "a rank is out of range");
	v->dtype = (enum dtype)dtype;
	v->rank = (int32_t)rank;
	v->layout = (enum ir_layout)layout;
	for (uint32_t i = 0; i < rank; i++) {
		TRY(get_u64(r, &k));
		TRY(get_below(r, r->g->n_symbols, &v->dims[i].sym));
		v->dims[i].k = (int64_t)k;
	}
	TRY(get_below(r, 2, &constant));
	if (!constant)
		return STATUS_GOOD;
	TRY(get_u32(r, &section));
	TRY(get_u64(r, &offset));
	TRY(get_u64(r, &bytes));
	v->data = r->bytes(r->ctx, (struct stream_place){section, offset}, bytes);
	v->data_bytes = bytes;
	return v->data ? STATUS_GOOD : bad(r, "a constant lies outside its section");
}

static struct status get_id(struct reader *r, struct ir_value **out)
{
	uint32_t id;
	TRY(get_u32(r, &id));
	if (id != NONE && id >= r->g->n_values)
		return bad(r, "a value's number is out of range");
	*out = id == NONE ? 0 : r->g->values[id];
	return STATUS_GOOD;
}

static struct status get_ints(struct reader *r, struct ir_attr *a)
{
	uint32_t n;
	uint64_t v;
	TRY(get_count(r, LIMIT_GRAPH_CONTENT, 8, &n));
	int64_t *p = ARENA_ARRAY(r->g->arena, (size_t)n + 1, int64_t);
	if (!p)
		return no_memory();
	for (uint32_t i = 0; i < n; i++) {
		TRY(get_u64(r, &v));
		p[i] = (int64_t)v;
	}
	a->ints.p = p;
	a->ints.n = n;
	return STATUS_GOOD;
}

static struct status get_attr(struct reader *r, struct ir_attr *a)
{
	uint32_t id, u;
	uint64_t v;
	TRY(get_below(r, ATTR_COUNT, &id));
	a->id = (enum attr)id;
	switch (attr_kind(a->id)) {
	case ATTR_INT:
		TRY(get_u64(r, &v));
		a->i = (int64_t)v;
		return STATUS_GOOD;
	case ATTR_FLOAT:
		TRY(get_u32(r, &u));
		memcpy(&a->f, &u, sizeof u);
		return STATUS_GOOD;
	case ATTR_INTS:
		return get_ints(r, a);
	case ATTR_FLOATS:
		return bad(r, "a list of floats, which no operator has");
	case ATTR_STRING:
		return get_str(r, &a->s);
	case ATTR_TENSOR:
		a->t = ARENA_NEW(r->g->arena, struct ir_value);
		if (!a->t)
			return no_memory();
		TRY(get_value(r, a->t));
		return a->t->data ? STATUS_GOOD : bad(r, "an attribute tensor has no content");
	}
	UNREACHABLE();
}

static struct status get_node(struct reader *r)
{
	uint32_t op, n_in, n_out, n_attrs;
	struct str name;
	TRY(get_below(r, OP_COUNT, &op));
	TRY(get_str(r, &name));
	TRY(get_count(r, LIMIT_ONNX_NODE_IO, 4, &n_in));
	TRY(get_count(r, LIMIT_ONNX_NODE_IO, 4, &n_out));
	TRY(get_count(r, ATTR_COUNT, 8, &n_attrs));
	struct ir_node *n = ir_node_new(r->g, (enum op)op, name, n_in, n_out);
	struct ir_attr *attrs = ARENA_ARRAY(r->g->arena, (size_t)n_attrs + 1, struct ir_attr);
	if (!n || !attrs)
		return no_memory();
	for (uint32_t i = 0; i < n_in; i++)
		TRY(get_id(r, &n->in[i]));
	for (uint32_t i = 0; i < n_out; i++) {
		TRY(get_id(r, &n->out[i]));
		if (n->out[i] && (n->out[i]->producer || n->out[i]->data))
			return bad(r, "a value has two makers");
		if (n->out[i])
			n->out[i]->producer = n;
	}
	for (uint32_t i = 0; i < n_attrs; i++)
		TRY(get_attr(r, &attrs[i]));
	n->attrs = attrs;
	n->n_attrs = n_attrs;
	return STATUS_GOOD;
}

static struct status get_symbols(struct reader *r)
{
	uint32_t n, derived;
	struct str name;
	TRY(get_count(r, IR_SYMBOLS_MAX, 1, &n));
	for (uint32_t i = 1; i < n; i++) {
		TRY(get_str(r, &name));
		TRY(get_below(r, 2, &derived));
		uint32_t s = derived ? ir_symbol_fresh(r->g) : ir_symbol(r->g, name);
		if (s != i)
			return bad(r, "a symbol is there twice, or there are too many");
	}
	return get_below(r, n ? n : 1, &r->g->batch_sym);
}

static struct status get_body(struct reader *r)
{
	uint32_t n;
	TRY(get_str(r, &r->g->name));
	TRY(get_symbols(r));
	TRY(get_count(r, LIMIT_GRAPH_VALUES, 20, &n));
	for (uint32_t i = 0; i < n; i++) {
		struct ir_value *v = ir_value_new(r->g, STR_NONE);
		if (!v)
			return no_memory();
		TRY(get_value(r, v));
	}
	TRY(get_count(r, LIMIT_GRAPH_NODES, 20, &n));
	for (uint32_t i = 0; i < n; i++)
		TRY(get_node(r));
	for (int side = 0; side < 2; side++) {
		TRY(get_count(r, LIMIT_GRAPH_IO, 4, &n));
		for (uint32_t i = 0; i < n; i++) {
			struct ir_value *v;
			TRY(get_id(r, &v));
			if (!v)
				return bad(r, "an input or output of the graph is absent");
			if (!(side ? ir_add_output(r->g, v) : ir_add_input(r->g, v)))
				return no_memory();
		}
	}
	return r->at == r->in.n ? STATUS_GOOD : bad(r, "there is more after its end");
}

struct status stream_read(struct span in, stream_bytes_fn *bytes, void *ctx, struct arena *a, struct ir_graph **out)
{
	struct reader r = {in, 0, ir_graph_new(a), bytes, ctx};
	if (!r.g)
		return no_memory();
	TRY(get_body(&r));
	TRY(ir_verify(r.g));
	*out = r.g;
	return STATUS_GOOD;
}
