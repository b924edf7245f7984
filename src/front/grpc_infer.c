/* ModelInfer and ModelStreamInfer: decode, check, run, answer.
 *
 * A request lives in its message's arena; tensors that came raw stay where the message lies when
 * they are aligned there, typed contents are written out as tensors. Outputs are always raw, as in
 * Triton: the small fields are encoded, the tensors follow as parts from where they lie. In a
 * stream a failure is an answer of its own, and the stream goes on, unless the request was good
 * and the client asked with `triton_grpc_error` for the status instead.
 */
#include "front/grpc_priv.h"

#include "base/clock.h"
#include "base/panic.h"
#include "base/refused.h"

#include <inttypes.h>
#include <stdio.h>

struct grpc_infer {
	struct grpc_front *front;
	struct grpc_message *message;
	struct gs_infer request;
	struct infer_request infer;
	struct net_post post;
	uint64_t begun_ns;
	bool streams;
};

/* ---- the answer ---- */

static void put_varint(struct buf *b, uint64_t v)
{
	for (; v >= 128; v >>= 7)
		buf_byte(b, (uint8_t)(v | 128));
	buf_byte(b, (uint8_t)v);
}

static size_t varint_bytes(uint64_t v)
{
	size_t n = 1;
	while (v >>= 7)
		n++;
	return n;
}

enum { TAG_RAW_OUTPUT = 6 << 3 | 2, TAG_STREAM_INFERRED = 2 << 3 | 2 };

static bool wanted(const struct grpc_infer *q, uint32_t i)
{
	return q->infer.want_all || q->infer.want[i];
}

/* Parameters of an answer: at most the final mark and a sequence. */
enum { ANSWER_PARAMETERS = 4 };
struct answer_parameters {
	struct gs_parameter_entry entries[ANSWER_PARAMETERS];
	struct gs_parameter values[ANSWER_PARAMETERS];
};

static struct gs_parameter *add(struct answer_parameters *p, struct gs_inferred *x,
                                const char *name)
{
	uint32_t i = x->parameters.n++;
	CHECK(i < ANSWER_PARAMETERS);
	p->entries[i].key = str_from(name);
	PB_SET(&p->entries[i], gs_parameter_entry, value, &p->values[i]);
	x->parameters.p = p->entries;
	return &p->values[i];
}

static bool put_parameters(struct grpc_infer *q, struct gs_inferred *x)
{
	const struct infer_sequence *s = &q->infer.sequence;
	bool sequence = infer_tells_sequence(&q->infer);
	if (!q->streams && !sequence)
		return true;
	struct answer_parameters *p = ARENA_NEW(&q->message->arena, struct answer_parameters);
	if (!p)
		return false;
	if (q->streams) {
		struct gs_parameter *final = add(p, x, "triton_final_response");
		PB_SET(final, gs_parameter, bool_param, true);
	}
	if (!sequence)
		return true;
	struct gs_parameter *id = add(p, x, "sequence_id");
	if (s->is_text)
		PB_SET(id, gs_parameter, string_param, s->text);
	else
		PB_SET(id, gs_parameter, int64_param, (int64_t)s->id);
	struct gs_parameter *start = add(p, x, "sequence_start"), *end = add(p, x, "sequence_end");
	PB_SET(start, gs_parameter, bool_param, s->start);
	PB_SET(end, gs_parameter, bool_param, s->end);
	return true;
}

/* What stands before the tensors. */
static struct status put_head(struct grpc_infer *q, struct gs_inferred *x)
{
	struct arena *a = &q->message->arena;
	const struct served *s = q->infer.version->owner;
	x->model_name = str_from(s->name);
	x->model_version = str_from(arena_printf(a, "%" PRId64, q->infer.version->number));
	x->id = q->request.id;
	x->outputs.p = ARENA_ARRAY(a, s->n_outputs + 1, struct gs_output);
	if (!x->model_version.p || !x->outputs.p || !put_parameters(q, x))
		return FAIL(NO_MEMORY, "no memory for the answer");
	for (uint32_t i = 0; i < s->n_outputs; i++) {
		struct tensor t;
		struct gs_output *o = &x->outputs.p[x->outputs.n];
		if (!wanted(q, i))
			continue;
		TRY(infer_output(&q->infer, i, &t));
		o->name = s->outputs[i].name;
		o->datatype = str_from(dtype_wire(t.dtype));
		o->shape.p = ARENA_ARRAY(a, t.rank + 1, int64_t);
		if (!o->shape.p)
			return FAIL(NO_MEMORY, "no memory for the answer");
		memcpy(o->shape.p, t.dims, t.rank * sizeof *o->shape.p);
		o->shape.n = t.rank;
		x->outputs.n++;
	}
	return STATUS_GOOD;
}

