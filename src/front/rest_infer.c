/* The infer endpoint: parse, check, run, answer.
 *
 * A request lives in its connection's arena. Models that run inline are answered before this
 * returns; for the others the job's done function posts back to the loop, where the reply is
 * written. Outputs lie in the arena and are sent from there: as JSON numbers, or as binary parts
 * behind the JSON.
 */
#include "front/rest_priv.h"

#include "base/clock.h"
#include "base/panic.h"
#include "base/refused.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_binary(const struct rest_infer *q, uint32_t i)
{
	return q->infer.want_all ? q->binary_default : q->outputs[i].binary;
}

/* BYTES as JSON strings. */
static void put_strings(struct buf *b, const struct tensor *t)
{
	const uint8_t *p = t->data;
	size_t left = t->bytes;
	bool first = true;
	buf_byte(b, '[');
	while (left >= 4) {
		uint32_t n;
		memcpy(&n, p, 4);
		CHECK(n <= left - 4);
		if (!first)
			buf_byte(b, ',');
		json_put_str(b, (struct str){(const char *)p + 4, n});
		p += 4 + (size_t)n;
		left -= 4 + (size_t)n;
		first = false;
	}
	buf_byte(b, ']');
}

struct status rest__put_values(struct buf *b, struct str name, const struct tensor *t,
                               int64_t *count)
{
	if (t->dtype == DTYPE_FP16 || t->dtype == DTYPE_BF16)
		return FAIL(INVALID_ARG, "sending %s data via JSON is not supported. Please use the "
		            "binary data format for output", dtype_wire(t->dtype));
	if (!tensor_elements(t, count))
		return FAIL(INTERNAL, "output '%.*s' cannot be written", STR_ARG(name));
	if (t->dtype == DTYPE_BYTES)
		put_strings(b, t);
	else if (!json_put_numbers(b, t->dtype, t->data, *count))
		return FAIL(INTERNAL, "output '%.*s' cannot be written", STR_ARG(name));
	return STATUS_GOOD;
}

static struct status put_output(struct rest_infer *q, struct buf *b, uint32_t i, struct span *part)
{
	const struct served *m = q->infer.version->owner;
	struct tensor t;
	int64_t count;
	TRY(infer_output(&q->infer, i, &t));
	if (q->infer.classes[i]) {
		buf_z(b, "{\"name\":");
		json_put_str(b, m->outputs[i].name);
		buf_printf(b, ",\"datatype\":\"%s\",\"shape\":[", dtype_wire(t.dtype));
	} else {
		buf_str(b, m->outputs[i].json_head);
	}
	for (uint32_t k = 0; k < t.rank; k++) {
		if (k)
			buf_byte(b, ',');
		json_put_i64(b, t.dims[k]);
	}
	buf_byte(b, ']');
	if (infer_in_shm(&q->infer, i)) {
		buf_byte(b, '}');
		return infer_store(&q->infer, i, &t);
	}
	if (is_binary(q, i)) {
		buf_z(b, ",\"parameters\":{\"binary_data_size\":");
		json_put_i64(b, (int64_t)t.bytes);
		buf_z(b, "}}");
		*part = (struct span){t.data, t.bytes};
		return STATUS_GOOD;
	}
	buf_z(b, ",\"data\":");
	TRY(rest__put_values(b, m->outputs[i].name, &t, &count));
	buf_byte(b, '}');
	return STATUS_GOOD;
}

static void put_sequence(struct buf *b, const struct infer_sequence *s)
{
	buf_z(b, "\"parameters\":{\"sequence_id\":");
	if (s->is_text)
		json_put_str(b, s->text);
	else
		buf_printf(b, "%" PRIu64, s->id);
	buf_printf(b, ",\"sequence_start\":%s,\"sequence_end\":%s},", s->start ? "true" : "false",
	           s->end ? "true" : "false");
}

static struct status put_reply(struct rest_infer *q, struct buf *b, struct span *parts, uint32_t *n)
{
	const struct served_version *v = q->infer.version;
	bool first = true;
	buf_byte(b, '{');
	if (q->infer.id.n) {
		buf_z(b, "\"id\":");
		json_put_str(b, q->infer.id);
		buf_byte(b, ',');
	}
	if (infer_tells_sequence(&q->infer))
		put_sequence(b, &q->infer.sequence);
	buf_str(b, v->json_head);
	for (uint32_t i = 0; i < v->owner->n_outputs; i++) {
		struct span part = {0};
		if (!q->infer.want_all && !q->infer.want[i])
			continue;
		if (!first)
			buf_byte(b, ',');
		first = false;
		TRY(put_output(q, b, i, &part));
		if (part.n)
			parts[++*n] = part;
	}
	buf_z(b, "]}");
	return buf_status(b);
}

