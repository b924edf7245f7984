/* Access rules and API keys. */
#include "../test.h"

#include "base/file.h"
#include "base/limits.h"
#include "front/access.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct header { const char *name, *value; };

static struct str find(const void *request, struct str name)
{
	for (const struct header *h = request; h->name; h++)
		if (str_eq_nocase(str_from(h->name), name))
			return str_from(h->value);
	return STR_NONE;
}

/* What one header leads to. */
static enum access_result ask(const struct access *a, enum access_group g, const char *model,
                              const char *name, const char *value, const char *want)
{
	char text[ACCESS_TEXT_BYTES] = "";
	struct header h[2] = {{name, value}, {0, 0}};
	enum access_result r = access_check(a, g, str_from(model), find, h, text);
	if (!strstr(text, want))
		fail_msg("'%s' does not say '%s'", text, want);
	return r;
}

TEST(front_access_rules_restrict_groups)
{
	struct access a;
	access_init_http(&a);
	ASSERT_GOOD(access_restrict(&a, "http-restricted-api", "model-config,health:admin=se=cret"));
	ASSERT_GOOD(access_restrict(&a, "http-restricted-api", "trace:T=1"));
	assert_int_equal(ask(&a, ACCESS_METADATA, "m", 0, 0, ""), ACCESS_GOOD);
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "Admin", "se=cret", ""), ACCESS_GOOD);
	assert_int_equal(ask(&a, ACCESS_TRACE, "", "t", "1", ""), ACCESS_GOOD);
	static const char want[] = "This API is restricted, expecting header 'admin'";
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", 0, 0, want), ACCESS_RESTRICTED);
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "admin", "se", want), ACCESS_RESTRICTED);
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "admin", "", want), ACCESS_RESTRICTED);
	assert_int_equal(ask(&a, ACCESS_MODEL_CONFIG, "m", "admin", "se=cret2", want),
	                 ACCESS_RESTRICTED);
	access_init_grpc(&a);
	ASSERT_GOOD(access_restrict(&a, "grpc-restricted-protocol", "inference:admin=x"));
	assert_int_equal(ask(&a, ACCESS_INFERENCE, "m", "admin", "x", "This protocol is restricted, "
	                     "expecting header 'triton-grpc-protocol-admin'"), ACCESS_RESTRICTED);
	assert_int_equal(ask(&a, ACCESS_INFERENCE, "m", "triton-grpc-protocol-admin", "x", ""),
	                 ACCESS_GOOD);
}

TEST(front_access_bad_rules_are_told_in_tritons_words)
{
	static const char *const format[] = {"x", "health:y", ":a=b", "health:=b", "health:a=", ""};
	char long_name[ACCESS_HEADER_BYTES + 16];
	struct access a;
	access_init_http(&a);
	for (size_t i = 0; i < sizeof format / sizeof *format; i++)
		ASSERT_FAILS(access_restrict(&a, "http-restricted-api", format[i]), INVALID_ARG,
		             "Bad option: \"--http-restricted-api\".\n--http-restricted-api option "
		             "format is '<config name>:<setting>=<value>'. Got ");
	ASSERT_FAILS(access_restrict(&a, "o", "x:y=z"), INVALID_ARG, "unknown restricted api 'x' ");
	ASSERT_FAILS(access_restrict(&a, "o", "trace,:y=z"), INVALID_ARG, "unknown restricted api '' ");
	ASSERT_FAILS(access_restrict(&a, "o", "health,health:a=b"), INVALID_ARG,
	             "restricted api 'health' can not be specified in multiple config groups");
	snprintf(long_name, sizeof long_name, "logging:%0*d=b", ACCESS_HEADER_BYTES - 1, 0);
	ASSERT_GOOD(access_restrict(&a, "o", long_name));
	snprintf(long_name, sizeof long_name, "metadata:%0*d=b", ACCESS_HEADER_BYTES - 1 + 1, 0);
	ASSERT_FAILS(access_restrict(&a, "o", long_name), LIMIT, "header");
	access_init_grpc(&a);
	ASSERT_FAILS(access_restrict(&a, "o", "x:y=z"), INVALID_ARG,
	             "unknown restricted protocol 'x' ");
}

