/* The public surface over the engine's door.
 *
 * Only a translation: public structs have fixed layouts, so they are copied field by field, and
 * a status becomes a code with its sentence kept for the thread. Model and execution are the
 * engine's own objects, passed as opaque pointers. The inputs of one call are translated on the
 * stack, so running allocates nothing here either.
 */
#include "nereid/nereid.h"

#include "base/panic.h"
#include "engine/engine.h"

#include <stdio.h>
#include <string.h>

static _Thread_local char last_error[STATUS_TEXT];

static enum nrd_status report(struct status st)
{
	snprintf(last_error, sizeof last_error, "%s", st.code ? st.msg : "");
	return (enum nrd_status)st.code;
}

static struct model *model_of(const nrd_model *m)
{
	CHECK(m);
	return (struct model *)m;
}

enum nrd_status nrd_model_open(const char *path, nrd_model **out)
{
	struct model_options o = {0};
	struct model *m = 0;
	struct status st = model_open(path, &o, &m);
	if (!st.code)
		*out = (nrd_model *)m;
	return report(st);
}

void nrd_model_free(nrd_model *m)
{
	model_free((struct model *)m);
}

uint32_t nrd_model_inputs(const nrd_model *m)
{
	uint32_t n;
	model_inputs(model_of(m), &n);
	return n;
}

uint32_t nrd_model_outputs(const nrd_model *m)
{
	uint32_t n;
	model_outputs(model_of(m), &n);
	return n;
}

static enum nrd_status io_copy(const struct model_io *list, uint32_t n, uint32_t i, nrd_io *out)
{
	if (i >= n)
		return report(FAIL(INVALID_ARG, "there is no tensor number %u; the model has %u", i, n));
	*out = (nrd_io){.name = list[i].name.p, .dtype = (enum nrd_dtype)list[i].dtype, .rank = list[i].rank};
	memcpy(out->dims, list[i].dims, sizeof out->dims);
	return NRD_OK;
}

enum nrd_status nrd_model_input(const nrd_model *m, uint32_t i, nrd_io *out)
{
	uint32_t n;
	const struct model_io *list = model_inputs(model_of(m), &n);
	return io_copy(list, n, i, out);
}

enum nrd_status nrd_model_output(const nrd_model *m, uint32_t i, nrd_io *out)
{
	uint32_t n;
	const struct model_io *list = model_outputs(model_of(m), &n);
	return io_copy(list, n, i, out);
}

enum nrd_status nrd_exec_new(nrd_model *m, uint32_t threads, nrd_exec **out)
{
	struct exec *e = 0;
	struct status st = exec_new(model_of(m), threads, &e);
	if (!st.code)
		*out = (nrd_exec *)e;
	return report(st);
}

void nrd_exec_free(nrd_exec *e)
{
	exec_free((struct exec *)e);
}

static void to_tensor(const nrd_tensor *from, uint32_t n, struct tensor *to)
{
	for (uint32_t i = 0; i < n; i++) {
		to[i] = (struct tensor){.dtype = (enum dtype)from[i].dtype, .rank = from[i].rank,
		                        .data = from[i].data, .bytes = from[i].bytes};
		memcpy(to[i].dims, from[i].dims, sizeof to[i].dims);
	}
}

static void from_tensor(const struct tensor *from, uint32_t n, nrd_tensor *to)
{
	for (uint32_t i = 0; i < n; i++) {
		to[i] = (nrd_tensor){.dtype = (enum nrd_dtype)from[i].dtype, .rank = from[i].rank,
		                     .data = from[i].data, .bytes = from[i].bytes};
		memcpy(to[i].dims, from[i].dims, sizeof to[i].dims);
	}
}

static struct status inputs_check(const nrd_tensor *in, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (in[i].rank > NRD_RANK_MAX || (uint32_t)in[i].dtype >= DTYPE_COUNT)
			return FAIL(INVALID_ARG, "input %u has rank %u and element type %d: the rank is at "
			            "most %d, the type one of enum nrd_dtype", i, in[i].rank,
			            (int)in[i].dtype, NRD_RANK_MAX);
	return STATUS_GOOD;
}

enum nrd_status nrd_exec_shapes(nrd_exec *e, const nrd_tensor *in, nrd_tensor *out)
{
	struct tensor tin[MODEL_IO_MAX], tout[MODEL_IO_MAX] = {{0}};
	uint32_t n_in, n_out;
	struct exec *x = (struct exec *)e;
	CHECK(x);
	model_inputs(exec_model(x), &n_in);
	model_outputs(exec_model(x), &n_out);
	struct status st = inputs_check(in, n_in);
	if (st.code)
		return report(st);
	to_tensor(in, n_in, tin);
	st = exec_shapes(x, tin, tout);
	if (!st.code)
		from_tensor(tout, n_out, out);
	return report(st);
}

enum nrd_status nrd_exec_run(nrd_exec *e, const nrd_tensor *in, nrd_tensor *out)
{
	struct tensor tin[MODEL_IO_MAX], tout[MODEL_IO_MAX];
	uint32_t n_in, n_out;
	struct exec *x = (struct exec *)e;
	CHECK(x);
	model_inputs(exec_model(x), &n_in);
	model_outputs(exec_model(x), &n_out);
	struct status st = inputs_check(in, n_in);
	if (st.code)
		return report(st);
	to_tensor(in, n_in, tin);
	to_tensor(out, n_out, tout);
	st = exec_run(x, tin, tout);
	if (!st.code)
		from_tensor(tout, n_out, out);
	return report(st);
}

const char *nrd_error(void)
{
	return last_error;
}

const char *nrd_version(void)
{
	return NRD_VERSION;
}
