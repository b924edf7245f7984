/* Jobs that share a run: who waits, how they are grouped, and what each gets. */
#include "base/clock.h"
#include "base/mem.h"
#include "onnx/onnx.h"
#include "serve/merge.h"
#include "serve/runner.h"
#include "unit/test.h"

#include <stdio.h>
#include <unistd.h>

enum { WIDE = 3, MOST = 4, JOBS = 7 };

static struct model *model;
static struct stats stats;
static struct runner *runner;
static struct arena arena;
static int opened, order[JOBS], n_done; /* opened: flushes that are asked for */
static struct job { struct runner_job base; struct tensor in, out; float x[2 * MOST * WIDE];
	bool want; int number; } jobs[JOBS];

static uint64_t unix_ns(void)
{
	return 1700000000000000000u;
}

/* y = x, which is enough to see whose numbers came back. */
static void open_model(void)
{
	char path[64];
	struct arena a;
	struct model_options o = {.cache_dir = "", .batch_max = MOST};
	snprintf(path, sizeof path, "/tmp/nereid-merge-%d.onnx", (int)getpid());
	arena_init(&a, 1 << 20);
	struct ir_graph *g = ir_graph_new(&a);
	struct ir_value *x = ir_value_new(g, STR("x")), *y = ir_value_new(g, STR("y"));
	g->batch_sym = ir_symbol(g, STR("batch"));
	x->dtype = DTYPE_FP32;
	x->rank = 2;
	x->dims[0] = (struct dim){1, g->batch_sym};
	x->dims[1] = DIM(WIDE);
	assert_true(ir_add_input(g, x));
	struct ir_node *n = ir_node_new(g, OP_NEG, STR("y"), 1, 1);
	n->in[0] = x;
	ir_node_output(n, 0, y);
	assert_true(ir_add_output(g, y));
	ASSERT_GOOD(ir_compact(g));
	ASSERT_GOOD(ir_infer(g));
	ASSERT_GOOD(onnx_write(g, "test", path));
	ASSERT_GOOD(model_open(path, &o, &model));
	arena_release(&a);
	unlink(path);
}

static void start(int64_t batch_max)
{
	struct runner_options o = {.model = model, .stats = &stats, .clock = {clock_ns, unix_ns},
	                           .callers = 2, .instances = 1, .batch_max = batch_max};
	ASSERT_GOOD(runner_new(&o, &runner));
	arena_init(&arena, 1 << 20);
	opened = n_done = 0;
}

static void end(void)
{
	runner_free(runner);
	stats_release(&stats);
	arena_release(&arena);
}

static void on_soon(struct runner_job *j)
{
	(void)j;
	opened++;
}

/* As the loop does: one flush for each time that it was asked. */
static void flush_all(void)
{
	for (int i = 0; i < opened; i++)
		runner_flush(runner, 1);
	opened = 0;
}

static void on_done(struct runner_job *j)
{
	order[n_done++] = ((struct job *)j)->number;
}

static void submit(int number, int64_t batch)
{
	struct job *j = &jobs[number];
	memset(j, 0, sizeof *j);
	j->number = number;
	j->want = true;
	for (int i = 0; i < batch * WIDE; i++)
		j->x[i] = (float)(100 * number + i);
	j->in = (struct tensor){.dtype = DTYPE_FP32, .rank = 2, .dims = {batch, WIDE}, .data = j->x,
	                        .bytes = (size_t)batch * WIDE * sizeof(float)};
	j->base = (struct runner_job){.in = &j->in, .out = &j->out, .want = &j->want,
	                              .arena = &arena, .thread = 1, .batch = batch,
	                              .done = on_done, .soon = on_soon};
	j->base.started_ns = clock_ns();
	ASSERT_GOOD(runner_submit(runner, &j->base, clock_ns()));
}

static void check(int number)
{
	const struct job *j = &jobs[number];
	assert_int_equal(j->base.status.code, STATUS_OK);
	assert_int_equal(j->out.dims[0], j->base.batch);
	assert_int_equal(j->out.bytes, j->in.bytes);
	for (size_t i = 0; i < j->in.bytes / sizeof(float); i++)
		assert_true(((const float *)j->out.data)[i] == -j->x[i]);
}

TEST(merged_jobs_get_their_own_rows)
{
	struct stats_sum sum;
	open_model();
	start(MOST);
	assert_true(runner_holds(runner));
	submit(0, 1);
	submit(1, 2);
	submit(2, 2); /* does not fit with the two before it */
	submit(3, 1);
	submit(4, 4);
	assert_true(opened == 1 && n_done == 0);
	runner_flush(runner, 1);
	assert_true(opened == 2 && n_done == 2); /* the others wait for the next flush */
	opened = 1;
	flush_all();
	assert_int_equal(n_done, 5);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(order[i], i);
		check(i);
	}
	stats_read(&stats, &sum);
	assert_int_equal(sum.success.count, 5);
	assert_int_equal(sum.executions, 5); /* as if each had run alone */
	assert_int_equal(sum.inferences, 10);
	submit(5, 1); /* the next group opens anew */
	assert_int_equal(opened, 1);
	flush_all();
	check(5);
	runner_flush(runner, 1); /* nothing waits: nothing happens */
	assert_int_equal(n_done, 6);
	end();
	model_free(model);
}

TEST(merging_leaves_out_what_must_not_run)
{
	struct stats_sum sum;
	_Atomic bool gone = true;
	open_model();
	start(MOST);
	submit(0, 1);
	submit(1, 1);
	jobs[1].base.cancelled = &gone;
	submit(2, 1);
	jobs[2].want = false;
	submit(3, 1);
	flush_all();
	assert_int_equal(n_done, 4);
	assert_int_equal(jobs[1].base.status.code, STATUS_CANCELLED);
	assert_string_equal(jobs[1].base.status.msg, "Request Cancelled");
	check(0);
	check(3);
	assert_int_equal(jobs[2].base.status.code, STATUS_OK);
	assert_null(jobs[2].out.data);
	stats_read(&stats, &sum);
	assert_int_equal(sum.failures[FAILURE_CANCELED], 1);
	assert_int_equal(sum.success.count, 3);
	end();
	model_free(model);
}

TEST(jobs_without_soon_or_batches_run_at_once)
{
	open_model();
	start(0);
	assert_false(runner_holds(runner));
	submit(0, 1);
	assert_true(opened == 0 && n_done == 1);
	check(0);
	end();
	model_free(model);
}
