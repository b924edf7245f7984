/* Every backend against ref on the whole case list, at each instruction set level, in each layout,
 * with each tactic; and that the list leaves out no op. */
#include "unit/test.h"

#include "base/cpu.h"
#include "ops/cases.h"

#include <stdio.h>

/* Whether the backend gives ref's answers; counts what it ran. */
static uint32_t check_how(const struct ops_line *l, const struct ops_how *how,
                          const struct ops_case *want, uint32_t *ran)
{
	struct ops_case got;
	struct arena a;
	char name[64];
	uint32_t bad = 0;

	arena_init(&a, 1 << 28);
	struct status st = ops_run(&a, str_from(l->text), how, &got, 0);
	if (st.code != STATUS_UNSUPPORTED) {
		++*ran;
		for (uint32_t i = 0; !st.code && i < want->node->n_out; i++)
			st = ops_compare(&got.out[i], &want->out[i], want->tol);
		if (st.code) {
			printf("%s (%s, tactic %u%s, %u threads): %s: %s\n", ops_line_name(l, name, sizeof name),
			       how->backend->name, how->tactic, how->channels_last ? ", channels last" : "",
			       how->threads, l->text, st.msg);
			bad = 1;
		}
	}
	arena_release(&a);
	return bad;
}

/* In channels-last storage where the backend wants it so, and in plain storage where it does not or
 * where one function does for both because elements are taken one by one. */
static uint32_t check_backend(const struct ops_line *l, const struct backend *b,
                              const struct ops_case *want, uint32_t *ran)
{
	struct str text = str_from(l->text);
	struct arena a;
	uint32_t bad = 0, tactics = 0;

	arena_init(&a, 1 << 28);
	for (int last = 1; last >= 0; last--) {
		struct ops_how how = {.backend = b, .channels_last = last};
		if (ops_tactics(&a, text, &how, &tactics).code)
			continue;
		for (how.tactic = 0; how.tactic < tactics; how.tactic++)
		for (how.threads = 1; how.threads < 4; how.threads += 2)
			bad += check_how(l, &how, want, ran);
		if (!(op_info(want->node->op)->flags & OPF_ELEMENTWISE))
			break;
	}
	arena_release(&a);
	return bad;
}

static void check_level(const char *level)
{
	uint32_t n, bad = 0, ran = 0;
	const struct backend *const *list = backend_list(&n);
	struct ops_how ref = {.backend = list[n - 1], .threads = 1};
	struct arena a;

	assert_true(cpu_mask_set(str_from(level)));
	arena_init(&a, 1 << 28);
	for (uint32_t i = 0; i < ops_lines_n; i++) {
		struct str text = str_from(ops_lines[i].text);
		struct ops_case want;
		struct status st = ops_run(&a, text, &ref, &want, 0);
		if (st.code) {
			printf("ref: %s: %s\n", ops_lines[i].text, st.msg);
			bad++;
		}
		for (uint32_t b = 0; !st.code && b + 1 < n; b++)
			bad += check_backend(&ops_lines[i], list[b], &want, &ran);
		arena_reset(&a);
	}
	arena_release(&a);
	printf("%u runs of %u cases, %u bad\n", ran, ops_lines_n, bad);
	assert_int_equal(bad, 0);
}

TEST_SLOW(ops_agree_with_ref_in_c, 60) { check_level("c"); }
TEST_SLOW(ops_agree_with_ref_in_avx2, 60) { check_level("avx2"); }
TEST_SLOW(ops_agree_with_ref_in_avx512, 60) { check_level("avx512"); }
TEST_SLOW(ops_agree_with_ref_in_amx, 60) { check_level("amx"); }

TEST(each_op_has_cases)
{
	for (int op = 0; op < OP_COUNT; op++) {
		struct str name = str_from(op_info((enum op)op)->text);
		uint32_t n = 0;
		for (uint32_t i = 0; i < ops_lines_n; i++) {
			struct str text = str_from(ops_lines[i].text);
			n += str_starts(text, name) && text.p[name.n] == ' ';
		}
		if (!n)
			fail_msg("%.*s has no case in tests/ops/cases", STR_ARG(name));
	}
}

TEST(cases_that_are_wrong_are_refused)
{
	static const char *const wrong[] = {"", "NoSuchOp fp32[1]", "Relu fp32[x]", "Relu fp32",
		"Relu nofloat[1]", "Relu fp32[1] no=1", "Relu fp32[2]=1,2,3", "Relu fp32[1] @tol=x",
		"Relu fp32[1]?", "Add fp32[1]", "Relu -",
		"Relu fp32[1]~2..1", "Relu fp32[1] @out=2", "Relu fp32[1] @out=99",
		"Relu fp32[1,1,1,1,1,1,1,1,1]", "Transpose fp32[2,2] perm=1,x", "Relu fp32[1]~a..b"};
	struct ops_case c;
	struct arena a;

	arena_init(&a, 1 << 22);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (!ops_case_make(&a, str_from(wrong[i]), &c).code)
			fail_msg("'%s' was taken", wrong[i]);
	arena_release(&a);
}

TEST(comparison_sees_differences)
{
	struct tensor t, u;
	struct arena a;
	bool constant;

	arena_init(&a, 1 << 22);
	ASSERT_GOOD(ops_tensor(&a, STR("fp32[3]=1,2,nan"), 0, &t, &constant));
	ASSERT_GOOD(ops_compare(&t, &t, 0));
	ASSERT_GOOD(ops_tensor(&a, STR("fp32[3]=1,2.1,nan"), 0, &u, &constant));
	ASSERT_FAILS(ops_compare(&u, &t, 1e-3), INVALID_ARG, "element 1");
	ASSERT_GOOD(ops_compare(&u, &t, 0.1));
	ASSERT_GOOD(ops_tensor(&a, STR("fp32[3,1]=1,2,nan"), 0, &u, &constant));
	ASSERT_FAILS(ops_compare(&u, &t, 1), INVALID_ARG, "not FP32[3]");
	ASSERT_GOOD(ops_tensor(&a, STR("int32[1]=5"), 0, &t, &constant));
	ASSERT_GOOD(ops_tensor(&a, STR("int32[1]=6"), 0, &u, &constant));
	ASSERT_FAILS(ops_compare(&u, &t, 10), INVALID_ARG, "is 6, not 5");
	arena_release(&a);
}
