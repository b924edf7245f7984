/* Sequences: who may start, slots and backlog, idle ones, order, controls and state. */
#include "repo_maker.h"

#include "serve/sequence.h"

/* OUT is IN, SO is SI; START and ID are seen through nothing here but must be fed. */
static const struct maker_io ios[] = {{"IN", "SO", DTYPE_INT32}, {"SI", "OUT", DTYPE_INT32},
	{"START", 0, DTYPE_INT32}, {"ID", 0, DTYPE_INT64}};

/* What a request gives comes out of the next one of its sequence. */
static void make(struct repo *r, int batch, int idle_us)
{
	char config[2000];
	snprintf(config, sizeof config, "max_batch_size: %d instance_group { count: 1 } "
	         "input { name: \"IN\" data_type: TYPE_INT32 dims: [ 2 ] } "
	         "output { name: \"OUT\" data_type: TYPE_INT32 dims: [ 2 ] } sequence_batching { "
	         "max_sequence_idle_microseconds: %d "
	         "control_input [ { name: \"START\" control [ { kind: CONTROL_SEQUENCE_START "
	         "int32_false_true: [ 0, 1 ] } ] }, { name: \"ID\" control [ { kind: "
	         "CONTROL_SEQUENCE_CORRID data_type: TYPE_INT64 } ] } ] "
	         "state [ { input_name: \"SI\" output_name: \"SO\" data_type: TYPE_INT32 dims: [ 2 ] } "
	         "] }", batch, idle_us);
	maker_model("seq", ios, 4, config);
	maker_open(r);
	maker_fails(r, "seq", "");
}

struct call { struct arena arena; struct infer_request q; int32_t data[2]; _Atomic int done; };

static struct status start(struct repo *r, struct call *c, struct infer_sequence s, int32_t v)
{
	memset(c, 0, sizeof *c);
	arena_init(&c->arena, 1 << 20);
	c->data[0] = v;
	TRY(maker_request(r, &c->arena, "seq", &c->q, c->data, DTYPE_INT32, &c->done));
	c->q.sequence = s;
	TRY(infer_check(&c->q));
	return infer_start(&c->q, clock_ns());
}

/* Waits for the call; what came out. */
static int32_t end(struct call *c)
{
	struct tensor out;
	int32_t v;
	for (int i = 0; i < 10000 && !atomic_load(&c->done); i++)
		clock_sleep_ns(1000000);
	assert_int_equal(c->done, 1);
	ASSERT_GOOD(c->q.job.status);
	ASSERT_GOOD(infer_output(&c->q, 0, &out));
	memcpy(&v, out.data, 4);
	arena_release(&c->arena);
	return v;
}

static int32_t ask(struct repo *r, struct infer_sequence s, int32_t v)
{
	struct call c;
	ASSERT_GOOD(start(r, &c, s, v));
	return end(&c);
}

#define REFUSED(r, s, code, text)                                                 \
	do {                                                                      \
		struct call c_;                                                   \
		ASSERT_FAILS(start((r), &c_, (s), 1), code, text);                \
		assert_int_equal(c_.done, 0);                                     \
		arena_release(&c_.arena);                                         \
	} while (0)
#define SEQ(n) ((struct infer_sequence){.id = (n)})
#define SEQ_START(n) ((struct infer_sequence){.id = (n), .start = true})
#define SEQ_END(n) ((struct infer_sequence){.id = (n), .end = true})

TEST(serve_sequence_must_be_named_and_started)
{
	struct repo r;
	make(&r, 4, 10000000);
	REFUSED(&r, SEQ(0), INVALID_ARG, "inference request to model 'seq' must specify a non-zero or "
	        "non-empty correlation ID");
	REFUSED(&r, SEQ(43), INVALID_ARG, "inference request for sequence 43 to model 'seq' must "
	        "specify the START flag on the first request of the sequence");
	assert_int_equal(ask(&r, SEQ_START(43), 5), 0);
	assert_int_equal(ask(&r, SEQ_END(43), 6), 5);
	REFUSED(&r, SEQ(43), INVALID_ARG, "for sequence 43 to model");
	struct infer_sequence text = {.is_text = true, .text = STR("abc"), .start = true};
	REFUSED(&r, text, INVALID_ARG, "sequence batching control 'ID' data-type is 'BYTES', but model "
	        "'seq' expects 'INT64'");
	text.start = false;
	text.text = STR("");
	REFUSED(&r, text, INVALID_ARG, "non-empty correlation ID");
	char name[SEQUENCE_TEXT_MAX + 1] = "";
	text.text = (struct str){name, SEQUENCE_TEXT_MAX};
	REFUSED(&r, text, INVALID_ARG, "data-type is 'BYTES'");
	text.text.n++;
	REFUSED(&r, text, UNSUPPORTED, "string correlation ID cannot be longer than 128 characters");
	struct stats_sum s;
	stats_read(&repo_find(&r, STR("seq"))->versions[0].stats, &s);
	assert_int_equal(s.success.count, 2);
	repo_release(&r);
}