static void put(const char *path, const char *text, time_t at)
{
	struct timespec times[2] = {{at, 0}, {at, 0}};
	ASSERT_GOOD(file_write(path, (struct span){(const uint8_t *)text, strlen(text)}));
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

TEST(front_access_keys_by_model_and_group)
{
	const char *path = test_path("keys");
	struct access a;
	access_init_http(&a);
	put(path, "# all\nALL\r\n\n  some\tmodels=a,b   # two\nhealthy groups=health,metadata\n"
	    "shm models=a groups=inference,shared-memory", 1000);
	ASSERT_GOOD(access_keys_open(path, &a.keys));
	assert_int_equal(ask(&a, ACCESS_LOGGING, "", "authorization", "Bearer ALL", ""), ACCESS_GOOD);
	assert_int_equal(ask(&a, ACCESS_LOGGING, "", "Authorization", "bearer  ALL ", ""), ACCESS_GOOD);
	assert_int_equal(ask(&a, ACCESS_INFERENCE, "z", "X-API-Key", "ALL", ""), ACCESS_GOOD);
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", 0, 0, "an API key is needed"), ACCESS_UNKNOWN);
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "authorization", "Basic ALL", "is needed"),
	                 ACCESS_UNKNOWN);
	static const char *const wrong[] = {"AL", "ALLX", "all", "", "#", "models=a,b"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(ask(&a, ACCESS_HEALTH, "", "x-api-key", wrong[i], "not valid"),
		                 ACCESS_UNKNOWN);
	assert_int_equal(ask(&a, ACCESS_INFERENCE, "b", "x-api-key", "some", ""), ACCESS_GOOD);
	assert_int_equal(ask(&a, ACCESS_METADATA, "", "x-api-key", "some", ""), ACCESS_GOOD);
	assert_int_equal(ask(&a, ACCESS_INFERENCE, "c", "x-api-key", "some",
	                     "the API key gives no access to inference of model c"), ACCESS_DENIED);
	assert_int_equal(ask(&a, ACCESS_STATISTICS, "", "x-api-key", "some",
	                     "no access to statistics"), ACCESS_DENIED);
	assert_int_equal(ask(&a, ACCESS_SHARED_MEMORY, "", "x-api-key", "some", ""), ACCESS_DENIED);
	assert_int_equal(ask(&a, ACCESS_SHARED_MEMORY, "", "x-api-key", "shm", ""), ACCESS_GOOD);
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "x-api-key", "shm", ""), ACCESS_DENIED);
	assert_int_equal(ask(&a, ACCESS_METADATA, "z", "x-api-key", "healthy", ""), ACCESS_GOOD);
	assert_int_equal(ask(&a, ACCESS_INFERENCE, "a", "x-api-key", "healthy", ""), ACCESS_DENIED);
	access_keys_free(a.keys);
}

TEST(front_access_what_those_without_a_key_may_do)
{
	const char *path = test_path("keys");
	struct access a;
	access_init_http(&a);
	put(path, "k\n* groups=health\n", 1000);
	ASSERT_GOOD(access_keys_open(path, &a.keys));
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", 0, 0, ""), ACCESS_GOOD);
	assert_int_equal(ask(&a, ACCESS_METADATA, "", 0, 0, "is needed"), ACCESS_UNKNOWN);
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "x-api-key", "wrong", "not valid"), ACCESS_UNKNOWN);
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "x-api-key", "*", "not valid"), ACCESS_UNKNOWN);
	access_keys_free(a.keys);
}

