/* Models: opening a plan or an ONNX file, and what is known of it.
 *
 * A plan with a section for this host is mapped and used as it is. Without one, its portable
 * section is compiled here and the result kept in the cache, so that the next start finds it;
 * trouble with the cache is a warning and nothing more. An ONNX file is compiled on the spot.
 * Inputs and outputs are described from the graph before layouts, so they are the same on every
 * host. Opening is single-threaded; afterwards only the list of variants changes, under its lock.
 */
#include "engine/engine_priv.h"

#include "base/cpu.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"
#include "engine/cache_priv.h"

#include <stdio.h>

#define MODEL_BYTES_MAX ((size_t)64 << 30)

static bool is_read(const struct ir_graph *g, const struct ir_value *v)
{
	for (uint32_t i = 0; i < g->n_outputs; i++)
		if (g->outputs[i] == v)
			return true;
	for (uint32_t i = 0; i < g->n_nodes; i++)
		for (uint32_t k = 0; k < g->nodes[i]->n_in; k++)
			if (g->nodes[i]->in[k] == v)
				return true;
	return false;
}

static void io_of(const struct ir_graph *g, const struct ir_value *v, struct model_io *io)
{
	*io = (struct model_io){.name = v->name, .dtype = v->dtype, .rank = v->rank < 0 ? 0 : (uint32_t)v->rank,
	                        .optional = v->data != 0};
	for (int32_t i = 0; i < v->rank; i++)
		io->dims[i] = dim_known(v->dims[i]) ? v->dims[i].k : -1;
	io->batched = v->rank > 0 && g->batch_sym && dim_eq(v->dims[0], (struct dim){1, g->batch_sym});
}

/* Describes inputs and outputs; g lives as long as the model. */
static struct status describe(struct model *m, const struct ir_graph *g)
{
	if (g->n_inputs > MODEL_IO_MAX || g->n_outputs > MODEL_IO_MAX)
		return FAIL(LIMIT, "%s has %u inputs and %u outputs; %d each is the most", m->path, g->n_inputs,
		            g->n_outputs, MODEL_IO_MAX);
	m->n_inputs = g->n_inputs;
	m->n_outputs = g->n_outputs;
	m->batched = g->n_inputs > 0;
	for (uint32_t i = 0; i < g->n_inputs; i++) {
		io_of(g, g->inputs[i], &m->inputs[i]);
		m->inputs[i].unused = !is_read(g, g->inputs[i]);
		m->batched = m->batched && m->inputs[i].batched;
	}
	for (uint32_t i = 0; i < g->n_outputs; i++) {
		io_of(g, g->outputs[i], &m->outputs[i]);
		m->outputs[i].optional = false;
		m->batched = m->batched && m->outputs[i].batched;
	}
	return STATUS_GOOD;
}

/* Weights and cost of the variant for every batch, or of the portable graph. */
static void measure(struct model *m)
{
	const struct ir_graph *g = m->variants ? m->variants->graph : m->portable;
	double flops = 0;
	m->weights_bytes = 0;
	for (uint32_t i = 0; i < g->n_values; i++)
		m->weights_bytes += g->values[i]->data ? g->values[i]->data_bytes : 0;
	for (uint32_t i = 0; i < g->n_nodes; i++)
		flops += ir_node_flops(g->nodes[i], 1);
	/* a modest rate, and a microsecond a node: only the order of magnitude decides anything */
	if (!m->cost_ns)
		m->cost_ns = (uint64_t)(flops / 30) + g->n_nodes * 1000u;
}

/* Makes m's portable graph ready, and its variant for every batch where it has one. */
static struct status from_portable(struct model *m)
{
	struct buf *log = m->build.log;
	struct status st = build_portable(m->portable, log);
	if (st.code == STATUS_INVALID_ARG) {
		/* shapes may depend on the values of small integer inputs: then every request decides */
		bool any = false;
		for (uint32_t i = 0; i < m->portable->n_inputs; i++) {
			const struct ir_value *v = m->portable->inputs[i];
			any = any || (v->rank <= 1 && v->rank >= 0 &&
			              (v->dtype == DTYPE_INT64 || v->dtype == DTYPE_INT32));
		}
		if (!any)
			return st;
		m->by_value = true;
		TRY(ir_compact(m->portable));
	} else if (st.code) {
		return st;
	}
	TRY(describe(m, m->portable));
	if (!m->by_value) {
		st = variant_add_general(m);
		if (st.code && st.code != STATUS_UNSUPPORTED)
			return st;
		if (st.code)
			LOG_V(1, "%s: compiled per shape: %s", m->path, st.msg);
		if (st.code && m->batched)
			m->batched = false;
	}
	measure(m);
	return STATUS_GOOD;
}

static struct status open_onnx(struct model *m)
{
	TRY(onnx_open(m->path, &m->arena, &m->onnx));
	m->portable = m->onnx.graph;
	TRY_MSG(from_portable(m), "%s", m->path);
	return STATUS_GOOD;
}

