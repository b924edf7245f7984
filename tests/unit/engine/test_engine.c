/* The engine on a small model built by hand: the same answer from ONNX, from a plan, from ref and
 * from cpu; no allocation while running; batches over the planned one; shapes that do not fit;
 * profiles. */
#include "base/mem.h"
#include "base/rand.h"
#include "engine/engine.h"
#include "onnx/onnx.h"
#include "unit/test.h"

#include <math.h>
#include <stdio.h>

enum { C = 5, O = 7, SIDE = 9 };

static struct ir_value *constant(struct ir_graph *g, const char *name, uint32_t rank, const int64_t *dims, struct rand *r, float lo,
                                 float hi)
{
	size_t n = 1;
	for (uint32_t i = 0; i < rank; i++)
		n *= (size_t)dims[i];
	float *p = ARENA_ARRAY(g->arena, n, float);
	for (size_t i = 0; i < n; i++)
		p[i] = rand_f32(r, lo, hi);
	return ir_const(g, str_from(name), DTYPE_FP32, rank, dims, p, n * sizeof *p);
}

static struct ir_value *node(struct ir_graph *g, enum op op, const char *name, struct ir_value **in, uint32_t n_in)
{
	struct ir_node *n = ir_node_new(g, op, str_from(name), n_in, 1);
	struct ir_value *v = ir_value_new(g, str_from(name));
	for (uint32_t i = 0; i < n_in; i++)
		n->in[i] = in[i];
	ir_node_output(n, 0, v);
	return v;
}

/* conv, batch norm, relu, conv with a residual, global pool, flatten, gemm. */
static void write_model(const char *path)
{
	struct arena a;
	struct rand r;
	arena_init(&a, 1 << 24);
	rand_seed(&r, 3);
	struct ir_graph *g = ir_graph_new(&a);
	const int64_t w1[] = {O, C, 3, 3}, w2[] = {O, O, 1, 1}, vec[] = {O}, fc[] = {4, O}, four[] = {4}, pads[] = {1, 1, 1, 1};
	struct ir_value *x = ir_value_new(g, STR("input"));
	g->batch_sym = ir_symbol(g, STR("batch"));
	x->dtype = DTYPE_FP32;
	x->rank = 4;
	x->dims[0] = (struct dim){1, g->batch_sym};
	x->dims[1] = DIM(C);
	x->dims[2] = x->dims[3] = DIM(SIDE);
	assert_true(ir_add_input(g, x));
	struct ir_value *y = node(g, OP_CONV, "conv1", (struct ir_value *[]){x, constant(g, "w1", 4, w1, &r, -1, 1)}, 2);
	assert_true(ir_set_ints(g, y->producer, ATTR_ID_PADS, pads, 4));
	y = node(g, OP_BATCH_NORM, "bn", (struct ir_value *[]){y, constant(g, "gamma", 1, vec, &r, 0.5f, 2),
	         constant(g, "beta", 1, vec, &r, -1, 1), constant(g, "mean", 1, vec, &r, -1, 1), constant(g, "var", 1, vec, &r, 0.5f, 2)}, 5);
	struct ir_value *skip = y = node(g, OP_RELU, "relu", &y, 1);
	y = node(g, OP_CONV, "conv2", (struct ir_value *[]){y, constant(g, "w2", 4, w2, &r, -1, 1)}, 2);
	y = node(g, OP_ADD, "add", (struct ir_value *[]){y, skip}, 2);
	y = node(g, OP_GLOBAL_AVERAGE_POOL, "pool", &y, 1);
	y = node(g, OP_FLATTEN, "flat", &y, 1);
	y = node(g, OP_GEMM, "output", (struct ir_value *[]){y, constant(g, "fc", 2, fc, &r, -1, 1), constant(g, "b", 1, four, &r, -1, 1)}, 3);
	assert_true(ir_set_int(g, y->producer, ATTR_ID_TRANS_B, 1));
	assert_true(ir_add_output(g, y));
	ASSERT_GOOD(ir_compact(g));
	ASSERT_GOOD(ir_infer(g));
	ASSERT_GOOD(onnx_write(g, "test", path));
	arena_release(&a);
}

struct run { struct model *m; struct exec *e; };

