/* Matrix product by the batch-reduce kernel, one tap: a tile's rows are rows of a, its columns one
 * panel of b.
 *
 * Packed b: panels [n / nr][k][nr], as convolution has them. Where the weights are large, a chunk
 * of rows that fits the second-level cache goes over each panel, which is read once and prefetched
 * one ahead; else row blocks come first. An unpacked b is packed panel by panel into the thread's
 * scratch, and all rows of the task go over it. A transposed a is first turned, as the kernel wants
 * the reduction to run along memory.
 *
 * Up to three rows go over several panels at once, since with one they would wait for their own
 * sums. Each element is summed along k from its bias, however many rows there are: a row's numbers
 * are the same to the last bit alone and in a batch, which merging requests relies on.
 *
 * Tasks are cut along products of the batch, then columns or rows, whichever is larger, and share
 * nothing. It is not for integer or half types. */
#include "backend/cpu/gemm.h"

#include <string.h>

#include "backend/cpu/split.h"
#include "base/cpu.h"
#include "base/panic.h"

enum { STRIP_ROWS = 3 };
struct gemm {
	const struct gemm_args *a;
	const struct kernels *k;
	/* Rows of all products, k floats each at row_stride. */
	const float *rows;           /* a, or the turned copy of it */
	size_t row_stride, rows_step;
	size_t blocks, panels, chunk;
	struct cut block_rows;       /* where blocks begin */
	size_t row_parts, col_parts;
	size_t thread_bytes;         /* a packed panel for each thread */
	char *panel_scratch;
	struct act_split act;
};

/* A thread's packed panel of an unpacked b. */
static size_t panel_bytes(const struct gemm_args *a)
{
	return a->packed ? 0
			 : round_up(a->k * kernels_now()->brgemm_nr * sizeof(float), KERNEL_ALIGN);
}

/* The turned copy of a transposed a. A single column needs none: its rows are one float. */
static size_t turned_bytes(const struct gemm_args *a)
{
	return a->a_col == 1 || a->k <= 1
		       ? 0
		       : round_up(a->batch * a->m * a->k * sizeof(float), KERNEL_ALIGN);
}

size_t gemm_pack_bytes(size_t n, size_t k)
{
	size_t nr = kernels_now()->brgemm_nr;

	return ceil_div(n, nr) * nr * k * sizeof(float);
}

/* One panel of `cols` columns; those up to nr become 0. */
static void pack_panel(
	size_t cols, size_t k, const float *b, size_t b_row, size_t b_col, float *packed)
{
	const struct kernels *kernels = kernels_now();
	size_t nr = kernels->brgemm_nr;

	if (b_row == 1 && b_col != 1)
		kernels->transpose_32(b, cols, k, b_col, packed, nr);
	for (size_t p = 0; p < k; p++, b += b_row, packed += nr) {
		if (b_col == 1)
			memcpy(packed, b, cols * sizeof *b);
		else if (b_row != 1)
			for (size_t j = 0; j < cols; j++)
				packed[j] = b[j * b_col];
		for (size_t j = cols; j < nr; j++)
			packed[j] = 0;
	}
}

/* Panel after panel, the last filled up with zeros. */
void gemm_pack(size_t n, size_t k, const float *b, size_t b_row, size_t b_col, void *packed)
{
	size_t nr = kernels_now()->brgemm_nr;
	float *to = packed;

	for (size_t j = 0; j < n; j += nr, to += k * nr)
		pack_panel(n - j < nr ? n - j : nr, k, b + j * b_col, b_row, b_col, to);
}

size_t gemm_scratch_bytes(const struct gemm_args *a, uint32_t threads)
{
	return turned_bytes(a) + panel_bytes(a) * threads;
}

/* Row blocks that go over a panel together. */
static size_t chunk_blocks(const struct gemm *g)
{
	size_t block = g->k->brgemm_mr * g->a->k * sizeof(float), fit;

	if (!g->a->packed)
		return g->blocks;
	if (gemm_pack_bytes(g->a->n, g->a->k) <= cpu_l2_bytes() / 4)
		return 1;
	fit = cpu_l2_bytes() / 2 / (block ? block : 1);
	return fit ? fit : 1;
}

/* Row blocks first..last-1 over one panel. t: all but the rows is set, its table is `table`. */
static void blocks_run(const struct gemm *g, struct brgemm_f32 *t, const float **table,
	const float *rows, size_t first, size_t last)
{
	const struct gemm_args *a = g->a;
	const float *res = t->res;
	float *c = t->c;

	for (size_t b = first; b < last; b++) {
		size_t row = cut_at(g->block_rows, b);

		t->rows = (uint32_t)(cut_at(g->block_rows, b + 1) - row);
		for (uint32_t r = 0; r < t->rows; r++)
			table[r] = rows + (row + r) * g->row_stride;
		t->res = res ? res + row * a->res_row : 0;
		t->c = c + row * a->c_row;
		if (t->rows > STRIP_ROWS)
			g->k->brgemm_f32(t);
		else
			g->k->brgemm_strip_f32(t, g->k->brgemm_nr * a->k);
		act_finish(g->act.rest, g->k, t->c, a->c_row, t->rows, t->cols);
		t->ahead += t->k * t->ahead_step;
	}
}

/* Panels p..end-1 of product i over the row blocks first..last-1; more than one only where b is
 * packed and the only block is of few rows. */
