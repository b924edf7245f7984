/* Common subexpressions: two nodes with the same operator, attributes and inputs are one.
 *
 * Nodes are compared with earlier ones through a table keyed by operator and inputs, so the
 * pass is linear. Attributes are compared in full. Constants are equal when they are the same
 * value: exporters that share weights point at one initialiser, and comparing contents would read
 * all weights.
 */
#include "pass/pass_priv.h"

#include "base/map.h"
#include "base/panic.h"

static bool attr_eq(const struct ir_attr *a, const struct ir_attr *b)
{
	if (a->id != b->id)
		return false;
	switch (attr_kind(a->id)) {
	case ATTR_INT:
		return a->i == b->i;
	case ATTR_FLOAT:
		return memcmp(&a->f, &b->f, sizeof a->f) == 0;
	case ATTR_INTS:
		return a->ints.n == b->ints.n &&
		       (!a->ints.n || memcmp(a->ints.p, b->ints.p, a->ints.n * sizeof *a->ints.p) == 0);
	case ATTR_STRING:
		return str_eq(a->s, b->s);
	case ATTR_TENSOR:
		return a->t == b->t;
	case ATTR_FLOATS:
		return false;
	}
	UNREACHABLE();
}

static bool same_attrs(const struct ir_node *a, const struct ir_node *b)
{
	if (a->n_attrs != b->n_attrs)
		return false;
	for (uint32_t i = 0; i < a->n_attrs; i++)
		if (!attr_eq(&a->attrs[i], &b->attrs[i]))
			return false;
	return true;
}

/* Operator, inputs and number of outputs as bytes. */
static struct str key(struct arena *a, const struct ir_node *n)
{
	size_t bytes = (2 + (size_t)n->n_in) * sizeof(uint64_t);
	uint64_t *k = arena_alloc(a, bytes, 8);
	if (!k)
		return STR_NONE;
	k[0] = n->op;
	k[1] = n->n_out;
	for (uint32_t i = 0; i < n->n_in; i++)
		k[2 + i] = (uint64_t)(uintptr_t)n->in[i];
	return (struct str){(const char *)k, bytes};
}

static bool mergeable(const struct ir_graph *g, const struct ir_node *n)
{
	for (uint32_t i = 0; i < n->n_out; i++)
		if (n->out[i] && ir_is_output(g, n->out[i]))
			return false;
	return !n->dead;
}

struct status pass__cse(struct ir_graph *g, const struct pass_context *c, uint32_t *changes)
{
	struct map seen;
	(void)c;
	map_init(&seen, g->arena);
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		struct ir_node *n = g->nodes[i], *first;
		if (!mergeable(g, n))
			continue;
		struct str k = key(g->arena, n);
		if (!k.p)
			return FAIL(NO_MEMORY, "no memory to compare nodes");
		first = map_get(&seen, k);
		if (!first || !same_attrs(first, n)) {
			if (!map_put(&seen, k, n))
				return FAIL(NO_MEMORY, "no memory to compare nodes");
			continue;
		}
		bool all = true;
		for (uint32_t o = 0; o < n->n_out; o++)
			all = all && (!n->out[o] || first->out[o]);
		for (uint32_t o = 0; all && o < n->n_out; o++)
			if (n->out[o])
				CHECK(pass__forward(g, n->out[o], first->out[o]));
		n->dead = all;
		*changes += all;
	}
	return STATUS_GOOD;
}