static void open_run(struct run *r, const char *path, const char *backend, uint32_t threads)
{
	struct model_options o = {.backend = backend, .cache_dir = ""};
	ASSERT_GOOD(model_open(path, &o, &r->m));
	ASSERT_GOOD(exec_new(r->m, threads, &r->e));
}

static void close_run(struct run *r)
{
	exec_free(r->e);
	model_free(r->m);
}

/* Fills out[batch][4]; gives the allocations of the run itself. */
static uint64_t infer(struct run *r, int64_t batch, float *out)
{
	static float x[16 * C * SIDE * SIDE];
	struct rand rand;
	rand_seed(&rand, 9);
	for (size_t i = 0; i < sizeof x / sizeof *x; i++)
		x[i] = rand_f32(&rand, -1, 1);
	struct tensor in = {.dtype = DTYPE_FP32, .rank = 4, .dims = {batch, C, SIDE, SIDE}, .data = x,
	                    .bytes = (size_t)batch * C * SIDE * SIDE * 4};
	struct tensor o = {0};
	ASSERT_GOOD(exec_shapes(r->e, &in, &o));
	assert_int_equal(o.rank, 2);
	assert_int_equal(o.dims[0], batch);
	o.data = out;
	uint64_t before = mem_count();
	ASSERT_GOOD(exec_run(r->e, &in, &o));
	return mem_count() - before;
}

static void assert_near(const float *a, const float *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabsf(a[i] - b[i]) <= 1e-4f + 1e-4f * fabsf(b[i])))
			fail_msg("element %zu: %g, want %g", i, a[i], b[i]);
}

TEST_SLOW(every_way_gives_the_same_answer, 60)
{
	char onnx[256], plan[256];
	float want[16 * 4], got[16 * 4];
	struct run ref, r;
	snprintf(onnx, sizeof onnx, "%s", test_path("m.onnx"));
	snprintf(plan, sizeof plan, "%s", test_path("m.plan"));
	write_model(onnx);
	struct compile_options o = {.threads = 1};
	ASSERT_GOOD(profile_parse(&o.profile, PROFILE_MAX, STR("input:8x5x9x9")));
	ASSERT_GOOD(engine_compile(onnx, &o, plan, 0));
	open_run(&ref, onnx, "ref", 1);
	const char *paths[] = {onnx, plan};
	for (int p = 0; p < 2; p++)
		for (uint32_t threads = 1; threads <= 3; threads += 2) {
			open_run(&r, paths[p], 0, threads);
			for (int64_t batch = 1; batch <= 16; batch += 5) {
				infer(&ref, batch, want);
				assert_int_equal(infer(&r, batch, got), 0);
				assert_near(got, want, (size_t)batch * 4);
				exec_trim(r.e);
				assert_int_equal(infer(&r, batch, got), 0);
				assert_near(got, want, (size_t)batch * 4);
			}
			close_run(&r);
		}
	close_run(&ref);
}

/* Two outputs: the input, and its positive part. */
static void write_same(const char *path)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	struct ir_graph *g = ir_graph_new(&a);
	struct ir_value *x = ir_value_new(g, STR("input"));
	g->batch_sym = ir_symbol(g, STR("batch"));
	x->dtype = DTYPE_FP32;
	x->rank = 2;
	x->dims[0] = (struct dim){1, g->batch_sym};
	x->dims[1] = DIM(2);
	assert_true(ir_add_input(g, x));
	assert_true(ir_add_output(g, node(g, OP_IDENTITY, "same", &x, 1)));
	assert_true(ir_add_output(g, node(g, OP_RELU, "positive", &x, 1)));
	ASSERT_GOOD(ir_compact(g));
	ASSERT_GOOD(ir_infer(g));
	ASSERT_GOOD(onnx_write(g, "test", path));
	arena_release(&a);
}

