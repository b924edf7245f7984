/* Unit tests: each file holds TESTs; each runs in a process of its own under a time limit (tests/unit/main.c). Inside, use
 * cmocka's assert_* and the ones below. */
#ifndef NEREID_TEST_H
#define NEREID_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/status.h"

struct test { const char *file, *name; void (*fn)(void **state); int timeout_s; struct test *next; };
void test_add(struct test *t);

/* TEST(name) { ... } ; TEST_SLOW(name, seconds) { ... } */
#define TEST(n) TEST_SLOW(n, 20)
#define TEST_SLOW(n, seconds)                                                             \
	static void test_##n(void **state);                                               \
	static struct test test_record_##n = {__FILE__, #n, test_##n, (seconds), 0};      \
	__attribute__((constructor)) static void test_register_##n(void) { test_add(&test_record_##n); } \
	static void test_##n(void **state __attribute__((unused)))

#define ASSERT_GOOD(expr)                                                           \
	do {                                                                        \
		struct status s_ = (expr);                                          \
		if (s_.code)                                                        \
			fail_msg("%s: %s (%s)", #expr, s_.msg, status_name(s_.code)); \
	} while (0)
/* The call fails with this code, and its sentence holds `text`. */
#define ASSERT_FAILS(expr, name, text)                                                                    \
	do {                                                                                              \
		struct status s_ = (expr);                                                                \
		if (s_.code != STATUS_##name || !strstr(s_.msg ? s_.msg : "", (text)))                    \
			fail_msg("%s: want %s with '%s', got %s: %s", #expr, #name, (text), status_name(s_.code), s_.msg ? s_.msg : ""); \
	} while (0)
/* A path in a directory that is the test's own and is removed after it. */
const char *test_path(const char *name);

#endif
