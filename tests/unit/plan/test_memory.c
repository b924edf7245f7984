/* The planner on random graphs: values that live at the same time never share bytes; sizes,
 * aliases and bindings on small ones. */
#include "base/rand.h"
#include "plan/memory.h"
#include "unit/test.h"

#include <stdio.h>
#include <string.h>

static struct ir_value *value(struct ir_graph *g, int64_t n)
{
	struct ir_value *v = ir_value_new(g, STR("v"));
	v->dtype = DTYPE_FP32;
	v->rank = 1;
	v->dims[0] = DIM(n);
	return v;
}

static struct ir_value *node(struct ir_graph *g, enum op op, struct ir_value *a, struct ir_value *b, int64_t size)
{
	struct ir_node *n = ir_node_new(g, op, STR("n"), b ? 2 : 1, 1);
	struct ir_value *v = value(g, size);
	n->in[0] = a;
	if (b)
		n->in[1] = b;
	ir_node_output(n, 0, v);
	return v;
}

static void check_no_overlap(const struct ir_graph *g, const struct memory_plan *m)
{
	for (uint32_t i = 0; i < g->n_values; i++)
		for (uint32_t k = i + 1; k < g->n_values; k++) {
			const struct place *p = &m->places[i], *q = &m->places[k];
			uint32_t first[2] = {UINT32_MAX, UINT32_MAX}, last[2] = {0, 0};
			if (p->kind != PLACE_ARENA || q->kind != PLACE_ARENA || m->roots[i] == m->roots[k])
				continue;
			for (uint32_t s = 0; s < g->n_nodes; s++)
				for (int e = 0; e < 2; e++) {
					uint32_t root = m->roots[e ? k : i];
					bool used = false;
					for (uint32_t x = 0; x < g->nodes[s]->n_in; x++)
						used |= m->roots[g->nodes[s]->in[x]->id] == root;
					used |= m->roots[g->nodes[s]->out[0]->id] == root;
					if (used) {
						first[e] = s < first[e] ? s : first[e];
						last[e] = s;
					}
				}
			bool together = first[0] <= last[1] && first[1] <= last[0];
			size_t pb = (size_t)g->values[i]->dims[0].k * 4, qb = (size_t)g->values[k]->dims[0].k * 4;
			bool apart = p->offset + pb <= q->offset || q->offset + qb <= p->offset;
			if (together && !apart)
				fail_msg("values %u and %u share bytes while both live", i, k);
		}
}

TEST(values_that_live_together_lie_apart)
{
	struct rand r;
	rand_seed(&r, 11);
	for (int round = 0; round < 60; round++) {
		struct arena a;
		struct memory_plan m;
		struct ir_value *made[64];
		int n = 0;
		arena_init(&a, 1 << 24);
		struct ir_graph *g = ir_graph_new(&a);
		made[n++] = value(g, 10);
		assert_true(ir_add_input(g, made[0]));
		while (n < 40) {
			struct ir_value *x = made[rand_below(&r, (uint64_t)n)], *y = made[rand_below(&r, (uint64_t)n)];
			bool alias = rand_below(&r, 5) == 0;
			made[n] = node(g, alias ? OP_IDENTITY : OP_ADD, x, alias ? 0 : y,
			               alias ? x->dims[0].k : 1 + (int64_t)rand_below(&r, 300));
			n++;
		}
		assert_true(ir_add_output(g, made[n - 1]));
		assert_true(ir_add_output(g, made[n / 2]));
		ASSERT_GOOD(ir_compact(g));
		ASSERT_GOOD(memory_plan(g, 1, &a, &m));
		check_no_overlap(g, &m);
		arena_release(&a);
	}
}

TEST(a_chain_needs_two_buffers)
{
	struct arena a;
	struct memory_plan m;
	arena_init(&a, 1 << 22);
	struct ir_graph *g = ir_graph_new(&a);
	struct ir_value *v = value(g, 1000);
	assert_true(ir_add_input(g, v));
	for (int i = 0; i < 10; i++)
		v = node(g, OP_RELU, v, 0, 1000);
	assert_true(ir_add_output(g, v));
	ASSERT_GOOD(ir_compact(g));
	ASSERT_GOOD(memory_plan(g, 1, &a, &m));
	assert_int_equal(m.arena_bytes, 2 * 4032);
	assert_int_equal(m.places[v->id].kind, PLACE_OUTPUT);
	assert_int_equal(m.copy_from[0], UINT32_MAX);
	arena_release(&a);
}

