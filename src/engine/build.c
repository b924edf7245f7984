/* From a graph to a graph that this host can run: the pipeline, readable top to bottom.
 *
 * build_portable holds for every machine: shapes, folding, fusion. build_target is for this
 * one: each node goes to the first backend that supports it, values become channels-last where
 * that backend wants it, a tactic is chosen for each node, and weights are packed for it. What was
 * decided stays in the graph as attributes, so a compiled graph can be written to a plan and read
 * back without deciding again. Load or compile time only; one thread.
 */
#include "engine/engine_priv.h"

#include "backend/registry.h"
#include "base/panic.h"
#include "pass/pass.h"
#include "plan/memory.h"

static void log_pass(void *ctx, enum pass p, uint32_t changes)
{
	struct buf *log = ctx;
	if (log)
		buf_printf(log, "pass   %-36s %u changes\n", pass_name(p), changes);
}

struct status build_portable(struct ir_graph *g, struct buf *log)
{
	struct pass_context c = {.fold = backend_fold, .done = log_pass, .done_ctx = log};
	TRY(ir_compact(g));
	TRY(ir_verify(g));
	TRY(ir_infer(g));
	TRY(pass_run(g, PHASE_PORTABLE, &c));
	return ir_infer(g);
}

static bool usable(const struct backend *b, const struct build_options *o, bool last)
{
	if (o->backend && !last && !str_is(str_from(o->backend), b->name))
		return false;
	return b->probe().code == STATUS_OK;
}

/* The first backend that takes the node. */
static const struct backend *choose(const struct ir_graph *g, const struct ir_node *n, const struct build_options *o)
{
	uint32_t count;
	const struct backend *const *list = backend_list(&count);
	for (uint32_t i = 0; i < count; i++)
		if (usable(list[i], o, i + 1 == count) && list[i]->supports(g, n))
			return list[i];
	return 0;
}

static struct status partition(struct ir_graph *g, const struct build_options *o)
{
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		struct ir_node *n = g->nodes[i];
		if (memory_is_alias(n))
			continue;
		const struct backend *b = choose(g, n, o);
		if (!b)
			return FAIL(UNSUPPORTED, "node %.*s (%s): no backend runs it with these types and shapes",
			            STR_ARG(n->name), op_info(n->op)->text);
		if (!ir_set_str(g, n, ATTR_ID_BACKEND, str_from(b->name)))
			return FAIL(NO_MEMORY, "no memory to assign nodes");
	}
	return STATUS_GOOD;
}

/* Whether some backend that may be used would run the node on channels-last values. */
static _Thread_local const struct build_options *asking;
static bool channels_last(const struct ir_graph *g, const struct ir_node *n)
{
	uint32_t count;
	const struct backend *const *list = backend_list(&count);
	for (uint32_t i = 0; i < count; i++)
		if (list[i]->channels_last && usable(list[i], asking, i + 1 == count) && list[i]->channels_last(g, n))
			return true;
	return false;
}

static void log_node(struct buf *log, const struct ir_node *n, const struct backend *b, uint32_t tactic, uint64_t ns)
{
	if (!log)
		return;
	buf_printf(log, "layer  %-36.*s %-22s %-4s fp32  %-12s", STR_ARG(n->name), op_info(n->op)->text,
	           b->name, b->tactic_name(n->op, tactic));
	if (ns)
		buf_printf(log, " %9.1f us", (double)ns / 1e3);
	buf_z(log, "\n");
}

static struct status settle(struct ir_graph *g, struct ir_node *n, const struct build_options *o, struct pool *p)
{
	const struct backend *b = backend_find(ir_attr_str(n, ATTR_ID_BACKEND, STR_NONE));
	uint32_t ids[BACKEND_TACTICS_MAX] = {0}, count = 1, tactic;
	uint64_t ns = 0;
	CHECK(b);
	if (b->tactics)
		count = b->tactics(g, n, ids);
	if (!count || count > BACKEND_TACTICS_MAX)
		return FAIL(INTERNAL, "node %.*s: backend %s offers %u tactics", STR_ARG(n->name), b->name, count);
	tactic = ids[0];
	if (p && count > 1)
		TRY(tune_node(g, n, b, o, p, &tactic, &ns));
	if (b->pack)
		TRY(b->pack(g, n, tactic));
	if (!ir_set_int(g, n, ATTR_ID_TACTIC, tactic))
		return FAIL(NO_MEMORY, "no memory to assign nodes");
	log_node(o->log, n, b, tactic, ns);
	return STATUS_GOOD;
}

struct status build_target(struct ir_graph *g, const struct build_options *o)
{
	struct status st = STATUS_GOOD;
	struct pool *p = 0;
	struct pass_context c = {.channels_last = channels_last, .done = log_pass, .done_ctx = o->log};

	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	asking = o;
	GO(pass_run(g, PHASE_TARGET, &c));
	GO(partition(g, o));
	if (o->tune)
		GO(pool_new(o->threads ? o->threads : pool_usable_cpus(), &p));
	for (uint32_t i = 0; i < g->n_nodes; i++)
		if (!memory_is_alias(g->nodes[i]))
			GO(settle(g, g->nodes[i], o, p));
	GO(ir_compact(g));
	GO(ir_verify(g));
out:
	pool_free(p);
	return st;
}
