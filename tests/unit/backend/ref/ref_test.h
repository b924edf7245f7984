/* Hand-made expectations for ref: a case as text (ops/cases.h) and its outputs as text. */
#ifndef NEREID_TESTS_REF_TEST_H
#define NEREID_TESTS_REF_TEST_H

#include "unit/test.h"

#include "backend/ref/ref.h"
#include "ops/cases.h"

/* wants: one "type[dims]=values" an output, blank-separated; "." for one that is not looked at. */
static inline void expect(const char *text, const char *wants)
{
	struct ops_how how = {.backend = &backend_ref, .threads = 1};
	struct str want = str_from(wants);
	struct ops_case c;
	struct tensor t;
	struct arena a;
	bool constant;
	uint32_t i = 0;

	arena_init(&a, 1 << 24);
	ASSERT_GOOD(ops_run(&a, str_from(text), &how, &c, 0));
	while (want.n) {
		const char *blank = memchr(want.p, ' ', want.n);
		struct str one = {want.p, blank ? (size_t)(blank - want.p) : want.n};
		want.p += one.n + (blank != 0);
		want.n -= one.n + (blank != 0);
		assert_true(i < c.node->n_out);
		if (!str_is(one, ".")) {
			ASSERT_GOOD(ops_tensor(&a, one, 0, &t, &constant));
			struct status st = ops_compare(&c.out[i], &t, 1e-6);
			if (st.code)
				fail_msg("%s: output %u %s", text, i, st.msg);
		}
		i++;
	}
	assert_int_equal(i, c.node->n_out);
	arena_release(&a);
}

/* It fails with this code, and the sentence holds `part`. */
static inline void expect_fails(const char *text, enum status_code code, const char *part)
{
	struct ops_how how = {.backend = &backend_ref, .threads = 1};
	struct ops_case c;
	struct arena a;

	arena_init(&a, 1 << 24);
	struct status st = ops_run(&a, str_from(text), &how, &c, 0);
	if (st.code != code || !strstr(st.msg, part))
		fail_msg("%s: want %s with '%s', got %s: %s", text, status_name(code), part,
		         status_name(st.code), st.msg ? st.msg : "");
	arena_release(&a);
}

#endif
