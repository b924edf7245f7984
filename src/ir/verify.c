/* The rules that every graph keeps between passes.
 *
 * ids are positions; each operator has as many inputs and outputs as ops.def allows; each value
 * has one maker; inputs come before uses; after inference types and ranks are known; constants
 * have the bytes that their shape says. A plan file is hostile input that ends up here, so nothing
 * is assumed but that pointers are valid. Reads only.
 */
#include "ir/ir.h"

#include "base/mem.h"
#include "base/panic.h"

static struct status bad(const struct ir_node *n, const char *what)
{
	return FAIL(CORRUPT, "node %.*s (%s): %s", STR_ARG(n->name), op_info(n->op)->text, what);
}

static struct status constant_fits(const struct ir_graph *g, const struct ir_value *v)
{
	int64_t count;
	size_t bytes;
	char text[256];
	if (!v->data)
		return STATUS_GOOD;
	if (v->producer)
		return FAIL(CORRUPT, "value %.*s is a constant and made by a node", STR_ARG(v->name));
	if (!ir_value_static(v) || !ir_value_elements(v, 1, &count) || count < 0)
		return FAIL(CORRUPT, "constant %s has no size", ir_value_text(g, v, text, sizeof text));
	if (v->dtype == DTYPE_BYTES)
		return STATUS_GOOD;
	if (!mem_mul((size_t)count, dtype_bytes(v->dtype), &bytes) || bytes != v->data_bytes)
		return FAIL(CORRUPT, "constant %s holds %zu bytes, which is not its size",
		            ir_value_text(g, v, text, sizeof text), v->data_bytes);
	return STATUS_GOOD;
}

static struct status value_fits(const struct ir_graph *g, const struct ir_value *v, uint32_t i)
{
	if (!v || v->id != i)
		return FAIL(CORRUPT, "value %u of the graph is out of place", i);
	if ((unsigned)v->dtype >= DTYPE_COUNT || v->rank > IR_RANK_MAX || v->rank < IR_RANK_UNKNOWN)
		return FAIL(CORRUPT, "value %.*s has type %d and rank %d", STR_ARG(v->name), (int)v->dtype,
		            v->rank);
	if ((unsigned)v->layout > LAYOUT_PACKED)
		return FAIL(CORRUPT, "value %.*s has the unknown layout %d", STR_ARG(v->name), (int)v->layout);
	for (int32_t k = 0; k < v->rank; k++)
		if (v->dims[k].sym >= g->n_symbols || v->dims[k].k < 0 || (v->dims[k].sym && !v->dims[k].k))
			return FAIL(CORRUPT, "value %.*s: dimension %d is malformed", STR_ARG(v->name), k);
	return constant_fits(g, v);
}

static bool in_graph(const struct ir_graph *g, const struct ir_value *v)
{
	return v->id < g->n_values && g->values[v->id] == v;
}

static struct status node_fits(const struct ir_graph *g, const struct ir_node *n, uint32_t at)
{
	if (!n || n->id != at || (unsigned)n->op >= OP_COUNT)
		return FAIL(CORRUPT, "node %u of the graph is out of place", at);
	const struct op_info *info = op_info(n->op);
	if (n->n_in < info->in_min || (info->in_max != 255 && n->n_in > info->in_max))
		return bad(n, "the number of its inputs is not one that the operator takes");
	if (n->n_out < info->out_min || (info->out_max != 255 && n->n_out > info->out_max))
		return bad(n, "the number of its outputs is not one that the operator has");
	for (uint32_t i = 0; i < n->n_in; i++) {
		const struct ir_value *v = n->in[i];
		if (!v && i < info->in_min && info->in_max != 255)
			return bad(n, "a required input is absent");
		if (v && !in_graph(g, v))
			return bad(n, "an input is not a value of the graph");
		if (v && v->producer && v->producer->id >= at)
			return bad(n, "an input is made after it is used");
	}
	for (uint32_t i = 0; i < n->n_out; i++)
		if (n->out[i] && (!in_graph(g, n->out[i]) || n->out[i]->producer != n || n->out[i]->data))
			return bad(n, "an output has another maker");
	for (uint32_t i = 0; i < n->n_attrs; i++)
		if ((unsigned)n->attrs[i].id >= ATTR_COUNT)
			return bad(n, "an attribute is unknown");
	return STATUS_GOOD;
}

struct status ir_verify(const struct ir_graph *g)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	if (g->batch_sym >= g->n_symbols)
		return FAIL(CORRUPT, "the batch symbol %u does not exist", g->batch_sym);
	for (uint32_t i = 0; i < g->n_values; i++)
		TRY(value_fits(g, g->values[i], i));
	for (uint32_t i = 0; i < g->n_nodes; i++)
		TRY(node_fits(g, g->nodes[i], i));
	for (uint32_t i = 0; i < g->n_values; i++) {
		const struct ir_node *p = g->values[i]->producer;
		if (p && (p->id >= g->n_nodes || g->nodes[p->id] != p))
			return FAIL(CORRUPT, "value %.*s is made by a node that is not in the graph",
			            STR_ARG(g->values[i]->name));
	}
	for (uint32_t i = 0; i < g->n_inputs; i++)
		if (!in_graph(g, g->inputs[i]) || g->inputs[i]->producer)
			return FAIL(CORRUPT, "input %u of the graph is malformed", i);
	for (uint32_t i = 0; i < g->n_outputs; i++)
		if (!in_graph(g, g->outputs[i]))
			return FAIL(CORRUPT, "output %u of the graph is malformed", i);
	return STATUS_GOOD;
}
