/* Executions: a variant's steps prepared for this thread, with the memory that they need.
 *
 * Preparing plans memory for batch_max and makes the list of steps with their tensors; it
 * happens in exec_new and, for new shapes or a larger batch, in exec_shapes. Running sets the
 * caller's pointers, writes concrete dims when the batch changed, and calls the steps in order
 * under mem_seal: it allocates nothing. An exec belongs to one thread at a time. Its pool's
 * threads touch only what the steps hand them.
 */
#include "engine/engine_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "plan/memory.h"

#include <string.h>

enum { FIRST_BATCH = 1 };
#define EXEC_BYTES_MAX ((size_t)1 << 32)

struct run_step {
	struct step step;
	const struct ir_node *node;
	struct tensor *in, *out;
	uint32_t n_in, n_out;
	uint64_t ns, runs;       /* while profiling */
};

/* A tensor of a step whose dims or pointer change from run to run. */
struct slot { struct tensor *t; const struct ir_value *v; struct place place; };

struct exec {
	uint32_t magic;
	struct model *model;
	struct pool *pool;
	struct variant *variant;         /* NULL before the first shapes of a model without a general variant */
	struct arena arena;              /* of everything below but memory */
	struct memory_plan plan;
	struct run_step *steps;
	struct slot *slots;
	uint32_t n_steps, n_slots;
	int64_t batch, batch_max;        /* batch -1: dims are not written yet */
	uint8_t *memory;                 /* activations, then a sink for each output, then scratch; owned */
	size_t memory_bytes, scratch_at, *sink_at;
	bool profiling;
};

static size_t round64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

/* A step's tensor for v, entered into the slots. */
static void add_slot(struct exec *e, struct tensor *t, const struct ir_value *v)
{
	*t = (struct tensor){0};
	if (!v)
		return;
	t->dtype = v->dtype;
	t->rank = (uint32_t)v->rank;
	e->slots[e->n_slots++] = (struct slot){t, v, e->plan.places[v->id]};
}

static struct status add_step(struct exec *e, const struct ir_node *n, size_t *scratch)
{
	const struct backend *b = backend_find(ir_attr_str(n, ATTR_ID_BACKEND, STR_NONE));
	struct run_step *s = &e->steps[e->n_steps];
	if (!b || !b->supports(e->variant->graph, n))
		return FAIL(CORRUPT, "node %.*s has no backend here that runs it; compile the model again",
		            STR_ARG(n->name));
	struct prepare_args a = {e->variant->graph, n, (uint32_t)ir_attr_int(n, ATTR_ID_TACTIC, 0), e->batch_max,
	                         pool_threads(e->pool), &e->arena};
	*s = (struct run_step){.node = n, .n_in = n->n_in, .n_out = n->n_out};
	TRY(b->prepare(&a, &s->step));
	s->in = ARENA_ARRAY(&e->arena, (size_t)n->n_in + n->n_out + 1, struct tensor);
	if (!s->in)
		return FAIL(NO_MEMORY, "no memory to prepare %.*s", STR_ARG(n->name));
	s->out = s->in + n->n_in;
	for (uint32_t i = 0; i < n->n_in; i++)
		add_slot(e, &s->in[i], n->in[i]);
	for (uint32_t i = 0; i < n->n_out; i++)
		add_slot(e, &s->out[i], n->out[i]);
	*scratch = s->step.scratch_bytes > *scratch ? s->step.scratch_bytes : *scratch;
	e->n_steps++;
	return STATUS_GOOD;
}

