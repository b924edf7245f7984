/* Made-up inputs for measuring.
 *
 * Inputs of fp32 are random between -1 and 1, all others zero, which every operator takes (an
 * index of zero always exists). The seed is fixed, so two measurements do the same work. A
 * workload belongs to the thread that runs it; the model may be shared by several. It is not how a
 * server makes its requests: nothing is copied or checked between two runs.
 */
#include "cli/workload.h"

#include "base/mem.h"
#include "base/panic.h"
#include "base/rand.h"

#include <stdlib.h>

/* The profile's range for the input, or NULL. */
static const struct shape_range *range_of(const struct profile *p, const struct model_io *io)
{
	for (uint32_t i = 0; p && i < p->n; i++)
		if (str_eq(p->input[i].name, io->name))
			return &p->input[i];
	return 0;
}

static struct status make_input(struct tensor *t, const struct model_io *io,
                                const struct profile *p,
                                int64_t batch, struct rand *r)
{
	const struct shape_range *range = range_of(p, io);
	int64_t count;

	*t = (struct tensor){.dtype = io->dtype, .rank = io->rank};
	if (range && range->rank != io->rank)
		return FAIL(INVALID_ARG, "input %.*s has %u dimensions, and a shape of %u is given",
		            STR_ARG(io->name), io->rank, range->rank);
	for (uint32_t k = 0; k < t->rank; k++) {
		t->dims[k] = range ? range->opt[k] : io->dims[k] < 0 ? batch : io->dims[k];
		if (io->dims[k] >= 0 && t->dims[k] != io->dims[k])
			return FAIL(INVALID_ARG,
			            "dimension %u of input %.*s is %lld in the model, and %lld is given",
			            k, STR_ARG(io->name), (long long)io->dims[k], (long long)t->dims[k]);
	}
	if (!tensor_elements(t, &count) || !dtype_bytes(t->dtype) ||
	    !mem_mul((size_t)count, dtype_bytes(t->dtype), &t->bytes))
		return FAIL(UNSUPPORTED, "input %.*s cannot be made up", STR_ARG(io->name));
	t->data = mem_zero(t->bytes);
	if (!t->data)
		return FAIL(NO_MEMORY, "no memory for input %.*s", STR_ARG(io->name));
	for (int64_t k = 0; t->dtype == DTYPE_FP32 && k < count; k++)
		((float *)t->data)[k] = rand_f32(r, -1, 1);
	return STATUS_GOOD;
}

/* A name that the model does not have would else be measured as if nothing had been said. */
static struct status check_names(const struct profile *p, const struct model_io *io, uint32_t n)
{
	for (uint32_t i = 0; p && i < p->n; i++) {
		uint32_t k = 0;
		while (k < n && !str_eq(io[k].name, p->input[i].name))
			k++;
		if (k == n)
			return FAIL(INVALID_ARG,
			            "a shape is given for input %.*s, which the model does not have",
			            STR_ARG(p->input[i].name));
	}
	return STATUS_GOOD;
}

struct status workload_init(struct workload *w, struct model *m, uint32_t threads,
                            const struct profile *shapes, int64_t batch)
{
	struct rand r;
	uint32_t n_in, n_out;
	const struct model_io *io = model_inputs(m, &n_in);

	CHECK(batch > 0);
	memset(w, 0, sizeof *w);
	model_outputs(m, &n_out);
	CHECK(n_in <= MODEL_IO_MAX && n_out <= MODEL_IO_MAX);
	TRY(check_names(shapes, io, n_in));
	TRY(exec_new(m, threads, &w->exec));
	rand_seed(&r, 1);
	for (; w->n_in < n_in; w->n_in++)
		TRY(make_input(&w->in[w->n_in], &io[w->n_in], shapes, batch, &r));
	TRY(exec_shapes(w->exec, w->in, w->out));
	for (; w->n_out < n_out; w->n_out++) {
		struct tensor *t = &w->out[w->n_out];
		t->data = mem_alloc(t->bytes);
		if (!t->data)
			return FAIL(NO_MEMORY, "no memory for the outputs");
	}
	return STATUS_GOOD;
}

struct status workload_run(struct workload *w)
{
	return exec_run(w->exec, w->in, w->out);
}

/* The input that failed counts as made when it has data, which is why in[n_in] is freed too. */
void workload_release(struct workload *w)
{
	for (uint32_t i = 0; i < MODEL_IO_MAX && i <= w->n_in; i++)
		mem_free(w->in[i].data);
	for (uint32_t i = 0; i < w->n_out; i++)
		mem_free(w->out[i].data);
	exec_free(w->exec);
	memset(w, 0, sizeof *w);
}

uint64_t workload_part(const uint64_t *sorted, uint64_t n, double part)
{
	CHECK(n && part >= 0 && part <= 1);
	return sorted[(uint64_t)((double)(n - 1) * part)];
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

void workload_sort(uint64_t *ns, uint64_t n)
{
	qsort(ns, n, sizeof *ns, by_value);
}
