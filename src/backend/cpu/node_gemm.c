/* Gemm and MatMul nodes on the matrix driver.
 *
 * Both become one description, `struct product`: rows, columns and depth with the strides of
 * each operand, worked out from the concrete tensors of a run, because the batch decides rows. A
 * constant right-hand side is packed at compile time; one that is computed is read in place. A
 * bias of n numbers goes to the driver's bias, a full matrix to its residual. Alpha and beta other
 * than 1 are left to ref: no exporter that we know writes them for a layer.
 */
#include "backend/cpu/cpu_priv.h"
#include "backend/cpu/gemm.h"

#include "base/panic.h"

struct state { bool trans_a, trans_b, is_matmul; struct act act; };

static bool is_packed(const struct ir_value *v)
{
	return v->layout == LAYOUT_PACKED;
}

/* Whether c is one row of n numbers: [n], [1,n], [1,..,1,n]. */
static bool is_row(const struct ir_value *c, struct dim n)
{
	if (!cpu__f32(c) || c->rank < 1 || !dim_eq(c->dims[c->rank - 1], n))
		return false;
	for (int32_t i = 0; i + 1 < c->rank; i++)
		if (!dim_eq(c->dims[i], DIM(1)))
			return false;
	return true;
}

static bool same_dims(const struct ir_value *a, const struct ir_value *b)
{
	if (a->rank != b->rank)
		return false;
	for (int32_t i = 0; i < a->rank; i++)
		if (!dim_eq(a->dims[i], b->dims[i]))
			return false;
	return true;
}

/* The third input: a row or of the output's shape. */
static bool addend_fits(const struct ir_node *n)
{
	const struct ir_value *c = n->n_in > 2 ? n->in[2] : 0, *out = n->out[0];
	if (!c)
		return true;
	return is_row(c, out->dims[out->rank - 1]) || (cpu__f32(c) && same_dims(c, out));
}

static bool plain(const struct ir_value *v)
{
	return cpu__f32(v) && v->layout == LAYOUT_PLAIN;
}

static bool supports_gemm(const struct ir_graph *g, const struct ir_node *n)
{
	(void)g;
	if (!plain(n->in[0]) || !plain(n->out[0]) || !(is_packed(n->in[1]) || plain(n->in[1])))
		return false;
	if (ir_attr_float(n, ATTR_ID_ALPHA, 1) != 1 || !addend_fits(n))
		return false;
	return n->n_in < 3 || !n->in[2] || ir_attr_float(n, ATTR_ID_BETA, 1) == 1;
}

static bool supports_matmul(const struct ir_graph *g, const struct ir_node *n)
{
	const struct ir_value *a = n->in[0], *b = n->in[1];
	(void)g;
	if (!plain(a) || !plain(n->out[0]) || a->rank < 2 || !addend_fits(n))
		return false;
	if (is_packed(b))
		return true;
	if (!plain(b) || b->rank < 2)
		return false;
	if (b->rank == 2)
		return true;
	if (b->rank != a->rank)
		return false;
	for (int32_t i = 0; i + 2 < a->rank; i++)
		if (!dim_eq(a->dims[i], b->dims[i]))
			return false;
	return true;
}

static struct status pack(struct ir_graph *g, struct ir_node *n, uint32_t tactic)
{
	const struct ir_value *b = n->in[1];
	bool trans = n->op == OP_GEMM && ir_attr_int(n, ATTR_ID_TRANS_B, 0);
	struct ir_value *packed;
	void *data;
	(void)tactic;
	if (!b->data || b->rank != 2 || is_packed(b))
		return STATUS_GOOD;
	size_t rows = (size_t)b->dims[0].k, cols = (size_t)b->dims[1].k;
	size_t k = trans ? cols : rows, width = trans ? rows : cols;
	TRY(cpu__packed(g, b, gemm_pack_bytes(width, k), &data, &packed));
	gemm_pack(width, k, b->data, trans ? 1 : cols, trans ? cols : 1, data);
	n->in[1] = packed;
	return STATUS_GOOD;
}

