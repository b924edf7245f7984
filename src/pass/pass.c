/* The list of passes and its runner.
 *
 * Passes come from passes.def, in order. After each one the graph is compacted and verified, so
 * a pass that breaks a rule is found at once and named. A pass changes the graph in place; memory
 * that it leaves behind stays in the graph's arena. Single-threaded.
 */
#include "pass/pass_priv.h"

#include "base/panic.h"

struct row { const char *text; enum pass_phase phase; pass_fn *run; };
static const struct row rows[PASS_COUNT] = {
#define X(name, text, phase, fn) {text, phase, fn},
#include "pass/passes.def"
#undef X
};

const char *pass_name(enum pass p)
{
	CHECK((unsigned)p < PASS_COUNT);
	return rows[p].text;
}

struct status pass_run(struct ir_graph *g, enum pass_phase phase, const struct pass_context *c)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	TRY(ir_compact(g));
	for (int p = 0; p < PASS_COUNT; p++) {
		uint32_t changes = 0;
		if (rows[p].phase != phase || (c->disabled >> p & 1))
			continue;
		TRY_MSG(rows[p].run(g, c, &changes), "pass %s", rows[p].text);
		TRY_MSG(ir_compact(g), "after pass %s", rows[p].text);
		TRY_MSG(ir_verify(g), "after pass %s", rows[p].text);
		if (c->done)
			c->done(c->done_ctx, (enum pass)p, changes);
	}
	return STATUS_GOOD;
}

bool pass__forward(struct ir_graph *g, struct ir_value *from, struct ir_value *to)
{
	CHECK(from != to && from->dtype == to->dtype);
	if (ir_is_output(g, from)) {
		if (!to->producer || ir_is_output(g, to))
			return false;
		to->name = from->name;
	}
	ir_replace(g, from, to);
	to->uses += from->uses;
	from->uses = 0;
	return true;
}

bool pass__only_use(const struct ir_graph *g, const struct ir_value *v)
{
	return v->uses == 1 && !ir_is_output(g, v);
}
