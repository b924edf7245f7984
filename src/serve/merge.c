/* Jobs of one caller that wait for each other for a moment, to share a run.
 *
 * An event loop that finds several requests at once runs them together: small models spend their
 * time reading weights, which then are read once. Rows are copied into one batch and out of it,
 * which costs little, since entries are small here; and no answer differs by it, as the engine
 * promises for these models (engine/merge.c). Owned by its caller's thread; after merge_new nothing
 * is allocated but outputs in the jobs' arenas.
 */
#include "serve/merge.h"

#include "base/mem.h"
#include "base/panic.h"
#include "serve/runner.h"

#include <string.h>

/* ENTRY_BYTES: of all inputs and outputs of an entry; above, copying is not worth it. */
enum { ENTRY_BYTES = 64 << 10, ALIGN = 64 };

struct merge {
	struct exec *exec;
	int64_t most;
	uint32_t n_in, n_out;
	size_t in_entry[MODEL_IO_MAX], out_entry[MODEL_IO_MAX]; /* bytes */
	uint8_t *in_at[MODEL_IO_MAX], *out_at[MODEL_IO_MAX];    /* most entries each, in memory */
	uint8_t *memory;
	struct runner_job *first, **last;
};

/* Bytes of an entry; 0 where they are not known or too many. */
static size_t entry_bytes(const struct model_io *io)
{
	size_t n = dtype_bytes(io->dtype);
	for (uint32_t k = 1; k < io->rank; k++) {
		if (io->dims[k] <= 0 || !mem_mul(n, (size_t)io->dims[k], &n) || n > ENTRY_BYTES)
			return 0;
	}
	return n;
}

static bool measure(const struct model_io *io, uint32_t n, size_t *entry, size_t *sum)
{
	for (uint32_t i = 0; i < n; i++) {
		entry[i] = entry_bytes(&io[i]);
		*sum += entry[i];
		if (!entry[i] || *sum > ENTRY_BYTES)
			return false;
	}
	return true;
}

static size_t place(struct merge *m, uint8_t *base)
{
	size_t at = 0;
	for (uint32_t i = 0; i < m->n_in + m->n_out; i++) {
		bool in = i < m->n_in;
		size_t entry = in ? m->in_entry[i] : m->out_entry[i - m->n_in];
		*(in ? &m->in_at[i] : &m->out_at[i - m->n_in]) = base ? base + at : 0;
		at += (entry * (size_t)m->most + ALIGN - 1) / ALIGN * ALIGN;
	}
	return at;
}

struct status merge_new(struct exec *e, int64_t most, struct merge **out)
{
	uint32_t n_in, n_out;
	const struct model_io *in = model_inputs(exec_model(e), &n_in),
	                      *to = model_outputs(exec_model(e), &n_out);
	size_t entry = 0;
	*out = 0;
	struct merge *m = mem_zero(sizeof *m);
	if (!m)
		return FAIL(NO_MEMORY, "no memory for merging requests");
	m->exec = e;
	m->most = most;
	m->n_in = n_in;
	m->n_out = n_out;
	m->last = &m->first;
	if (most < 2 || !measure(in, n_in, m->in_entry, &entry) ||
	    !measure(to, n_out, m->out_entry, &entry)) {
		mem_free(m);
		return STATUS_GOOD;
	}
	m->memory = mem_aligned(ALIGN, place(m, 0) + ALIGN);
	if (!m->memory) {
		mem_free(m);
		return FAIL(NO_MEMORY, "no memory for merging requests");
	}
	place(m, m->memory);
	*out = m;
	return STATUS_GOOD;
}

void merge_free(struct merge *m)
{
	if (!m)
		return;
	CHECK(!m->first);
	mem_free(m->memory);
	mem_free(m);
}

bool merge_hold(struct merge *m, struct runner_job *j)
{
	bool first = !m->first;
	j->next = 0;
	*m->last = j;
	m->last = &j->next;
	return first;
}

struct runner_job *merge_take(struct merge *m)
{
	struct runner_job *j = m->first;
	m->first = 0;
	m->last = &m->first;
	return j;
}

bool merge_return(struct merge *m, struct runner_job *j)
{
	struct runner_job *rest = m->first, **end = &j->next;
	while (*end)
		end = &(*end)->next;
	*end = rest;
	m->first = j;
	if (!rest)
		m->last = end;
	return !rest;
}

/* Whether j has the shapes that the buffers are for. */
static bool fits(const struct merge *m, const struct runner_job *j)
{
	for (uint32_t i = 0; i < m->n_in; i++)
		if (!j->in[i].data || !j->in[i].rank || j->in[i].dims[0] != j->batch ||
		    j->in[i].bytes != m->in_entry[i] * (size_t)j->batch)
			return false;
	return true;
}

uint32_t merge_count(const struct merge *m, struct runner_job *const *jobs, uint32_t n)
{
	int64_t sum = 0;
	uint32_t count = 0;
	CHECK(n >= 1);
	while (count < n && jobs[count]->batch >= 1 && jobs[count]->batch <= m->most - sum &&
	       fits(m, jobs[count]))
		sum += jobs[count++]->batch;
	return count ? count : 1;
}

static struct status run_all(struct merge *m, struct runner_job *const *jobs, uint32_t n,
                             struct tensor *in, struct tensor *out)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < m->n_in; i++) {
		uint8_t *to = m->in_at[i];
		for (uint32_t k = 0; k < n; k++) {
			memcpy(to, jobs[k]->in[i].data, jobs[k]->in[i].bytes);
			to += jobs[k]->in[i].bytes;
		}
		in[i] = jobs[0]->in[i];
		in[i].data = m->in_at[i];
		in[i].bytes = (size_t)(to - m->in_at[i]);
	}
	for (uint32_t k = 0; k < n; k++)
		sum += jobs[k]->batch;
	for (uint32_t i = 0; i < m->n_in; i++)
		in[i].dims[0] = sum;
	TRY(exec_shapes(m->exec, in, out));
	for (uint32_t i = 0; i < m->n_out; i++) {
		CHECK(out[i].bytes == m->out_entry[i] * (size_t)sum);
		out[i].data = m->out_at[i];
	}
	return exec_run(m->exec, in, out);
}

/* Entries `at` and on of the outputs to where j wants them. */
static struct status hand_out(const struct merge *m, struct runner_job *j, const struct tensor *out,
                              int64_t at)
{
	for (uint32_t i = 0; i < m->n_out; i++) {
		struct tensor *t = &j->out[i];
		*t = out[i];
		t->dims[0] = j->batch;
		t->bytes = m->out_entry[i] * (size_t)j->batch;
		t->data = 0;
		if (!j->want[i])
			continue;
		t->data = arena_bytes(j->arena, t->bytes + 1, ALIGN);
		if (!t->data)
			return FAIL(NO_MEMORY, "no memory for an output");
		memcpy(t->data, m->out_at[i] + m->out_entry[i] * (size_t)at, t->bytes);
	}
	return STATUS_GOOD;
}

void merge_run(struct merge *m, struct runner_job *const *jobs, uint32_t n)
{
	struct tensor in[MODEL_IO_MAX], out[MODEL_IO_MAX];
	struct status st = run_all(m, jobs, n, in, out);
	int64_t at = 0;
	for (uint32_t k = 0; k < n; k++) {
		jobs[k]->status = st.code ? st : hand_out(m, jobs[k], out, at);
		at += jobs[k]->batch;
	}
}
