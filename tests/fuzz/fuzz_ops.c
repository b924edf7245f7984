/* Any text as a case of an op: inference and ref agree on what is valid, and ref stays within its
 * tensors. Cases that would take long are left out; the sanitizers and the pattern around each
 * output do the checking. */
#include "ops/cases.c"

#include "backend/ref/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Elements of all inputs times elements of all outputs bound the work of every op. */
static bool small(const struct ops_case *c)
{
	double in = 1, out = 1;
	for (uint32_t i = 0; i < c->node->n_in; i++)
		in += (double)c->in[i].bytes;
	for (uint32_t i = 0; i < c->node->n_out; i++)
		out += (double)c->out[i].bytes;
	return in * out < 1e7 && ir_node_flops(c->node, c->batch) < 1e6;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ops_how how = {.backend = &backend_ref, .threads = 1};
	struct str text = {(const char *)p, n};
	struct ops_case c;
	struct arena a;

	arena_init(&a, 8 << 20);
	if (!ops_case_make(&a, text, &c).code && small(&c)) {
		arena_reset(&a);
		struct status st = ops_run(&a, text, &how, &c, 0);
		CHECK(st.code != STATUS_CORRUPT && st.code != STATUS_INTERNAL);
		arena_reset(&a);
		if (!ops_case_make(&a, text, &c).code)
			(void)!backend_fold(c.graph, c.node, &a).code;
	}
	arena_release(&a);
	return 0;
}
