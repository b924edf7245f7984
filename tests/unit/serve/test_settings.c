/* Settings: texts to values, global and own, all or nothing. */
#include "base/limits.h"
#include "serve/settings.h"
#include "unit/test.h"

#include <stdio.h>

static struct status set1(struct trace_update *u, enum trace_field f, const char *text)
{
	struct str v = str_from(text);
	return trace_update_set(u, f, &v, 1);
}

TEST(settings_numbers_are_read_as_stoi_reads_them)
{
	struct trace_update u = {0};
	static const struct { const char *text; uint32_t rate; } good[] = {
		{"5", 5}, {" 5", 5}, {"+5", 5}, {"5x", 5}, {"0x10", 0}, {"-5", 4294967291u},
		{"2147483647", 2147483647}, {"-2147483648", 2147483648u}, {"-1", 4294967295u}};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		ASSERT_GOOD(set1(&u, TRACE_RATE, good[i].text));
		assert_int_equal(u.to.rate, good[i].rate);
	}
	ASSERT_FAILS(set1(&u, TRACE_RATE, "x"), INVALID_ARG, "Unable to parse 'trace_rate', got: x");
	ASSERT_FAILS(set1(&u, TRACE_RATE, ""), INVALID_ARG, "Unable to parse 'trace_rate', got: ");
	ASSERT_FAILS(set1(&u, TRACE_RATE, "-"), INVALID_ARG, "got: -");
	ASSERT_FAILS(set1(&u, TRACE_RATE, "2147483648"), INVALID_ARG,
	             "value is out of range [ 0, 4294967295 ], got: 2147483648");
	ASSERT_FAILS(set1(&u, TRACE_LOG_FREQUENCY, "-2147483649"), INVALID_ARG, "out of range [ 0,");
	ASSERT_FAILS(set1(&u, TRACE_COUNT, "99999999999999999999999"), INVALID_ARG,
	             "out of range [ -1, 2147483647 ]");
	ASSERT_FAILS(set1(&u, TRACE_COUNT, "-2"), INVALID_ARG, "Expecting value >= -1, got:-2");
	ASSERT_GOOD(set1(&u, TRACE_COUNT, "-1"));
	ASSERT_FAILS(set1(&u, TRACE_FILE, "x"), UNSUPPORTED, "trace file location");
	ASSERT_FAILS(trace_update_clear(&u, TRACE_FILE), UNSUPPORTED, "trace file location");
}

TEST(settings_levels)
{
	struct trace_update u = {0};
	struct str both[] = {STR("TENSORS"), STR("TIMESTAMPS")}, off[] = {STR("FOO"), STR("OFF")};
	ASSERT_GOOD(trace_update_set(&u, TRACE_LEVEL, both, 2));
	assert_int_equal(u.to.levels, TRACE_LEVEL_TIMESTAMPS | TRACE_LEVEL_TENSORS);
	assert_string_equal(trace_level_name(u.to.levels, 0), "TIMESTAMPS");
	assert_string_equal(trace_level_name(u.to.levels, 1), "TENSORS");
	assert_null(trace_level_name(u.to.levels, 2));
	ASSERT_FAILS(trace_update_set(&u, TRACE_LEVEL, off, 2), INVALID_ARG, "only one trace level");
	ASSERT_GOOD(trace_update_set(&u, TRACE_LEVEL, off, 1));
	assert_int_equal(u.to.levels, 0);
	ASSERT_GOOD(trace_update_set(&u, TRACE_LEVEL, off + 1, 1));
	ASSERT_GOOD(trace_update_set(&u, TRACE_LEVEL, 0, 0));
	assert_int_equal(u.to.levels, 0);
}

TEST(settings_of_a_model_follow_the_global_ones_but_for_its_own)
{
	struct settings s;
	struct trace_update own = {0}, global = {0}, clear = {0}, bad = {0};
	settings_init(&s);
	ASSERT_GOOD(set1(&own, TRACE_RATE, "10"));
	ASSERT_GOOD(settings_trace_set(&s, STR("m"), &own));
	ASSERT_GOOD(set1(&global, TRACE_RATE, "77"));
	ASSERT_GOOD(set1(&global, TRACE_COUNT, "4"));
	ASSERT_GOOD(settings_trace_set(&s, STR_NONE, &global));
	assert_int_equal(settings_trace(&s, STR_NONE).rate, 77);
	assert_int_equal(settings_trace(&s, STR("m")).rate, 10);
	assert_int_equal(settings_trace(&s, STR("m")).count, 4);
	assert_int_equal(settings_trace(&s, STR("n")).rate, 77);
	ASSERT_GOOD(trace_update_clear(&clear, TRACE_RATE));
	ASSERT_GOOD(settings_trace_set(&s, STR("m"), &clear));
	assert_int_equal(settings_trace(&s, STR("m")).rate, 77);
	ASSERT_GOOD(settings_trace_set(&s, STR_NONE, &clear));
	assert_int_equal(settings_trace(&s, STR("m")).rate, 1000);
	ASSERT_GOOD(set1(&bad, TRACE_LEVEL, "TENSORS"));
	ASSERT_GOOD(set1(&bad, TRACE_COUNT, "9"));
	ASSERT_FAILS(settings_trace_set(&s, STR_NONE, &bad), INVALID_ARG, "file name is not given");
	ASSERT_FAILS(settings_trace_set(&s, STR("m"), &bad), INVALID_ARG, "file name is not given");
	assert_int_equal(settings_trace(&s, STR_NONE).count, 4);
	settings_release(&s);
}

TEST(settings_have_room_for_a_limit_of_models)
{
	struct settings s;
	struct trace_update u = {0};
	char name[32];
	settings_init(&s);
	ASSERT_GOOD(set1(&u, TRACE_RATE, "1"));
	for (int i = 0; i < LIMIT_TRACED_MODELS; i++) {
		snprintf(name, sizeof name, "m%d", i);
		ASSERT_GOOD(settings_trace_set(&s, str_from(name), &u));
	}
	ASSERT_FAILS(settings_trace_set(&s, STR("more"), &u), LIMIT, "settings of their own");
	ASSERT_GOOD(settings_trace_set(&s, STR("m0"), &u));
	settings_release(&s);
}

TEST(settings_change_the_log)
{
	struct settings s;
	settings_init(&s);
	ASSERT_GOOD(settings_log_flag(&s, LOG_INFO, false));
	ASSERT_GOOD(settings_log_flag(&s, LOG_WARNING, false));
	ASSERT_GOOD(settings_log_verbose(&s, 3));
	ASSERT_GOOD(settings_log_format(&s, STR("ISO8601")));
	struct log_settings l = log_get();
	assert_true(!l.info && !l.warning && l.error && l.verbose == 3 && l.format == LOG_ISO8601);
	ASSERT_FAILS(settings_log_format(&s, STR("iso8601")), UNAVAILABLE,
	             "invalid argument for --log_format, got: iso8601");
	ASSERT_GOOD(settings_log_verbose(&s, 3000000000u));
	assert_int_equal(log_get().verbose, 0);
	ASSERT_GOOD(settings_log_format(&s, STR("default")));
	ASSERT_FAILS(settings_log_file(), UNSUPPORTED, "log file location");
	ASSERT_FAILS(settings_no_model(STR("m")), INVALID_ARG, "Request for unknown model : m");
	settings_release(&s);
}