/* Memory for activations, for outputs that the caller does not want, and for scratch. */
static struct status take_memory(struct exec *e, size_t scratch)
{
	const struct ir_graph *g = e->variant->graph;
	size_t at = round64(e->plan.arena_bytes);
	for (uint32_t i = 0; i < g->n_outputs; i++) {
		int64_t count;
		size_t bytes;
		e->sink_at[i] = at;
		if (!ir_value_elements(g->outputs[i], e->batch_max, &count) ||
		    !mem_mul((size_t)count, dtype_bytes(g->outputs[i]->dtype), &bytes) || bytes > SIZE_MAX / 4 ||
		    !mem_add(at, round64(bytes), &at))
			return FAIL(LIMIT, "an output is too large for a batch of %lld", (long long)e->batch_max);
	}
	e->scratch_at = at;
	if (scratch > SIZE_MAX / 4 || !mem_add(at, round64(scratch), &at))
		return FAIL(LIMIT, "the scratch memory is too large for a batch of %lld", (long long)e->batch_max);
	if (at <= e->memory_bytes && e->memory)
		return STATUS_GOOD;
	mem_free(e->memory);
	e->memory_bytes = 0;
	e->memory = mem_aligned(64, at + 64);
	if (!e->memory)
		return FAIL(NO_MEMORY, "no memory for %zu bytes of activations", at);
	e->memory_bytes = at;
	return STATUS_GOOD;
}

/* Makes the steps of e->variant for batches up to batch_max. */
static struct status prepare(struct exec *e, int64_t batch_max)
{
	const struct ir_graph *g = e->variant->graph;
	size_t n_slots = 0, scratch = 0;
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	arena_reset(&e->arena);
	e->batch = -1;
	e->batch_max = batch_max;
	e->n_steps = e->n_slots = 0;
	for (uint32_t i = 0; i < g->n_nodes; i++)
		n_slots += g->nodes[i]->n_in + g->nodes[i]->n_out;
	TRY(memory_plan(g, batch_max, &e->arena, &e->plan));
	e->steps = ARENA_ARRAY(&e->arena, (size_t)g->n_nodes + 1, struct run_step);
	e->slots = ARENA_ARRAY(&e->arena, n_slots + 1, struct slot);
	e->sink_at = ARENA_ARRAY(&e->arena, (size_t)g->n_outputs + 1, size_t);
	if (!e->steps || !e->slots || !e->sink_at)
		return FAIL(NO_MEMORY, "no memory to prepare %s", e->model->path);
	for (uint32_t i = 0; i < g->n_nodes; i++)
		if (!memory_is_alias(g->nodes[i]))
			TRY(add_step(e, g->nodes[i], &scratch));
	return take_memory(e, scratch);
}

struct status exec_new(struct model *m, uint32_t threads, struct exec **out)
{
	struct status st = STATUS_GOOD;
	struct exec *e = mem_zero(sizeof *e);

	CHECK_MAGIC(m, MODEL_MAGIC);
	if (!e)
		return FAIL(NO_MEMORY, "no memory for an execution of %s", m->path);
	e->magic = EXEC_MAGIC;
	e->model = m;
	arena_init(&e->arena, EXEC_BYTES_MAX);
	GO(pool_new(threads, &e->pool));
	pthread_mutex_lock(&m->lock);
	for (struct variant *v = m->variants; v; v = v->next)
		if (!v->key_bytes)
			e->variant = v;
	if (e->variant)
		e->variant->refs++;
	pthread_mutex_unlock(&m->lock);
	if (e->variant)
		GO(prepare(e, m->batch_max > 0 ? m->batch_max : FIRST_BATCH));
	*out = e;
	e = 0;
out:
	exec_free(e);
	return st;
}

void exec_free(struct exec *e)
{
	if (!e)
		return;
	CHECK_MAGIC(e, EXEC_MAGIC);
	variant_release(e->model, e->variant);
	pool_free(e->pool);
	arena_release(&e->arena);
	mem_free(e->memory);
	e->magic = 0;
	mem_free(e);
}

struct model *exec_model(const struct exec *e)
{
	CHECK_MAGIC(e, EXEC_MAGIC);
	return e->model;
}

static void write_dims(struct exec *e, int64_t batch)
{
	for (uint32_t i = 0; i < e->n_slots; i++) {
		struct tensor *t = e->slots[i].t;
		const struct ir_value *v = e->slots[i].v;
		size_t n = 1;
		for (int32_t k = 0; k < v->rank; k++) {
			t->dims[k] = dim_at(v->dims[k], batch);
			n *= (size_t)t->dims[k];
		}
		t->bytes = v->data ? v->data_bytes : n * dtype_bytes(v->dtype);
	}
	e->batch = batch;
}

