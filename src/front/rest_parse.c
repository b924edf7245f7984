/* Reading an inference request: JSON, JSON with binary tensors behind it, or one raw tensor.
 *
 * The document is checked once and then walked; numbers go straight into a buffer of the tensor's size in the request's arena, binary tensors stay where the kernel put them. Messages and their codes are Triton's: what its JSON
 * library reports is an internal error. Nothing is kept beyond the request.
 */
#include "front/rest_priv.h"

#include "base/mem.h"
#include "base/panic.h"

#include <inttypes.h>

static struct status json_bad(const char *field, const char *text)
{
	return FAIL(INTERNAL, "Unable to parse '%s': %s", field, text);
}

/* What one input says of where its data are. */
struct source { struct json data; bool has_data, has_size; uint64_t size; };

static struct status parse_shape(struct json v, struct infer_input *in)
{
	if (json_kind(v) != JSON_ARRAY)
		return json_bad("shape", "attempt to access JSON non-array as array");
	for (struct json_walk w = json_walk(v); json_next(&w);) {
		uint64_t d;
		if (in->rank == TENSOR_RANK_MAX)
			return FAIL(INVALID_ARG, "input '%.*s' has over %d dimensions", STR_ARG(in->name), TENSOR_RANK_MAX);
		if (!json_u64(w.value, &d) || d > INT64_MAX)
			return json_bad("shape", "attempt to access JSON non-unsigned-integer as unsigned-integer");
		in->dims[in->rank++] = (int64_t)d;
	}
	return STATUS_GOOD;
}

static struct status parse_parameters(struct json v, struct source *s)
{
	if (json_kind(v) != JSON_OBJECT)
		return json_bad("parameters", "attempt to get members for non-object");
	for (struct json_walk w = json_walk(v); json_next(&w);) {
		if (json_key_is(w.key, "binary_data_size")) {
			s->has_size = true;
			if (!json_u64(w.value, &s->size))
				return json_bad("binary_data_size", "attempt to access JSON non-unsigned-integer as unsigned-integer");
		}
		if (json_key_is(w.key, "shared_memory_region"))
			return FAIL(UNSUPPORTED, "shared memory is not served yet; send the tensor in the request");
	}
	return STATUS_GOOD;
}

static struct status element_count(const struct infer_input *in, int64_t *count, size_t *bytes)
{
	struct tensor t = {.dtype = in->dtype, .rank = in->rank};
	char text[160];
	memcpy(t.dims, in->dims, sizeof t.dims);
	if (!tensor_elements(&t, count))
		return FAIL(INVALID_ARG, "invalid shape for input '%.*s': shape %s causes total element count to exceed maximum size "
		            "of %" PRId64, STR_ARG(in->name), tensor_shape_text(t.dims, t.rank, text, sizeof text), INT64_MAX);
	if (!mem_mul((size_t)*count, dtype_bytes(in->dtype), bytes))
		return FAIL(INVALID_ARG, "byte size overflow for input '%.*s': element count (%" PRId64 ") * data type size (%zu) "
		            "exceeds maximum allowed size (%zu)", STR_ARG(in->name), *count, dtype_bytes(in->dtype), SIZE_MAX);
	return STATUS_GOOD;
}

static struct status wrong_count(bool more)
{
	return more ? FAIL(INTERNAL, "Unable to parse 'data': Shape does not match true shape of 'data' field")
	            : FAIL(INTERNAL, "Unable to parse 'data': Shape does not match true shape of 'data' field");
}

static struct status read_strings(struct rest_infer *q, struct infer_input *in, struct json data, int64_t want)
{
	struct buf *b = rest__scratch(&q->call);
	int64_t have;
	struct status st = json_bytes(data, q->call.x->arena, b, &have);
	if (st.code)
		return st.code == STATUS_INVALID_ARG ? json_bad("data", st.msg) : st;
	if (have != want)
		return wrong_count(have > want);
	in->bytes = b->n;
	in->data = arena_alloc(q->call.x->arena, b->n + 1, 8);
	if (!in->data)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(in->name));
	memcpy(in->data, b->p ? b->p : (const uint8_t *)"", b->n);
	return STATUS_GOOD;
}

