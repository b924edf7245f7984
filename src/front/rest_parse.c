/* Reading an inference request: JSON, JSON with binary tensors behind it, or one raw tensor.
 *
 * The document is checked once and then walked; numbers go straight into a buffer of the tensor's
 * size in the request's arena, binary tensors stay where the kernel put them unless they lie
 * askew there. Messages, their codes and the order of checks are Triton's, found by asking it:
 * what its JSON library reports is an internal error, a tensor without elements is not looked at,
 * and outputs that are listed ignore binary_data_output. Nothing is kept beyond the request,
 * which belongs to the thread of its connection.
 */
#include "front/rest_priv.h"

#include "base/mem.h"
#include "base/panic.h"

#include <inttypes.h>

static const char no_member[] = "attempt to access non-existing object member";

/* A member that must be a string; v.p NULL: it is not there. */
static struct status need_str(struct json v, const char *field, struct arena *a, struct str *out)
{
	if (!v.p)
		return FAIL(INTERNAL, "Unable to parse '%s': %s '%s'", field, no_member, field);
	return json_str(v, a, out) ? STATUS_GOOD : rest__json_bad(field, REST_NOT_STRING);
}

/* Members of an object by name; the first of a name counts. */
struct wanted { const char *name; struct json *to; };

static void pick(struct json object, const struct wanted *w, size_t n)
{
	for (struct json_walk k = json_walk(object); json_next(&k);)
		for (size_t i = 0; k.key.p && i < n; i++)
			if (json_key_is(k.key, w[i].name)) {
				if (!w[i].to->p)
					*w[i].to = k.value;
				break;
			}
}
#define PICK(object, table) pick((object), (table), sizeof(table) / sizeof *(table))

/* One element of "inputs". */
struct input_text { struct json name, shape, datatype, parameters, data, size, region, offset,
	bytes; };

static struct status parse_shape(struct json v, struct infer_input *in)
{
	if (!v.p)
		return FAIL(INTERNAL, "Unable to parse 'shape': %s 'shape'", no_member);
	if (json_kind(v) != JSON_ARRAY)
		return rest__json_bad("shape", "attempt to access JSON non-array as array");
	for (struct json_walk w = json_walk(v); json_next(&w);) {
		uint64_t d;
		if (in->rank == TENSOR_RANK_MAX)
			return FAIL(INVALID_ARG, "input '%.*s' has over %d dimensions", STR_ARG(in->name),
			            TENSOR_RANK_MAX);
		if (!json_u64(w.value, &d) || d > INT64_MAX)
			return rest__json_bad("shape", REST_NOT_UNSIGNED);
		in->dims[in->rank++] = (int64_t)d;
	}
	return STATUS_GOOD;
}

static struct status element_count(const struct infer_input *in, int64_t *count, size_t *bytes)
{
	struct tensor t = {.dtype = in->dtype, .rank = in->rank};
	char text[160];
	memcpy(t.dims, in->dims, sizeof t.dims);
	if (!tensor_elements(&t, count))
		return FAIL(INVALID_ARG, "invalid shape for input '%.*s': shape %s causes total element "
		            "count to exceed "
		            "maximum size of %" PRId64, STR_ARG(in->name),
		            tensor_shape_text(t.dims, t.rank, text, sizeof text), INT64_MAX);
	if (!mem_mul((size_t)*count, dtype_bytes(in->dtype), bytes))
		return FAIL(INVALID_ARG, "byte size overflow for input '%.*s': element count "
		            "(%" PRId64 ") * data type "
		            "size (%zu) exceeds maximum allowed size (%zu)", STR_ARG(in->name), *count,
		            dtype_bytes(in->dtype), SIZE_MAX);
	return STATUS_GOOD;
}

/* How many there are is checked with the shape, later. */
static struct status read_strings(struct rest_infer *q, struct infer_input *in, struct json data)
{
	struct buf *b = rest__scratch(&q->call);
	int64_t have;
	struct status st = json_bytes(data, q->call.x->arena, b, &have);
	if (st.code)
		return st.code == STATUS_INVALID_ARG ? FAIL(INTERNAL, "Unable to parse JSON bytes array: "
		                                            "%s", st.msg) : st;
	in->bytes = b->n;
	in->data = arena_bytes(q->call.x->arena, b->n + 1, 8);
	if (!in->data)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(in->name));
	memcpy(in->data, b->p ? b->p : (const uint8_t *)"", b->n);
	return STATUS_GOOD;
}