static void panels_run(const struct gemm *g, size_t i, size_t p, size_t end, size_t first,
	size_t last, bool next, float *scratch)
{
	const struct gemm_args *a = g->a;
	size_t nr = g->k->brgemm_nr, j = p * nr, most = (end - p) * nr,
	       cols = a->n - j < most ? a->n - j : most;
	const float *table[KERNEL_MR_MAX];
	struct brgemm_f32 t = {
		.a = table,
		.b = scratch,
		.bias = a->bias ? a->bias + j : 0,
		.res = a->res ? a->res + i * a->res_step + j : 0,
		.c = a->c + i * a->c_step + j,
		.res_stride = a->res_row,
		.c_stride = a->c_row,
		.cols = (uint32_t)cols,
		.taps = 1,
		.k = (uint32_t)a->k,
		.act = g->act.act,
		.lo = g->act.lo,
		.hi = g->act.hi,
	};

	if (a->packed)
		t.b = (const float *)a->packed + p * nr * a->k;
	else
		pack_panel(cols, a->k, a->b + i * a->b_step + j * a->b_col, a->b_row, a->b_col,
			scratch);
	t.ahead = (const char *)(t.b + nr * a->k);
	t.ahead_step = next ? ceil_div(nr * sizeof(float), last - first) : 0;
	blocks_run(g, &t, table, g->rows + i * g->rows_step, first, last);
}

/* One product, one range of row blocks, one range of panels. */
static void gemm_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct gemm *g = ctx;
	size_t cp = task % g->col_parts, rp = task / g->col_parts % g->row_parts,
	       i = task / g->col_parts / g->row_parts;
	size_t p0 = part_begin(g->panels, g->col_parts, cp),
	       p1 = part_begin(g->panels, g->col_parts, cp + 1);
	size_t b0 = part_begin(g->blocks, g->row_parts, rp),
	       b1 = part_begin(g->blocks, g->row_parts, rp + 1);
	float *scratch = (float *)(g->panel_scratch + thread * g->thread_bytes);

	for (size_t b = b0; b < b1; b += g->chunk) {
		size_t last = b1 - b > g->chunk ? b + g->chunk : b1;

		if (g->a->packed && g->a->m <= STRIP_ROWS && p0 < p1) {
			panels_run(g, i, p0, p1, b, last, false, scratch);
			continue;
		}
		for (size_t p = p0; p < p1; p++)
			panels_run(g, i, p, p + 1, b, last,
				g->a->packed && g->chunk > 1 && p + 1 < p1, scratch);
	}
}

/* Turns one block of 16 rows of a transposed a. */
static void turn_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct gemm *g = ctx;
	const struct gemm_args *a = g->a;
	size_t per = ceil_div(a->m, 16), i = task / per, row = task % per * 16,
	       end = row + 16 < a->m ? row + 16 : a->m;
	const float *from = a->a + i * a->a_step;
	float *to = (float *)a->scratch + i * a->m * a->k;

	if (a->a_row == 1) {
		g->k->transpose_32(from + row, a->k, end - row, a->a_col, to + row * a->k, a->k);
		return;
	}
	for (size_t p = 0; p < a->k; p++)
		for (size_t r = row; r < end; r++)
			to[r * a->k + p] = from[r * a->a_row + p * a->a_col];
}

/* How many parts of rows and columns each product is cut into. An unpacked b is cut by columns, so
 * that each of its panels is packed once. */
static void cut(struct gemm *g)
{
	const struct gemm_args *a = g->a;
	size_t tasks =
		split_tasks(a->pool, (double)a->batch * (double)a->m * (double)a->n * (double)a->k);
	size_t each = ceil_div(tasks, a->batch), most, other, first, second;
	bool by_cols = a->n > a->m || !a->packed;

	most = by_cols ? g->panels : g->blocks;
	other = by_cols ? g->blocks : g->panels;
	first = each < most ? each : most;
	second = each / first < other ? each / first : other;
	g->row_parts = by_cols ? second : first;
	g->col_parts = by_cols ? first : second;
}

void gemm_run(const struct gemm_args *a)
{
	struct gemm g = {.a = a,
		.k = kernels_now(),
		.rows = a->a,
		.row_stride = a->a_row,
		.rows_step = a->a_step};
	size_t tasks;

	if (!a->m || !a->n || !a->batch)
		return;
	CHECK((uintptr_t)a->packed % KERNEL_ALIGN == 0 &&
		(uintptr_t)a->scratch % KERNEL_ALIGN == 0);
	CHECK(!a->packed || !a->b_step);
	g.blocks = ceil_div(a->m, g.k->brgemm_mr);
	g.block_rows = cut_of(a->m, g.blocks);
	g.panels = ceil_div(a->n, g.k->brgemm_nr);
	g.chunk = chunk_blocks(&g);
	g.act = act_split(a->act);
	g.thread_bytes = panel_bytes(a);
	g.panel_scratch = (char *)a->scratch + turned_bytes(a);
	if (turned_bytes(a)) {
		size_t turns = a->batch * ceil_div(a->m, 16);

		CHECK(turns <= UINT32_MAX);
		g.rows = a->scratch;
		g.row_stride = a->k;
		g.rows_step = a->m * a->k;
		split_run(a->pool, (uint32_t)turns, turn_task, &g);
	}
	cut(&g);
	tasks = a->batch * g.row_parts * g.col_parts;
	CHECK(tasks <= UINT32_MAX);
	/* A batch of many small products may be more tasks than it is worth threads. */
	if (split_tasks(a->pool, (double)a->batch * (double)a->m * (double)a->n * (double)a->k) ==
		1)
		for (uint32_t t = 0; t < tasks; t++)
			gemm_task(&g, t, 0);
	else
		split_run(a->pool, (uint32_t)tasks, gemm_task, &g);
}