/* Parts of the answer: encoded bytes in the arena, and tensors where they lie. */
static struct status put_answer(struct grpc_infer *q, struct span *parts, uint32_t *n)
{
	const struct served *s = q->infer.version->owner;
	struct gs_inferred x = {0};
	size_t at[MODEL_IO_MAX + 1], total = 0;
	struct span raw[MODEL_IO_MAX];
	uint32_t n_raw = 0;
	TRY(put_head(q, &x));
	struct buf *b = grpc__scratch(q->front, q->message);
	TRY(pb_encode(&gs_inferred_pb, &x, b));
	total = b->n;
	for (uint32_t i = 0; i < s->n_outputs; i++) {
		struct tensor t;
		if (!wanted(q, i))
			continue;
		TRY(infer_output(&q->infer, i, &t));
		if (infer_in_shm(&q->infer, i)) {
			TRY(infer_store(&q->infer, i, &t));
			t.bytes = 0; /* an empty entry holds the output's place */
		}
		buf_byte(b, TAG_RAW_OUTPUT);
		put_varint(b, t.bytes);
		total += 1 + varint_bytes(t.bytes) + t.bytes;
		at[n_raw] = b->n;
		raw[n_raw++] = (struct span){t.data, t.bytes};
	}
	struct str all = arena_str(&q->message->arena, buf_text(b));
	TRY(buf_status(b));
	uint8_t *wrap = arena_alloc(&q->message->arena, 12, 1);
	if (!all.p || !wrap)
		return FAIL(NO_MEMORY, "no memory for the answer");
	if (q->streams) {
		buf_reset(b);
		buf_byte(b, TAG_STREAM_INFERRED);
		put_varint(b, total);
		memcpy(wrap, b->p, b->n);
		parts[(*n)++] = (struct span){wrap, b->n};
	}
	size_t from = 0;
	for (uint32_t i = 0; i < n_raw; i++) {
		parts[(*n)++] = (struct span){(const uint8_t *)all.p + from, at[i] - from};
		if (raw[i].n)
			parts[(*n)++] = raw[i];
		from = at[i];
	}
	if (!n_raw)
		parts[(*n)++] = (struct span){(const uint8_t *)all.p, all.n};
	return STATUS_GOOD;
}

static bool wants_status(const struct grpc_message *m)
{
	uint32_t n;
	const struct http1_header *h = grpc_metadata(m, &n);
	for (uint32_t i = 0; i < n; i++)
		if (str_is(h[i].name, "triton_grpc_error") && str_is(h[i].value, "true"))
			return true;
	return false;
}

/* late: the request was good. */
static void fail(struct grpc_infer *q, struct status st, bool late)
{
	struct gs_inferred who = {.id = q->request.id};
	struct gs_stream_reply x = {.error_message = str_from(st.msg)};
	struct answer_parameters parameters = {0};
	if (!q->streams || (late && wants_status(q->message))) {
		grpc__fail(q->message, st);
		return;
	}
	if (late) {
		who.model_name = q->request.model_name;
		who.model_version = q->request.model_version;
		struct gs_parameter *final = add(&parameters, &who, "triton_final_response");
		PB_SET(final, gs_parameter, bool_param, true);
	}
	PB_SET(&x, gs_stream_reply, infer_response, &who);
	grpc__answer(q->front, q->message, &gs_stream_reply_pb, &x);
}