static struct status read_numbers(struct rest_infer *q, struct infer_input *in, struct json data,
                                  int64_t want)
{
	/* each element takes at least two characters, so a shape cannot ask for more than was sent */
	int64_t most = data.end - data.p, have;
	size_t room = (size_t)(want < most ? want : most) * dtype_bytes(in->dtype);
	in->data = arena_bytes(q->call.x->arena, room + 8, 64);
	if (!in->data)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(in->name));
	struct status st = json_numbers(data, in->dtype, in->data, want, &have);
	if (st.code)
		return rest__json_bad("data", st.msg);
	return have == want ? STATUS_GOOD
		: rest__json_bad("data", "Shape does not match true shape of 'data' field");
}

struct status rest__read_values(struct rest_infer *q, struct infer_input *in, struct json data)
{
	int64_t want;
	TRY(element_count(in, &want, &in->bytes));
	if (want == 0 || in->rank == 0) {
		in->bytes = 0;
		return STATUS_GOOD;
	}
	if (!in->dtype)
		return FAIL(INVALID_ARG, "invalid datatype for input %.*s", STR_ARG(in->name));
	if (in->dtype == DTYPE_FP16 || in->dtype == DTYPE_BF16)
		return FAIL(INVALID_ARG, "receiving %s data via JSON is not supported. Please use the "
		            "binary data format "
		            "for input %.*s", dtype_wire(in->dtype), STR_ARG(in->name));
	return in->dtype == DTYPE_BYTES ? read_strings(q, in, data) : read_numbers(q, in, data, want);
}

/* A binary tensor stays where it is; one that begins in the middle of an element's alignment is
 * moved. */
static struct status place(struct rest_infer *q, struct infer_input *in, struct span bytes)
{
	size_t align = dtype_bytes(in->dtype);
	in->bytes = bytes.n;
	in->data = (void *)(uintptr_t)bytes.p;
	if (align < 2 || (uintptr_t)bytes.p % align == 0)
		return STATUS_GOOD;
	in->data = arena_bytes(q->call.x->arena, bytes.n + 1, 64);
	if (!in->data)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(in->name));
	memcpy(in->data, bytes.p, bytes.n);
	return STATUS_GOOD;
}

struct status rest__read_binary(struct rest_infer *q, struct infer_input *in, uint64_t size,
                                struct span *tail)
{
	if (size > tail->n)
		return FAIL(INVALID_ARG, "unexpected size for input '%.*s', expecting "
		            "%" PRIu64 " additional bytes for "
		            "model '%s'", STR_ARG(in->name), size - tail->n, q->infer.version->owner->name);
	TRY(place(q, in, (struct span){tail->p, (size_t)size}));
	tail->p += size;
	tail->n -= size;
	return STATUS_GOOD;
}

/* A place in shared memory, if there is one; offset and size may be left out. */
static struct status parse_place(struct json region, struct json offset, struct json bytes,
                                 struct arena *a, struct infer_place *out)
{
	if (region.p && !json_str(region, a, &out->region))
		return rest__json_bad("shared_memory_region", REST_NOT_STRING);
	if (offset.p && !json_u64(offset, &out->offset))
		return rest__json_bad("shared_memory_offset", REST_NOT_UNSIGNED);
	if (bytes.p && !json_u64(bytes, &out->bytes))
		return rest__json_bad("shared_memory_byte_size", REST_NOT_UNSIGNED);
	return STATUS_GOOD;
}

/* The one place that data come from, or Triton's complaint. */
static struct status one_source(const struct input_text *t)
{
	if (!t->data.p + !t->size.p + !t->region.p != 2)
		return FAIL(INVALID_ARG, "Input must set only one of the following fields: 'data', "
		            "'binary_data_size' in "
		            "'parameters', 'shared_memory_region' in 'parameters'. But %s%s%s%s",
		            t->data.p || t->size.p ? "set" : "no field is set", t->data.p ? " 'data'" : "",
		            t->size.p ? " 'binary_data_size'" : "", t->region.p ? " 'shared_memory_region'"
		            : "");
	return STATUS_GOOD;
}

