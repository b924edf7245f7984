/* Log lines: their form, what the levels let through, escaping, and files that cannot be opened. */
#include "unit/test.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"

#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

/* Everything in the log file, with NUL. Released by the caller. */
static struct buf content(const char *path)
{
	struct buf b;
	ASSERT_GOOD(file_read(path, 1 << 20, &b));
	b.limit_bytes++;
	buf_byte(&b, 0);
	ASSERT_GOOD(buf_status(&b));
	return b;
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t r;
	assert_int_equal(regcomp(&r, pattern, REG_EXTENDED | REG_NEWLINE | REG_NOSUB), 0);
	if (regexec(&r, text, 0, 0, 0))
		fail_msg("no %s in: %s", pattern, text);
	regfree(&r);
}

static const char *to_file(struct log_settings s)
{
	s.file = test_path("log");
	ASSERT_GOOD(log_set(s));
	return s.file;
}

TEST(form)
{
	const char *path = to_file((struct log_settings){true, true, true, 2, LOG_DEFAULT, 0});
	LOG_E("bad %d", 1);
	LOG_W("hm");
	LOG_I("line\n\"quoted\" \\ \x01");
	LOG_V(2, "fine");
	LOG_V(3, "too fine");
	log_table("| a | b |");
	struct buf b = content(path);
	const char *text = (const char *)b.p;
	assert_matches(text, "^E[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6} [0-9]+ "
	                     "test_log\\.c:[0-9]+\\] \"bad 1\"$");
	assert_matches(text, "^W.*\\] \"hm\"$");
	assert_non_null(strstr(text, "] \"line\\n\\\"quoted\\\" \\\\ \\u0001\"\n"));
	assert_matches(text, "^V.*\"fine\"$");
	assert_null(strstr(text, "too fine"));
	assert_non_null(strstr(text, "\n| a | b |\n"));
	buf_release(&b);
}

TEST(levels_and_iso)
{
	const char *path = to_file((struct log_settings){true, false, false, 0, LOG_ISO8601, 0});
	LOG_E("kept");
	LOG_W("dropped");
	LOG_I("dropped");
	LOG_V(1, "dropped");
	log_table("dropped");
	struct buf b = content(path);
	assert_matches((const char *)b.p,
	               "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z E [0-9]+ .*\"kept\"$");
	assert_null(strstr((const char *)b.p, "dropped"));
	buf_release(&b);
	struct log_settings s = log_get();
	assert_true(s.error && !s.warning && !s.info && s.format == LOG_ISO8601);
	assert_string_equal(s.file, path);
}

TEST(raw_when_asked)
{
	const char *path = to_file((struct log_settings){true, true, true, 0, LOG_DEFAULT, 0});
	setenv("TRITON_SERVER_ESCAPE_LOG_MESSAGES", "0", 1);
	LOG_I("say \"x\"");
	struct buf b = content(path);
	assert_non_null(strstr((const char *)b.p, "] say \"x\"\n"));
	buf_release(&b);
}

TEST(long_lines_are_cut)
{
	const char *path = to_file((struct log_settings){true, true, true, 0, LOG_DEFAULT, 0});
	char text[10000];
	memset(text, '\x01', sizeof text);
	text[sizeof text - 1] = 0;
	LOG_I("%s", text);
	struct buf b = content(path);
	assert_true(b.n > 1000 && b.n < 4200);
	assert_int_equal(b.p[b.n - 2], '\n');
	buf_release(&b);
}

TEST(bad_file_changes_nothing)
{
	const char *path = to_file((struct log_settings){true, true, true, 1, LOG_DEFAULT, 0});
	struct log_settings s = log_get();
	char file[600], long_path[5000];
	snprintf(file, sizeof file, "%s/no/where", path);
	s.file = file;
	s.verbose = 9;
	ASSERT_FAILS(log_set(s), IO, "cannot open the log file");
	memset(long_path, 'x', sizeof long_path);
	long_path[sizeof long_path - 1] = 0;
	s.file = long_path;
	ASSERT_FAILS(log_set(s), INVALID_ARG, "over 4095 bytes");
	assert_int_equal(log_get().verbose, 1);
	assert_string_equal(log_get().file, path);
	s = log_get();
	s.file = "";
	ASSERT_GOOD(log_set(s));
	assert_null(log_get().file);
}

static void *write_lines(void *arg)
{
	for (int i = 0; i < 200; i++)
		LOG_I("thread %d says %d", *(int *)arg, i);
	return 0;
}

TEST(threads_do_not_mix)
{
	const char *path = to_file((struct log_settings){true, true, true, 0, LOG_DEFAULT, 0});
	pthread_t t[4];
	int id[4] = {0, 1, 2, 3}, lines = 0;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], 0, write_lines, &id[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], 0);
	struct buf b = content(path);
	for (char *p = (char *)b.p, *end; (end = strchr(p, '\n')); p = end + 1) {
		*end = 0;
		assert_matches(p, "^I[0-9]{4} .*\\] \"thread [0-3] says [0-9]+\"$");
		lines++;
	}
	assert_int_equal(lines, 800);
	buf_release(&b);
}