/* On the loop's thread, when the job is done. */
static void answer(void *arg)
{
	struct rest_infer *q = arg;
	enum rest_coding coding = rest__accepted(q->call.x->request);
	struct span parts[HTTP_PARTS_MAX];
	uint32_t n = 0;
	char headers[128];
	if (q->infer.job.status.code) {
		infer_release(&q->infer, q->call.rest->shm);
		rest__reply_status(&q->call, q->infer.job.status);
		return;
	}
	struct buf *b = rest__scratch(&q->call);
	struct status st = put_reply(q, b, parts, &n);
	infer_release(&q->infer, q->call.rest->shm);
	struct str json = st.code ? STR_NONE : arena_str(q->call.x->arena, buf_text(b));
	bool binary = n++ > 0;
	if (!st.code && !json.p)
		st = FAIL(NO_MEMORY, "no memory for the reply");
	parts[0] = (struct span){(const uint8_t *)json.p, json.n};
	if (!st.code && coding != CODING_IDENTITY)
		st = rest__encode(&q->call, coding, parts, &n);
	if (st.code) {
		rest__reply_status(&q->call, st);
		return;
	}
	snprintf(headers, sizeof headers, "%s", rest__coding_header(coding));
	size_t k = strlen(headers);
	if (binary)
		snprintf(headers + k, sizeof headers - k, "%s: %zu\r\n", REST_LENGTH_HEADER, json.n);
	http_reply(q->call.x, 200, binary ? "application/octet-stream" : "application/json",
	           str_from(headers), parts, n);
}

static void done_here(struct runner_job *j)
{
	(void)j;
}

static struct rest_infer *infer_of(struct runner_job *j)
{
	struct infer_request *r = (struct infer_request *)((char *)j - offsetof(struct infer_request,
	                                                                        job));
	return r->user;
}

/* From within flush(). */
static void done_soon(struct runner_job *j)
{
	struct rest_infer *q = infer_of(j);
	q->answer(q);
}

static void flush(void *arg)
{
	struct rest_infer *q = arg; /* gone when its own job is done */
	runner_flush(q->infer.version->runner, q->call.x->thread);
}

static void wait_for_others(struct runner_job *j)
{
	struct rest_infer *q = infer_of(j);
	q->post = (struct net_post){0, flush, q};
	net_soon(q->call.x->loop, &q->post);
}

/* On an instance's thread: back to the loop. */
static void done_there(struct runner_job *j)
{
	struct rest_infer *q = infer_of(j);
	q->post.fn = q->answer;
	q->post.arg = q;
	net_post(q->call.x->loop, &q->post);
}

static struct status forward(struct rest_infer *q)
{
	const struct forward *f = &q->call.rest->forward;
	const struct http1_request *r = q->call.x->request;
	for (uint32_t i = 0; f->on && i < r->n_headers; i++)
		TRY(forward_header(f, &q->infer, r->headers[i].name, r->headers[i].value));
	return STATUS_GOOD;
}

static struct status begin(struct rest_infer *q, rest_parse_fn *parse)
{
	struct served *m;
	struct served_version *v;
	TRY(rest__find(&q->call, &m, &v));
	TRY(infer_init(&q->infer, v, q->call.x->arena));
	TRY(parse(q));
	TRY(forward(q));
	TRY(infer_check(&q->infer));
	q->infer.user = q;
	q->infer.job.thread = q->call.x->thread;
	q->infer.job.started_ns = q->begun_ns;
	q->infer.job.done = runner_inline(q->infer.version->runner) ? done_here : done_there;
	if (runner_holds(v->runner)) {
		q->infer.job.done = done_soon;
		q->infer.job.soon = wait_for_others;
		q->call.x->soon = true;
	}
	return infer_start(&q->infer, clock_ns());
}

void rest__serve(struct rest_call *c, rest_parse_fn *parse, rest_answer_fn *reply)
{
	struct rest_infer *q = ARENA_NEW(c->x->arena, struct rest_infer);
	if (!q) {
		rest__reply_error(c, 503, "no memory for the request");
		return;
	}
	q->call = *c;
	q->answer = reply;
	q->begun_ns = clock_ns();
	struct status st = begin(q, parse);
	if (st.code) {
		refused(refused_why(st));
		infer_release(&q->infer, c->rest->shm);
		rest__reply_status(c, st);
	} else if (runner_inline(q->infer.version->runner) && !q->infer.job.soon) {
		reply(q);
	}
}

static struct status parse_body(struct rest_infer *q)
{
	struct span body = q->call.x->body;
	TRY(rest__decode(&q->call, &body));
	return rest__parse_infer(q, body);
}

void rest__infer(struct rest_call *c)
{
	rest__serve(c, parse_body, answer);
}