static struct status read_data(struct rest_infer *q, struct infer_input *in, struct json data)
{
	int64_t want, have;
	if (in->dtype == DTYPE_FP16 || in->dtype == DTYPE_BF16)
		return FAIL(INVALID_ARG, "receiving %s data via JSON is not supported. Please use the binary data format for input %.*s",
		            dtype_wire(in->dtype), STR_ARG(in->name));
	TRY(element_count(in, &want, &in->bytes));
	if (json_kind(data) != JSON_ARRAY)
		return json_bad("data", "attempt to access JSON non-array as array");
	if (in->dtype == DTYPE_BYTES)
		return read_strings(q, in, data, want);
	/* each element takes at least two characters, so a shape cannot ask for more than was sent */
	if (want > data.end - data.p)
		return wrong_count(false);
	in->data = arena_alloc(q->call.x->arena, in->bytes + 8, 64);
	if (!in->data)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(in->name));
	struct status st = json_numbers(data, in->dtype, in->data, want, &have);
	if (st.code)
		return json_bad("data", st.msg);
	return have == want ? STATUS_GOOD : wrong_count(have > want);
}

static struct status read_binary(struct rest_infer *q, struct infer_input *in, uint64_t size, struct span *tail)
{
	if (!tail->p)
		return FAIL(INVALID_ARG, "must specify valid 'Infer-Header-Content-Length' in request header and 'binary_data_size' "
		            "when passing inputs in binary data format");
	if (size > tail->n)
		return FAIL(INVALID_ARG, "unexpected size for input '%.*s', expecting %" PRIu64 " additional bytes for model '%s'",
		            STR_ARG(in->name), size - tail->n, q->infer.version->owner->name);
	in->data = (void *)(uintptr_t)tail->p;
	in->bytes = size;
	tail->p += size;
	tail->n -= size;
	return STATUS_GOOD;
}

/* One element of "inputs". */
static struct status parse_input(struct rest_infer *q, struct json v, struct span *tail)
{
	struct infer_request *r = &q->infer;
	struct source s = {0};
	struct json name = {0}, shape = {0}, datatype = {0};
	struct str text;
	if (json_kind(v) != JSON_OBJECT)
		return json_bad("inputs", "attempt to get members for non-object");
	if (r->n_inputs == LIMIT_INFER_INPUTS)
		return FAIL(INVALID_ARG, "the request has over %d inputs", LIMIT_INFER_INPUTS);
	struct infer_input *in = &r->inputs[r->n_inputs];
	for (struct json_walk w = json_walk(v); json_next(&w);) {
		if (!name.p && json_key_is(w.key, "name"))
			name = w.value;
		else if (!shape.p && json_key_is(w.key, "shape"))
			shape = w.value;
		else if (!datatype.p && json_key_is(w.key, "datatype"))
			datatype = w.value;
		else if (json_key_is(w.key, "parameters"))
			TRY(parse_parameters(w.value, &s));
		else if (!s.has_data && json_key_is(w.key, "data")) {
			s.data = w.value;
			s.has_data = true;
		}
	}
	if (!name.p || !json_str(name, q->call.x->arena, &in->name))
		return json_bad("name", name.p ? "attempt to access JSON non-string as string"
		                               : "attempt to access non-existing object member 'name'");
	if (!datatype.p || !json_str(datatype, q->call.x->arena, &text))
		return json_bad("datatype", datatype.p ? "attempt to access JSON non-string as string"
		                                       : "attempt to access non-existing object member 'datatype'");
	in->dtype = dtype_from_wire(text);
	if (!in->dtype)
		return FAIL(INVALID_ARG, "invalid datatype for input %.*s of model %s", STR_ARG(in->name), r->version->owner->name);
	if (!shape.p)
		return json_bad("shape", "attempt to access non-existing object member 'shape'");
	TRY(parse_shape(shape, in));
	for (uint32_t i = 0; i < r->n_inputs; i++)
		if (str_eq(r->inputs[i].name, in->name))
			return FAIL(INVALID_ARG, "input '%.*s' already exists in request", STR_ARG(in->name));
	if (s.has_data == s.has_size)
		return FAIL(INVALID_ARG, "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', "
		            "'shared_memory_region' in 'parameters'. But %s",
		            s.has_data ? "set 'data' 'binary_data_size'" : "no field is set");
	TRY(s.has_data ? read_data(q, in, s.data) : read_binary(q, in, s.size, tail));
	r->n_inputs++;
	return STATUS_GOOD;
}

