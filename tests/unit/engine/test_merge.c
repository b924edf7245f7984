/* Which models' requests may share a run, and that nobody can tell: perceptrons with every kind of
 * node that counts, at batches of their own and together, bit by bit. */
#include "base/mem.h"
#include "base/rand.h"
#include "engine/engine.h"
#include "onnx/onnx.h"
#include "unit/test.h"

#include <stdio.h>
#include <unistd.h>

enum { WIDE = 19, HIDDEN = 37, OUT = 5, ROWS = 17 };
enum kind { PLAIN, RICH, MIXES_BATCH, TURNS, SOFT_OVER_BATCH, KINDS };

static struct arena arena;
static struct rand r;

static struct ir_value *constant(struct ir_graph *g, const char *name, int64_t d0, int64_t d1)
{
	const int64_t dims[] = {d0, d1};
	float *p = ARENA_ARRAY(g->arena, (size_t)(d0 * d1), float);
	for (int64_t i = 0; i < d0 * d1; i++)
		p[i] = rand_f32(&r, -1, 1);
	return ir_const(g, str_from(name), DTYPE_FP32, 2, dims, p, (size_t)(d0 * d1) * sizeof *p);
}

static struct ir_value *node(struct ir_graph *g, enum op op, const char *name,
                             struct ir_value *a, struct ir_value *b)
{
	struct ir_node *n = ir_node_new(g, op, str_from(name), b ? 2 : 1, 1);
	struct ir_value *v = ir_value_new(g, str_from(name));
	n->in[0] = a;
	if (b)
		n->in[1] = b;
	ir_node_output(n, 0, v);
	return v;
}

static struct ir_value *body(struct ir_graph *g, enum kind kind, struct ir_value *x)
{
	struct ir_value *y = node(g, OP_MAT_MUL, "one", x, constant(g, "w1", WIDE, HIDDEN));
	y = node(g, OP_ADD, "bias", y, constant(g, "b1", 1, HIDDEN));
	y = node(g, OP_RELU, "relu", y, 0);
	if (kind == RICH) {
		struct ir_value *z = node(g, OP_SIGMOID, "gate", y, 0);
		y = node(g, OP_MUL, "gated", y, z);
		y = node(g, OP_GELU, "gelu", y, 0);
	}
	y = node(g, OP_MAT_MUL, "two", y, constant(g, "w2", HIDDEN, OUT));
	if (kind == RICH || kind == SOFT_OVER_BATCH) {
		y = node(g, OP_SOFTMAX, "soft", y, 0);
		assert_true(ir_set_int(g, y->producer, ATTR_ID_AXIS, kind == RICH ? -1 : 0));
	}
	if (kind == MIXES_BATCH) {
		static const int64_t axes[] = {0};
		struct ir_value *m = node(g, OP_REDUCE_MEAN, "mean", y, ir_const(g, STR("axes"),
			DTYPE_INT64, 1, (int64_t[]){1}, axes, sizeof axes));
		assert_true(ir_set_int(g, m->producer, ATTR_ID_KEEPDIMS, 1));
		y = node(g, OP_SUB, "centred", y, m);
	}
	if (kind == TURNS) {
		const int64_t perm[] = {1, 0};
		for (int i = 0; i < 2; i++) {
			y = node(g, OP_TRANSPOSE, i ? "back" : "turned", y, 0);
			assert_true(ir_set_ints(g, y->producer, ATTR_ID_PERM, perm, 2));
			if (!i)
				y = node(g, OP_SOFTMAX, "soft", y, 0);
		}
	}
	return y;
}

static void write_model(enum kind kind, const char *path)
{
	arena_init(&arena, 1 << 24);
	rand_seed(&r, 7);
	struct ir_graph *g = ir_graph_new(&arena);
	struct ir_value *x = ir_value_new(g, STR("x"));
	g->batch_sym = ir_symbol(g, STR("batch"));
	x->dtype = DTYPE_FP32;
	x->rank = 2;
	x->dims[0] = (struct dim){1, g->batch_sym};
	x->dims[1] = DIM(WIDE);
	assert_true(ir_add_input(g, x));
	assert_true(ir_add_output(g, body(g, kind, x)));
	ASSERT_GOOD(ir_compact(g));
	ASSERT_GOOD(ir_infer(g));
	ASSERT_GOOD(onnx_write(g, "test", path));
	arena_release(&arena);
}

static void run(struct exec *e, float *x, float *y, int64_t rows)
{
	struct tensor in = {.dtype = DTYPE_FP32, .rank = 2, .dims = {rows, WIDE}, .data = x,
	                    .bytes = (size_t)rows * WIDE * sizeof *x}, out;
	ASSERT_GOOD(exec_shapes(e, &in, &out));
	assert_int_equal(out.bytes, (size_t)rows * OUT * sizeof *y);
	out.data = y;
	ASSERT_GOOD(exec_run(e, &in, &out));
}

TEST(merge_only_where_entries_are_alone)
{
	static const bool want[KINDS] = {[PLAIN] = true, [RICH] = true};
	char path[64];
	snprintf(path, sizeof path, "/tmp/nereid-merge-%d.onnx", (int)getpid());
	for (enum kind kind = 0; kind < KINDS; kind++) {
		struct model_options o = {.cache_dir = "", .batch_max = ROWS};
		struct model *m;
		write_model(kind, path);
		ASSERT_GOOD(model_open(path, &o, &m));
		assert_int_equal(model_merges(m), want[kind]);
		model_free(m);
	}
	unlink(path);
}

TEST(merged_runs_give_the_same_bits)
{
	char path[64];
	float x[ROWS * WIDE], all[ROWS * OUT], alone[ROWS * OUT];
	snprintf(path, sizeof path, "/tmp/nereid-merge-%d.onnx", (int)getpid());
	for (enum kind kind = PLAIN; kind <= RICH; kind++) {
		struct model_options o = {.cache_dir = "", .batch_max = ROWS};
		struct model *m;
		struct exec *e;
		write_model(kind, path);
		ASSERT_GOOD(model_open(path, &o, &m));
		ASSERT_GOOD(exec_new(m, 1, &e));
		for (int i = 0; i < ROWS * WIDE; i++)
			x[i] = rand_f32(&r, -2, 2);
		for (int64_t rows = 1; rows <= ROWS; rows++) {
			run(e, x, all, rows);
			for (int64_t i = 0; i < rows; i++)
				run(e, x + i * WIDE, alone + i * OUT, 1);
			assert_memory_equal(all, alone, (size_t)rows * OUT * sizeof *all);
		}
		exec_free(e);
		model_free(m);
	}
	unlink(path);
}
