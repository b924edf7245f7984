/* Parameters of a request: the known ones by their types, the others as they came. */
#include "front/rest_priv.h"
#include "unit/test.h"

static struct arena arena;
static struct http_exchange exchange;
static struct rest_infer q;

static struct status parse(const char *text)
{
	struct json root;
	arena_release(&arena);
	arena_init(&arena, 1 << 20);
	memset(&q, 0, sizeof q);
	exchange.arena = q.infer.job.arena = &arena;
	q.call.x = &exchange;
	assert_int_equal(json_check(str_from(text), &root).code, STATUS_OK);
	return rest__parse_parameters(&q, root);
}

TEST(rest_params_known)
{
	arena_init(&arena, 1 << 20);
	assert_int_equal(parse("{\"priority\":2,\"timeout\":7000,\"sequence_id\":42,"
	                       "\"sequence_start\":true,\"sequence_end\":false,"
	                       "\"binary_data_output\":true}").code, STATUS_OK);
	assert_int_equal(q.infer.priority, 2);
	assert_int_equal(q.infer.timeout_us, 7000);
	assert_int_equal(q.infer.sequence.id, 42);
	assert_true(q.infer.sequence.start && !q.infer.sequence.end && !q.infer.sequence.is_text);
	assert_true(q.binary_default);
	assert_int_equal(q.infer.n_parameters, 0);
	assert_int_equal(parse("{\"priority\":1,\"priority\":\"x\"}").code, STATUS_OK);
	assert_int_equal(q.infer.priority, 1);
	assert_int_equal(parse("{\"sequence_id\":\"a\\u0062\"}").code, STATUS_OK);
	assert_true(q.infer.sequence.is_text && str_is(q.infer.sequence.text, "ab"));
	arena_release(&arena);
}

TEST(rest_params_made_up)
{
	arena_init(&arena, 1 << 20);
	assert_int_equal(parse("{\"a\":\"x\\n\",\"b\":-3,\"c\":true,\"d\":1.5,\"\":0}").code,
	                 STATUS_OK);
	const struct infer_parameter *p = q.infer.parameters;
	assert_int_equal(q.infer.n_parameters, 5);
	assert_true(str_is(p[0].name, "a") && p[0].kind == PARAMETER_STRING);
	assert_true(str_is(p[0].text, "x\n"));
	assert_true(p[1].kind == PARAMETER_INT && p[1].number == -3);
	assert_true(p[2].kind == PARAMETER_BOOL && p[2].flag);
	assert_true(p[3].kind == PARAMETER_DOUBLE && p[3].real == 1.5);
	assert_int_equal(p[4].name.n, 0);
	arena_release(&arena);
}

TEST(rest_params_refused)
{
	static const struct { const char *text; enum status_code code; } cases[] = {
		{"[]", STATUS_INTERNAL}, {"{\"priority\":-1}", STATUS_INTERNAL},
		{"{\"timeout\":1.5}", STATUS_INTERNAL}, {"{\"sequence_id\":true}", STATUS_INTERNAL},
		{"{\"sequence_start\":1}", STATUS_INTERNAL}, {"{\"x\":null}", STATUS_INVALID_ARG},
		{"{\"x\":[1]}", STATUS_INVALID_ARG}, {"{\"triton_x\":1}", STATUS_INVALID_ARG},
		{"{\"\\u0074riton_x\":1}", STATUS_INVALID_ARG},
	};
	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(parse(cases[i].text).code, cases[i].code);
	arena_release(&arena);
}

TEST(rest_params_limit)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	arena_init(&arena, 1 << 20);
	for (int over = 0; over < 2; over++) {
		buf_reset(&b);
		buf_byte(&b, '{');
		for (int i = 0; i < LIMIT_INFER_PARAMETERS + over; i++)
			buf_printf(&b, "%s\"p%d\":%d", i ? "," : "", i, i);
		buf_z(&b, "}");
		buf_byte(&b, 0);
		assert_int_equal(parse((const char *)b.p).code, over ? STATUS_INVALID_ARG : STATUS_OK);
	}
	buf_release(&b);
	arena_release(&arena);
}
