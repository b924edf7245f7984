/* Making status values: a ring of messages per thread, so that an error never needs memory.
 *
 * A status carries a pointer into the ring of the thread that made it. Sixteen messages of a
 * kilobyte are more than any chain of wrapping uses, and a message that must live longer is copied
 * by whoever keeps it. Longer messages are cut. Wrapping writes a new message with the context in
 * front; the origin's file and line stay. No locks: the ring is thread-local.
 */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char ring[STATUS_RING][STATUS_TEXT];
static _Thread_local unsigned ring_next;

static char *ring_slot(void)
{
	return ring[ring_next++ % STATUS_RING];
}

struct status status_make(enum status_code code, const char *file, int line, const char *fmt, ...)
{
	char *text = ring_slot();
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, STATUS_TEXT, fmt, ap);
	va_end(ap);
	return (struct status){code, line, file, text};
}

struct status status_wrap(struct status st, const char *fmt, ...)
{
	char *text = ring_slot();
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, STATUS_TEXT, fmt, ap);
	va_end(ap);
	if (n >= 0 && n < STATUS_TEXT)
		snprintf(text + n, STATUS_TEXT - (size_t)n, ": %s", st.msg ? st.msg : "");
	st.msg = text;
	return st;
}

const char *status_name(enum status_code code)
{
	switch (code) {
#define X(name, number, text) case STATUS_##name: return text;
#include "nereid/status.def"
#undef X
	}
	return "Unknown";
}
