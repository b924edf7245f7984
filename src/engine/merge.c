/* Whether requests of a model may share a run without anyone being able to tell.
 *
 * They may when every node works on each entry of the batch alone and computes it in the same way
 * whatever the others are: then the answers are the same to the last bit. Only nodes that are known
 * to be so count, by operator and by where the batch lies in their tensors; anything else makes the
 * answer no. That kernels keep the order of sums is their part (backend/cpu/gemm.c says so).
 */
#include "engine/engine_priv.h"

#include "base/panic.h"

/* Whether the batch is the first dimension of v, once, and no other depends on it. */
static bool leads(const struct ir_graph *g, const struct ir_value *v)
{
	if (v->rank < 1 || v->dims[0].sym != g->batch_sym || v->dims[0].k != 1)
		return false;
	for (int32_t i = 1; i < v->rank; i++)
		if (!dim_known(v->dims[i]))
			return false;
	return true;
}

/* A constant that is the same for every entry of an output of this rank. */
static bool shared(const struct ir_value *v, int32_t rank)
{
	return v->data && (v->rank < rank || (v->rank == rank && dim_eq(v->dims[0], DIM(1))));
}

static bool inputs_fit(const struct ir_graph *g, const struct ir_node *n, uint32_t from)
{
	int32_t rank = n->out[0]->rank;
	for (uint32_t i = from; i < n->n_in; i++) {
		const struct ir_value *v = n->in[i];
		if (v && !shared(v, rank) && !(leads(g, v) && v->rank == rank))
			return false;
	}
	return true;
}

static bool alone(const struct ir_graph *g, const struct ir_node *n)
{
	const struct ir_value *out = n->out[0];
	if (n->n_out != 1 || !leads(g, out))
		return false;
	if (op_info(n->op)->flags & OPF_ELEMENTWISE)
		return inputs_fit(g, n, 0);
	switch (n->op) {
	case OP_GEMM:
		return !ir_attr_int(n, ATTR_ID_TRANS_A, 0) && leads(g, n->in[0]) && n->in[1]->data &&
		       inputs_fit(g, n, 2);
	case OP_MAT_MUL:
		return leads(g, n->in[0]) && n->in[1]->data && inputs_fit(g, n, 2);
	case OP_FLATTEN:
	case OP_RESHAPE:
	case OP_SQUEEZE:
	case OP_UNSQUEEZE:
		return leads(g, n->in[0]) && (n->n_in < 2 || !n->in[1] || n->in[1]->data);
	case OP_SOFTMAX:
	case OP_LOG_SOFTMAX: {
		int64_t axis = ir_attr_int(n, ATTR_ID_AXIS, -1);
		return leads(g, n->in[0]) && axis != 0 && axis != -(int64_t)out->rank;
	}
	default:
		return false;
	}
}

bool model_merges(const struct model *m)
{
	const struct ir_graph *g = 0;
	CHECK_MAGIC(m, MODEL_MAGIC);
	/* the general variant is there from the start and stays; others come and go */
	for (const struct variant *v = m->variants; v; v = v->next)
		if (!v->key_bytes)
			g = v->graph;
	if (!g || !m->batched || !g->batch_sym)
		return false;
	for (uint32_t i = 0; i < m->n_inputs; i++)
		if (!leads(g, g->inputs[i]) || !dtype_bytes(m->inputs[i].dtype) || m->inputs[i].optional)
			return false;
	for (uint32_t i = 0; i < m->n_outputs; i++)
		if (!leads(g, g->outputs[i]) || !dtype_bytes(m->outputs[i].dtype))
			return false;
	for (uint32_t i = 0; i < g->n_nodes; i++)
		if (!alone(g, g->nodes[i]))
			return false;
	return true;
}
