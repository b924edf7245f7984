/* Descriptors: every message set is well formed, names and numbers find their fields. */
#include "unit/test.h"

#include "codec/model_config.h"
#include "codec/pb_priv.h"

static void check_set(const struct pb_msg *m, int depth)
{
	assert_true(depth < 10 && m->n <= 64);
	for (uint32_t i = 0; i < m->n; i++) {
		const struct pb_field *f = &m->fields[i];
		assert_true(f->number > 0 && f->offset >= 8 && f->offset < m->size);
		assert_true((f->kind == PB_MESSAGE) == (f->msg != 0));
		assert_true((f->kind == PB_ENUMERATED) == (f->enums != 0));
		assert_ptr_equal(pb_field_named(m, str_from(f->name)), f);
		for (uint32_t k = 0; k < i; k++)
			assert_true(m->fields[k].number != f->number);
		if (f->card == PB_MAPPED)
			assert_true(f->msg->n == 2 && f->msg->fields[0].number == 1 && f->msg->fields[1].number == 2);
		if (f->msg)
			check_set(f->msg, depth + 1);
	}
}

TEST(descriptors)
{
	check_set(&mc_config_pb, 0);
	assert_null(pb_field_named(&mc_config_pb, STR("nothing")));
	assert_string_equal(pb_enum_text(&mc_data_type_pb, 11), "TYPE_FP32");
	assert_null(pb_enum_text(&mc_data_type_pb, 99));
}

TEST(slots)
{
	struct arena a;
	struct mc_version_policy p = {0};
	const struct pb_msg *m = &mc_version_policy_pb;
	arena_init(&a, 4096);
	struct mc_latest *l = pb__slot(&a, m, &p, &m->fields[0]);
	assert_ptr_equal(l, p.latest);
	assert_ptr_equal(pb__slot(&a, m, &p, &m->fields[0]), l);   /* made once */
	assert_non_null(pb__slot(&a, m, &p, &m->fields[2]));
	assert_null(p.latest);                                     /* the oneof gave it up */
	assert_false(PB_IS_SET(&p, mc_version_policy, latest));
	assert_true(PB_IS_SET(&p, mc_version_policy, specific));
	assert_false(pb__reserve(&a, p.specific, &mc_specific_pb.fields[0], 100000));   /* arena of 4 KiB */
	arena_release(&a);
}

TEST(reals_are_shortest)
{
	static const struct { double d; bool f; const char *text; } cases[] = {
		{0.1, true, "0.1"}, {1.0 / 3, false, "0.3333333333333333"}, {1e300, false, "1e+300"}, {-0.5, true, "-0.5"},
		{16777216, true, "16777216"}, {5, false, "5"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf b;
		buf_init(&b, 64);
		pb__print_real(&b, cases[i].f ? (double)(float)cases[i].d : cases[i].d, cases[i].f);
		buf_byte(&b, 0);
		assert_string_equal((const char *)b.p, cases[i].text);
		buf_release(&b);
	}
}
