/* Running ensembles: tensors go from step to step, only what is wanted runs, each model counts its
 * steps, complaints of steps name the ensemble. */
#include "repo_maker.h"

#define HEAD "platform: \"ensemble\" max_batch_size: 4 " \
	"input { name: \"IN\" data_type: TYPE_FP32 dims: [ -1 ] } " \
	"output { name: \"OUT\" data_type: TYPE_FP32 dims: [ 2 ] } "
#define STEP(model, in, out) "step { model_name: \"" model "\" model_version: -1 " \
	"input_map { key: \"IN\" value: \"" in "\" } output_map { key: \"OUT\" value: \"" out "\" } } "

static void make(struct repo *r)
{
	maker_model("echo", (struct maker_io[]){{"IN", "OUT", DTYPE_FP32}}, 1, "max_batch_size: 4");
	maker_config("twice", HEAD "ensemble_scheduling { " STEP("echo", "m", "OUT")
	             STEP("echo", "IN", "m") "}");
	maker_config("outer", HEAD "ensemble_scheduling { " STEP("twice", "IN", "m")
	             STEP("twice", "m", "OUT") "}");
	maker_config("fork", HEAD "output { name: \"OUT2\" data_type: TYPE_FP32 dims: [ 2 ] } "
	             "ensemble_scheduling { " STEP("echo", "IN", "OUT") STEP("echo", "IN", "OUT2") "}");
	maker_config("bare", "platform: \"ensemble\" input { name: \"IN\" data_type: TYPE_FP32 "
	             "dims: [ 2 ] } output { name: \"OUT\" data_type: TYPE_FP32 dims: [ 2 ] } "
	             "ensemble_scheduling { " STEP("echo", "IN", "OUT") "}");
	maker_open(r);
}

static uint64_t executions(struct repo *r, const char *model)
{
	struct stats_sum s;
	stats_read(&repo_find(r, str_from(model))->versions[0].stats, &s);
	return s.executions;
}

static void infer(struct repo *r, struct arena *a, const char *model, uint32_t thread)
{
	float data[2] = {1.5f, -2};
	_Atomic int done = 0;
	struct infer_request q;
	ASSERT_GOOD(maker_request(r, a, model, &q, data, DTYPE_FP32, &done));
	ASSERT_GOOD(infer_check(&q));
	q.job.thread = thread;
	ASSERT_GOOD(infer_start(&q, clock_ns()));
	assert_int_equal(done, 1);
	ASSERT_GOOD(q.job.status);
	struct tensor out;
	ASSERT_GOOD(infer_output(&q, 0, &out));
	assert_int_equal(out.rank, 2);
	assert_int_equal(out.bytes, 8);
	assert_memory_equal(out.data, data, 8);
	assert_true(infer_tells_sequence(&q));
}

TEST(serve_ensemble_runs_step_by_step)
{
	struct repo r;
	struct arena a;
	make(&r);
	arena_init(&a, 1 << 20);
	infer(&r, &a, "twice", 0);
	assert_int_equal(executions(&r, "echo"), 2);
	assert_int_equal(executions(&r, "twice"), 1);
	infer(&r, &a, "outer", 1);
	assert_int_equal(executions(&r, "echo"), 6);
	assert_int_equal(executions(&r, "twice"), 3);
	infer(&r, &a, "outer", RUNNER_GUEST);
	assert_int_equal(executions(&r, "outer"), 2);
	arena_release(&a);
	repo_release(&r);
}

TEST(serve_ensemble_runs_only_what_is_wanted)
{
	struct repo r;
	struct arena a;
	float data[2] = {3, 4};
	_Atomic int done = 0;
	struct infer_request q;
	make(&r);
	arena_init(&a, 1 << 20);
	ASSERT_GOOD(maker_request(&r, &a, "fork", &q, data, DTYPE_FP32, &done));
	q.want_all = false;
	q.want[1] = true;
	ASSERT_GOOD(infer_check(&q));
	ASSERT_GOOD(infer_start(&q, clock_ns()));
	ASSERT_GOOD(q.job.status);
	assert_int_equal(executions(&r, "echo"), 1);
	assert_null(q.job.out[0].data);
	assert_memory_equal(q.job.out[1].data, data, 8);
	arena_release(&a);
	repo_release(&r);
}

TEST(serve_ensemble_names_itself_in_complaints)
{
	struct repo r;
	struct arena a;
	float data[3] = {0};
	_Atomic int done = 0;
	struct infer_request q;
	struct stats_sum s;
	make(&r);
	arena_init(&a, 1 << 20);
	ASSERT_GOOD(maker_request(&r, &a, "twice", &q, data, DTYPE_FP32, &done));
	q.inputs[0].dims[1] = 3;
	q.inputs[0].bytes = 12;
	ASSERT_GOOD(infer_check(&q));
	ASSERT_GOOD(infer_start(&q, clock_ns()));
	assert_int_equal(done, 1);
	ASSERT_FAILS(q.job.status, INVALID_ARG, "in ensemble 'twice', [request id: <id_unknown>] "
	             "unexpected shape for input 'IN' for model 'echo'. Expected [-1,2], got [1,3].");
	stats_read(&repo_find(&r, STR("twice"))->versions[0].stats, &s);
	assert_int_equal(s.fail.count, 1);
	assert_int_equal(s.success.count, 0);
	arena_release(&a);
	repo_release(&r);
}

TEST(serve_ensemble_without_batch_gives_its_steps_one)
{
	struct repo r;
	struct arena a;
	float data[2] = {5, 6};
	_Atomic int done = 0;
	struct infer_request q;
	struct tensor out;
	make(&r);
	arena_init(&a, 1 << 20);
	ASSERT_GOOD(maker_request(&r, &a, "bare", &q, data, DTYPE_FP32, &done));
	q.inputs[0].rank = 1;
	q.inputs[0].dims[0] = 2;
	ASSERT_GOOD(infer_check(&q));
	ASSERT_GOOD(infer_start(&q, clock_ns()));
	ASSERT_GOOD(q.job.status);
	ASSERT_GOOD(infer_output(&q, 0, &out));
	assert_int_equal(out.rank, 1);
	assert_int_equal(out.dims[0], 2);
	assert_memory_equal(out.data, data, 8);
	arena_release(&a);
	repo_release(&r);
}