struct status rest__check_new(const struct infer_request *r, const struct infer_input *in)
{
	for (uint32_t i = 0; &r->inputs[i] != in; i++)
		if (str_eq(r->inputs[i].name, in->name))
			return FAIL(INVALID_ARG, INFER_ID_FORMAT "input '%.*s' already exists in request",
			            STR_ARG(infer_id_text(r)), STR_ARG(in->name));
	return STATUS_GOOD;
}

/* "data", of which nothing is asked where there are no elements. */
static struct status read_data(struct rest_infer *q, struct infer_input *in, struct json data)
{
	int64_t count;
	TRY(element_count(in, &count, &in->bytes));
	if (count != 0 && in->rank != 0 && json_kind(data) != JSON_ARRAY)
		return rest__json_bad("data", "attempt to access JSON non-array as array");
	return rest__read_values(q, in, data);
}

static struct status read_source(struct rest_infer *q, struct infer_input *in,
                                 const struct input_text *t, struct span *tail)
{
	struct infer_place place = {0};
	uint64_t size;
	if (t->size.p)
		return json_u64(t->size, &size) ? rest__read_binary(q, in, size, tail)
			: rest__json_bad("binary_data_size", REST_NOT_UNSIGNED);
	TRY(parse_place(t->region, t->offset, t->bytes, q->call.x->arena, &place));
	return t->region.p ? infer_input_shm(&q->infer, q->call.rest->shm, &place, in)
		: read_data(q, in, t->data);
}

static struct status parse_input(struct rest_infer *q, struct json v, struct span *tail)
{
	struct input_text t = {0};
	struct arena *a = q->call.x->arena;
	struct str type;
	const struct wanted members[] = {{"name", &t.name}, {"shape", &t.shape},
		{"datatype", &t.datatype},
		{"parameters", &t.parameters}, {"data", &t.data}};
	const struct wanted parameters[] = {{"binary_data_size", &t.size},
		{"shared_memory_region", &t.region}, {"shared_memory_offset", &t.offset},
		{"shared_memory_byte_size", &t.bytes}};
	struct infer_input *in = infer_add_input(&q->infer);
	if (!in)
		return FAIL(INVALID_ARG, "the request has over %d inputs", LIMIT_INFER_INPUTS);
	PICK(v, members);
	if (t.parameters.p)
		PICK(t.parameters, parameters);
	TRY(one_source(&t));
	TRY(need_str(t.name, "name", a, &in->name));
	TRY(need_str(t.datatype, "datatype", a, &type));
	TRY(parse_shape(t.shape, in));
	in->dtype = dtype_from_wire(type); /* none: refused by who needs it */
	TRY(rest__check_new(&q->infer, in));
	q->unlike = q->unlike || t.region.p || t.data.p;
	return read_source(q, in, &t, tail);
}

/* For output i, or only checked where there is no such output. */
static struct status parse_output_parameters(struct rest_infer *q, struct json v, uint32_t i)
{
	struct json binary = {0}, classes = {0}, region = {0}, offset = {0}, bytes = {0};
	struct infer_place place = {0};
	uint64_t k = 0;
	bool is_binary = false;
	const struct wanted members[] = {{"binary_data", &binary}, {"classification", &classes},
		{"shared_memory_region", &region}, {"shared_memory_offset", &offset},
		{"shared_memory_byte_size", &bytes}};
	PICK(v, members);
	if (classes.p && !json_u64(classes, &k))
		return FAIL(INTERNAL, "Unable to set 'classification': %s", REST_NOT_UNSIGNED);
	if (binary.p && !json_bool(binary, &is_binary))
		return rest__json_bad("binary_data", REST_NOT_BOOL);
	if (region.p && (classes.p || is_binary))
		return FAIL(INVALID_ARG, "Output can't set both 'shared_memory_region' and '%s'",
		            classes.p ? "classification" : "binary_data");
	TRY(parse_place(region, offset, bytes, q->call.x->arena, &place));
	if (i == q->infer.version->owner->n_outputs)
		return region.p ? infer_place_check(q->call.rest->shm, &place) : STATUS_GOOD;
	q->outputs[i].binary = is_binary;
	q->infer.classes[i] = (uint32_t)k; /* Triton cuts it so, too */
	q->unlike = q->unlike || k || region.p;
	return region.p ? infer_output_shm(&q->infer, q->call.rest->shm, i, &place) : STATUS_GOOD;
}

