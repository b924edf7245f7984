/* The cpu backend's record: looks up the operator's own record and hands the question on.
 *
 * The table is made from cpu_ops.def; an operator that is not in it is not supported and goes
 * to ref. Everything here runs at compile and load time; at run time the engine calls the step's
 * function directly. The records are constant, so all of this may be called from any thread.
 * Instruction sets are chosen below, by the kernel table, not here.
 */
#include "backend/cpu/cpu.h"

#include "backend/cpu/cpu_priv.h"

#include "base/panic.h"

static const struct cpu_op *const ops[OP_COUNT] = {
#define X(op, record) [OP_##op] = &cpu__##record,
#include "backend/cpu/cpu_ops.def"
#undef X
};

bool cpu__static_from(const struct ir_value *v, int32_t first)
{
	for (int32_t i = first; i < v->rank; i++)
		if (!dim_known(v->dims[i]))
			return false;
	return true;
}

struct act cpu__act(const struct ir_node *n)
{
	int64_t kind = ir_attr_int(n, ATTR_ID_FUSED_ACT, ACT_NONE);
	CHECK(kind >= 0 && kind < ACT_COUNT);
	return (struct act){(enum ir_act)kind, ir_attr_float(n, ATTR_ID_FUSED_ALPHA, 0),
	                    ir_attr_float(n, ATTR_ID_FUSED_BETA, 0)};
}

struct status cpu__packed(struct ir_graph *g, const struct ir_value *from, size_t bytes, void **data,
                          struct ir_value **out)
{
	int64_t dims[1] = {(int64_t)bytes};
	void *p = arena_alloc(g->arena, bytes, 64);
	struct ir_value *v = p ? ir_const(g, from->name, DTYPE_UINT8, 1, dims, p, bytes) : 0;
	if (!v)
		return FAIL(NO_MEMORY, "no memory to pack %.*s (%zu bytes)", STR_ARG(from->name), bytes);
	v->layout = LAYOUT_PACKED;
	*data = p;
	*out = v;
	return STATUS_GOOD;
}

static struct status cpu_probe(void)
{
	return STATUS_GOOD;
}

static bool cpu_supports(const struct ir_graph *g, const struct ir_node *n)
{
	CHECK(n->op < OP_COUNT);
	return ops[n->op] && ops[n->op]->supports(g, n);
}

static bool cpu_channels_last(const struct ir_graph *g, const struct ir_node *n)
{
	return ops[n->op] && ops[n->op]->wants && ops[n->op]->wants(g, n);
}

static uint32_t cpu_tactics(const struct ir_graph *g, const struct ir_node *n, uint32_t *ids)
{
	CHECK(ops[n->op]);
	if (ops[n->op]->tactics)
		return ops[n->op]->tactics(g, n, ids);
	ids[0] = 0;
	return 1;
}

static const char *cpu_tactic_name(enum op op, uint32_t id)
{
	CHECK(op < OP_COUNT && ops[op]);
	return ops[op]->tactic_name ? ops[op]->tactic_name(id) : "vector";
}

static struct status cpu_pack(struct ir_graph *g, struct ir_node *n, uint32_t tactic)
{
	CHECK(ops[n->op]);
	return ops[n->op]->pack ? ops[n->op]->pack(g, n, tactic) : STATUS_GOOD;
}

static struct status cpu_prepare(const struct prepare_args *a, struct step *out)
{
	CHECK(ops[a->node->op] && a->threads >= 1);
	return ops[a->node->op]->prepare(a, out);
}

const struct backend backend_cpu = {
	.abi = BACKEND_ABI,
	.name = "cpu",
	.probe = cpu_probe,
	.supports = cpu_supports,
	.channels_last = cpu_channels_last,
	.tactics = cpu_tactics,
	.tactic_name = cpu_tactic_name,
	.pack = cpu_pack,
	.prepare = cpu_prepare,
};
