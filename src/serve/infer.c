/* Checking a request against its model's configuration, in the order and the words of Triton's
 * core.
 *
 * The order decides which of several errors a client sees. Names come first, then the batch
 * sizes, then type, shape and size of each input, all from the last to the first. The batch
 * dimension is taken off, the rest compared with the configuration, reshaped where it says so,
 * and the engine's tensors are set to the caller's memory: nothing is copied. Pure but for
 * handing the job over; a request belongs to the thread of its connection.
 */
#include "serve/infer.h"

#include "base/mem.h"
#include "base/panic.h"
#include "serve/classify.h"
#include "serve/ensemble.h"
#include "serve/sequence.h"

#include <inttypes.h>
#include <stdio.h>

struct str infer_id_text(const struct infer_request *r)
{
	return r->id.n ? r->id : STR("<id_unknown>");
}

struct status infer_init(struct infer_request *r, struct served_version *v, struct arena *a)
{
	uint32_t n_in = v->owner->n_inputs, n_out = v->owner->n_outputs, room = n_in + 1;
	if (!v->owner->ensemble) {
		model_inputs(v->engine, &n_in);
		model_outputs(v->engine, &n_out);
	}
	memset(r, 0, sizeof *r);
	r->version = v;
	r->job.arena = a;
	r->job.lasting = !v->owner->sequence; /* those have inputs that belong to the sequence */
	r->cap_inputs = room < LIMIT_INFER_INPUTS ? room : LIMIT_INFER_INPUTS;
	r->inputs = ARENA_ARRAY(a, r->cap_inputs, struct infer_input);
	r->job.in = ARENA_ARRAY(a, n_in + n_out + 1, struct tensor);
	r->want = ARENA_ARRAY(a, v->owner->n_outputs + n_out + 1, bool);
	r->classes = ARENA_ARRAY(a, v->owner->n_outputs + 1, uint32_t);
	if (!r->inputs || !r->job.in || !r->want || !r->classes)
		return FAIL(NO_MEMORY, "no memory for the request");
	r->job.out = r->job.in + n_in;
	r->job.want = r->want + v->owner->n_outputs;
	return STATUS_GOOD;
}

struct infer_input *infer_add_input(struct infer_request *r)
{
	if (!ARENA_GROW(r->job.arena, r->inputs, r->n_inputs, r->cap_inputs, LIMIT_INFER_INPUTS))
		return 0;
	r->inputs[r->n_inputs] = (struct infer_input){0};
	return &r->inputs[r->n_inputs++];
}

struct infer_parameter *infer_add_parameter(struct infer_request *r)
{
	if (!ARENA_GROW(r->job.arena, r->parameters, r->n_parameters, r->cap_parameters,
	                LIMIT_INFER_PARAMETERS))
		return 0;
	r->parameters[r->n_parameters] = (struct infer_parameter){0};
	return &r->parameters[r->n_parameters++];
}

static const struct served_io *find_io(const struct served *m, struct str name)
{
	for (uint32_t i = 0; i < m->n_inputs; i++)
		if (str_eq(m->inputs[i].name, name))
			return &m->inputs[i];
	return 0;
}

static const struct infer_input *given(const struct infer_request *r, struct str name)
{
	for (uint32_t i = 0; i < r->n_inputs; i++)
		if (str_eq(r->inputs[i].name, name))
			return &r->inputs[i];
	return 0;
}

/* 'a','b' of names that a client and a configuration chose; cut where it does not fit. */
struct names { char text[400]; size_t n; };

static void add_name(struct names *l, struct str name)
{
	size_t room = sizeof l->text - l->n;
	int k = snprintf(l->text + l->n, room, "%s'%.*s'", l->n ? "," : "", STR_ARG(name));
	CHECK(k >= 0);
	l->n += (size_t)k < room ? (size_t)k : room - 1;
}

/* Triton lists what came from the last to the first, and loses a bracket where nothing is
 * missing. */
