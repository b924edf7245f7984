/* Log lines in Triton's two formats, one write(2) each.
 *
 * The settings are one struct behind a lock (listed in docs/internals/threads.md); a line is
 * made on the caller's stack and written whole, so lines of threads never mix and a crash loses
 * nothing. Messages are escaped as JSON strings, which keeps a request from forging a line, unless
 * TRITON_SERVER_ESCAPE_LOG_MESSAGES is 0. Tables are written raw.
 */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 4096, PATH_BYTES = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_settings settings = {true, true, true, 0, LOG_DEFAULT, 0};
static char log_path[PATH_BYTES];
static int log_fd = -1;

struct log_settings log_get(void)
{
	pthread_mutex_lock(&lock);
	struct log_settings s = settings;
	pthread_mutex_unlock(&lock);
	return s;
}

struct status log_set(struct log_settings s)
{
	int fd = -1;
	if (s.file && !*s.file)
		s.file = 0;
	if (s.file && strlen(s.file) >= sizeof log_path)
		return FAIL(INVALID_ARG, "the path of the log file has over %d bytes", PATH_BYTES - 1);
	if (s.file && (fd = open(s.file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) < 0)
		return FAIL(IO, "cannot open the log file %s: %s", s.file, strerror(errno));
	pthread_mutex_lock(&lock);
	if (log_fd >= 0)
		close(log_fd);
	log_fd = fd;
	if (s.file && s.file != log_path)
		snprintf(log_path, sizeof log_path, "%s", s.file);
	s.file = s.file ? log_path : 0;
	settings = s;
	pthread_mutex_unlock(&lock);
	return STATUS_GOOD;
}

static bool wanted(const struct log_settings *s, enum log_level level, int verbose)
{
	switch (level) {
	case LOG_ERROR:
		return s->error;
	case LOG_WARNING:
		return s->warning;
	case LOG_INFO:
		return s->info;
	case LOG_VERBOSE:
		return s->verbose >= verbose;
	}
	return true;
}

static size_t heading(char *text, size_t n, enum log_format format, char letter, const char *file,
                      int line)
{
	uint64_t now = clock_unix_ns();
	time_t seconds = (time_t)(now / 1000000000u);
	struct tm t;
	gmtime_r(&seconds, &t);
	const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	int k;
	if (format == LOG_ISO8601)
		k = snprintf(text, n, "%04d-%02d-%02dT%02d:%02d:%02dZ %c %d %s:%d] ", t.tm_year + 1900,
		             t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, letter,
		             (int)getpid(), base, line);
	else
		k = snprintf(text, n, "%c%02d%02d %02d:%02d:%02d.%06d %d %s:%d] ", letter, t.tm_mon + 1,
		             t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
		             (int)(now / 1000 % 1000000), (int)getpid(), base, line);
	return k < 0 ? 0 : (size_t)k < n ? (size_t)k : n - 1;
}

/* Copies as a JSON string in quotes, cut to fit; returns the length. */
static size_t escape(char *to, size_t room, const char *s)
{
	size_t n = 0;
	to[n++] = '"';
	for (; *s && n + 8 < room; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\') {
			to[n++] = '\\';
			to[n++] = (char)c;
		} else if (c == '\n' || c == '\t' || c == '\r') {
			to[n++] = '\\';
			to[n++] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
		} else if (c < 0x20 || c == 0x7f) {
			n += (size_t)snprintf(to + n, 7, "\\u%04X", c);
		} else {
			to[n++] = (char)c;
		}
	}
	to[n++] = '"';
	return n;
}

static void emit(enum log_level level, const char *text, size_t n)
{
	pthread_mutex_lock(&lock);
	int fd = log_fd >= 0 ? log_fd : level <= LOG_WARNING ? 2 : 1;
	while (n) {
		ssize_t k = write(fd, text, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break; /* nowhere left to say so */
		text += k;
		n -= (size_t)k;
	}
	pthread_mutex_unlock(&lock);
}

static bool raw_messages(void)
{
	const char *e = getenv("TRITON_SERVER_ESCAPE_LOG_MESSAGES");
	return e && strcmp(e, "0") == 0;
}

void log_line(enum log_level level, int verbose, const char *file, int line, const char *fmt, ...)
{
	struct log_settings s = log_get();
	char message[LINE_BYTES / 2], text[LINE_BYTES];
	if (!wanted(&s, level, verbose))
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	size_t n = heading(text, sizeof text / 4, s.format, "EWIV"[level], file, line);
	if (raw_messages())
		n += (size_t)snprintf(text + n, sizeof text - n - 1, "%s", message);
	else
		n += escape(text + n, sizeof text - n - 1, message);
	text[n++] = '\n';
	emit(level, text, n);
}

void log_table(const char *text)
{
	struct log_settings s = log_get();
	char top[LINE_BYTES];
	if (!s.info)
		return;
	size_t n = heading(top, sizeof top - 1, s.format, 'I', "table", 0);
	top[n++] = '\n';
	emit(LOG_INFO, top, n);
	emit(LOG_INFO, text, strlen(text));
	emit(LOG_INFO, "\n", 1);
}