static struct status open_portable(struct model *m)
{
	uint32_t s = plan_find(&m->plan, PLAN_PORTABLE, 0);
	if (s == PLAN_SECTIONS_MAX)
		return FAIL(CORRUPT, "%s holds neither a section for this host nor a portable one", m->path);
	TRY(plan_graph(&m->plan, s, &m->arena, &m->portable));
	TRY_MSG(from_portable(m), "%s", m->path);
	return STATUS_GOOD;
}

static struct status open_plan(struct model *m)
{
	struct status st = STATUS_GOOD;
	struct arena a;
	struct ir_graph *g;
	char key[PLAN_KEY_BYTES];

	cache__host_key(key);
	arena_init(&a, MODEL_BYTES_MAX);
	uint32_t s = plan_find(&m->plan, PLAN_TARGET, key);
	uint32_t bounds = s < PLAN_SECTIONS_MAX ? s : plan_find(&m->plan, PLAN_PORTABLE, 0);
	if (!m->batch_max && bounds < PLAN_SECTIONS_MAX)
		m->batch_max = m->plan.sections[bounds].batch_max;
	if (s == PLAN_SECTIONS_MAX || m->build.backend)
		return open_portable(m);
	GO(plan_graph(&m->plan, s, &a, &g));
	GO_MSG(ir_infer(g), "%s", m->path);
	m->cost_ns = m->plan.sections[s].cost_ns;
	GO(variant_add_compiled(m, &a, g));
	GO(describe(m, g));
	measure(m);
out:
	arena_release(&a);
	return st;
}

static struct status open_by_content(struct model *m, const struct model_options *o)
{
	struct file_map peek = {0};
	if (file_is_dir(m->path))
		return open_onnx(m);
	TRY(file_map(m->path, &peek));
	bool plan = plan_is(peek.bytes) || plan_is_tensorrt(peek.bytes);
	file_unmap(&peek);
	if (!plan)
		return open_onnx(m);
	TRY(plan_open(m->path, &m->plan));
	char key[PLAN_KEY_BYTES];
	cache__host_key(key);
	if (plan_find(&m->plan, PLAN_TARGET, key) == PLAN_SECTIONS_MAX && !o->backend &&
	    plan_find(&m->plan, PLAN_PORTABLE, 0) < PLAN_SECTIONS_MAX)
		cache__exchange(&m->plan, o->cache_dir);
	return open_plan(m);
}

struct status model_open(const char *path, const struct model_options *o, struct model **out)
{
	struct status st = STATUS_GOOD;
	struct model *m = mem_zero(sizeof *m);

	if (!m)
		return FAIL(NO_MEMORY, "no memory to open %s", path);
	m->magic = MODEL_MAGIC;
	pthread_mutex_init(&m->lock, 0);
	arena_init(&m->arena, MODEL_BYTES_MAX);
	m->batch_max = o->batch_max;
	m->path = mem_strdup(path);
	if (!m->path)
		GO(FAIL(NO_MEMORY, "no memory to open %s", path));
	if (o->backend && !backend_find(str_from(o->backend)))
		GO(FAIL(INVALID_ARG, "there is no backend %s", o->backend));
	m->build = (struct build_options){.backend = o->backend, .tune = o->tune, .batch_opt = 1};
	snprintf(m->backend_text, sizeof m->backend_text, "%s (%s)", o->backend ? o->backend : "cpu",
	         cpu_level_text(cpu_flags()));
	GO(open_by_content(m, o));
	*out = m;
	m = 0;
out:
	model_free(m);
	return st;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	CHECK_MAGIC(m, MODEL_MAGIC);
	while (m->variants) {
		struct variant *v = m->variants;
		CHECK(v->refs == 0);
		m->variants = v->next;
		variant_free(v);
	}
	onnx_release(&m->onnx);
	plan_release(&m->plan);
	arena_release(&m->arena);
	pthread_mutex_destroy(&m->lock);
	mem_free(m->path);
	m->magic = 0;
	mem_free(m);
}

const struct model_io *model_inputs(const struct model *m, uint32_t *n)
{
	CHECK_MAGIC(m, MODEL_MAGIC);
	*n = m->n_inputs;
	return m->inputs;
}

const struct model_io *model_outputs(const struct model *m, uint32_t *n)
{
	CHECK_MAGIC(m, MODEL_MAGIC);
	*n = m->n_outputs;
	return m->outputs;
}

bool model_batched(const struct model *m)
{
	CHECK_MAGIC(m, MODEL_MAGIC);
	return m->batched;
}

uint64_t model_weights_bytes(const struct model *m)
{
	CHECK_MAGIC(m, MODEL_MAGIC);
	return m->weights_bytes;
}

const char *model_path(const struct model *m)
{
	CHECK_MAGIC(m, MODEL_MAGIC);
	return m->path;
}

const char *model_backend_text(const struct model *m)
{
	CHECK_MAGIC(m, MODEL_MAGIC);
	return m->backend_text;
}

uint64_t model_cost_ns(const struct model *m)
{
	CHECK_MAGIC(m, MODEL_MAGIC);
	return m->cost_ns;
}