static struct status missing(const struct infer_request *r, uint32_t needed)
{
	const struct served *m = r->version->owner;
	struct names got = {.n = 0}, lack = {.n = 0};
	char count[64];
	for (uint32_t i = r->n_inputs; i-- > 0;)
		add_name(&got, r->inputs[i].name);
	for (uint32_t i = 0; i < m->n_inputs; i++)
		if (!m->inputs[i].optional && !given(r, m->inputs[i].name))
			add_name(&lack, m->inputs[i].name);
	if (needed == m->n_inputs)
		snprintf(count, sizeof count, "%u inputs", m->n_inputs);
	else
		snprintf(count, sizeof count, "number of inputs between %u and %u", needed, m->n_inputs);
	return FAIL(INVALID_ARG, INFER_ID_FORMAT "expected %s but got %u inputs for model '%s'. Got "
	            "input(s) [%s], but "
	            "missing required input(s) %s%s]. Please provide all required input(s).",
	            STR_ARG(infer_id_text(r)), count, r->n_inputs, m->name, got.text, lack.n || !got.n
	            ? "[" : "",
	            lack.text);
}

static struct status check_names(const struct infer_request *r)
{
	const struct served *m = r->version->owner;
	uint32_t needed = 0;
	for (uint32_t i = 0; i < m->n_inputs; i++)
		needed += !m->inputs[i].optional;
	if (r->n_inputs < needed || r->n_inputs > m->n_inputs)
		return missing(r, needed);
	for (uint32_t i = r->n_inputs; i-- > 0;)
		if (!find_io(m, r->inputs[i].name))
			return FAIL(INVALID_ARG, "unexpected inference input '%.*s' for model '%s'",
			            STR_ARG(r->inputs[i].name), m->name);
	return STATUS_GOOD;
}

/* "[-1,16]" with the batch in front where there is one. */
static void expected_shape(const struct served *m, const struct served_io *io, char *text, size_t n)
{
	int64_t dims[TENSOR_RANK_MAX];
	uint32_t skip = m->max_batch > 0;
	dims[0] = -1;
	memcpy(dims + skip, io->dims, io->rank * sizeof *dims);
	tensor_shape_text(dims, io->rank + skip, text, n);
}

static struct status wrong_shape(const struct infer_request *r, const struct served_io *io,
                                 const struct infer_input *in)
{
	const struct served *m = r->version->owner;
	char want[128], have[128];
	expected_shape(m, io, want, sizeof want);
	tensor_shape_text(in->dims, in->rank, have, sizeof have);
	return FAIL(INVALID_ARG, INFER_ID_FORMAT "unexpected shape for input '%.*s' for model '%s'. "
	            "Expected %s, got %s. %s",
	            STR_ARG(infer_id_text(r)), STR_ARG(in->name), m->name, want, have,
	            m->max_batch > 0 ? "NOTE: Setting a non-zero max_batch_size in the model config "
	            "requires a batch dimension "
	                               "to be prepended to each input shape. If you want to specify "
	                               "the full shape including the "
	                               "batch dim in your input dims config, try setting "
	                               "max_batch_size to zero. See the model "
	                               "configuration docs for more info on max_batch_size." : "");
}

/* Batch size from the first dimensions; NO_BATCH before the first input. */
#define NO_BATCH INT64_MIN
static struct status check_batch(const struct infer_request *r, const struct infer_input *in,
                                 int64_t *batch)
{
	const struct served *m = r->version->owner;
	if (m->max_batch <= 0)
		return STATUS_GOOD;
	if (in->rank == 0)
		return FAIL(INVALID_ARG, INFER_ID_FORMAT "input '%.*s' has no shape but model requires "
		            "batch dimension for '%s'",
		            STR_ARG(infer_id_text(r)), STR_ARG(in->name), m->name);
	/* as in Triton, 0 is none yet */
	if (*batch != NO_BATCH && *batch != 0 && in->dims[0] != *batch)
		return FAIL(INVALID_ARG, INFER_ID_FORMAT "input '%.*s' batch size does not match other "
		            "inputs for '%s'",
		            STR_ARG(infer_id_text(r)), STR_ARG(in->name), m->name);
	*batch = in->dims[0];
	return STATUS_GOOD;
}