/* On the loop's thread, when the job is done. */
static void answer(void *arg)
{
	struct grpc_infer *q = arg;
	struct span parts[GRPC_PARTS_MAX];
	uint32_t n = 0;
	struct status st = q->infer.job.status;
	if (!st.code)
		st = put_answer(q, parts, &n);
	infer_release(&q->infer, q->front->shm);
	if (st.code)
		fail(q, st, true);
	else
		grpc_reply_packed(q->message, parts, n);
}

static void done_here(struct runner_job *j)
{
	(void)j;
}

static struct grpc_infer *infer_of(struct runner_job *j)
{
	struct infer_request *r = (struct infer_request *)((char *)j - offsetof(struct infer_request,
	                                                                        job));
	return r->user;
}

/* From within flush(). */
static void done_soon(struct runner_job *j)
{
	answer(infer_of(j));
}

static void flush(void *arg)
{
	struct grpc_infer *q = arg; /* gone when its own job is done */
	runner_flush(q->infer.version->runner, q->message->thread);
}

static void wait_for_others(struct runner_job *j)
{
	struct grpc_infer *q = infer_of(j);
	q->post = (struct net_post){0, flush, q};
	net_soon(q->message->loop, &q->post);
}

/* On an instance's thread: back to the loop. */
static void done_there(struct runner_job *j)
{
	struct grpc_infer *q = infer_of(j);
	q->post.fn = answer;
	q->post.arg = q;
	net_post(q->message->loop, &q->post);
}

/* ---- the request ---- */

static struct status wrong_contents(const struct grpc_infer *q, const struct gs_input *in,
                                    enum dtype got, enum dtype want)
{
	return FAIL(INVALID_ARG, "unexpected explicit tensor data for input tensor '%.*s' for model "
	            "'%.*s' of type '%s', expected datatype '%s'", STR_ARG(in->name),
	            STR_ARG(q->request.model_name), dtype_wire(got), dtype_wire(want));
}

static struct status two_contents(const struct grpc_infer *q, const struct gs_input *in)
{
	return FAIL(INVALID_ARG, "unexpected explicit tensor data for input tensor '%.*s' for model "
	            "'%.*s', binary data was already supplied.", STR_ARG(in->name),
	            STR_ARG(q->request.model_name));
}

/* Strings as the wire has BYTES. */
static struct status strings(struct arena *a, const struct gs_contents *c, struct infer_input *in)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < c->bytes_contents.n; i++)
		bytes += 4 + c->bytes_contents.p[i].n;
	uint8_t *p = in->data = arena_bytes(a, bytes + 1, 8);
	if (!p)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(in->name));
	for (uint32_t i = 0; i < c->bytes_contents.n; i++) {
		struct span s = c->bytes_contents.p[i];
		uint32_t n = (uint32_t)s.n;
		memcpy(p, &n, 4);
		if (n)
			memcpy(p + 4, s.p, n);
		p += 4 + (size_t)n;
	}
	in->bytes = bytes;
	return STATUS_GOOD;
}

/* Numbers that came wider than their type. */
static struct status narrow(struct arena *a, const void *from, uint32_t n, size_t size,
                            struct infer_input *in)
{
	uint8_t *p = in->data = arena_bytes(a, n * size + 1, 8);
	if (!p)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(in->name));
	for (uint32_t i = 0; i < n; i++) /* little-endian: the low bytes come first */
		memcpy(p + i * size, (const uint8_t *)from + (size_t)i * 4, size);
	in->bytes = n * size;
	return STATUS_GOOD;
}

