/* Functions of rows: each row is a kernel call, tasks are ranges of rows, nothing is shared.
 *
 * A softmax along an axis that is not the last copies the strided row to scratch and back: rare,
 * and memory is read once either way. Sums along an axis that is not the last add whole rows.
 * Conversions are rows without a shape. Axes in the middle are the caller's to bring to
 * [outer][n][inner]; sums over several separate axes are several calls. */
#include "backend/cpu/rows.h"

#include "backend/cpu/split.h"

/* Work of an element in multiply-adds of split.h. */
enum { SOFTMAX_WORK = 64, NORM_WORK = 32, SUM_WORK = 8, CONVERT_WORK = 12, COLUMNS = 256 };

/* Softmaxes: row r is n floats `inner` apart. */
struct rows {
	const struct kernels *k;
	size_t rows, n, inner, parts, thread_bytes;
	const float *x;
	float *y;
	bool log;
	char *scratch;
};

/* Into how many tasks `rows` rows of n elements are worth cutting; 0 for no rows. */
static size_t parts_for(struct pool *pool, size_t rows, size_t n, double work)
{
	size_t parts = split_tasks(pool, work * (double)rows * (double)n);

	return parts < rows ? parts : rows;
}

size_t rows_softmax_scratch_bytes(size_t n, size_t inner, uint32_t threads)
{
	return inner == 1 ? 0 : round_up(n * sizeof(float), KERNEL_ALIGN) * threads;
}

/* A range of rows; in place too, as each row is read before it is written. */
static void softmax_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct rows *s = ctx;
	size_t end = part_begin(s->rows, s->parts, task + 1);
	float *copy = (float *)(s->scratch + thread * s->thread_bytes);
	kernel_softmax_f32_fn *fn = s->log ? s->k->log_softmax_f32 : s->k->softmax_f32;

	for (size_t r = part_begin(s->rows, s->parts, task); r < end; r++) {
		size_t at = r / s->inner * s->n * s->inner + r % s->inner;

		if (s->inner == 1) {
			fn(s->x + at, s->y + at, s->n);
			continue;
		}
		for (size_t i = 0; i < s->n; i++)
			copy[i] = s->x[at + i * s->inner];
		fn(copy, copy, s->n);
		for (size_t i = 0; i < s->n; i++)
			s->y[at + i * s->inner] = copy[i];
	}
}

void rows_softmax(bool log, size_t outer, size_t n, size_t inner, const float *x, float *y,
	void *scratch, struct pool *pool)
{
	struct rows s = {.k = kernels_now(),
		.rows = outer * inner,
		.n = n,
		.inner = inner,
		.x = x,
		.y = y,
		.log = log,
		.scratch = scratch,
		.thread_bytes = rows_softmax_scratch_bytes(n, inner, 1)};

	if (!n)
		return;
	s.parts = parts_for(pool, s.rows, n, SOFTMAX_WORK);
	split_run(pool, (uint32_t)s.parts, softmax_task, &s);
}

/* Layer normalisation: what a task needs besides the caller's arguments. */
struct norm { const struct rows_layer_norm *l; const struct kernels *k; size_t parts; };

/* Mean and inverse deviation go to locals where the caller does not want them. */
static void norm_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct norm *s = ctx;
	const struct rows_layer_norm *l = s->l;
	size_t end = part_begin(l->rows, s->parts, task + 1);

	for (size_t r = part_begin(l->rows, s->parts, task); r < end; r++) {
		float mean, inv;

		s->k->layer_norm_f32(l->x + r * l->n, l->scale, l->bias, l->y + r * l->n, l->n,
			l->epsilon, &mean, &inv);
		if (l->mean)
			l->mean[r] = mean;
		if (l->inv)
			l->inv[r] = inv;
	}
}

void rows_layer_norm(const struct rows_layer_norm *l, struct pool *pool)
{
	struct norm s = {l, kernels_now(), 0};

	if (!l->n)
		return;
	s.parts = parts_for(pool, l->rows, l->n, NORM_WORK);
	split_run(pool, (uint32_t)s.parts, norm_task, &s);
}

/* Sums along n. Where inner is 1 a piece is one row, else COLUMNS columns of one outer index, so
 * that a single large matrix is shared by the threads as well. */
struct sums {
	const struct kernels *k;
	size_t n, inner, groups, count, parts;
	const float *x;
	float *y;
	float scale;
};

/* Piece i: one row, or one outer index and one group of columns. */
static void sum_piece(const struct sums *s, size_t i)
{
	size_t outer = i / s->groups, c0 = part_begin(s->inner, s->groups, i % s->groups);
	size_t c1 = part_begin(s->inner, s->groups, i % s->groups + 1);

	if (s->inner == 1)
		s->y[i] = s->scale * s->k->row_sum_f32(s->x + i * s->n, s->n);
	else
		s->k->rows_sum_f32(s->x + outer * s->n * s->inner + c0, s->n, s->inner,
			s->y + outer * s->inner + c0, c1 - c0, s->scale);
}

static void sum_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct sums *s = ctx;
	size_t end = part_begin(s->count, s->parts, task + 1);

	for (size_t i = part_begin(s->count, s->parts, task); i < end; i++)
		sum_piece(s, i);
}

void rows_sum(size_t outer, size_t n, size_t inner, const float *x, float *y, float scale,
	struct pool *pool)
{
	struct sums s = {kernels_now(), n, inner, ceil_div(inner, COLUMNS), 0, 0, x, y, scale};

	s.count = outer * s.groups;
	s.parts = parts_for(pool, s.count, n * (inner < COLUMNS ? inner : COLUMNS), SUM_WORK);
	split_run(pool, (uint32_t)s.parts, sum_task, &s);
}

/* Conversions in either direction; x and y have the types that the task functions give them. */
struct convert {
	const struct kernels *k;
	enum rows_half half;
	size_t n, parts;
	const void *x;
	void *y;
};

static void to_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct convert *c = ctx;
	size_t from = part_begin(c->n, c->parts, task),
	       n = part_begin(c->n, c->parts, task + 1) - from;

	if (c->half == ROWS_F16)
		c->k->f32_from_f16((const uint16_t *)c->x + from, (float *)c->y + from, n);
	else
		c->k->f32_from_bf16((const uint16_t *)c->x + from, (float *)c->y + from, n);
}

static void from_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct convert *c = ctx;
	size_t from = part_begin(c->n, c->parts, task),
	       n = part_begin(c->n, c->parts, task + 1) - from;

	if (c->half == ROWS_F16)
		c->k->f16_from_f32((const float *)c->x + from, (uint16_t *)c->y + from, n);
	else
		c->k->bf16_from_f32((const float *)c->x + from, (uint16_t *)c->y + from, n);
}

void rows_to_f32(enum rows_half from, size_t n, const uint16_t *x, float *y, struct pool *pool)
{
	struct convert c = {kernels_now(), from, n, parts_for(pool, n, 1, CONVERT_WORK), x, y};

	split_run(pool, (uint32_t)c.parts, to_task, &c);
}

void rows_from_f32(enum rows_half to, size_t n, const float *x, uint16_t *y, struct pool *pool)
{
	struct convert c = {kernels_now(), to, n, parts_for(pool, n, 1, CONVERT_WORK), x, y};

	split_run(pool, (uint32_t)c.parts, from_task, &c);
}