static struct status parse_output(struct rest_infer *q, struct json v,
                                  struct infer_unknown *unknown)
{
	const struct served *m = q->infer.version->owner;
	struct json name = {0}, parameters = {0};
	struct str text;
	uint32_t i = 0;
	const struct wanted members[] = {{"name", &name}, {"parameters", &parameters}};
	PICK(v, members);
	TRY(need_str(name, "name", q->call.x->arena, &text));
	while (i < m->n_outputs && !str_eq(m->outputs[i].name, text))
		i++;
	bool counts = i < m->n_outputs && !q->infer.want[i]; /* the first of a name */
	if (i == m->n_outputs)
		infer_add_unknown(unknown, text);
	else
		q->infer.want[i] = true;
	return !parameters.p ? STATUS_GOOD
		: parse_output_parameters(q, parameters, counts ? i : m->n_outputs);
}

static struct status parse_outputs(struct rest_infer *q, struct json list)
{
	struct infer_unknown unknown = {0};
	if (json_kind(list) != JSON_ARRAY)
		return rest__json_bad("outputs", "attempt to access JSON non-array as array");
	for (struct json_walk w = json_walk(list); json_next(&w);) {
		q->infer.want_all = false;
		TRY(parse_output(q, w.value, &unknown));
	}
	return infer_unknown(&q->infer, &unknown);
}

struct status rest__no_more(const struct rest_infer *q, struct span tail)
{
	return !tail.n ? STATUS_GOOD
		: FAIL(INVALID_ARG, "unexpected additional input data for model '%s'",
		       q->infer.version->owner->name);
}

static struct status parse_document(struct rest_infer *q, struct str text, struct span tail)
{
	struct json root, id = {0}, parameters = {0}, inputs = {0}, outputs = {0};
	const struct wanted members[] = {{"id", &id}, {"parameters", &parameters}, {"inputs", &inputs},
		{"outputs", &outputs}};
	struct status st = json_check(text, &root);
	if (st.code)
		return FAIL(INTERNAL, "failed to parse the request JSON buffer: %s", st.msg);
	PICK(root, members);
	q->unlike = id.p || parameters.p;
	if (id.p && !json_str(id, q->call.x->arena, &q->infer.id))
		return rest__json_bad("id", REST_NOT_STRING);
	if (parameters.p)
		TRY(rest__parse_parameters(q, parameters));
	if (!inputs.p)
		return FAIL(INTERNAL, "Unable to parse 'inputs': %s 'inputs'", no_member);
	if (json_kind(inputs) != JSON_ARRAY)
		return rest__json_bad("inputs", "attempt to access JSON non-array as array");
	for (struct json_walk w = json_walk(inputs); json_next(&w);)
		TRY(parse_input(q, w.value, &tail));
	TRY(rest__no_more(q, tail));
	q->infer.want_all = true;
	return outputs.p ? parse_outputs(q, outputs) : STATUS_GOOD;
}

/* Shape of the raw input: one entry of a batch, with at most one hole that the size fills. */
static struct status raw_shape(const struct rest_infer *q, struct infer_input *in,
                               const struct served_io *io, size_t bytes)
{
	size_t fixed = dtype_bytes(io->dtype);
	int32_t hole = -1;
	if (q->infer.version->owner->max_batch > 0)
		in->dims[in->rank++] = 1;
	for (uint32_t i = 0; i < io->rank; i++) {
		in->dims[in->rank] = io->dims[i];
		if (io->dims[i] == -1 && hole >= 0)
			return FAIL(INVALID_ARG, INFER_ID_FORMAT "The shape of the raw input '%.*s' can not "
			            "be deduced because "
			            "there are more than one variable-sized dimension",
			            STR_ARG(infer_id_text(&q->infer)),
			            STR_ARG(io->name));
		if (io->dims[i] == -1)
			hole = (int32_t)in->rank;
		else if (!mem_mul(fixed, (size_t)io->dims[i], &fixed))
			fixed = SIZE_MAX;
		in->rank++;
	}
	if (io->dtype == DTYPE_BYTES)
		return STATUS_GOOD;
	CHECK(fixed > 0);
	if (hole >= 0) {
		in->dims[hole] = (int64_t)(bytes / fixed);
		fixed *= bytes / fixed;
	}
	if (fixed != bytes)
		return FAIL(INVALID_ARG, INFER_ID_FORMAT "input byte size mismatch for input 'raw_input' "
		            "for model '%s'. "
		            "Expected %zu, got %zu", STR_ARG(infer_id_text(&q->infer)),
		            q->infer.version->owner->name,
		            fixed, bytes);
	return STATUS_GOOD;
}