static struct status check_type_and_shape(const struct infer_request *r,
                                          const struct served_io *io, const struct infer_input *in)
{
	const struct served *m = r->version->owner;
	uint32_t skip = m->max_batch > 0;
	char text[128];
	if (in->dtype != io->dtype)
		return FAIL(INVALID_ARG, INFER_ID_FORMAT "inference input '%.*s' data-type is '%s', but "
		            "model '%s' expects '%s'",
		            STR_ARG(infer_id_text(r)), STR_ARG(in->name), dtype_wire(in->dtype), m->name,
		            dtype_wire(io->dtype));
	if (in->rank != io->rank + skip)
		return wrong_shape(r, io, in);
	for (uint32_t i = 0; i < io->rank; i++) {
		if (in->dims[i + skip] == -1)
			return FAIL(INVALID_ARG, INFER_ID_FORMAT "All input dimensions should be specified for "
			            "input '%.*s' for model '%s', got %s", STR_ARG(infer_id_text(r)),
			            STR_ARG(in->name), m->name,
			            tensor_shape_text(in->dims, in->rank, text, sizeof text));
		if (io->dims[i] != -1 && io->dims[i] != in->dims[i + skip])
			return wrong_shape(r, io, in);
	}
	return STATUS_GOOD;
}

static struct status check_strings(const struct infer_request *r, const struct infer_input *in,
                                   int64_t want)
{
	const uint8_t *p = in->data;
	const char *model = r->version->owner->name;
	size_t left = in->bytes;
	int64_t n = 0;
	for (; left; n++) {
		uint32_t len;
		if (n >= want)
			return FAIL(INVALID_ARG, INFER_ID_FORMAT "unexpected number of string elements "
			            "%" PRId64 " for inference input '%.*s' for "
			            "model '%s', expecting %" PRId64, STR_ARG(infer_id_text(r)), n + 1,
			            STR_ARG(in->name), model, want);
		if (left < 4)
			return FAIL(INVALID_ARG, INFER_ID_FORMAT "incomplete string length indicator for "
			            "inference input '%.*s' for model '%s', "
			            "expecting 4 bytes but only %zu bytes available. Please make sure the "
			            "string length indicator is in one "
			            "buffer.", STR_ARG(infer_id_text(r)), STR_ARG(in->name), model, left);
		memcpy(&len, p, 4);
		if (len > left - 4)
			return FAIL(INVALID_ARG, INFER_ID_FORMAT "incomplete string data for inference input "
			            "'%.*s' for model '%s', expecting "
			            "string of length %u but only %zu bytes available",
			            STR_ARG(infer_id_text(r)), STR_ARG(in->name), model, len,
			            left - 4);
		p += 4 + (size_t)len;
		left -= 4 + (size_t)len;
	}
	if (n != want)
		return FAIL(INVALID_ARG, INFER_ID_FORMAT "expected %" PRId64 " string elements for "
		            "inference input '%.*s' for model '%s', got %"
		            PRId64, STR_ARG(infer_id_text(r)), want, STR_ARG(in->name), model, n);
	return STATUS_GOOD;
}

/* What Triton says of a negative dimension: the product as it comes out. */
static struct status negative_size(const struct infer_request *r, const struct infer_input *in,
                                   const int64_t *dims)
{
	int64_t want = in->dtype == DTYPE_BYTES ? 1 : (int64_t)dtype_bytes(in->dtype);
	for (uint32_t i = 0; i < in->rank; i++)
		if (__builtin_mul_overflow(want, dims[i], &want))
			return FAIL(INVALID_ARG, "invalid shape for input '%.*s': the number of its elements "
			            "is out of range", STR_ARG(in->name));
	if (in->dtype == DTYPE_BYTES && want < 0)
		return check_strings(r, in, want);
	return FAIL(INVALID_ARG, INFER_ID_FORMAT "input byte size mismatch for input '%.*s' for model "
	            "'%s'. Expected %" PRId64 ", got %zu", STR_ARG(infer_id_text(r)),
	            STR_ARG(in->name), r->version->owner->name, want, in->bytes);
}