/* The driver's arguments for these tensors. */
static struct gemm_args product(const struct state *s, const struct tensor *in, uint32_t n_in,
                                const struct tensor *out, bool packed)
{
	const struct tensor *a = &in[0], *b = &in[1], *c = n_in > 2 && in[2].data ? &in[2] : 0;
	struct gemm_args g = {.a = a->data, .c = out->data, .batch = 1, .act = s->act};
	size_t last = (size_t)a->dims[a->rank - 1], row = (size_t)a->dims[a->rank - 2];

	g.n = (size_t)out->dims[out->rank - 1];
	g.k = s->trans_a ? row : last;
	g.m = s->trans_a ? last : row;
	g.a_row = s->trans_a ? 1 : g.k;
	g.a_col = s->trans_a ? g.m : 1;
	g.c_row = g.n;
	size_t count = 1;
	for (uint32_t i = 0; i + 2 < out->rank; i++)
		count *= (size_t)out->dims[i];
	if (packed) {
		g.packed = b->data;
	} else {
		g.b = b->data;
		g.b_row = s->trans_b ? 1 : g.n;
		g.b_col = s->trans_b ? g.k : 1;
	}
	if (s->is_matmul && (packed || b->rank == 2)) {
		g.m *= count; /* one tall product */
	} else if (s->is_matmul) {
		g.batch = count;
		g.a_step = g.m * g.k;
		g.b_step = g.k * g.n;
		g.c_step = g.m * g.n;
	}
	if (c && c->bytes == g.n * sizeof(float) && c->dims[c->rank - 1] == (int64_t)g.n) {
		g.bias = c->data;
	} else if (c) {
		g.res = c->data;
		g.res_row = g.n;
		g.res_step = g.c_step;
	}
	return g;
}

static struct status run(const struct step *step, const struct step_args *a, bool packed)
{
	struct gemm_args g = product(step->state, a->in, a->n_in, a->out, packed);
	g.scratch = a->scratch;
	g.pool = a->pool;
	if (g.m && g.n && g.batch)
		gemm_run(&g);
	return STATUS_GOOD;
}

static struct status run_packed(const struct step *step, const struct step_args *a)
{
	return run(step, a, true);
}

static struct status run_in_place(const struct step *step, const struct step_args *a)
{
	return run(step, a, false);
}

static void concrete(const struct ir_value *v, int64_t batch, struct tensor *t)
{
	*t = (struct tensor){.dtype = v->dtype, .rank = (uint32_t)v->rank};
	for (int32_t i = 0; i < v->rank; i++)
		t->dims[i] = dim_at(v->dims[i], batch);
}

static struct status prepare(const struct prepare_args *a, struct step *out)
{
	const struct ir_node *n = a->node;
	bool packed = is_packed(n->in[1]);
	struct state *s = ARENA_NEW(a->arena, struct state);
	struct tensor in[3] = {{0}}, result;

	if (!s)
		return FAIL(NO_MEMORY, "no memory to prepare %.*s", STR_ARG(n->name));
	s->is_matmul = n->op == OP_MAT_MUL;
	s->trans_a = !s->is_matmul && ir_attr_int(n, ATTR_ID_TRANS_A, 0);
	s->trans_b = !s->is_matmul && ir_attr_int(n, ATTR_ID_TRANS_B, 0);
	s->act = cpu__act(n);
	concrete(n->in[0], a->batch_max, &in[0]);
	concrete(n->in[1], a->batch_max, &in[1]);
	concrete(n->out[0], a->batch_max, &result);
	if (result.rank < 2 || in[0].rank < 2)
		return FAIL(CORRUPT, "node %.*s: a matrix product of rank under 2", STR_ARG(n->name));
	struct gemm_args g = product(s, in, 2, &result, packed);
	if (packed && n->in[1]->data_bytes != gemm_pack_bytes(g.n, g.k))
		return FAIL(CORRUPT, "node %.*s: %zu bytes of packed weights where %zu belong; compile the "
		            "model again", STR_ARG(n->name), n->in[1]->data_bytes,
		            gemm_pack_bytes(g.n, g.k));
	g.packed = packed ? "" : 0; /* only whether it is there counts for the scratch */
	*out = (struct step){packed ? run_packed : run_in_place, s, gemm_scratch_bytes(&g, a->threads)};
	return STATUS_GOOD;
}

const struct cpu_op cpu__gemm = {.supports = supports_gemm, .pack = pack, .prepare = prepare};
const struct cpu_op cpu__matmul = {.supports = supports_matmul, .pack = pack, .prepare = prepare};
