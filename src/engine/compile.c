/* `nereid compile`: an ONNX file to a plan with a portable section and one for this host.
 *
 * The order is the pipeline's: read, infer, portable passes; a copy of that graph is the
 * portable section. Then the target's stages with timed tactics, and both are written to one file.
 * The log says for each layer who runs it, by which tactic, in which precision and how long it
 * took. Permissions for lower precisions change nothing while there is no kernel for them, and the
 * log says so.
 */
#include "base/clock.h"
#include "base/cpu.h"
#include "base/panic.h"
#include "engine/cache_priv.h"
#include "engine/engine_priv.h"

#include <inttypes.h>

#define COMPILE_BYTES_MAX ((size_t)64 << 30)

struct compile { struct arena source, target; struct onnx_model onnx; struct ir_graph *graph; };

/* min, opt or max of the batch in the profile; 0 where it says nothing. */
static int64_t batch_of(const struct profile *p, const struct ir_graph *g, enum profile_end end)
{
	for (uint32_t i = 0; i < p->n; i++)
		for (uint32_t k = 0; k < g->n_inputs; k++) {
			const struct ir_value *v = g->inputs[k];
			const struct shape_range *r = &p->input[i];
			if (!str_eq(v->name, r->name) || v->rank < 1 || r->rank != (uint32_t)v->rank ||
			    v->dims[0].sym != g->batch_sym || !g->batch_sym)
				continue;
			return end == PROFILE_MIN ? r->min[0] : end == PROFILE_OPT ? r->opt[0] : r->max[0];
		}
	return 0;
}

static struct status profile_check(const struct profile *p, const struct ir_graph *g)
{
	char text[256];
	for (uint32_t i = 0; i < p->n; i++) {
		const struct shape_range *r = &p->input[i];
		const struct ir_value *v = 0;
		for (uint32_t k = 0; k < g->n_inputs; k++)
			if (str_eq(g->inputs[k]->name, r->name))
				v = g->inputs[k];
		if (!v)
			return FAIL(INVALID_ARG, "the profile names input '%.*s', which the model does not have",
			            STR_ARG(r->name));
		bool good = r->rank == (uint32_t)v->rank;
		for (uint32_t k = 0; good && k < r->rank; k++)
			good = r->min[k] <= r->opt[k] && r->opt[k] <= r->max[k] &&
			       (!dim_known(v->dims[k]) || (r->min[k] == v->dims[k].k && r->max[k] == v->dims[k].k));
		if (!good)
			return FAIL(INVALID_ARG, "the profile's shapes for %s do not fit it, or are not in the order "
			            "min, opt, max", ir_value_text(g, v, text, sizeof text));
	}
	return STATUS_GOOD;
}

static void log_head(struct buf *log, const char *path, const struct compile_options *o, const struct compile *c)
{
	char cpu[64];
	cpu_name(cpu, sizeof cpu);
	if (!log)
		return;
	buf_printf(log, "model  %s, opset %" PRId64 ", by %.*s %.*s\n", path, c->onnx.opset,
	           STR_ARG(c->onnx.producer), STR_ARG(c->onnx.producer_version));
	buf_printf(log, "host   %s, %s, %u threads\n", cpu, cpu_level_text(cpu_flags()), o->threads);
	buf_printf(log, "order  precisions allowed: fp32%s%s%s%s; every layer below says which it got\n",
	           o->fp16 || o->best ? " fp16" : "", o->bf16 || o->best ? " bf16" : "",
	           o->int8 || o->best ? " int8" : "", o->no_tune ? "; tactics by cost model" : "");
}

/* Times of the steps are those that tuning measured; the rest is estimated by the model when it is
 * opened. */
static struct status build(struct compile *c, const struct compile_options *o, const char *key,
                           const char *plan_path, struct buf *log)
{
	int64_t symbols[IR_SYMBOLS_MAX], batch_max = batch_of(&o->profile, c->onnx.graph, PROFILE_MAX);
	int64_t batch_opt = batch_of(&o->profile, c->onnx.graph, PROFILE_OPT);
	struct build_options b = {.backend = o->backend, .tune = !o->no_tune, .threads = o->threads,
	                          .batch_opt = batch_opt > 0 ? batch_opt : 1, .log = log};
	for (int i = 0; i < IR_SYMBOLS_MAX; i++)
		symbols[i] = -1;
	TRY(ir_bind(c->onnx.graph, symbols, &c->target, &c->graph));
	TRY(build_target(c->graph, &b));
	const struct plan_part parts[] = {
		{PLAN_TARGET, key, c->graph, batch_max, 0},
		{PLAN_PORTABLE, 0, c->onnx.graph, batch_max, 0},
	};
	return plan_write(plan_path, parts, 2, log ? buf_text(log) : STR_NONE);
}

static bool depends_on_batch_only(const struct ir_graph *g)
{
	for (uint32_t i = 0; i < g->n_values; i++)
		for (int32_t k = 0; k < g->values[i]->rank; k++)
			if (g->values[i]->dims[k].sym && g->values[i]->dims[k].sym != g->batch_sym)
				return false;
	return true;
}

struct status engine_compile(const char *onnx_path, const struct compile_options *o, const char *plan_path,
                             struct buf *log)
{
	struct status st = STATUS_GOOD;
	struct compile c = {0};
	struct compile_options opt = *o;
	char key[PLAN_KEY_BYTES];
	uint64_t start = clock_ns();

	cache__host_key(key);
	opt.threads = o->threads ? o->threads : pool_usable_cpus();
	arena_init(&c.source, COMPILE_BYTES_MAX);
	arena_init(&c.target, COMPILE_BYTES_MAX);
	GO(onnx_open(onnx_path, &c.source, &c.onnx));
	log_head(log, onnx_path, &opt, &c);
	GO_MSG(build_portable(c.onnx.graph, log), "%s", onnx_path);
	GO_MSG(profile_check(&o->profile, c.onnx.graph), "%s", onnx_path);
	if (depends_on_batch_only(c.onnx.graph)) {
		GO_MSG(build(&c, &opt, key, plan_path, log), "%s", onnx_path);
	} else {
		/* shapes decide: the portable section serves every host, and variants are made per shape */
		const struct plan_part part = {PLAN_PORTABLE, 0, c.onnx.graph, 0, 0};
		if (log)
			buf_z(log, "target none: shapes depend on more than the batch, so it is compiled per shape\n");
		GO(plan_write(plan_path, &part, 1, log ? buf_text(log) : STR_NONE));
	}
	if (log)
		buf_printf(log, "done   in %.2f s, %s\n", (double)(clock_ns() - start) / 1e9, plan_path);
out:
	onnx_release(&c.onnx);
	arena_release(&c.source);
	arena_release(&c.target);
	return st;
}