static struct status check_bytes(const struct infer_request *r, const struct served_io *io,
                                 const struct infer_input *in)
{
	const struct served *m = r->version->owner;
	struct tensor t = {.dtype = in->dtype, .rank = in->rank};
	int64_t count;
	size_t want;
	memcpy(t.dims, in->dims, sizeof t.dims);
	/* as Triton counts it, a batch of none has the size of a batch of one, and one below none of
	 * what it is without its sign */
	bool none = m->max_batch > 0 && t.dims[0] <= 0;
	if (none)
		t.dims[0] = t.dims[0] ? (uint32_t)t.dims[0] : 1;
	if (!tensor_elements(&t, &count))
		return negative_size(r, in, t.dims);
	if (in->dtype == DTYPE_BYTES)
		TRY(check_strings(r, in, count));
	else if (!mem_mul((size_t)count, dtype_bytes(in->dtype), &want) || want != in->bytes)
		return FAIL(INVALID_ARG, INFER_ID_FORMAT "input byte size mismatch for input '%.*s' for "
		            "model '%s'. "
		            "Expected %zu, got %zu", STR_ARG(infer_id_text(r)), STR_ARG(in->name), m->name,
		            want, in->bytes);
	return none ? wrong_shape(r, io, in) : STATUS_GOOD;
}

/* The engine's tensor for an input: the batch, then the configured or reshaped dims. */
static struct status bind(struct infer_request *r, const struct served_io *io,
                          const struct infer_input *in)
{
	struct tensor *t = &r->job.in[io->engine];
	uint32_t skip = r->version->owner->max_batch > 0;
	*t = (struct tensor){.dtype = in->dtype, .rank = io->inner_rank + skip, .bytes = in->bytes};
	t->data = in->data ? in->data : (void *)"";
	t->dims[0] = in->dims[0];
	if (!io->reshaped) {
		memcpy(t->dims, in->dims, sizeof t->dims);
		return STATUS_GOOD;
	}
	int64_t total = 1, fixed = 1, hole = -1;
	for (uint32_t i = 0; i < io->rank; i++)
		total *= in->dims[i + skip];
	for (uint32_t i = 0; i < io->inner_rank; i++) {
		t->dims[i + skip] = io->inner_dims[i];
		if (io->inner_dims[i] == -1)
			hole = i + skip;
		else
			fixed *= io->inner_dims[i];
	}
	if (hole >= 0 && fixed > 0)
		t->dims[hole] = total / fixed;
	return STATUS_GOOD;
}

/* Inputs that were left out: the model's default, or, where nothing reads them, tensors of the
 * right shape. A model that reads them fails, as it does in ONNX Runtime. */
static struct status bind_absent(struct infer_request *r, int64_t batch)
{
	const struct served *m = r->version->owner;
	uint32_t n, skip = m->max_batch > 0;
	const struct model_io *list = model_inputs(r->version->engine, &n);
	for (uint32_t i = 0; i < m->n_inputs; i++) {
		const struct served_io *io = &m->inputs[i];
		struct tensor *t = &r->job.in[io->engine];
		if (t->data || list[io->engine].optional)
			continue;
		CHECK(io->optional);
		if (!list[io->engine].unused)
			return FAIL(INTERNAL, "onnx runtime error 2: Missing Input: %.*s", STR_ARG(io->name));
		*t = (struct tensor){.dtype = io->dtype, .rank = io->inner_rank + skip, .data = (void *)""};
		t->dims[0] = batch;
		for (uint32_t k = 0; k < io->inner_rank; k++)
			t->dims[k + skip] = io->inner_dims[k] < 0 ? 1 : io->inner_dims[k];
	}
	return STATUS_GOOD;
}

static struct status check_inputs(struct infer_request *r, int64_t *batch)
{
	const struct served *m = r->version->owner;
	for (uint32_t i = r->n_inputs; i-- > 0;)
		TRY(check_batch(r, &r->inputs[i], batch));
	if (m->max_batch > 0 && *batch > m->max_batch)
		return FAIL(INVALID_ARG, INFER_ID_FORMAT "inference request batch-size must be <= %d for "
		            "'%s'",
		            STR_ARG(infer_id_text(r)), m->max_batch, m->name);
	for (uint32_t i = r->n_inputs; i-- > 0;) {
		const struct infer_input *in = &r->inputs[i];
		const struct served_io *io = find_io(m, in->name);
		TRY(check_type_and_shape(r, io, in));
		TRY(check_bytes(r, io, in));
		TRY(bind(r, io, in));
	}
	for (uint32_t i = 0; i < m->n_inputs; i++)
		if (!m->inputs[i].optional && !given(r, m->inputs[i].name))
			return FAIL(INVALID_ARG, INFER_ID_FORMAT "unknown request input name %.*s",
			            STR_ARG(infer_id_text(r)), STR_ARG(m->inputs[i].name));
	return STATUS_GOOD;
}

