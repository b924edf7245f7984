/* The generate endpoints: one flat JSON object in, one out, or the same as a server-sent event.
 *
 * A member that is called as an input of the model is that input, a number or text or an array of
 * them; "id" is the request's id; "parameters" holds more of the same; all else are the client's
 * own parameters, of which none means anything to the server, as in Triton. The shape of an input
 * follows from its configuration and the number of its elements. The answer's members are in the
 * order of their names; a tensor of one element is written without brackets. Models answer
 * once, so a stream is one event.
 */
#include "front/rest_priv.h"

#include "base/panic.h"

/* ---- the request ---- */

/* The innermost variable dimension takes what the fixed ones leave, the others are 1. */
static struct status deduce_shape(const struct served *m, const struct served_io *io, int64_t count,
                                  struct infer_input *in)
{
	int64_t fixed = 1;
	int hole = -1;
	if (m->max_batch > 0) {
		hole = 0;
		in->dims[in->rank++] = 1;
	}
	for (uint32_t i = 0; i < io->rank; i++) {
		int64_t d = io->dims[i];
		if (d == -1)
			hole = (int)in->rank;
		else if (__builtin_mul_overflow(fixed, d, &fixed))
			fixed = 0;
		in->dims[in->rank++] = d == -1 ? 1 : d;
	}
	if (hole >= 0 && fixed > 0 && count % fixed == 0) {
		in->dims[hole] = count / fixed;
		return STATUS_GOOD;
	}
	if (hole < 0 && fixed == count)
		return STATUS_GOOD;
	return FAIL(INVALID_ARG, "The schema can not convert input '%.*s' to tensor with proper shape",
	            STR_ARG(io->name));
}

static struct status read_input(struct rest_infer *q, const struct served_io *io, struct json v)
{
	struct infer_input *in = infer_add_input(&q->infer);
	int64_t count = json_kind(v) == JSON_ARRAY ? json_count(v) : 1;
	if (!in)
		return FAIL(INVALID_ARG, "the request has over %d inputs", LIMIT_INFER_INPUTS);
	in->name = io->name;
	in->dtype = io->dtype;
	TRY(deduce_shape(q->infer.version->owner, io, count, in));
	TRY(rest__check_new(&q->infer, in));
	return rest__read_values(q, in, v);
}

static struct status read_member(struct rest_infer *q, struct str key, struct json v)
{
	const struct served *m = q->infer.version->owner;
	struct str name;
	if (!json_str(rest__quoted(key), q->call.x->arena, &name))
		return FAIL(NO_MEMORY, "no memory for the request");
	for (uint32_t i = 0; i < m->n_inputs; i++)
		if (str_eq(m->inputs[i].name, name))
			return read_input(q, &m->inputs[i], v);
	return rest__add_parameter(q, name, v);
}

static struct status read_nested(struct rest_infer *q, struct json v)
{
	if (json_kind(v) != JSON_OBJECT)
		return FAIL(INTERNAL, "Expected JSON object for keyword: 'parameters': attempt to access "
		            "JSON non-object as object");
	for (struct json_walk w = json_walk(v); json_next(&w);)
		TRY_MSG(read_member(q, w.key, w.value), "Converting keyword: 'parameters'");
	return STATUS_GOOD;
}

static struct status read_document(struct rest_infer *q, struct json root)
{
	struct json id;
	if (json_member(root, "id", &id) && !json_str(id, q->call.x->arena, &q->infer.id))
		return rest__json_bad("id", REST_NOT_STRING);
	for (struct json_walk w = json_walk(root); json_next(&w);) {
		if (json_key_is(w.key, "id"))
			continue;
		if (json_key_is(w.key, "parameters"))
			TRY(read_nested(q, w.value));
		else
			TRY(read_member(q, w.key, w.value));
	}
	return STATUS_GOOD;
}

static struct status parse(struct rest_infer *q)
{
	struct str coding = http1_find(q->call.x->request, "Content-Encoding");
	struct str text = {(const char *)q->call.x->body.p, q->call.x->body.n};
	struct json root;
	if (coding.n && !str_is(coding, "identity"))
		return FAIL(INVALID_ARG, "Unsupported content-encoding, only 'identity' is supported.");
	if (text.n > q->call.rest->max_json_bytes)
		return FAIL(INVALID_ARG, "the request of %zu bytes is over the server's limit. Use "
		            "--http-max-input-size to increase the limit.", text.n);
	struct status st = json_check(text, &root);
	if (st.code)
		return FAIL(INTERNAL, "failed to parse the request JSON buffer: %s", st.msg);
	if (json_kind(root) != JSON_OBJECT)
		return FAIL(INTERNAL, "attempt to get members for non-object");
	q->infer.want_all = true;
	return read_document(q, root);
}

/* ---- the answer ---- */

