/* Channels-last storage for the parts of a graph that run faster so.
 *
 * A convolution wants its image channels-last; other operators that the backend can run on such
 * values join when an input already is. At the borders a layout node is inserted, once for each
 * value. The input of a first convolution with few channels stays plain: the backend reads it in
 * place. Dims always read N, C, spatial; only storage changes. Outputs of the graph are plain.
 */
#include "pass/pass_priv.h"

#include "base/panic.h"

enum { PLANAR_CHANNELS_MAX = 4 };

/* For each value by id, its twin in the other layout once that was made. */
struct twins { struct ir_graph *g; struct ir_value **of; uint32_t n; uint32_t *changes; };

static struct status twin(struct twins *t, struct ir_value *v, struct ir_value **out)
{
	CHECK(v->id < t->n);
	if (!t->of[v->id]) {
		enum op op = v->layout == LAYOUT_PLAIN ? OP_TO_CHANNELS_LAST : OP_TO_CHANNELS_FIRST;
		struct ir_node *n = ir_node_new(t->g, op, v->name, 1, 1);
		struct ir_value *w = n ? ir_value_new(t->g, v->name) : 0;
		if (!w)
			return FAIL(NO_MEMORY, "no memory for the layout of %.*s", STR_ARG(v->name));
		n->in[0] = v;
		ir_node_output(n, 0, w);
		TRY(ir_infer_node(t->g, n));
		t->of[v->id] = w;
		++*t->changes;
	}
	*out = t->of[v->id];
	return STATUS_GOOD;
}

/* Whether a channels-last form of v is there already. */
static bool is_last(const struct twins *t, const struct ir_value *v)
{
	return v && v->rank == 4 && (v->layout == LAYOUT_CHANNELS_LAST || (v->id < t->n && t->of[v->id] &&
	                             t->of[v->id]->layout == LAYOUT_CHANNELS_LAST));
}

static bool wants(const struct twins *t, const struct ir_node *n, const struct pass_context *c)
{
	bool any = n->op == OP_CONV || n->op == OP_CONV_TRANSPOSE;
	for (uint32_t i = 0; i < n->n_in; i++)
		any = any || is_last(t, n->in[i]);
	return any && n->out[0] && n->out[0]->rank == 4 && c->channels_last(t->g, n);
}

static bool stays_plain(const struct twins *t, const struct ir_node *n, uint32_t i)
{
	const struct ir_value *v = n->in[i];
	return n->op == OP_CONV && i == 0 && v->layout == LAYOUT_PLAIN && !is_last(t, v) &&
	       dim_known(v->dims[1]) && v->dims[1].k <= PLANAR_CHANNELS_MAX &&
	       ir_attr_int(n, ATTR_ID_GROUP, 1) == 1;
}

static struct status convert_node(struct twins *t, struct ir_node *n, bool last)
{
	for (uint32_t i = 0; i < n->n_in; i++) {
		struct ir_value *v = n->in[i];
		if (!v || v->data || v->rank != 4 || v->layout == LAYOUT_PACKED)
			continue;
		if (last && v->layout == LAYOUT_PLAIN && !stays_plain(t, n, i))
			TRY(twin(t, v, &n->in[i]));
		if (!last && v->layout == LAYOUT_CHANNELS_LAST)
			TRY(twin(t, v, &n->in[i]));
	}
	for (uint32_t i = 0; last && i < n->n_out; i++)
		if (n->out[i] && n->out[i]->rank == 4)
			n->out[i]->layout = LAYOUT_CHANNELS_LAST;
	return STATUS_GOOD;
}

struct status pass__layout(struct ir_graph *g, const struct pass_context *c, uint32_t *changes)
{
	uint32_t n_nodes = g->n_nodes;
	struct twins t = {g, ARENA_ARRAY(g->arena, (size_t)g->n_values + 1, struct ir_value *), g->n_values, changes};
	if (!c->channels_last)
		return STATUS_GOOD;
	if (!t.of)
		return FAIL(NO_MEMORY, "no memory for layouts");
	for (uint32_t i = 0; i < n_nodes; i++) {
		struct ir_node *n = g->nodes[i];
		if (n->op == OP_TO_CHANNELS_FIRST || n->op == OP_TO_CHANNELS_LAST)
			continue;
		TRY(convert_node(&t, n, wants(&t, n, c)));
	}
	for (uint32_t i = 0; i < g->n_outputs; i++) {
		struct ir_value *v = g->outputs[i];
		if (v->layout != LAYOUT_CHANNELS_LAST)
			continue;
		TRY(twin(&t, v, &g->outputs[i]));
		g->outputs[i]->name = v->name;
	}
	return STATUS_GOOD;
}
