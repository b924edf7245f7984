/* Gemm and MatMul as ONNX and numpy define them, with the bias and the activation that fusion adds
 * to them.
 *
 * Each output element is one sum over k in ascending order: in double for floats, in 64
 * wrapping bits for integers. Gemm then is alpha * sum + beta * C, MatMul sum + bias, where C and
 * bias broadcast to the output. MatMul treats a vector as a row (left) or a column (right) and
 * broadcasts leading dimensions. No blocking, no threads: the definition.
 */
#include "backend/ref/ref_priv.h"

/* Where element (row, k) of a matrix in t lies: base + row*row_stride + k*k_stride. */
struct operand { const struct tensor *t; int64_t base, row, k; };

static double dot(struct operand l, struct operand r, int64_t i, int64_t j, int64_t k_n)
{
	double sum = 0;
	for (int64_t k = 0; k < k_n; k++)
		sum += ref__get(l.t, l.base + i * l.row + k * l.k) * ref__get(r.t, r.base + j * r.row + k * r.k);
	return sum;
}

static uint64_t dot_int(struct operand l, struct operand r, int64_t i, int64_t j, int64_t k_n)
{
	uint64_t sum = 0;
	for (int64_t k = 0; k < k_n; k++)
		sum += (uint64_t)ref__get_int(l.t, l.base + i * l.row + k * l.k) *
		       (uint64_t)ref__get_int(r.t, r.base + j * r.row + k * r.k);
	return sum;
}

/* A [M, K] or transposed, B [K, N] or transposed, C broadcast to y [M, N] */
static struct status gemm(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *ta = ref__in(a, 0), *tb = ref__in(a, 1), *c = ref__in(a, 2), *y = &a->out[0];
	bool at_ = ir_attr_int(n, ATTR_ID_TRANS_A, 0) != 0, bt = ir_attr_int(n, ATTR_ID_TRANS_B, 0) != 0;
	double alpha = ir_attr_float(n, ATTR_ID_ALPHA, 1), beta = ir_attr_float(n, ATTR_ID_BETA, 1);
	int64_t m_n = ta->dims[at_], k_n = ta->dims[!at_], n_n = tb->dims[!bt], cs[TENSOR_RANK_MAX] = {0};
	struct operand l = {ta, 0, at_ ? 1 : k_n, at_ ? m_n : 1};
	struct operand r = {tb, 0, bt ? k_n : 1, bt ? 1 : n_n};

	if (tb->dims[bt] != k_n || y->dims[0] != m_n || y->dims[1] != n_n)
		return FAIL(INVALID_ARG, "node %.*s: the matrices do not fit each other", STR_ARG(n->name));
	if (c)
		TRY(ref__broadcast(n, c, y->dims, 2, cs));
	for (int64_t i = 0; i < m_n; i++)
	for (int64_t j = 0; j < n_n; j++) {
		int64_t ci = i * cs[0] + j * cs[1];
		if (ref__is_float(y->dtype)) {
			double v = alpha * dot(l, r, i, j, k_n) + (c ? beta * ref__get(c, ci) : 0);
			ref__put(y, i * n_n + j, ref__act(n, v));
			continue;
		}
		uint64_t sum = dot_int(l, r, i, j, k_n), add = c ? (uint64_t)ref__get_int(c, ci) : 0;
		if (alpha != 1)
			sum = (uint64_t)ref__to_int(alpha * (double)(int64_t)sum, DTYPE_INT64);
		if (beta != 1)
			add = (uint64_t)ref__to_int(beta * (double)(int64_t)add, DTYPE_INT64);
		ref__put_int(y, i * n_n + j, (int64_t)(sum + add));
	}
	return STATUS_GOOD;
}

/* A [batch..., M, K] or [K], B [batch..., K, N] or [K], bias broadcast to y [batch..., M, N]
 * without the vectors' dims */
static struct status mat_mul(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *y = &a->out[0], *bias = ref__in(a, 2);
	struct tensor l = *ref__in(a, 0), r = *ref__in(a, 1);
	int64_t dims[TENSOR_RANK_MAX], at[TENSOR_RANK_MAX] = {0};
	int64_t ls[TENSOR_RANK_MAX], rs[TENSOR_RANK_MAX], bs[TENSOR_RANK_MAX] = {0}, yat[TENSOR_RANK_MAX];
	bool row = l.rank == 1, column = r.rank == 1;
	uint32_t batch_rank = y->rank - !row - !column;

	int64_t k_n = l.dims[l.rank - 1], m_n = row ? 1 : l.dims[l.rank - 2];
	int64_t n_n = column ? 1 : r.dims[r.rank - 1];
	if (r.dims[column ? 0 : r.rank - 2] != k_n)
		return FAIL(INVALID_ARG, "node %.*s: inner dimensions differ", STR_ARG(n->name));
	/* Leading dimensions alone, for broadcasting; a matrix is then m_n*k_n or k_n*n_n elements. */
	l.rank = row ? 0 : l.rank - 2;
	r.rank = column ? 0 : r.rank - 2;
	memcpy(dims, y->dims, sizeof dims);
	TRY(ref__broadcast(n, &l, dims, batch_rank, ls));
	TRY(ref__broadcast(n, &r, dims, batch_rank, rs));
	if (bias)
		TRY(ref__broadcast(n, bias, y->dims, y->rank, bs));
	int64_t batch_n = ref__product(dims, 0, batch_rank), o = 0;
	for (int64_t b = 0; b < batch_n; b++, ref__next(at, dims, batch_rank))
	for (int64_t i = 0; i < m_n; i++)
	for (int64_t j = 0; j < n_n; j++, o++) {
		struct operand x = {&l, ref__offset(at, ls, batch_rank) * m_n * k_n, k_n, 1};
		struct operand w = {&r, ref__offset(at, rs, batch_rank) * k_n * n_n, 1, n_n};
		memcpy(yat, at, sizeof yat);
		if (!row)
			yat[batch_rank] = i;
		if (!column)
			yat[y->rank - 1] = j;
		int64_t bi = ref__offset(yat, bs, y->rank);
		if (ref__is_float(y->dtype))
			ref__put(y, o, ref__act(n, dot(x, w, i, j, k_n) + (bias ? ref__get(bias, bi) : 0)));
		else
			ref__put_int(y, o, (int64_t)dot_int(x, w, i, j, k_n) +
			             (bias ? ref__get_int(bias, bi) : 0));
	}
	return STATUS_GOOD;
}

struct status ref__gemm(const struct ir_node *n, const struct step_args *a)
{
	switch (n->op) {
	case OP_GEMM: return gemm(n, a);
	case OP_MAT_MUL: return mat_mul(n, a);
	default: UNREACHABLE();
	}
}
