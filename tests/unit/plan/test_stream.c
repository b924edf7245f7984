/* Graphs through bytes and files: what is written reads back the same; every truncation and many
 * flipped bytes are refused or give a valid graph. */
#include "base/rand.h"
#include "plan/plan.h"
#include "plan/stream.h"
#include "unit/test.h"

#include <string.h>

static struct ir_graph *sample(struct arena *a)
{
	static const float w[] = {1, 2, 3, 4};
	static const int64_t dims[] = {2, 2};
	struct ir_graph *g = ir_graph_new(a);
	struct ir_node *n = ir_node_new(g, OP_GEMM, STR("fc"), 2, 1);
	struct ir_value *x = ir_value_new(g, STR("x")), *y = ir_value_new(g, STR("y"));
	g->batch_sym = ir_symbol(g, STR("batch"));
	x->dtype = y->dtype = DTYPE_FP32;
	x->rank = y->rank = 2;
	x->dims[0] = y->dims[0] = (struct dim){1, g->batch_sym};
	x->dims[1] = y->dims[1] = DIM(2);
	n->in[0] = x;
	n->in[1] = ir_const(g, STR("w"), DTYPE_FP32, 2, dims, w, sizeof w);
	ir_node_output(n, 0, y);
	assert_true(ir_set_int(g, n, ATTR_ID_TRANS_B, 1) && ir_set_str(g, n, ATTR_ID_BACKEND, STR("cpu")));
	assert_true(ir_set_float(g, n, ATTR_ID_ALPHA, 0.5f) && ir_set_ints(g, n, ATTR_ID_PADS, dims, 2));
	assert_true(ir_add_input(g, x) && ir_add_output(g, y));
	ASSERT_GOOD(ir_compact(g));
	return g;
}

static bool place(void *ctx, const struct ir_value *v, struct stream_place *out)
{
	*(const void **)ctx = v->data;
	*out = (struct stream_place){0, 0};
	return true;
}

static const void *bytes_of(void *ctx, struct stream_place at, uint64_t bytes)
{
	return at.section == 0 && at.offset == 0 && bytes == 16 ? *(void **)ctx : 0;
}

static void assert_same(const struct ir_graph *g)
{
	assert_int_equal(g->n_nodes, 1);
	const struct ir_node *n = g->nodes[0];
	assert_int_equal(n->op, OP_GEMM);
	assert_true(str_is(n->name, "fc") && str_is(ir_attr_str(n, ATTR_ID_BACKEND, STR_NONE), "cpu"));
	assert_int_equal(ir_attr_int(n, ATTR_ID_TRANS_B, 0), 1);
	assert_true(ir_attr_float(n, ATTR_ID_ALPHA, 0) == 0.5f);
	assert_true(dim_eq(g->inputs[0]->dims[0], (struct dim){1, g->batch_sym}));
	assert_memory_equal(n->in[1]->data, ((float[]){1, 2, 3, 4}), 16);
}

TEST(a_graph_reads_back_as_it_was)
{
	struct arena a;
	struct buf b;
	struct ir_graph *back;
	const void *data;
	arena_init(&a, 1 << 22);
	buf_init(&b, 1 << 20);
	assert_true(stream_write(sample(&a), place, &data, &b));
	ASSERT_GOOD(stream_read(buf_span(&b), bytes_of, &data, &a, &back));
	assert_same(back);
	buf_release(&b);
	arena_release(&a);
}