static struct status check_inputs(const struct model *m, const struct tensor *in)
{
	for (uint32_t i = 0; i < m->n_inputs; i++) {
		const struct model_io *io = &m->inputs[i];
		if (!in[i].data && io->optional)
			continue;
		if (in[i].data && io->optional)
			return FAIL(UNSUPPORTED, "input '%.*s' has a default in the model, and giving another value is "
			            "not supported; leave it out", STR_ARG(io->name));
		if (in[i].dtype != io->dtype)
			return FAIL(INVALID_ARG, "input '%.*s' is %s; the model takes %s", STR_ARG(io->name),
			            dtype_wire(in[i].dtype), dtype_wire(io->dtype));
	}
	return STATUS_GOOD;
}

/* Makes e ready for these inputs. */
static struct status adopt(struct exec *e, const struct tensor *in, int64_t *batch)
{
	struct model *m = e->model;
	if (!e->variant || !variant_fits(m, e->variant, in, batch)) {
		struct variant *v;
		TRY(variant_acquire(m, in, &v, batch));
		variant_release(m, e->variant);
		e->variant = v;
		e->batch_max = -1;
	}
	if (*batch <= e->batch_max)
		return STATUS_GOOD;
	int64_t room = e->batch_max > 0 && *batch < 2 * e->batch_max ? 2 * e->batch_max : *batch;
	struct status st = prepare(e, room);
	if (st.code) {
		/* nothing half-made may be run later */
		variant_release(m, e->variant);
		e->variant = 0;
		e->batch_max = -1;
	}
	return st;
}

struct status exec_shapes(struct exec *e, const struct tensor *in, struct tensor *out)
{
	int64_t batch;
	CHECK_MAGIC(e, EXEC_MAGIC);
	TRY(check_inputs(e->model, in));
	TRY(adopt(e, in, &batch));
	const struct ir_graph *g = e->variant->graph;
	for (uint32_t i = 0; i < g->n_outputs; i++) {
		const struct ir_value *v = g->outputs[i];
		const struct place *root = e->plan.copy_from[i] == UINT32_MAX ? 0 : &e->plan.places[e->plan.copy_from[i]];
		struct tensor t = {.dtype = v->dtype, .rank = (uint32_t)v->rank};
		int64_t count;
		for (int32_t k = 0; k < v->rank; k++)
			t.dims[k] = dim_at(v->dims[k], batch);
		if (!tensor_elements(&t, &count) || !mem_mul((size_t)count, dtype_bytes(v->dtype), &t.bytes))
			return FAIL(LIMIT, "output '%.*s' is too large", STR_ARG(v->name));
		if (v->dtype == DTYPE_BYTES && root && root->kind == PLACE_INPUT)
			t.bytes = in[root->index].bytes;
		out[i] = t;
	}
	return STATUS_GOOD;
}

static void *address(const struct exec *e, const struct place *p, const struct ir_value *v, const struct tensor *in,
                     const struct tensor *out)
{
	switch (p->kind) {
	case PLACE_CONST:
		return (void *)(uintptr_t)v->data;
	case PLACE_INPUT:
		return in[p->index].data;
	case PLACE_OUTPUT:
		return out[p->index].data ? out[p->index].data : e->memory + e->sink_at[p->index];
	case PLACE_ARENA:
		return e->memory + p->offset + p->each * (size_t)e->batch;
	case PLACE_NONE:
		return 0;
	}
	UNREACHABLE();
}

const void *exec_repeats(const struct exec *e, uint32_t i, const struct tensor *in)
{
	CHECK_MAGIC(e, EXEC_MAGIC);
	CHECK(e->variant && i < e->model->n_outputs);
	uint32_t root = e->plan.copy_from[i];
	const struct place *p = root == UINT32_MAX ? 0 : &e->plan.places[root];
	return p && p->kind == PLACE_INPUT ? in[p->index].data : 0;
}

