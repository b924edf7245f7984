/* Checking a request against its model's configuration, in the order and the words of Triton's core.
 *
 * Inputs are checked in the order of their names, so the first error is the one that Triton reports. The batch dimension is taken off, the rest compared with the configuration, reshaped where it says so, and the
 * engine's tensors are set to the caller's memory: nothing is copied. Pure but for handing the job over.
 */
#include "serve/infer.h"

#include "base/mem.h"
#include "base/panic.h"

#include <inttypes.h>
#include <stdio.h>

/* "[request id: 42] ", as Triton's core begins its messages. */
#define ID_FORMAT "[request id: %.*s] "
static struct str id_of(const struct infer_request *r)
{
	return r->id.n ? r->id : STR("<id_unknown>");
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

static void list_names(char *text, size_t room, const struct str *names, uint32_t n)
{
	size_t at = 0;
	text[0] = 0;
	for (uint32_t i = 0; i < n && at < room; i++) {
		int k = snprintf(text + at, room - at, "%s'%.*s'", i ? "," : "", STR_ARG(names[i]));
		at += k > 0 ? (size_t)k : 0;
	}
}

static struct status missing(const struct infer_request *r, uint32_t needed)
{
	const struct served *m = r->version->owner;
	struct str have[LIMIT_INFER_INPUTS], lack[LIMIT_INFER_INPUTS];
	uint32_t n_lack = 0;
	char got[400], want[400];
	for (uint32_t i = 0; i < r->n_inputs; i++)
		have[i] = r->inputs[i].name;
	for (uint32_t i = 0; i < m->n_inputs; i++)
		if (!m->inputs[i].optional && !given(r, m->inputs[i].name))
			lack[n_lack++] = m->inputs[i].name;
	list_names(got, sizeof got, have, r->n_inputs);
	list_names(want, sizeof want, lack, n_lack);
	if (needed != m->n_inputs)
		return FAIL(INVALID_ARG, ID_FORMAT "expected number of inputs between %u and %u but got %u inputs for model '%s'. "
		            "Got input(s) [%s], but missing required input(s) [%s]. Please provide all required input(s).",
		            STR_ARG(id_of(r)), needed, m->n_inputs, r->n_inputs, m->name, got, want);
	return FAIL(INVALID_ARG, ID_FORMAT "expected %u inputs but got %u inputs for model '%s'. Got input(s) [%s], but missing "
	            "required input(s) [%s]. Please provide all required input(s).", STR_ARG(id_of(r)), m->n_inputs,
	            r->n_inputs, m->name, got, want);
}

static struct status check_names(const struct infer_request *r)
{
	const struct served *m = r->version->owner;
	uint32_t needed = 0, have = 0;
	for (uint32_t i = 0; i < m->n_inputs; i++) {
		needed += !m->inputs[i].optional;
		have += !m->inputs[i].optional && given(r, m->inputs[i].name);
	}
	if (have < needed || r->n_inputs > m->n_inputs)
		return missing(r, needed);
	for (uint32_t i = 0; i < r->n_inputs; i++)
		if (!find_io(m, r->inputs[i].name))
			return FAIL(INVALID_ARG, "unexpected inference input '%.*s' for model '%s'", STR_ARG(r->inputs[i].name), m->name);
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

static struct status wrong_shape(const struct infer_request *r, const struct served_io *io, const struct infer_input *in)
{
	const struct served *m = r->version->owner;
	char want[128], have[128];
	expected_shape(m, io, want, sizeof want);
	tensor_shape_text(in->dims, in->rank, have, sizeof have);
	return FAIL(INVALID_ARG, ID_FORMAT "unexpected shape for input '%.*s' for model '%s'. Expected %s, got %s. %s",
	            STR_ARG(id_of(r)), STR_ARG(in->name), m->name, want, have,
	            m->max_batch > 0 ? "NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension "
	                               "to be prepended to each input shape. If you want to specify the full shape including the "
	                               "batch dim in your input dims config, try setting max_batch_size to zero. See the model "
	                               "configuration docs for more info on max_batch_size." : "");
}

/* Batch size from the first dimensions; -1 before the first input. */
static struct status check_batch(const struct infer_request *r, const struct infer_input *in, int64_t *batch)
{
	const struct served *m = r->version->owner;
	if (m->max_batch <= 0)
		return STATUS_GOOD;
	if (in->rank == 0)
		return FAIL(INVALID_ARG, ID_FORMAT "input '%.*s' has no shape but model requires batch dimension for '%s'",
		            STR_ARG(id_of(r)), STR_ARG(in->name), m->name);
	if (*batch >= 0 && in->dims[0] != *batch)
		return FAIL(INVALID_ARG, ID_FORMAT "input '%.*s' batch size does not match other inputs for '%s'",
		            STR_ARG(id_of(r)), STR_ARG(in->name), m->name);
	*batch = in->dims[0];
	return STATUS_GOOD;
}

static struct status check_type_and_shape(const struct infer_request *r, const struct served_io *io, const struct infer_input *in)
{
	const struct served *m = r->version->owner;
	uint32_t skip = m->max_batch > 0;
	if (in->dtype != io->dtype)
		return FAIL(INVALID_ARG, ID_FORMAT "inference input '%.*s' data-type is '%s', but model '%s' expects '%s'",
		            STR_ARG(id_of(r)), STR_ARG(in->name), dtype_wire(in->dtype), m->name, dtype_wire(io->dtype));
	if (in->rank != io->rank + skip)
		return wrong_shape(r, io, in);
	for (uint32_t i = 0; i < io->rank; i++)
		if (io->dims[i] != -1 && io->dims[i] != in->dims[i + skip])
			return wrong_shape(r, io, in);
	return STATUS_GOOD;
}

static struct status check_strings(const struct infer_request *r, const struct infer_input *in, int64_t want)
{
	const uint8_t *p = in->data;
	const char *model = r->version->owner->name;
	size_t left = in->bytes;
	int64_t n = 0;
	for (; left; n++) {
		uint32_t len;
		if (n == want)
			return FAIL(INVALID_ARG, ID_FORMAT "unexpected number of string elements %" PRId64 " for inference input '%.*s' for "
			            "model '%s', expecting %" PRId64, STR_ARG(id_of(r)), n + 1, STR_ARG(in->name), model, want);
		if (left < 4)
			return FAIL(INVALID_ARG, ID_FORMAT "incomplete string length indicator for inference input '%.*s' for model '%s', "
			            "expecting 4 bytes but only %zu bytes available. Please make sure the string length indicator is in one "
			            "buffer.", STR_ARG(id_of(r)), STR_ARG(in->name), model, left);
		memcpy(&len, p, 4);
		if (len > left - 4)
			return FAIL(INVALID_ARG, ID_FORMAT "incomplete string data for inference input '%.*s' for model '%s', expecting "
			            "string of length %u but only %zu bytes available", STR_ARG(id_of(r)), STR_ARG(in->name), model, len,
			            left - 4);
		p += 4 + (size_t)len;
		left -= 4 + (size_t)len;
	}
	if (n != want)
		return FAIL(INVALID_ARG, ID_FORMAT "expected %" PRId64 " string elements for inference input '%.*s' for model '%s', got %"
		            PRId64, STR_ARG(id_of(r)), want, STR_ARG(in->name), model, n);
	return STATUS_GOOD;
}

static struct status check_bytes(const struct infer_request *r, const struct infer_input *in)
{
	struct tensor t = {.dtype = in->dtype, .rank = in->rank};
	int64_t count;
	size_t want;
	memcpy(t.dims, in->dims, sizeof t.dims);
	if (!tensor_elements(&t, &count))
		return FAIL(INVALID_ARG, "invalid shape for input '%.*s': the number of its elements is out of range", STR_ARG(in->name));
	if (in->dtype == DTYPE_BYTES)
		return check_strings(r, in, count);
	if (!mem_mul((size_t)count, dtype_bytes(in->dtype), &want) || want != in->bytes)
		return FAIL(INVALID_ARG, ID_FORMAT "input byte size mismatch for input '%.*s' for model '%s'. Expected %zu, got %zu",
		            STR_ARG(id_of(r)), STR_ARG(in->name), r->version->owner->name, want, in->bytes);
	return STATUS_GOOD;
}

/* The engine's tensor for an input: the batch, then the configured or reshaped dims. */
static struct status bind(struct infer_request *r, const struct served_io *io, const struct infer_input *in)
{
	struct tensor *t = &r->job.in[io->engine];
	uint32_t skip = r->version->owner->max_batch > 0;
	*t = (struct tensor){.dtype = in->dtype, .rank = io->inner_rank + skip, .data = in->data ? in->data : (void *)"", .bytes = in->bytes};
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

static int by_name_order(const struct infer_request *r, uint8_t *order)
{
	for (uint32_t i = 0; i < r->n_inputs; i++) {
		uint32_t k = i;
		for (; k && str_cmp(r->inputs[order[k - 1]].name, r->inputs[i].name) > 0; k--)
			order[k] = order[k - 1];
		order[k] = (uint8_t)i;
	}
	return (int)r->n_inputs;
}

struct status infer_check(struct infer_request *r)
{
	const struct served *m = r->version->owner;
	uint8_t order[LIMIT_INFER_INPUTS];
	int64_t batch = -1;
	uint32_t n_out;
	CHECK(r->n_inputs <= LIMIT_INFER_INPUTS);
	TRY(check_names(r));
	int n = by_name_order(r, order);
	for (int i = 0; i < n; i++)
		TRY(check_batch(r, &r->inputs[order[i]], &batch));
	if (m->max_batch > 0 && batch > m->max_batch)
		return FAIL(INVALID_ARG, ID_FORMAT "inference request batch-size must be <= %d for '%s'", STR_ARG(id_of(r)),
		            m->max_batch, m->name);
	memset(r->job.in, 0, sizeof r->job.in);
	for (int i = 0; i < n; i++) {
		const struct infer_input *in = &r->inputs[order[i]];
		const struct served_io *io = find_io(m, in->name);
		TRY(check_type_and_shape(r, io, in));
		TRY(check_bytes(r, in));
		TRY(bind(r, io, in));
	}
	model_outputs(r->version->engine, &n_out);
	memset(r->job.want, 0, sizeof r->job.want);
	for (uint32_t i = 0; i < m->n_outputs; i++)
		if (r->want_all || r->want[i])
			r->job.want[m->outputs[i].engine] = true;
	r->job.batch = batch < 0 ? 1 : batch;
	return STATUS_GOOD;
}

struct status infer_start(struct infer_request *r, uint64_t now_ns)
{
	struct status st = runner_submit(r->version->runner, &r->job, now_ns);
	if (st.code)
		return FAIL(UNAVAILABLE, ID_FORMAT "%s", STR_ARG(id_of(r)), st.msg);
	return st;
}

void infer_output_shape(const struct infer_request *r, uint32_t i, struct tensor *out)
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