TEST(serve_sequence_keeps_state_apart)
{
	struct repo r;
	make(&r, 4, 10000000);
	assert_int_equal(ask(&r, SEQ_START(1), 10), 0);
	assert_int_equal(ask(&r, SEQ_START(2), 20), 0);
	assert_int_equal(ask(&r, SEQ(1), 11), 10);
	assert_int_equal(ask(&r, SEQ(2), 21), 20);
	assert_int_equal(ask(&r, SEQ(1), 12), 11);
	/* starting again forgets */
	assert_int_equal(ask(&r, SEQ_START(1), 13), 0);
	assert_int_equal(ask(&r, SEQ_END(1), 14), 13);
	assert_int_equal(ask(&r, SEQ_END(2), 0), 21);
	repo_release(&r);
}

TEST(serve_sequence_runs_in_order)
{
	enum { N = 16 };
	struct repo r;
	static struct call c[N];
	make(&r, 1, 10000000);
	for (int i = 0; i < N; i++)
		ASSERT_GOOD(start(&r, &c[i], (struct infer_sequence){.id = 1, .start = i == 0,
		                                                     .end = i == N - 1}, i + 1));
	for (int i = 0; i < N; i++)
		assert_int_equal(end(&c[i]), i);
	repo_release(&r);
}

TEST(serve_sequence_waits_for_a_slot)
{
	struct repo r;
	struct call c, c2;
	make(&r, 1, 10000000);
	assert_int_equal(ask(&r, SEQ_START(1), 1), 0);
	ASSERT_GOOD(start(&r, &c, SEQ_START(2), 2));
	ASSERT_GOOD(start(&r, &c2, SEQ(2), 3));
	clock_sleep_ns(30000000);
	assert_int_equal(c.done, 0);
	assert_int_equal(ask(&r, SEQ_END(1), 1), 1);
	assert_int_equal(end(&c), 0);
	assert_int_equal(end(&c2), 2);
	repo_release(&r);
}

TEST(serve_sequence_ends_when_idle)
{
	struct repo r;
	struct call c;
	make(&r, 1, 100000);
	assert_int_equal(ask(&r, SEQ_START(1), 1), 0);
	/* nobody else comes: the watcher must free the slot */
	ASSERT_GOOD(start(&r, &c, SEQ_START(2), 2));
	assert_int_equal(end(&c), 0);
	REFUSED(&r, SEQ(1), INVALID_ARG, "must specify the START flag");
	clock_sleep_ns(150000000);
	REFUSED(&r, SEQ(2), INVALID_ARG, "must specify the START flag");
	repo_release(&r);
}

TEST(serve_sequence_has_a_limit)
{
	struct repo r;
	static struct call c[LIMIT_SEQUENCES];
	make(&r, 1, 10000000);
	assert_int_equal(ask(&r, SEQ_START(1), 1), 0);
	for (uint64_t i = 1; i < LIMIT_SEQUENCES; i++)
		ASSERT_GOOD(start(&r, &c[i], (struct infer_sequence){.id = i + 1, .start = true,
		                                                     .end = true}, 0));
	REFUSED(&r, SEQ_START(LIMIT_SEQUENCES + 1), UNAVAILABLE, "Exceeds maximum queue size");
	assert_int_equal(ask(&r, SEQ_END(1), 1), 1);
	for (uint64_t i = 1; i < LIMIT_SEQUENCES; i++)
		assert_int_equal(end(&c[i]), 0);
	repo_release(&r);
}