/* Typed contents, of one field, into a tensor. Checked in Triton's order. */
static struct status contents(struct grpc_infer *q, const struct gs_input *from,
                              struct infer_input *in)
{
	const struct gs_contents *c = from->contents;
	enum dtype t = in->dtype;
	bool small_int = t == DTYPE_INT8 || t == DTYPE_INT16 || t == DTYPE_INT32;
	bool small_uint = t == DTYPE_UINT8 || t == DTYPE_UINT16 || t == DTYPE_UINT32;
	void *p = 0;
	uint32_t n = 0;
#define FIELD(f, fits, kind)                                     \
	if (c->f.n) {                                            \
		if (p)                                           \
			return two_contents(q, from);            \
		if (!(fits))                                     \
			return wrong_contents(q, from, kind, t); \
		p = c->f.p;                                      \
		n = c->f.n;                                      \
	}
	FIELD(bool_contents, t == DTYPE_BOOL, DTYPE_BOOL)
	FIELD(int_contents, small_int, DTYPE_INT32)
	FIELD(int64_contents, t == DTYPE_INT64, DTYPE_INT64)
	FIELD(uint_contents, small_uint, DTYPE_UINT32)
	FIELD(uint64_contents, t == DTYPE_UINT64, DTYPE_UINT64)
	FIELD(fp32_contents, t == DTYPE_FP32, DTYPE_FP32)
	FIELD(fp64_contents, t == DTYPE_FP64, DTYPE_FP64)
	FIELD(bytes_contents, t == DTYPE_BYTES, DTYPE_BYTES)
#undef FIELD
	if (!p || t == DTYPE_BYTES)
		return strings(&q->message->arena, c, in);
	if ((small_int || small_uint) && dtype_bytes(t) < 4)
		return narrow(&q->message->arena, p, n, dtype_bytes(t), in);
	in->data = p;
	in->bytes = n * dtype_bytes(t);
	return STATUS_GOOD;
}

/* A tensor that came raw: where it lies, or a copy where its elements would not be aligned. */
static struct status raw(struct grpc_infer *q, struct span bytes, struct infer_input *in)
{
	size_t element = dtype_bytes(in->dtype);
	in->bytes = bytes.n;
	in->data = (void *)(uintptr_t)bytes.p;
	if (!element || ((uintptr_t)bytes.p & (element - 1)) == 0)
		return STATUS_GOOD;
	in->data = arena_bytes(&q->message->arena, bytes.n + 1, 64);
	if (!in->data)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(in->name));
	memcpy(in->data, bytes.p, bytes.n);
	return STATUS_GOOD;
}

static struct status add_input(struct grpc_infer *q, const struct gs_input *from)
{
	struct infer_input *in = infer_add_input(&q->infer);
	if (!in)
		return FAIL(INVALID_ARG, "the request has over %d inputs", LIMIT_INFER_INPUTS);
	in->name = from->name;
	in->dtype = dtype_from_wire(from->datatype);
	if (from->shape.n > TENSOR_RANK_MAX)
		return FAIL(INVALID_ARG, "input '%.*s' has %u dimensions; at most %d are served",
		            STR_ARG(from->name), from->shape.n, TENSOR_RANK_MAX);
	in->rank = from->shape.n;
	if (in->rank)
		memcpy(in->dims, from->shape.p, in->rank * sizeof *in->dims);
	for (uint32_t i = 0; &q->infer.inputs[i] != in; i++)
		if (str_eq(q->infer.inputs[i].name, in->name))
			return FAIL(INVALID_ARG, INFER_ID_FORMAT "input '%.*s' already exists in request",
			            STR_ARG(infer_id_text(&q->infer)), STR_ARG(in->name));
	return STATUS_GOOD;
}

/* Where the data of an input lie: shared memory, the raw contents in turn, or its own. */
static struct status find_data(struct grpc_infer *q, const struct gs_input *from,
                               struct infer_input *in, uint32_t *n_raw)
{
	struct infer_place place;
	bool there;
	TRY(grpc__place(from->parameters.p, from->parameters.n, from->name, &place, &there));
	if (there && from->contents)
		return FAIL(INVALID_ARG, "unexpected 'content' provided when using shared memory for input "
		            "tensor '%.*s' for model '%.*s'", STR_ARG(from->name),
		            STR_ARG(q->request.model_name));
	if (there)
		return infer_input_shm(&q->infer, q->front->shm, &place, in);
	if (from->contents && q->request.raw_input_contents.n)
		return FAIL(INVALID_ARG, "contents field must not be specified when using "
		            "raw_input_contents for '%.*s' for model '%.*s'", STR_ARG(from->name),
		            STR_ARG(q->request.model_name));
	if (*n_raw < q->request.raw_input_contents.n)
		return raw(q, q->request.raw_input_contents.p[(*n_raw)++], in);
	if (!from->contents)
		return FAIL(INVALID_ARG, "unable to find data for input tensor '%.*s' for model '%.*s' in "
		            "request.", STR_ARG(from->name), STR_ARG(q->request.model_name));
	return contents(q, from, in);
}