/* A small batch keeps to the front; a value that does not grow lies behind the largest. */
TEST(offsets_grow_with_the_batch)
{
	struct arena a;
	struct memory_plan m;
	arena_init(&a, 1 << 22);
	struct ir_graph *g = ir_graph_new(&a);
	g->batch_sym = ir_symbol(g, STR("batch"));
	struct ir_value *x = value(g, 100), *f = value(g, 100), *v = x, *made[4];
	x->dims[0] = (struct dim){100, g->batch_sym};
	assert_true(ir_add_input(g, x) && ir_add_input(g, f));
	struct ir_value *fixed = node(g, OP_NEG, f, 0, 100);
	for (int i = 0; i < 4; i++) {
		v = made[i] = node(g, OP_ADD, v, fixed, 0);
		v->dims[0] = (struct dim){100, g->batch_sym};
	}
	assert_true(ir_add_output(g, v));
	ASSERT_GOOD(ir_compact(g));
	ASSERT_GOOD(memory_plan(g, 16, &a, &m));
	assert_int_equal(m.each_bytes, 2 * 448);
	assert_int_equal(m.arena_bytes, 16 * 2 * 448 + 448);
	assert_int_equal(m.places[fixed->id].offset, 16 * 2 * 448);
	assert_int_equal(m.places[fixed->id].each, 0);
	assert_int_equal(m.places[made[0]->id].offset, 0);
	assert_int_equal(m.places[made[0]->id].each + m.places[made[1]->id].each, 448);
	arena_release(&a);
}

/* x -> a; conv(b, w, -, a) -> y: y lies where a lay, unless a is read again. */
static void residual(bool read_again, bool *in_place)
{
	struct arena a;
	struct memory_plan m;
	arena_init(&a, 1 << 22);
	struct ir_graph *g = ir_graph_new(&a);
	struct ir_value *x = value(g, 64), *r = node(g, OP_RELU, x, 0, 64), *b = node(g, OP_NEG, x, 0, 64);
	struct ir_node *n = ir_node_new(g, OP_CONV, STR("c"), 4, 1);
	struct ir_value *y = value(g, 64);
	n->in[0] = b;
	n->in[1] = b;
	n->in[3] = r;
	ir_node_output(n, 0, y);
	struct ir_value *z = node(g, OP_ADD, y, read_again ? r : y, 64);
	assert_true(ir_add_input(g, x) && ir_add_output(g, z));
	ASSERT_GOOD(ir_compact(g));
	ASSERT_GOOD(memory_plan(g, 1, &a, &m));
	*in_place = m.places[y->id].offset == m.places[r->id].offset;
	arena_release(&a);
}

TEST(a_convolution_writes_over_its_residual_when_nobody_reads_it_again)
{
	bool in_place;
	residual(false, &in_place);
	assert_true(in_place);
	residual(true, &in_place);
	assert_false(in_place);
}

TEST(an_output_that_is_an_input_is_copied)
{
	struct arena a;
	struct memory_plan m;
	arena_init(&a, 1 << 22);
	struct ir_graph *g = ir_graph_new(&a);
	struct ir_value *x = value(g, 5), *y = node(g, OP_IDENTITY, x, 0, 5);
	assert_true(ir_add_input(g, x) && ir_add_output(g, y));
	ASSERT_GOOD(ir_compact(g));
	ASSERT_GOOD(memory_plan(g, 1, &a, &m));
	assert_int_equal(m.copy_from[0], x->id);
	assert_int_equal(m.arena_bytes, 0);
	arena_release(&a);
}

TEST(sizes_that_overflow_are_refused)
{
	struct arena a;
	struct memory_plan m;
	arena_init(&a, 1 << 22);
	struct ir_graph *g = ir_graph_new(&a);
	struct ir_value *x = value(g, INT64_MAX / 2), *y = node(g, OP_RELU, x, 0, INT64_MAX / 2);
	struct ir_value *z = node(g, OP_RELU, y, 0, 1);
	assert_true(ir_add_input(g, x) && ir_add_output(g, z));
	ASSERT_GOOD(ir_compact(g));
	ASSERT_FAILS(memory_plan(g, 1, &a, &m), LIMIT, "too large");
	arena_release(&a);
}
