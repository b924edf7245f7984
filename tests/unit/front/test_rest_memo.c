/* Heads that came before: what is taken over, and what is parsed again. */
#include "front/rest_priv.h"
#include "unit/test.h"

enum { BODY = 256 };
static struct arena arena;
static struct rest rest;
static struct http_exchange exchange;
static struct served_io outputs[2];
static struct served owner;
static struct served_version versions[2];
static struct rest_infer q;
static bool want[2];
static uint32_t classes[2];

static void begin(struct served_version *v)
{
	memset(&q, 0, sizeof q);
	arena_reset(&arena);
	memset(want, 0, sizeof want);
	exchange = (struct http_exchange){.arena = &arena, .thread = 1};
	owner.n_outputs = 2;
	owner.outputs = outputs;
	owner.name = "m";
	v->owner = &owner;
	q.call = (struct rest_call){.rest = &rest, .x = &exchange};
	q.infer.version = v;
	q.infer.job.arena = &arena;
	q.infer.want = want;
	q.infer.classes = classes;
	q.infer.inputs = ARENA_ARRAY(&arena, 1, struct infer_input);
	q.infer.cap_inputs = 1;
}

/* As the parser leaves q for {"x": 2x2 bytes} with output 1, binary. */
static void parsed(struct str text)
{
	struct infer_input *in = infer_add_input(&q.infer);
	assert_non_null(in);
	*in = (struct infer_input){.name = {text.p + 2, 1}, .dtype = DTYPE_UINT8, .rank = 2,
	                           .dims = {2, 2}, .bytes = 4};
	q.infer.want[1] = true;
	q.outputs[1].binary = true;
	rest__memo_keep(&q, text);
}

TEST(rest_memo_found)
{
	char body[BODY] = "{\"x\":1}abcd", other[BODY];
	struct str text = {body, 7}, again = {other, 7};
	struct status st;
	memcpy(other, body, sizeof other);
	arena_init(&arena, 1 << 20);
	begin(&versions[0]);
	assert_false(rest__memo_find(&q, text, (struct span){0}, &st));
	parsed(text);
	begin(&versions[0]);
	assert_true(rest__memo_find(&q, again, (struct span){(uint8_t *)other + 7, 4}, &st));
	assert_int_equal(st.code, STATUS_OK);
	assert_int_equal(q.infer.n_inputs, 1);
	assert_ptr_equal(q.infer.inputs[0].name.p, other + 2); /* its own bytes, not the old ones */
	assert_ptr_equal(q.infer.inputs[0].data, other + 7);
	assert_int_equal(q.infer.inputs[0].dims[1], 2);
	assert_true(!q.infer.want_all && !q.infer.want[0] && q.infer.want[1]);
	assert_true(!q.outputs[0].binary && q.outputs[1].binary);
	/* another version, another length, another byte, another loop */
	begin(&versions[1]);
	assert_false(rest__memo_find(&q, again, (struct span){0}, &st));
	begin(&versions[0]);
	assert_false(rest__memo_find(&q, (struct str){other, 6}, (struct span){0}, &st));
	other[2] = 'y';
	assert_false(rest__memo_find(&q, again, (struct span){0}, &st));
	exchange.thread = 0;
	assert_false(rest__memo_find(&q, text, (struct span){0}, &st));
	rest__memo_free(rest.memos[1]);
	rest.memos[1] = 0;
	arena_release(&arena);
}

TEST(rest_memo_sizes_are_checked_again)
{
	char body[BODY] = "{\"x\":1}abcde";
	struct str text = {body, 7};
	struct status st;
	arena_init(&arena, 1 << 20);
	begin(&versions[0]);
	parsed(text);
	begin(&versions[0]);
	assert_true(rest__memo_find(&q, text, (struct span){(uint8_t *)body + 7, 3}, &st));
	assert_int_equal(st.code, STATUS_INVALID_ARG);
	assert_non_null(strstr(st.msg, "expecting 1 additional bytes"));
	begin(&versions[0]);
	assert_true(rest__memo_find(&q, text, (struct span){(uint8_t *)body + 7, 5}, &st));
	assert_int_equal(st.code, STATUS_INVALID_ARG);
	assert_non_null(strstr(st.msg, "unexpected additional input data"));
	rest__memo_free(rest.memos[1]);
	rest.memos[1] = 0;
	arena_release(&arena);
}

TEST(rest_memo_not_kept)
{
	char body[2048] = "{\"x\":1}";
	struct str text = {body, 7};
	struct status st;
	arena_init(&arena, 1 << 20);
	begin(&versions[0]);
	q.unlike = true;
	parsed(text);
	assert_null(rest.memos[1]);
	begin(&versions[0]);
	parsed((struct str){body, sizeof body}); /* too long */
	assert_null(rest.memos[1]);
	begin(&versions[0]);
	*infer_add_input(&q.infer) = (struct infer_input){.name = STR("unescaped")};
	rest__memo_keep(&q, text); /* its name is not in the text */
	assert_null(rest.memos[1]);
	/* the oldest goes when there are more than fit */
	for (char c = 'a'; c <= 'e'; c++) {
		body[2] = c;
		begin(&versions[0]);
		parsed(text);
	}
	for (char c = 'a'; c <= 'e'; c++) {
		body[2] = c;
		begin(&versions[0]);
		assert_int_equal(rest__memo_find(&q, text, (struct span){(uint8_t *)body + 7, 4}, &st),
		                 c != 'a');
	}
	rest__memo_free(rest.memos[1]);
	rest.memos[1] = 0;
	arena_release(&arena);
}