static struct status add_output(struct grpc_infer *q, const struct gs_wanted *w,
                                struct infer_unknown *unknown)
{
	const struct served *s = q->infer.version->owner;
	struct infer_place place;
	uint32_t i = 0, classes = 0;
	bool there;
	TRY(grpc__place(w->parameters.p, w->parameters.n, w->name, &place, &there));
	TRY(grpc__classes(w, &classes));
	if (there && classes)
		return FAIL(INVALID_ARG, "output can't set both 'shared_memory_region' and "
		            "'classification'");
	while (i < s->n_outputs && !str_eq(s->outputs[i].name, w->name))
		i++;
	if (i == s->n_outputs) {
		infer_add_unknown(unknown, w->name);
		return there ? infer_place_check(q->front->shm, &place) : STATUS_GOOD;
	}
	q->infer.want[i] = true;
	if (classes && !q->infer.classes[i])
		q->infer.classes[i] = classes;
	return there ? infer_output_shm(&q->infer, q->front->shm, i, &place) : STATUS_GOOD;
}

static struct status add_outputs(struct grpc_infer *q)
{
	const struct gs_infer *x = &q->request;
	struct infer_unknown unknown = {0};
	q->infer.want_all = !x->outputs.n;
	for (uint32_t i = 0; i < x->outputs.n; i++)
		TRY(add_output(q, &x->outputs.p[i], &unknown));
	return infer_unknown(&q->infer, &unknown);
}

static struct status forward(struct grpc_infer *q)
{
	uint32_t n;
	const struct http1_header *h = grpc_metadata(q->message, &n);
	for (uint32_t i = 0; q->front->forward.on && i < n; i++)
		TRY(forward_header(&q->front->forward, &q->infer, h[i].name, h[i].value));
	return STATUS_GOOD;
}

static struct status begin(struct grpc_infer *q)
{
	struct gs_infer *x = &q->request;
	struct served *s;
	struct served_version *v;
	uint32_t n_raw = 0;
	TRY(grpc__find(q->front, x->model_name, x->model_version, &s, &v));
	TRY(infer_init(&q->infer, v, &q->message->arena));
	q->infer.id = x->id;
	TRY(grpc__parameters(&q->infer, x));
	TRY(forward(q));
	for (uint32_t i = 0; i < x->inputs.n; i++)
		TRY(add_input(q, &x->inputs.p[i]));
	for (uint32_t i = 0; i < x->inputs.n; i++)
		TRY(find_data(q, &x->inputs.p[i], &q->infer.inputs[i], &n_raw));
	TRY(add_outputs(q));
	TRY(infer_check(&q->infer));
	q->infer.user = q;
	q->infer.job.thread = q->message->thread;
	q->infer.job.started_ns = q->begun_ns;
	q->infer.job.cancelled = &q->message->cancelled;
	q->infer.job.done = runner_inline(v->runner) ? done_here : done_there;
	if (runner_holds(v->runner)) {
		q->infer.job.done = done_soon;
		q->infer.job.soon = wait_for_others;
	}
	return infer_start(&q->infer, clock_ns());
}

static void run(struct grpc_front *f, struct grpc_message *m, bool streams)
{
	struct grpc_infer *q = ARENA_NEW(&m->arena, struct grpc_infer);
	if (!q) {
		grpc_fail(m, GRPC_RESOURCE_EXHAUSTED, "no memory for the request");
		return;
	}
	q->front = f;
	q->message = m;
	q->streams = streams;
	q->begun_ns = clock_ns();
	if (!grpc__decode(m, &gs_infer_pb, &q->request))
		return;
	struct status st = begin(q);
	if (st.code) {
		refused(refused_why(st));
		infer_release(&q->infer, f->shm);
		fail(q, st, false);
	} else if (runner_inline(q->infer.version->runner) && !q->infer.job.soon) {
		answer(q);
	}
}

void grpc__infer(struct grpc_front *f, struct grpc_message *m)
{
	run(f, m, false);
}

void grpc__stream_infer(struct grpc_front *f, struct grpc_message *m)
{
	run(f, m, true);
}