TEST(damaged_streams_are_refused)
{
	struct arena a, c;
	struct buf b;
	struct ir_graph *back;
	const void *data;
	struct rand r;
	arena_init(&a, 1 << 22);
	arena_init(&c, 1 << 22);
	buf_init(&b, 1 << 20);
	rand_seed(&r, 5);
	assert_true(stream_write(sample(&a), place, &data, &b));
	for (size_t n = 0; n < b.n; n++) {
		ASSERT_FAILS(stream_read((struct span){b.p, n}, bytes_of, &data, &c, &back), CORRUPT, "");
		arena_reset(&c);
	}
	for (int i = 0; i < 20000; i++) {
		size_t at = rand_below(&r, b.n);
		uint8_t keep = b.p[at];
		b.p[at] = (uint8_t)rand_u64(&r);
		if (!stream_read(buf_span(&b), bytes_of, &data, &c, &back).code)
			ASSERT_GOOD(ir_verify(back));
		b.p[at] = keep;
		arena_reset(&c);
	}
	buf_release(&b);
	arena_release(&c);
	arena_release(&a);
}

TEST(plans_hold_both_kinds_of_graph)
{
	struct arena a;
	struct plan p;
	struct ir_graph *back;
	struct str info;
	arena_init(&a, 1 << 22);
	struct ir_graph *g = sample(&a);
	const struct plan_part parts[] = {{PLAN_TARGET, "cpu-x", g, 8, 1234}, {PLAN_PORTABLE, 0, g, 8, 0}};
	ASSERT_GOOD(plan_write(test_path("m.plan"), parts, 2, STR("the log")));
	ASSERT_GOOD(plan_open(test_path("m.plan"), &p));
	uint32_t s = plan_find(&p, PLAN_TARGET, "cpu-x");
	assert_int_not_equal(s, PLAN_SECTIONS_MAX);
	assert_int_equal(plan_find(&p, PLAN_TARGET, "cpu-y"), PLAN_SECTIONS_MAX);
	assert_int_equal(p.sections[s].batch_max, 8);
	assert_int_equal(p.sections[s].cost_ns, 1234);
	ASSERT_GOOD(plan_graph(&p, s, &a, &back));
	assert_same(back);
	ASSERT_GOOD(plan_graph(&p, plan_find(&p, PLAN_PORTABLE, 0), &a, &back));
	assert_same(back);
	ASSERT_GOOD(plan_info(&p, &info));
	assert_true(str_is(info, "the log"));
	plan_release(&p);
	arena_release(&a);
}

TEST(every_flipped_byte_of_a_plan_is_noticed)
{
	struct arena a;
	struct buf b;
	char path[256];
	arena_init(&a, 1 << 22);
	const struct plan_part part = {PLAN_PORTABLE, 0, sample(&a), 0, 0};
	strncpy(path, test_path("m.plan"), sizeof path - 1);
	path[sizeof path - 1] = 0;
	ASSERT_GOOD(plan_write(path, &part, 1, STR("log")));
	ASSERT_GOOD(file_read(path, 1 << 20, &b));
	for (size_t i = 0; i < b.n; i += 3) {
		struct plan p = {0};
		struct ir_graph *g;
		struct str info;
		b.p[i] ^= 0x55;
		ASSERT_GOOD(file_write(path, buf_span(&b)));
		struct status st = plan_open(path, &p);
		if (!st.code)
			st = plan_graph(&p, plan_find(&p, PLAN_PORTABLE, 0), &a, &g);
		if (!st.code)
			st = plan_info(&p, &info);
		/* only padding between sections is covered by no checksum */
		if (!st.code)
			assert_true((b.p[i] ^ 0x55) == 0);
		plan_release(&p);
		b.p[i] ^= 0x55;
	}
	buf_release(&b);
	arena_release(&a);
}

TEST(what_is_no_plan_is_told_apart)
{
	struct plan p;
	ASSERT_GOOD(file_write(test_path("x"), (struct span){(const uint8_t *)"ftrtxxxxxxxx", 12}));
	ASSERT_FAILS(plan_open(test_path("x"), &p), UNSUPPORTED, "nereid compile");
	ASSERT_GOOD(file_write(test_path("x"), (struct span){(const uint8_t *)"hello", 5}));
	ASSERT_FAILS(plan_open(test_path("x"), &p), CORRUPT, "not a plan");
	ASSERT_FAILS(plan_open(test_path("none"), &p), NOT_FOUND, "none");
}
