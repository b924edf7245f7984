/* Changing graphs: redirecting uses, dropping what is dead, ordering, copying with symbols bound.
 *
 * Passes mark and redirect; ir_compact then does the housekeeping once: it walks from the
 * outputs, keeps what they need, in an order in which inputs come before uses, and renumbers. The
 * walk has its own stack, so a deep graph cannot exhaust ours. A copy shares the contents of
 * constants, which are immutable. Memory comes from the graph's arena and is not given back.
 */
#include "ir/ir.h"

#include "base/panic.h"

void ir_replace(struct ir_graph *g, struct ir_value *from, struct ir_value *to)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	CHECK(from && to && from != to);
	for (uint32_t i = 0; i < g->n_nodes; i++)
		for (uint32_t k = 0; !g->nodes[i]->dead && k < g->nodes[i]->n_in; k++)
			if (g->nodes[i]->in[k] == from)
				g->nodes[i]->in[k] = to;
	for (uint32_t i = 0; i < g->n_outputs; i++)
		if (g->outputs[i] == from)
			g->outputs[i] = to;
}

enum mark { UNSEEN, OPEN, DONE };
struct frame { struct ir_node *node; uint32_t next; };
struct walk { struct ir_graph *g; uint8_t *marks; struct frame *stack; struct ir_node **order; uint32_t n; };

/* Appends a node after all nodes that it needs. CORRUPT on a cycle. */
static struct status visit(struct walk *w, struct ir_node *root)
{
	uint32_t depth = 0;
	if (w->marks[root->id] == DONE)
		return STATUS_GOOD;
	w->stack[depth++] = (struct frame){root, 0};
	w->marks[root->id] = OPEN;
	while (depth) {
		struct frame *f = &w->stack[depth - 1];
		if (f->next == f->node->n_in) {
			w->marks[f->node->id] = DONE;
			w->order[w->n++] = f->node;
			depth--;
			continue;
		}
		const struct ir_value *v = f->node->in[f->next++];
		struct ir_node *p = v ? v->producer : 0;
		if (!p || w->marks[p->id] == DONE)
			continue;
		if (w->marks[p->id] == OPEN)
			return FAIL(CORRUPT, "node %.*s needs its own output: the graph has a cycle",
			            STR_ARG(p->name));
		CHECK(depth < w->g->n_nodes);
		w->marks[p->id] = OPEN;
		w->stack[depth++] = (struct frame){p, 0};
	}
	return STATUS_GOOD;
}

static void keep(struct ir_value **kept, uint32_t *n, struct ir_value *v)
{
	if (v && v->uses++ == 0) {
		v->id = *n;
		kept[(*n)++] = v;
	}
}

/* Renumbers nodes and values and counts uses; values that nothing touches are dropped, graph
 * inputs stay. */
static struct status renumber(struct ir_graph *g)
{
	struct ir_value **kept = ARENA_ARRAY(g->arena, (size_t)g->n_values + 1, struct ir_value *);
	uint32_t n = 0;
	if (!kept)
		return FAIL(NO_MEMORY, "no memory to tidy a graph of %u values", g->n_values);
	for (uint32_t i = 0; i < g->n_values; i++)
		g->values[i]->uses = 0;
	for (uint32_t i = 0; i < g->n_inputs; i++)
		keep(kept, &n, g->inputs[i]);
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		struct ir_node *node = g->nodes[i];
		node->id = i;
		for (uint32_t k = 0; k < node->n_in; k++)
			keep(kept, &n, node->in[k]);
		for (uint32_t k = 0; k < node->n_out; k++)
			keep(kept, &n, node->out[k]);
	}
	for (uint32_t i = 0; i < g->n_outputs; i++)
		keep(kept, &n, g->outputs[i]);
	/* being an input of the graph or an output of a node is no use */
	for (uint32_t i = 0; i < g->n_inputs; i++)
		g->inputs[i]->uses--;
	for (uint32_t i = 0; i < g->n_nodes; i++)
		for (uint32_t k = 0; k < g->nodes[i]->n_out; k++)
			if (g->nodes[i]->out[k])
				g->nodes[i]->out[k]->uses--;
	g->values = kept;
	g->cap_values = g->n_values + 1;
	g->n_values = n;
	return STATUS_GOOD;
}

struct status ir_compact(struct ir_graph *g)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	uint32_t n = g->n_nodes;
	struct walk w = {
		.g = g,
		.marks = ARENA_ARRAY(g->arena, (size_t)n + 1, uint8_t),
		.stack = ARENA_ARRAY(g->arena, (size_t)n + 1, struct frame),
		.order = ARENA_ARRAY(g->arena, (size_t)n + 1, struct ir_node *),
	};
	if (!w.marks || !w.stack || !w.order)
		return FAIL(NO_MEMORY, "no memory to tidy a graph of %u nodes", n);
	for (uint32_t i = 0; i < n; i++)
		g->nodes[i]->id = i;
	for (uint32_t i = 0; i < g->n_outputs; i++)
		if (g->outputs[i]->producer)
			TRY(visit(&w, g->outputs[i]->producer));
	for (uint32_t i = 0; i < w.n; i++)
		CHECK(!w.order[i]->dead);
	g->nodes = w.order;
	g->n_nodes = w.n;
	g->cap_nodes = n + 1;
	return renumber(g);
}

/* ---- copying ---- */

struct copy { const struct ir_graph *from; struct ir_graph *to; const int64_t *bound; struct ir_value **map; };