/* What a member is, besides outputs by their number. */
enum { MEMBER_ID = -1, MEMBER_MODEL = -2, MEMBER_VERSION = -3, MEMBER_SEQUENCE_ID = -4,
       MEMBER_START = -5, MEMBER_END = -6, MEMBERS_MORE = 6 };
struct member { struct str name; int what; };

/* Adds a member where its name belongs. */
static void add(struct member *list, uint32_t *n, struct str name, int what)
{
	uint32_t i = (*n)++;
	CHECK(i < MODEL_IO_MAX + MEMBERS_MORE);
	for (; i && str_cmp(list[i - 1].name, name) > 0; i--)
		list[i] = list[i - 1];
	list[i] = (struct member){name, what};
}

static uint32_t members(const struct rest_infer *q, struct member *list)
{
	const struct served *m = q->infer.version->owner;
	uint32_t n = 0;
	for (uint32_t i = 0; i < m->n_outputs; i++)
		add(list, &n, m->outputs[i].name, (int)i);
	add(list, &n, STR("model_name"), MEMBER_MODEL);
	add(list, &n, STR("model_version"), MEMBER_VERSION);
	if (q->infer.id.n)
		add(list, &n, STR("id"), MEMBER_ID);
	if (infer_tells_sequence(&q->infer)) {
		add(list, &n, STR("sequence_id"), MEMBER_SEQUENCE_ID);
		add(list, &n, STR("sequence_start"), MEMBER_START);
		add(list, &n, STR("sequence_end"), MEMBER_END);
	}
	return n;
}

static struct status put_tensor(struct rest_infer *q, struct buf *b, uint32_t i)
{
	struct tensor t;
	int64_t count;
	size_t from = b->n;
	TRY(infer_output(&q->infer, i, &t));
	TRY(rest__put_values(b, q->infer.version->owner->outputs[i].name, &t, &count));
	if (count != 1 || b->bad)
		return buf_status(b);
	/* one element goes without its brackets */
	CHECK(b->n >= from + 2);
	memmove(b->p + from, b->p + from + 1, b->n - from - 2);
	b->n -= 2;
	return STATUS_GOOD;
}

static struct status put_value(struct rest_infer *q, struct buf *b, int what)
{
	const struct infer_sequence *s = &q->infer.sequence;
	switch (what) {
	case MEMBER_ID:
		json_put_str(b, q->infer.id);
		break;
	case MEMBER_MODEL:
		json_put_str(b, str_from(q->infer.version->owner->name));
		break;
	case MEMBER_VERSION:
		buf_byte(b, '"');
		json_put_i64(b, q->infer.version->number);
		buf_byte(b, '"');
		break;
	case MEMBER_SEQUENCE_ID:
		if (s->is_text)
			json_put_str(b, s->text);
		else
			json_put_u64(b, s->id);
		break;
	case MEMBER_START:
	case MEMBER_END:
		buf_z(b, (what == MEMBER_START ? s->start : s->end) ? "true" : "false");
		break;
	default:
		return put_tensor(q, b, (uint32_t)what);
	}
	return STATUS_GOOD;
}

static struct status put_reply(struct rest_infer *q, struct buf *b)
{
	struct member list[MODEL_IO_MAX + MEMBERS_MORE];
	uint32_t n = members(q, list);
	for (uint32_t i = 0; i < n; i++) {
		buf_byte(b, i ? ',' : '{');
		json_put_str(b, list[i].name);
		buf_byte(b, ':');
		TRY(put_value(q, b, list[i].what));
	}
	buf_byte(b, '}');
	return buf_status(b);
}

static void reply(struct rest_infer *q, bool event)
{
	if (q->infer.job.status.code) {
		rest__reply_status(&q->call, q->infer.job.status);
		return;
	}
	struct buf *b = rest__scratch(&q->call);
	if (event)
		buf_z(b, "data: ");
	struct status st = put_reply(q, b);
	if (event)
		buf_z(b, "\n\n");
	struct str copy = st.code ? STR_NONE : arena_str(q->call.x->arena, buf_text(b));
	struct span part = {(const uint8_t *)copy.p, copy.n};
	if (!st.code && !copy.p)
		st = FAIL(NO_MEMORY, "no memory for the reply");
	if (st.code)
		rest__reply_status(&q->call, st);
	else
		http_reply(q->call.x, 200, event ? "text/event-stream; charset=utf-8" : "application/json",
		           STR_NONE, &part, 1);
}

static void answer(void *q)
{
	reply(q, false);
}

static void answer_event(void *q)
{
	reply(q, true);
}

void rest__generate(struct rest_call *c)
{
	rest__serve(c, parse, answer);
}

void rest__generate_stream(struct rest_call *c)
{
	rest__serve(c, parse, answer_event);
}