TEST(front_access_files_are_read_again_and_bad_ones_change_nothing)
{
	const char *path = test_path("keys");
	struct access a;
	access_init_http(&a);
	put(path, "old\n", 1000);
	ASSERT_GOOD(access_keys_open(path, &a.keys));
	assert_false(access_keys_reload(a.keys));
	put(path, "new groups=nonsense\n", 2000);
	assert_false(access_keys_reload(a.keys));
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "x-api-key", "old", ""), ACCESS_GOOD);
	put(path, "new\n", 3000);
	assert_true(access_keys_reload(a.keys));
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "x-api-key", "old", ""), ACCESS_UNKNOWN);
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "x-api-key", "new", ""), ACCESS_GOOD);
	ASSERT_GOOD(file_remove(path));
	assert_false(access_keys_reload(a.keys));
	assert_int_equal(ask(&a, ACCESS_HEALTH, "", "x-api-key", "new", ""), ACCESS_GOOD);
	access_keys_free(a.keys);
}

TEST(front_access_bad_files_say_where)
{
	static const struct { const char *text, *want; enum status_code code; } bad[] = {
		{"", "has no keys", STATUS_INVALID_ARG},
		{"# k\n* groups=health\n", "has no keys", STATUS_INVALID_ARG},
		{"a\nb x", "line 2: a key may be followed by", STATUS_INVALID_ARG},
		{"a models=", "line 1: a key may be followed by", STATUS_INVALID_ARG},
		{"a models=x,,y", "empty name", STATUS_INVALID_ARG},
		{"a models=x models=y", "models= is given twice", STATUS_INVALID_ARG},
		{"a groups=health groups=trace", "groups= is given twice", STATUS_INVALID_ARG},
		{"a groups=health,", "", STATUS_OK},
		{"a groups=,health", "'' is no group", STATUS_INVALID_ARG},
		{"a\n\na", "line 3: the key stands in line 1", STATUS_INVALID_ARG},
		{"*\n*\na", "line 2: * stands in line 1", STATUS_INVALID_ARG},
	};
	const char *path = test_path("keys");
	struct access_keys *k = 0;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put(path, bad[i].text, 1000);
		struct status st = access_keys_open(path, &k);
		assert_int_equal(st.code, bad[i].code);
		assert_true(!st.code || strstr(st.msg, bad[i].want));
		if (!st.code)
			access_keys_free(k);
	}
	ASSERT_FAILS(access_keys_open("/nowhere/keys", &k), NOT_FOUND, "/nowhere/keys");
}

TEST(front_access_limits_of_files)
{
	static char text[LIMIT_API_KEYS * 16 + LIMIT_API_KEY_MODELS * 16 + LIMIT_API_KEY_BYTES];
	const char *path = test_path("keys");
	struct access_keys *k = 0;
	for (int over = 0; over < 2; over++) {
		int n = 0;
		for (int i = 0; i < LIMIT_API_KEYS + over; i++)
			n += snprintf(text + n, sizeof text - (size_t)n, "k%d\n", i);
		put(path, text, 1000);
		if (over)
			ASSERT_FAILS(access_keys_open(path, &k), LIMIT, "keys");
		else
			ASSERT_GOOD(access_keys_open(path, &k));
		n = snprintf(text, sizeof text, "k models=");
		for (int i = 0; i < LIMIT_API_KEY_MODELS + over; i++)
			n += snprintf(text + n, sizeof text - (size_t)n, "%s%d", i ? "," : "", i);
		put(path, text, 1000);
		if (!over)
			access_keys_free(k);
		if (over)
			ASSERT_FAILS(access_keys_open(path, &k), LIMIT, "models");
		else
			ASSERT_GOOD(access_keys_open(path, &k));
		snprintf(text, sizeof text, "%0*d", LIMIT_API_KEY_BYTES + over, 0);
		put(path, text, 1000);
		if (!over)
			access_keys_free(k);
		if (over)
			ASSERT_FAILS(access_keys_open(path, &k), LIMIT, "bytes");
		else
			ASSERT_GOOD(access_keys_open(path, &k));
		if (!over)
			access_keys_free(k);
	}
}