TEST(an_output_that_repeats_an_input_may_be_its_memory)
{
	struct run r;
	float x[] = {-1, 2, 3, -4}, y[4], z[4];
	write_same(test_path("same.onnx"));
	open_run(&r, test_path("same.onnx"), 0, 1);
	struct tensor in = {.dtype = DTYPE_FP32, .rank = 2, .dims = {2, 2}, .data = x,
	                    .bytes = sizeof x};
	struct tensor out[2] = {{.rank = 0}};
	ASSERT_GOOD(exec_shapes(r.e, &in, out));
	assert_ptr_equal(exec_repeats(r.e, 0, &in), x);
	assert_null(exec_repeats(r.e, 1, &in));
	out[0].data = x; /* nothing to do */
	out[1].data = z;
	ASSERT_GOOD(exec_run(r.e, &in, out));
	assert_true(x[0] == -1 && x[3] == -4 && z[0] == 0 && z[1] == 2 && z[2] == 3 && z[3] == 0);
	out[0].data = y; /* a copy */
	ASSERT_GOOD(exec_run(r.e, &in, out));
	assert_memory_equal(x, y, sizeof x);
	close_run(&r);
}

TEST(shapes_that_do_not_fit_are_named)
{
	struct run r;
	struct tensor out;
	write_model(test_path("m.onnx"));
	open_run(&r, test_path("m.onnx"), 0, 1);
	float x[1] = {0};
	struct tensor in = {.dtype = DTYPE_FP32, .rank = 4, .dims = {1, C, SIDE, SIDE + 1}, .data = x};
	ASSERT_FAILS(exec_shapes(r.e, &in, &out), INVALID_ARG, "[1,5,9,10]");
	in.dtype = DTYPE_INT32;
	ASSERT_FAILS(exec_shapes(r.e, &in, &out), INVALID_ARG, "INT32");
	in = (struct tensor){.dtype = DTYPE_FP32, .rank = 3, .dims = {C, SIDE, SIDE}, .data = x};
	ASSERT_FAILS(exec_shapes(r.e, &in, &out), INVALID_ARG, "input");
	close_run(&r);
}

TEST(a_room_too_small_for_an_output_is_refused)
{
	struct run r;
	float x[C * SIDE * SIDE] = {0}, y[4];
	write_model(test_path("m.onnx"));
	open_run(&r, test_path("m.onnx"), 0, 1);
	struct tensor in = {.dtype = DTYPE_FP32, .rank = 4, .dims = {1, C, SIDE, SIDE}, .data = x, .bytes = sizeof x};
	struct tensor out = {.data = y, .bytes = sizeof y - 1};
	ASSERT_FAILS(exec_run(r.e, &in, &out), INVALID_ARG, "needs 16 bytes");
	close_run(&r);
}

TEST(profiles_are_read_as_trtexec_writes_them)
{
	struct profile p = {0};
	ASSERT_GOOD(profile_parse(&p, PROFILE_MIN, STR("a:1x3,b:c:2")));
	ASSERT_GOOD(profile_parse(&p, PROFILE_MAX, STR("a:8x3")));
	assert_int_equal(p.n, 2);
	assert_true(str_is(p.input[1].name, "b:c"));
	assert_int_equal(p.input[0].min[0], 1);
	assert_int_equal(p.input[0].max[0], 8);
	ASSERT_FAILS(profile_parse(&p, PROFILE_MIN, STR("1x3")), INVALID_ARG, "names no input");
	ASSERT_FAILS(profile_parse(&p, PROFILE_MIN, STR("a:1x")), INVALID_ARG, "ends in 'x'");
	ASSERT_FAILS(profile_parse(&p, PROFILE_MIN, STR("a:1xy")), INVALID_ARG, "1xy");
	ASSERT_FAILS(profile_parse(&p, PROFILE_OPT, STR("a:1x2x3")), INVALID_ARG, "different rank");
}

TEST_SLOW(every_allocation_of_opening_may_fail, 60)
{
	char path[256];
	snprintf(path, sizeof path, "%s", test_path("m.onnx"));
	write_model(path);
	int64_t n = 0;
	for (bool done = false; !done; n++) {
		struct model_options o = {.cache_dir = ""};
		struct model *m = 0;
		struct exec *e = 0;
		mem_fail_after(n);
		struct status st = model_open(path, &o, &m);
		if (!st.code)
			st = exec_new(m, 1, &e);
		done = !mem_failed();
		mem_fail_after(-1);
		assert_true(done ? st.code == STATUS_OK : st.code != STATUS_OK);
		exec_free(e);
		model_free(m);
	}
	assert_true(n > 5);
}
