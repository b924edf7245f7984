/* Building graphs: values, nodes, inputs, outputs, symbols, attributes.
 *
 * Everything is taken from the graph's arena and never given back, so a builder frees nothing
 * and a failed build is dropped with the arena. Arrays of pointers grow by doubling up to the
 * limits in limits.def. One thread builds a graph. What is valid is verify.c's matter: building
 * only keeps ids in step with positions.
 */
#include "ir/ir.h"

#include "base/limits.h"
#include "base/panic.h"

struct ir_graph *ir_graph_new(struct arena *a)
{
	struct ir_graph *g = ARENA_NEW(a, struct ir_graph);
	if (!g)
		return 0;
	g->magic = IR_GRAPH_MAGIC;
	g->arena = a;
	if (!ARENA_GROW(a, g->symbols, 0, g->cap_symbols, IR_SYMBOLS_MAX))
		return 0;
	g->symbols[0] = (struct ir_symbol){0};
	g->n_symbols = 1;
	return g;
}

struct ir_value *ir_value_new(struct ir_graph *g, struct str name)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	if (!ARENA_GROW(g->arena, g->values, g->n_values, g->cap_values, LIMIT_GRAPH_VALUES))
		return 0;
	struct ir_value *v = ARENA_NEW(g->arena, struct ir_value);
	if (!v)
		return 0;
	v->id = g->n_values;
	v->name = name;
	v->rank = IR_RANK_UNKNOWN;
	g->values[g->n_values++] = v;
	return v;
}

struct ir_value *ir_const(struct ir_graph *g, struct str name, enum dtype dtype, uint32_t rank,
                          const int64_t *dims, const void *data, size_t data_bytes)
{
	CHECK(rank <= IR_RANK_MAX && (data || !data_bytes));
	struct ir_value *v = ir_value_new(g, name);
	if (!v)
		return 0;
	v->dtype = dtype;
	v->rank = (int32_t)rank;
	for (uint32_t i = 0; i < rank; i++)
		v->dims[i] = DIM(dims[i]);
	v->data = data ? data : "";
	v->data_bytes = data_bytes;
	return v;
}

struct ir_node *ir_node_new(struct ir_graph *g, enum op op, struct str name, uint32_t n_in,
                            uint32_t n_out)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	CHECK((unsigned)op < OP_COUNT);
	if (!ARENA_GROW(g->arena, g->nodes, g->n_nodes, g->cap_nodes, LIMIT_GRAPH_NODES))
		return 0;
	struct ir_node *n = ARENA_NEW(g->arena, struct ir_node);
	struct ir_value **io = ARENA_ARRAY(g->arena, (size_t)n_in + n_out + 1, struct ir_value *);
	if (!n || !io)
		return 0;
	n->id = g->n_nodes;
	n->op = op;
	n->name = name;
	n->in = io;
	n->n_in = n_in;
	n->out = io + n_in;
	n->n_out = n_out;
	g->nodes[g->n_nodes++] = n;
	return n;
}

void ir_node_output(struct ir_node *n, uint32_t i, struct ir_value *v)
{
	CHECK(i < n->n_out && v && !v->data);
	n->out[i] = v;
	v->producer = n;
}

bool ir_add_input(struct ir_graph *g, struct ir_value *v)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	if (!ARENA_GROW(g->arena, g->inputs, g->n_inputs, g->cap_inputs, LIMIT_GRAPH_IO))
		return false;
	g->inputs[g->n_inputs++] = v;
	return true;
}

bool ir_add_output(struct ir_graph *g, struct ir_value *v)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	if (!ARENA_GROW(g->arena, g->outputs, g->n_outputs, g->cap_outputs, LIMIT_GRAPH_IO))
		return false;
	g->outputs[g->n_outputs++] = v;
	return true;
}

static uint32_t symbol_add(struct ir_graph *g, struct ir_symbol s)
{
	if (!ARENA_GROW(g->arena, g->symbols, g->n_symbols, g->cap_symbols, IR_SYMBOLS_MAX))
		return 0;
	g->symbols[g->n_symbols] = s;
	return g->n_symbols++;
}