static struct status bind_dim(const struct copy *c, struct dim *d)
{
	if (!d->sym || c->bound[d->sym] < 0)
		return STATUS_GOOD;
	if (__builtin_mul_overflow(d->k, c->bound[d->sym], &d->k))
		return FAIL(LIMIT, "a dimension overflows when %.*s is %lld",
		            STR_ARG(c->from->symbols[d->sym].name), (long long)c->bound[d->sym]);
	d->sym = 0;
	return STATUS_GOOD;
}

static struct status copy_value(struct copy *c, const struct ir_value *v, struct ir_value **out)
{
	if (!v) {
		*out = 0;
		return STATUS_GOOD;
	}
	CHECK(v->id < c->from->n_values && c->from->values[v->id] == v);
	if (!c->map[v->id]) {
		struct str name = arena_str(c->to->arena, v->name);
		struct ir_value *w = name.p ? ir_value_new(c->to, name) : 0;
		if (!w)
			return FAIL(NO_MEMORY, "no memory to copy a graph");
		uint32_t id = w->id;
		*w = *v;
		w->id = id;
		w->name = name;
		w->producer = 0;
		w->content = 0; /* inference works it out again */
		w->content_n = 0;
		for (int32_t i = 0; i < w->rank; i++)
			TRY(bind_dim(c, &w->dims[i]));
		c->map[v->id] = w;
	}
	*out = c->map[v->id];
	return STATUS_GOOD;
}

static struct status copy_attr(struct copy *c, struct ir_node *n, const struct ir_attr *a)
{
	struct ir_value *t = 0;
	bool good = true;
	switch (attr_kind(a->id)) {
	case ATTR_INT:
		good = ir_set_int(c->to, n, a->id, a->i);
		break;
	case ATTR_FLOAT:
		good = ir_set_float(c->to, n, a->id, a->f);
		break;
	case ATTR_INTS:
		good = ir_set_ints(c->to, n, a->id, a->ints.p, a->ints.n);
		break;
	case ATTR_STRING:
		good = ir_set_str(c->to, n, a->id, a->s);
		break;
	case ATTR_TENSOR:
		/* attribute tensors stand outside the list of values */
		t = ir_value_new(c->to, a->t->name);
		if (t) {
			uint32_t id = t->id;
			*t = *a->t;
			t->id = id;
		}
		good = t && ir_set_tensor(c->to, n, a->id, t);
		break;
	case ATTR_FLOATS:
		return FAIL(UNSUPPORTED, "node %.*s: attribute %s is a list of floats, which nothing here uses",
		            STR_ARG(n->name), attr_text(a->id));
	}
	return good ? STATUS_GOOD : FAIL(NO_MEMORY, "no memory to copy a graph");
}

static struct status copy_node(struct copy *c, const struct ir_node *n)
{
	struct str name = arena_str(c->to->arena, n->name);
	struct ir_node *m = name.p ? ir_node_new(c->to, n->op, name, n->n_in, n->n_out) : 0;
	if (!m)
		return FAIL(NO_MEMORY, "no memory to copy a graph");
	for (uint32_t i = 0; i < n->n_in; i++)
		TRY(copy_value(c, n->in[i], &m->in[i]));
	for (uint32_t i = 0; i < n->n_out; i++) {
		TRY(copy_value(c, n->out[i], &m->out[i]));
		if (m->out[i])
			m->out[i]->producer = m;
	}
	for (uint32_t i = 0; i < n->n_attrs; i++)
		TRY(copy_attr(c, m, &n->attrs[i]));
	return STATUS_GOOD;
}

static struct status copy_symbols(struct copy *c)
{
	for (uint32_t i = 1; i < c->from->n_symbols; i++) {
		struct ir_symbol s = c->from->symbols[i];
		if (!ARENA_GROW(c->to->arena, c->to->symbols, c->to->n_symbols, c->to->cap_symbols,
		                IR_SYMBOLS_MAX))
			return FAIL(NO_MEMORY, "no memory to copy a graph");
		s.name = arena_str(c->to->arena, s.name);
		c->to->symbols[c->to->n_symbols++] = s;
	}
	uint32_t b = c->from->batch_sym;
	c->to->batch_sym = b && c->bound[b] < 0 ? b : 0;
	return STATUS_GOOD;
}

struct status ir_bind(const struct ir_graph *g, const int64_t *values, struct arena *a,
                      struct ir_graph **out)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	struct copy c = {g, ir_graph_new(a), values, ARENA_ARRAY(a, (size_t)g->n_values + 1, struct ir_value *)};
	struct ir_value *v;
	if (!c.to || !c.map)
		return FAIL(NO_MEMORY, "no memory to copy a graph");
	c.to->name = arena_str(a, g->name);
	TRY(copy_symbols(&c));
	for (uint32_t i = 0; i < g->n_inputs; i++) {
		TRY(copy_value(&c, g->inputs[i], &v));
		if (!ir_add_input(c.to, v))
			return FAIL(NO_MEMORY, "no memory to copy a graph");
	}
	for (uint32_t i = 0; i < g->n_nodes; i++)
		TRY(copy_node(&c, g->nodes[i]));
	for (uint32_t i = 0; i < g->n_outputs; i++) {
		TRY(copy_value(&c, g->outputs[i], &v));
		if (!ir_add_output(c.to, v))
			return FAIL(NO_MEMORY, "no memory to copy a graph");
	}
	TRY(ir_compact(c.to));
	*out = c.to;
	return STATUS_GOOD;
}