static struct status parse_output(struct rest_infer *q, struct json v)
{
	const struct served *m = q->infer.version->owner;
	struct json name, parameters, binary, other;
	struct str text;
	uint32_t i = 0;
	if (!json_member(v, "name", &name) || !json_str(name, q->call.x->arena, &text))
		return json_bad("name", "attempt to access non-existing object member 'name'");
	while (i < m->n_outputs && !str_eq(m->outputs[i].name, text))
		i++;
	if (i == m->n_outputs)
		return FAIL(INVALID_ARG, "unexpected inference output '%.*s' for model '%s'", STR_ARG(text), m->name);
	if (q->infer.want[i])
		return FAIL(INVALID_ARG, "output '%.*s' already exists in request", STR_ARG(text));
	q->infer.want[i] = true;
	if (!json_member(v, "parameters", &parameters))
		return STATUS_GOOD;
	if (json_member(parameters, "binary_data", &binary)) {
		q->outputs[i].binary_set = true;
		if (!json_bool(binary, &q->outputs[i].binary))
			return json_bad("binary_data", "attempt to access JSON non-boolean as boolean");
	}
	if (json_member(parameters, "classification", &other) || json_member(parameters, "shared_memory_region", &other))
		return FAIL(UNSUPPORTED, "classification and shared memory are not served yet; ask for output '%.*s' as it is",
		            STR_ARG(text));
	return STATUS_GOOD;
}

static struct status parse_request_parameters(struct rest_infer *q, struct json v)
{
	if (json_kind(v) != JSON_OBJECT)
		return json_bad("parameters", "attempt to get members for non-object");
	for (struct json_walk w = json_walk(v); json_next(&w);) {
		enum json_kind k = json_kind(w.value);
		if (str_starts(w.key, STR("triton_")))
			return FAIL(INVALID_ARG, "parameter keys starting with 'triton_' are reserved for Triton usage and should not be "
			            "specified.");
		if (json_key_is(w.key, "binary_data_output")) {
			if (!json_bool(w.value, &q->binary_default))
				return json_bad("binary_data_output", "attempt to access JSON non-boolean as boolean");
		} else if (k != JSON_STRING && k != JSON_NUMBER && k != JSON_BOOL) {
			return FAIL(INVALID_ARG, "parameter '%.*s' has invalid type. It should be either 'int', 'bool', or 'string'.",
			            STR_ARG(w.key));
		}
	}
	return STATUS_GOOD;
}

static struct status parse_document(struct rest_infer *q, struct str text, struct span tail)
{
	struct json root, v, inputs;
	struct status st = json_check(text, &root);
	if (st.code)
		return FAIL(INTERNAL, "failed to parse the request JSON buffer: %s", st.msg);
	if (json_kind(root) != JSON_OBJECT || !json_member(root, "inputs", &inputs))
		return json_bad("inputs", "attempt to access non-existing object member 'inputs'");
	if (json_kind(inputs) != JSON_ARRAY)
		return json_bad("inputs", "attempt to access JSON non-array as array");
	if (json_member(root, "id", &v) && !json_str(v, q->call.x->arena, &q->infer.id))
		return json_bad("id", "attempt to access JSON non-string as string");
	if (json_member(root, "parameters", &v))
		TRY(parse_request_parameters(q, v));
	for (struct json_walk w = json_walk(inputs); json_next(&w);)
		TRY(parse_input(q, w.value, &tail));
	if (tail.n)
		return FAIL(INVALID_ARG, "unexpected additional input data for model '%s'", q->infer.version->owner->name);
	q->infer.want_all = true;
	if (!json_member(root, "outputs", &v))
		return STATUS_GOOD;
	if (json_kind(v) != JSON_ARRAY)
		return json_bad("outputs", "attempt to access JSON non-array as array");
	for (struct json_walk w = json_walk(v); json_next(&w);) {
		q->infer.want_all = false;
		TRY(parse_output(q, w.value));
	}
	return STATUS_GOOD;
}

