/* Batch norms disappear into the convolution before them.
 *
 * y = gamma * (conv(x) - mean) / sqrt(var + eps) + beta is a convolution whose weights for
 * output channel o are scaled by s = gamma / sqrt(var + eps) and whose bias is (b - mean) * s +
 * beta (Jacob et al. 2018, section 3.2). Weights are rewritten into the graph's arena in double
 * and rounded once. Only FP32 convolutions with constant parameters and no other user are taken;
 * other batch norms stay nodes.
 */
#include "pass/pass_priv.h"

#include "base/panic.h"

#include <math.h>

static const float *constant(const struct ir_value *v, size_t n)
{
	return v && v->data && v->dtype == DTYPE_FP32 && v->data_bytes == n * sizeof(float) ? v->data : 0;
}

struct parts { const float *gamma, *beta, *mean, *var, *bias, *weight; size_t o, each; float eps; };

/* Everything the fold needs, or false. */
static bool match(const struct ir_graph *g, const struct ir_node *bn, struct parts *p)
{
	const struct ir_node *conv = bn->in[0]->producer;
	if (bn->op != OP_BATCH_NORM || !conv || conv->op != OP_CONV || !pass__only_use(g, bn->in[0]))
		return false;
	const struct ir_value *w = conv->in[1];
	if (!w->data || w->dtype != DTYPE_FP32 || w->rank < 3 || (conv->n_in > 3 && conv->in[3]) ||
	    ir_attr(conv, ATTR_ID_FUSED_ACT))
		return false;
	p->o = (size_t)w->dims[0].k;
	if (!p->o)
		return false;
	p->each = w->data_bytes / sizeof(float) / p->o;
	p->weight = w->data;
	p->gamma = constant(bn->in[1], p->o);
	p->beta = constant(bn->in[2], p->o);
	p->mean = constant(bn->in[3], p->o);
	p->var = constant(bn->in[4], p->o);
	p->bias = conv->n_in > 2 && conv->in[2] ? constant(conv->in[2], p->o) : 0;
	p->eps = ir_attr_float(bn, ATTR_ID_EPSILON, 1e-5f);
	bool bias_fits = p->bias || conv->n_in < 3 || !conv->in[2];
	return p->gamma && p->beta && p->mean && p->var && bias_fits;
}

static struct status fold(struct ir_graph *g, struct ir_node *bn, const struct parts *p)
{
	struct ir_node *conv = bn->in[0]->producer;
	struct ir_value *w = conv->in[1];
	float *weight = ARENA_ARRAY(g->arena, p->o * p->each, float), *bias = ARENA_ARRAY(g->arena, p->o, float);
	struct ir_value **in = ARENA_ARRAY(g->arena, 3, struct ir_value *);
	int64_t dims[IR_RANK_MAX], one = (int64_t)p->o;
	if (!weight || !bias || !in)
		return FAIL(NO_MEMORY, "no memory to fold %.*s", STR_ARG(bn->name));
	for (size_t o = 0; o < p->o; o++) {
		double s = p->gamma[o] / sqrt((double)p->var[o] + p->eps);
		for (size_t i = 0; i < p->each; i++)
			weight[o * p->each + i] = (float)(p->weight[o * p->each + i] * s);
		bias[o] = (float)(((p->bias ? p->bias[o] : 0) - (double)p->mean[o]) * s + p->beta[o]);
	}
	for (int32_t i = 0; i < w->rank; i++)
		dims[i] = w->dims[i].k;
	in[0] = conv->in[0];
	in[1] = ir_const(g, w->name, DTYPE_FP32, (uint32_t)w->rank, dims, weight, w->data_bytes);
	in[2] = ir_const(g, bn->in[2]->name, DTYPE_FP32, 1, &one, bias, p->o * sizeof(float));
	if (!in[1] || !in[2])
		return FAIL(NO_MEMORY, "no memory to fold %.*s", STR_ARG(bn->name));
	conv->in = in;
	conv->n_in = 3;
	ir_node_output(conv, 0, bn->out[0]);
	bn->dead = true;
	return STATUS_GOOD;
}

struct status pass__batch_norm(struct ir_graph *g, const struct pass_context *c, uint32_t *changes)
{
	(void)c;
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		struct parts p;
		if (g->nodes[i]->dead || !g->nodes[i]->out[0] || g->nodes[i]->op != OP_BATCH_NORM ||
		    !match(g, g->nodes[i], &p))
			continue;
		CHECK(p.o > 0);
		TRY(fold(g, g->nodes[i], &p));
		++*changes;
	}
	return STATUS_GOOD;
}