static struct status run_steps(struct exec *e)
{
	for (uint32_t i = 0; i < e->n_steps; i++) {
		struct run_step *s = &e->steps[i];
		struct step_args a = {s->in, s->out, s->n_in, s->n_out, e->batch, e->memory + e->scratch_at, e->pool};
		uint64_t start = e->profiling ? clock_ns() : 0;
		if (!step_is_empty(&a))
			TRY_MSG(s->step.run(&s->step, &a), "node %.*s", STR_ARG(s->node->name));
		if (e->profiling) {
			s->ns += clock_ns() - start;
			s->runs++;
		}
	}
	return STATUS_GOOD;
}

/* Outputs that no step writes: copies of an input, of a constant, or of another output. */
static void copy_outputs(const struct exec *e, const struct tensor *in, const struct tensor *out)
{
	const struct ir_graph *g = e->variant->graph;
	for (uint32_t i = 0; i < g->n_outputs; i++) {
		uint32_t root = e->plan.copy_from[i];
		if (root == UINT32_MAX || !out[i].data || !out[i].bytes)
			continue;
		const void *from = address(e, &e->plan.places[root], g->values[root], in, out);
		if (from && from != out[i].data)
			memmove(out[i].data, from, out[i].bytes);
	}
}

struct status exec_run(struct exec *e, const struct tensor *in, struct tensor *out)
{
	struct tensor want[MODEL_IO_MAX];
	CHECK_MAGIC(e, EXEC_MAGIC);
	TRY(exec_shapes(e, in, want));
	for (uint32_t i = 0; i < e->model->n_outputs; i++) {
		if (out[i].data && out[i].bytes < want[i].bytes)
			return FAIL(INVALID_ARG, "output '%.*s' needs %zu bytes; %zu are there",
			            STR_ARG(e->model->outputs[i].name), want[i].bytes, out[i].bytes);
		want[i].data = out[i].data;
		out[i] = want[i];
	}
	int64_t batch = 1;
	CHECK(variant_fits(e->model, e->variant, in, &batch));
	mem_seal();
	if (batch != e->batch)
		write_dims(e, batch);
	for (uint32_t i = 0; i < e->n_slots; i++) {
		struct slot *s = &e->slots[i];
		s->t->data = address(e, &s->place, s->v, in, out);
	}
	struct status st = run_steps(e);
	if (!st.code)
		copy_outputs(e, in, out);
	mem_unseal();
	return st;
}

void exec_trim(struct exec *e)
{
	CHECK_MAGIC(e, EXEC_MAGIC);
	if (e->variant && e->batch_max > 1)
		mem_discard(e->memory + e->plan.each_bytes,
		            e->plan.each_bytes * (size_t)(e->batch_max - 1));
}

struct status exec_profile(struct exec *e, bool on)
{
	CHECK_MAGIC(e, EXEC_MAGIC);
	for (uint32_t i = 0; on && i < e->n_steps; i++)
		e->steps[i].ns = e->steps[i].runs = 0;
	e->profiling = on;
	return STATUS_GOOD;
}

uint32_t exec_steps(const struct exec *e, struct step_info *out, uint32_t max)
{
	CHECK_MAGIC(e, EXEC_MAGIC);
	for (uint32_t i = 0; i < e->n_steps && i < max; i++) {
		const struct run_step *s = &e->steps[i];
		const struct backend *b = backend_find(ir_attr_str(s->node, ATTR_ID_BACKEND, STR_NONE));
		uint64_t weights = 0;
		for (uint32_t k = 0; k < s->n_in; k++)
			weights += s->node->in[k] ? s->node->in[k]->data_bytes : 0;
		out[i] = (struct step_info){
			.node = s->node->name, .op = str_from(op_info(s->node->op)->text),
			.backend = str_from(b->name),
			.tactic = str_from(b->tactic_name(s->node->op, (uint32_t)ir_attr_int(s->node, ATTR_ID_TACTIC, 0))),
			.precision = str_from(dtype_wire(s->node->out[0] ? s->node->out[0]->dtype : DTYPE_INVALID)),
			.flops = ir_node_flops(s->node, e->batch > 0 ? e->batch : 1),
			.ns_total = s->ns, .runs = s->runs, .weights_bytes = weights,
		};
	}
	return e->n_steps;
}

uint64_t exec_arena_bytes(const struct exec *e)
{
	CHECK_MAGIC(e, EXEC_MAGIC);
	return e->memory_bytes;
}