/* The whole body is the only input's data; its shape follows from the configuration and the size. */
static struct status parse_raw(struct rest_infer *q, struct span body)
{
	const struct served *m = q->infer.version->owner;
	struct infer_input *in = &q->infer.inputs[0];
	const struct served_io *io = m->inputs;
	size_t each = dtype_bytes(io->dtype), fixed = each;
	int32_t hole = -1;
	if (m->n_inputs != 1)
		return FAIL(INVALID_ARG, "Raw request must only have 1 input (found 1) to be deduced but got %u inputs in '%s' model "
		            "configuration", m->n_inputs, m->name);
	*in = (struct infer_input){.name = io->name, .dtype = io->dtype, .data = (void *)(uintptr_t)body.p, .bytes = body.n};
	if (m->max_batch > 0)
		in->dims[in->rank++] = 1;
	for (uint32_t i = 0; i < io->rank; i++) {
		in->dims[in->rank] = io->dims[i];
		if (io->dims[i] == -1 && hole >= 0)
			return FAIL(INVALID_ARG, "The shape of the raw input '%.*s' can not be deduced because there are more than one "
			            "variable-sized dimension", STR_ARG(io->name));
		if (io->dims[i] == -1)
			hole = (int32_t)in->rank;
		else
			fixed *= (size_t)io->dims[i];
		in->rank++;
	}
	q->infer.n_inputs = 1;
	q->infer.want_all = q->binary_default = true;
	if (io->dtype != DTYPE_BYTES) {
		if (hole >= 0)
			in->dims[hole] = fixed ? (int64_t)(body.n / fixed) : 0;
		return STATUS_GOOD;
	}
	if (io->rank != 1 || (io->dims[0] != 1 && io->dims[0] != -1))
		return FAIL(INVALID_ARG, "For BYTE datatype raw input '%.*s', the model must have input shape [1]", STR_ARG(io->name));
	in->dims[in->rank - 1] = 1;
	uint8_t *p = arena_alloc(q->call.x->arena, body.n + 4, 8);
	if (!p)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(io->name));
	uint32_t n = (uint32_t)body.n;
	memcpy(p, &n, 4);
	memcpy(p + 4, body.p, body.n);
	in->data = p;
	in->bytes = body.n + 4;
	return STATUS_GOOD;
}

struct status rest__parse_infer(struct rest_infer *q, struct span body)
{
	struct str header = http1_find(q->call.x->request, "Inference-Header-Content-Length");
	struct span tail = {0};
	int64_t n;
	CHECK(q->infer.version);
	if (!header.p) {
		if (body.n > q->call.rest->max_json_bytes)
			return FAIL(INVALID_ARG, "request JSON of %zu bytes is over the server's limit of %" PRIu64
			            ". Use --http-max-input-size to increase the limit.", body.n, q->call.rest->max_json_bytes);
		return parse_document(q, (struct str){(const char *)body.p, body.n}, tail);
	}
	if (!str_i64(header, &n))
		return FAIL(INVALID_ARG, "Unable to parse Inference-Header-Content-Length, got: %.*s", STR_ARG(header));
	if (n < INT32_MIN || n > INT32_MAX)
		return FAIL(INVALID_ARG, "Unable to parse Inference-Header-Content-Length, value is out of range [ %d, %d ], got: %.*s",
		            INT32_MIN, INT32_MAX, STR_ARG(header));
	if (n == 0)
		return parse_raw(q, body);
	if (n < 0 || (size_t)n > body.n)
		return FAIL(INVALID_ARG, "inference header size should be in range (0, %zu), got: %" PRId64, body.n, n);
	tail = (struct span){body.p + n, body.n - (size_t)n};
	return parse_document(q, (struct str){(const char *)body.p, (size_t)n}, tail);
}