/* The whole body is one string. */
static struct status raw_string(struct rest_infer *q, struct infer_input *in,
                                const struct served_io *io, struct span body)
{
	if (io->rank != 1 || io->dims[0] != 1 || body.n > UINT32_MAX)
		return FAIL(INVALID_ARG, INFER_ID_FORMAT "For BYTE datatype raw input '%.*s', the model "
		            "must have input "
		            "shape [1]", STR_ARG(infer_id_text(&q->infer)), STR_ARG(io->name));
	uint8_t *p = arena_bytes(q->call.x->arena, body.n + 4, 8);
	uint32_t n = (uint32_t)body.n;
	if (!p)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(io->name));
	memcpy(p, &n, 4);
	memcpy(p + 4, body.p, body.n);
	in->data = p;
	in->bytes = body.n + 4;
	return STATUS_GOOD;
}

/* The whole body is the only input's data; its shape follows from configuration and size. */
static struct status parse_raw(struct rest_infer *q, struct span body)
{
	const struct served *m = q->infer.version->owner;
	const struct served_io *io = m->inputs;
	struct infer_input *in = infer_add_input(&q->infer);
	if (m->n_inputs != 1)
		return FAIL(INVALID_ARG, INFER_ID_FORMAT "Raw request must only have 1 input (found 1) to "
		            "be deduced but got "
		            "%u inputs in '%s' model configuration", STR_ARG(infer_id_text(&q->infer)),
		            m->n_inputs, m->name);
	CHECK(in);
	in->name = io->name;
	in->dtype = io->dtype;
	TRY(raw_shape(q, in, io, body.n));
	q->infer.want_all = q->binary_default = true;
	return io->dtype == DTYPE_BYTES ? raw_string(q, in, io, body) : place(q, in, body);
}

/* A number as C's atoi reads it: what follows the digits is not looked at, no digits are 0. */
static int64_t leading_number(struct str s)
{
	int64_t v = 0;
	bool minus = s.n && *s.p == '-', sign = minus || (s.n && *s.p == '+');
	for (size_t i = sign; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = v < INT64_MAX / 100 ? v * 10 + (s.p[i] - '0') : v;
	return minus ? -v : v;
}

size_t rest_lead(const struct http1_request *r)
{
	struct str header = http1_find(r, REST_LENGTH_HEADER);
	int64_t n = header.p ? leading_number(header) : 0;
	return n > 0 ? (size_t)n : 0;
}

struct status rest__parse_infer(struct rest_infer *q, struct span body)
{
	struct str header = http1_find(q->call.x->request, REST_LENGTH_HEADER);
	struct span tail = {0};
	int64_t n = header.p ? leading_number(header) : (int64_t)body.n;
	CHECK(q->infer.version);
	if (n == 0)
		return parse_raw(q, body);
	if (n < 0 || (uint64_t)n > body.n)
		return FAIL(INVALID_ARG, "inference header size should be in range (0, %zu), got: %.*s",
		            body.n,
		            STR_ARG(header));
	if ((uint64_t)n > q->call.rest->max_json_bytes)
		return FAIL(INVALID_ARG, "request JSON of %" PRId64 " bytes is over the server's limit of "
		            "%" PRIu64 ". Use "
		            "--http-max-input-size to increase the limit.", n,
		            q->call.rest->max_json_bytes);
	struct str text = {(const char *)body.p, (size_t)n};
	struct status st;
	if (!header.p)
		return parse_document(q, text, tail);
	tail = (struct span){body.p + n, body.n - (size_t)n};
	if (rest__memo_find(q, text, tail, &st))
		return st;
	TRY(parse_document(q, text, tail));
	rest__memo_keep(q, text);
	return STATUS_GOOD;
}
