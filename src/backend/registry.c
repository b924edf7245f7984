/* The list of backends, and folding of constants with the last of them.
 *
 * The list is fixed at build time and in order of preference: a node goes to the first backend
 * whose probe is good and that supports it. ref stands last and supports every valid node, so none
 * is left over. Folding runs a node once on the contents of its constant inputs, at compile time,
 * with the reference definition, so that a folded model gives the same answers on every machine.
 * Nothing here has state.
 */
#include "backend/registry.h"

#include "backend/cpu/cpu.h"
#include "backend/ref/ref.h"
#include "base/mem.h"
#include "base/panic.h"

static const struct backend *const backends[] = {&backend_cpu, &backend_ref};
enum { BACKENDS = sizeof backends / sizeof *backends };

const struct backend *const *backend_list(uint32_t *n)
{
	/* a record with an empty required slot is our bug, found by the first test that asks */
	for (uint32_t i = 0; i < BACKENDS; i++) {
		const struct backend *b = backends[i];
		CHECK(b->abi == BACKEND_ABI && b->name && b->probe && b->supports && b->prepare);
		CHECK(b->tactic_name);
	}
	*n = BACKENDS;
	return backends;
}

const struct backend *backend_find(struct str name)
{
	for (uint32_t i = 0; i < BACKENDS; i++)
		if (str_is(name, backends[i]->name))
			return backends[i];
	return 0;
}

/* The concrete tensor of a value, without data. UNSUPPORTED where its shape is not all numbers. */
static struct status tensor_of(const struct ir_value *v, struct tensor *t)
{
	int64_t count;

	if (!v)
		return STATUS_GOOD;
	if (!ir_value_static(v) || !dtype_bytes(v->dtype) || v->layout != LAYOUT_PLAIN)
		return FAIL(UNSUPPORTED, "value %.*s: its shape, type or layout cannot be folded",
		            STR_ARG(v->name));
	t->dtype = v->dtype;
	t->rank = (uint32_t)v->rank;
	for (int32_t d = 0; d < v->rank; d++)
		t->dims[d] = v->dims[d].k;
	if (!tensor_elements(t, &count) || !mem_mul((size_t)count, dtype_bytes(v->dtype), &t->bytes))
		return FAIL(LIMIT, "value %.*s: too many elements", STR_ARG(v->name));
	return STATUS_GOOD;
}

/* Works on any node whose inputs are constants; contract in registry.h. */
struct status backend_fold(const struct ir_graph *g, const struct ir_node *n, struct arena *a)
{
	const struct backend *b = backends[BACKENDS - 1];
	struct tensor *in = ARENA_ARRAY(a, n->n_in + 1u, struct tensor);
	struct tensor *out = ARENA_ARRAY(a, n->n_out + 1u, struct tensor);
	size_t in_bytes = 0, out_bytes = 0;
	struct step step;

	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	if (!in || !out)
		return FAIL(NO_MEMORY, "node %.*s: no memory to fold it", STR_ARG(n->name));
	if (!b->supports(g, n))
		return FAIL(UNSUPPORTED, "node %.*s: cannot be folded", STR_ARG(n->name));
	for (uint32_t i = 0; i < n->n_in; i++) {
		if (!n->in[i])
			continue;
		TRY(tensor_of(n->in[i], &in[i]));
		if (!n->in[i]->data || n->in[i]->data_bytes < in[i].bytes)
			return FAIL(UNSUPPORTED, "node %.*s: an input is not constant", STR_ARG(n->name));
		in[i].data = (void *)(uintptr_t)n->in[i]->data;
		in_bytes += in[i].bytes;
	}
	for (uint32_t i = 0; i < n->n_out; i++) {
		TRY(tensor_of(n->out[i], &out[i]));
		if (out[i].bytes > BACKEND_FOLD_BYTES_MAX || !mem_add(out_bytes, out[i].bytes, &out_bytes))
			out_bytes = SIZE_MAX;
	}
	/* a small constant that grows large, as by ConstantOfShape, would only bloat the plan */
	if (out_bytes > BACKEND_FOLD_BYTES_MAX && out_bytes > in_bytes)
		return FAIL(UNSUPPORTED, "node %.*s: its folded outputs would be too large", STR_ARG(n->name));
	for (uint32_t i = 0; i < n->n_out; i++) {
		if (!n->out[i])
			continue;
		out[i].data = arena_alloc(a, out[i].bytes ? out[i].bytes : 1, 64);
		if (!out[i].data)
			return FAIL(NO_MEMORY, "node %.*s: no memory to fold it", STR_ARG(n->name));
	}
	/* the state goes to the same arena: folding is rare and the state small */
	struct prepare_args p = {.graph = g, .node = n, .batch_max = 1, .threads = 1, .arena = a};
	TRY(b->prepare(&p, &step));
	CHECK(step.scratch_bytes == 0);
	struct step_args args = {.in = in, .out = out, .n_in = n->n_in, .n_out = n->n_out, .batch = 1};
	TRY(step.run(&step, &args));
	/* only now, so that a failure leaves the graph as it was */
	for (uint32_t i = 0; i < n->n_out; i++) {
		if (!n->out[i])
			continue;
		n->out[i]->data = out[i].data;
		n->out[i]->data_bytes = out[i].bytes;
	}
	return STATUS_GOOD;
}