uint32_t ir_symbol(struct ir_graph *g, struct str name)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	for (uint32_t i = 1; i < g->n_symbols; i++)
		if (!g->symbols[i].derived && str_eq(g->symbols[i].name, name))
			return i;
	return symbol_add(g, (struct ir_symbol){name, false});
}

uint32_t ir_symbol_fresh(struct ir_graph *g)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	return symbol_add(g, (struct ir_symbol){STR("?"), true});
}

/* ---- attributes ---- */

const struct ir_attr *ir_attr(const struct ir_node *n, enum attr id)
{
	for (uint32_t i = 0; i < n->n_attrs; i++)
		if (n->attrs[i].id == id)
			return &n->attrs[i];
	return 0;
}

int64_t ir_attr_int(const struct ir_node *n, enum attr id, int64_t otherwise)
{
	const struct ir_attr *a = ir_attr(n, id);
	CHECK(attr_kind(id) == ATTR_INT);
	return a ? a->i : otherwise;
}

float ir_attr_float(const struct ir_node *n, enum attr id, float otherwise)
{
	const struct ir_attr *a = ir_attr(n, id);
	CHECK(attr_kind(id) == ATTR_FLOAT);
	return a ? a->f : otherwise;
}

struct str ir_attr_str(const struct ir_node *n, enum attr id, struct str otherwise)
{
	const struct ir_attr *a = ir_attr(n, id);
	CHECK(attr_kind(id) == ATTR_STRING);
	return a ? a->s : otherwise;
}

uint32_t ir_attr_ints(const struct ir_node *n, enum attr id, int64_t *out, uint32_t max)
{
	const struct ir_attr *a = ir_attr(n, id);
	CHECK(attr_kind(id) == ATTR_INTS);
	for (uint32_t i = 0; a && i < a->ints.n && i < max; i++)
		out[i] = a->ints.p[i];
	return a ? a->ints.n : 0;
}

/* The attribute's place: its own if the node has it, else a new one. NULL: out of memory. */
static struct ir_attr *slot(struct ir_graph *g, struct ir_node *n, enum attr id)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	struct ir_attr *have = (struct ir_attr *)ir_attr(n, id);
	if (have)
		return have;
	struct ir_attr *more = ARENA_ARRAY(g->arena, (size_t)n->n_attrs + 1, struct ir_attr);
	if (!more)
		return 0;
	if (n->n_attrs)
		memcpy(more, n->attrs, n->n_attrs * sizeof *more);
	more[n->n_attrs].id = id;
	n->attrs = more;
	return &more[n->n_attrs++];
}

bool ir_set_int(struct ir_graph *g, struct ir_node *n, enum attr id, int64_t v)
{
	struct ir_attr *a = slot(g, n, id);
	CHECK(attr_kind(id) == ATTR_INT);
	if (a)
		a->i = v;
	return a != 0;
}

bool ir_set_float(struct ir_graph *g, struct ir_node *n, enum attr id, float v)
{
	struct ir_attr *a = slot(g, n, id);
	CHECK(attr_kind(id) == ATTR_FLOAT);
	if (a)
		a->f = v;
	return a != 0;
}

bool ir_set_ints(struct ir_graph *g, struct ir_node *n, enum attr id, const int64_t *p, uint32_t k)
{
	CHECK(attr_kind(id) == ATTR_INTS);
	int64_t *copy = ARENA_ARRAY(g->arena, (size_t)k + 1, int64_t);
	struct ir_attr *a = copy ? slot(g, n, id) : 0;
	if (!a)
		return false;
	if (k)
		memcpy(copy, p, k * sizeof *p);
	a->ints.p = copy;
	a->ints.n = k;
	return true;
}

bool ir_set_str(struct ir_graph *g, struct ir_node *n, enum attr id, struct str s)
{
	CHECK(attr_kind(id) == ATTR_STRING);
	struct str copy = arena_str(g->arena, s);
	struct ir_attr *a = copy.p ? slot(g, n, id) : 0;
	if (a)
		a->s = copy;
	return a != 0;
}

bool ir_set_tensor(struct ir_graph *g, struct ir_node *n, enum attr id, struct ir_value *t)
{
	struct ir_attr *a = slot(g, n, id);
	CHECK(attr_kind(id) == ATTR_TENSOR && t && t->data);
	if (a)
		a->t = t;
	return a != 0;
}
