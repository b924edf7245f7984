/* Constant folding: what can be computed before the first request is computed once.
 *
 * Two ways. Contents that inference knows as numbers, such as a Shape of a fixed dimension,
 * become constants directly. Nodes whose inputs are all constant are run by the context's fold
 * function, which is the reference backend. A fold that is not possible leaves the node as it is.
 * Outputs of the graph are left alone: they must be made by somebody at run time.
 */
#include "pass/pass_priv.h"

#include "base/panic.h"

/* Known integer content as bytes of the value's type; false: not known, or another type. */
static bool from_content(struct ir_graph *g, struct ir_value *v, bool *full)
{
	if (!v->content || (v->dtype != DTYPE_INT64 && v->dtype != DTYPE_INT32) || !ir_value_static(v))
		return false;
	size_t each = dtype_bytes(v->dtype);
	int64_t count;
	if (!ir_value_elements(v, 1, &count) || count != (int64_t)v->content_n)
		return false;
	for (uint32_t i = 0; i < v->content_n; i++)
		if (!dim_known(v->content[i]))
			return false;
	uint8_t *p = arena_alloc(g->arena, v->content_n * each + 1, 16);
	*full = p == 0;
	if (!p)
		return false;
	for (uint32_t i = 0; i < v->content_n; i++)
		memcpy(p + i * each, &v->content[i].k, each); /* little-endian: the low bytes come first */
	v->data = p;
	v->data_bytes = v->content_n * each;
	return true;
}

static bool all_constant(const struct ir_node *n)
{
	bool any = false;
	for (uint32_t i = 0; i < n->n_in; i++) {
		if (n->in[i] && !n->in[i]->data)
			return false;
		any = any || n->in[i];
	}
	return any;
}

static bool makes_output(const struct ir_graph *g, const struct ir_node *n)
{
	for (uint32_t i = 0; i < n->n_out; i++)
		if (n->out[i] && ir_is_output(g, n->out[i]))
			return true;
	return false;
}

static void detach(struct ir_node *n)
{
	for (uint32_t i = 0; i < n->n_out; i++)
		if (n->out[i])
			n->out[i]->producer = 0;
	n->dead = true;
}

struct status pass__fold(struct ir_graph *g, const struct pass_context *c, uint32_t *changes)
{
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		struct ir_node *n = g->nodes[i];
		bool no_memory = false;
		if (n->dead || makes_output(g, n))
			continue;
		if (n->n_out == 1 && n->out[0] && from_content(g, n->out[0], &no_memory)) {
			detach(n);
			++*changes;
			continue;
		}
		if (no_memory)
			return FAIL(NO_MEMORY, "no memory to fold node %.*s", STR_ARG(n->name));
		if (!c->fold || !all_constant(n))
			continue;
		struct status st = c->fold(g, n, g->arena);
		if (st.code == STATUS_UNSUPPORTED)
			continue;
		if (st.code)
			return st;
		detach(n);
		++*changes;
	}
	return STATUS_GOOD;
}