void infer_add_unknown(struct infer_unknown *u, struct str name)
{
	if (!u->any || str_cmp(name, u->least) < 0)
		u->least = name;
	u->any = true;
}

struct status infer_unknown(const struct infer_request *r, const struct infer_unknown *u)
{
	return !u->any ? STATUS_GOOD
		: FAIL(INVALID_ARG, "unexpected inference output '%.*s' for model '%s'",
		       STR_ARG(u->least), r->version->owner->name);
}

struct status infer_check(struct infer_request *r)
{
	const struct served *m = r->version->owner;
	bool *want = r->want + m->n_outputs;
	int64_t batch = NO_BATCH;
	CHECK(r->n_inputs <= LIMIT_INFER_INPUTS);
	if (r->sequence.is_text && r->sequence.text.n > SEQUENCE_TEXT_MAX)
		return FAIL(UNSUPPORTED, "string correlation ID cannot be longer than %d characters",
		            SEQUENCE_TEXT_MAX);
	TRY(check_names(r));
	TRY(check_inputs(r, &batch));
	r->job.batch = batch == NO_BATCH ? 1 : batch;
	if (!m->ensemble)
		TRY(bind_absent(r, r->job.batch));
	for (uint32_t i = 0; i < m->n_outputs; i++)
		if (r->want_all || r->want[i])
			want[m->outputs[i].engine] = true;
	for (uint32_t i = 0; m->sequence && i < m->sequence->n_states; i++)
		want[m->sequence->states[i].output] = true;
	return STATUS_GOOD;
}

struct status infer_start(struct infer_request *r, uint64_t now_ns)
{
	if (r->version->owner->ensemble) {
		ensemble_start(r);
		return STATUS_GOOD;
	}
	r->job.priority = r->priority;
	r->job.timeout_us = r->timeout_us;
	if (r->version->sequencer)
		return sequencer_start(r->version->sequencer, r, now_ns);
	struct status st = runner_submit(r->version->runner, &r->job, now_ns);
	if (st.code)
		return FAIL(UNAVAILABLE, INFER_ID_FORMAT "%s", STR_ARG(infer_id_text(r)), st.msg);
	return st;
}

static void output_shape(const struct infer_request *r, uint32_t i, struct tensor *out)
{
	const struct served *m = r->version->owner;
	const struct served_io *io = &m->outputs[i];
	*out = r->job.out[io->engine];
	if (!io->reshaped)
		return;
	uint32_t skip = m->max_batch > 0;
	int64_t total = 1, fixed = 1, hole = -1;
	for (uint32_t k = skip; k < out->rank; k++)
		total *= out->dims[k];
	out->rank = io->rank + skip;
	for (uint32_t k = 0; k < io->rank; k++) {
		out->dims[k + skip] = io->dims[k];
		if (io->dims[k] == -1)
			hole = k + skip;
		else
			fixed *= io->dims[k];
	}
	if (hole >= 0 && fixed > 0)
		out->dims[hole] = total / fixed;
}

struct status infer_output(const struct infer_request *r, uint32_t i, struct tensor *out)
{
	const struct served *m = r->version->owner;
	struct tensor whole;
	CHECK(i < m->n_outputs);
	output_shape(r, i, &whole);
	if (r->classes[i])
		return classify(&m->outputs[i], &whole, m->max_batch > 0, r->classes[i], r->job.arena,
		                out);
	*out = whole;
	return STATUS_GOOD;
}

bool infer_tells_sequence(const struct infer_request *r)
{
	return r->version->owner->ensemble != 0;
}
