/* Element-wise functions of one and two arguments over whole tensors.
 *
 * Broadcasting first drops axes of size 1 and joins neighbouring axes that every operand walks as
 * one, which leaves one or two axes for all the usual cases (equal shapes, a scalar, one value per
 * channel in either layout). The last axis and the one before it are a kernel call; what is outside
 * of them is counted. Tasks are ranges of rows and share nothing. */
#include "backend/cpu/elementwise.h"

#include "backend/cpu/split.h"
#include "base/panic.h"

/* Work of an element, in multiply-adds of split.h: four bytes in and out; curves compute as
 * well. */
enum { ELEMENT_WORK = 16, PIECE = 4096 };

/* One argument: parts of a flat array. */
struct unary {
	const struct kernels *k;
	enum kernel_unary op;
	size_t n, parts;
	const float *x;
	float *y;
	float lo, hi;
};

static void unary_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct unary *u = ctx;
	size_t from = part_begin(u->n, u->parts, task), to = part_begin(u->n, u->parts, task + 1);

	u->k->unary_f32(u->op, u->x + from, u->y + from, to - from, u->lo, u->hi);
}

void elementwise_unary(enum kernel_unary op, size_t n, const float *x, float *y, float lo, float hi,
	struct pool *pool)
{
	struct unary u = {kernels_now(), op, n, split_tasks(pool, (double)ELEMENT_WORK * (double)n),
		x, y, lo, hi};

	split_run(pool, (uint32_t)u.parts, unary_task, &u);
}

void elementwise_strides(uint32_t rank, const int64_t *dims, uint32_t out_rank, int64_t *strides)
{
	int64_t stride = 1;

	CHECK(rank <= out_rank && out_rank <= TENSOR_RANK_MAX);
	for (uint32_t i = 0; i < out_rank; i++) {
		uint32_t at = out_rank - 1 - i;
		int64_t dim = i < rank ? dims[rank - 1 - i] : 1;

		strides[at] = dim == 1 ? 0 : stride;
		stride *= dim;
	}
}

/* The binary call with axes joined. rows x n is inside; outer axes are counted by the tasks. */
struct binary {
	const struct kernels *k;
	enum kernel_binary op;
	struct act_split act;
	uint32_t outer;                      /* axes before rows */
	size_t dims[TENSOR_RANK_MAX + 1], a_strides[TENSOR_RANK_MAX + 1],
		b_strides[TENSOR_RANK_MAX + 1];
	size_t count, rows, n, parts;        /* count: product of the outer axes */
	size_t a_row, b_row;
	uint32_t a_step, b_step;
	const float *a, *b;
	float *y;
};

/* Joins axes; returns how many are left, in out's arrays. The last has strides 0 or 1. */
static uint32_t join(const struct elementwise_binary *e, struct binary *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < e->rank; i++) {
		size_t dim = (size_t)e->dims[i], a = (size_t)e->a_strides[i],
		       b = (size_t)e->b_strides[i];

		if (dim == 1)
			continue;
		if (n && out->a_strides[n - 1] == a * dim && out->b_strides[n - 1] == b * dim) {
			out->dims[n - 1] *= dim;
		} else {
			out->dims[n++] = dim;
		}
		out->a_strides[n - 1] = a;
		out->b_strides[n - 1] = b;
	}
	/* A last axis with other strides, of a transposed operand, is walked one element at a
	 * time. */
	if (!n || out->a_strides[n - 1] > 1 || out->b_strides[n - 1] > 1) {
		out->dims[n] = 1;
		out->a_strides[n] = out->b_strides[n] = 0;
		n++;
	}
	return n;
}

/* Rows row.. of the plane at outer index `at`: finds where the operands are, then one kernel call
 * and, on what it has just written, the activation. */
static void binary_rows(const struct binary *e, size_t at, size_t row, size_t rows)
{
	size_t a = 0, b = 0, left = at;
	struct binary_f32 t = {.rows = rows,
		.n = e->n,
		.a_row = e->a_row,
		.b_row = e->b_row,
		.y_row = e->n,
		.a_step = e->a_step,
		.b_step = e->b_step};
	enum kernel_unary op = e->act.act == KERNEL_ACT_LEAKY ? KERNEL_LEAKY_RELU : KERNEL_CLIP;

	/* The outer index, last axis first. */
	for (uint32_t i = e->outer; i-- > 0; left /= e->dims[i]) {
		a += left % e->dims[i] * e->a_strides[i];
		b += left % e->dims[i] * e->b_strides[i];
	}
	t.a = e->a + a + row * e->a_row;
	t.b = e->b + b + row * e->b_row;
	t.y = e->y + (at * e->rows + row) * e->n;
	e->k->binary_f32(e->op, &t);
	if (e->act.act != KERNEL_ACT_NONE)
		e->k->unary_f32(op, t.y, t.y, rows * e->n, e->act.lo, e->act.hi);
	act_finish(e->act.rest, e->k, t.y, e->n, (uint32_t)rows, (uint32_t)e->n);
}

/* Pieces of a size that stays in the first-level cache between the function and the activation. */
static void binary_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct binary *e = ctx;
	size_t all = e->count * e->rows, row = part_begin(all, e->parts, task),
	       end = part_begin(all, e->parts, task + 1);
	size_t piece = PIECE / e->n + 1;

	while (row < end) {
		size_t in = row % e->rows, rows = e->rows - in;

		rows = rows < end - row ? rows : end - row;
		rows = rows < piece ? rows : piece;
		binary_rows(e, row / e->rows, in, rows);
		row += rows;
	}
}

/* A single long row becomes rows of PIECE elements and a tail, so that tasks can share it. */
static void cut_row(struct binary *e)
{
	struct binary tail = *e;
	size_t rows = e->n / PIECE, done = rows * PIECE;

	if (e->count != 1 || e->rows != 1 || rows < 2)
		return;
	tail.n = e->n - done;
	tail.a += done * e->a_step;
	tail.b += done * e->b_step;
	tail.y += done;
	if (tail.n)
		binary_rows(&tail, 0, 0, 1);
	e->n = PIECE;
	e->rows = rows;
	e->a_row = PIECE * e->a_step;
	e->b_row = PIECE * e->b_step;
}

void elementwise_binary(const struct elementwise_binary *e, struct pool *pool)
{
	struct binary j = {.k = kernels_now(),
		.op = e->op,
		.act = act_split(e->act),
		.a = e->a,
		.b = e->b,
		.y = e->y,
		.count = 1,
		.rows = 1};
	uint32_t axes;

	CHECK(e->rank <= TENSOR_RANK_MAX);
	for (uint32_t i = 0; i < e->rank; i++)
		if (!e->dims[i])
			return;
	/* From here on there is an element at least, and an axis at least. */
	axes = join(e, &j);
	j.n = j.dims[axes - 1];
	j.a_step = (uint32_t)j.a_strides[axes - 1];
	j.b_step = (uint32_t)j.b_strides[axes - 1];
	if (axes > 1) {
		j.rows = j.dims[axes - 2];
		j.a_row = j.a_strides[axes - 2];
		j.b_row = j.b_strides[axes - 2];
		j.outer = axes - 2;
	}
	for (uint32_t i = 0; i < j.outer; i++)
		j.count *= j.dims[i];
	cut_row(&j);
	j.parts = split_tasks(
		pool, (double)ELEMENT_WORK * (double)j.count * (double)j.rows * (double)j.n);
	if (j.parts > j.count * j.rows)
		j.parts = j.count * j.rows;
	split_run(pool, (uint32_t)j.parts, binary_task, &j);
}
