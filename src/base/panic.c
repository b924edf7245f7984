/* The end of the program when one of our own rules is broken, and the trace that it leaves.
 *
 * Everything here runs in a signal handler or just before abort, so it uses only write(2) and
 * the backtrace functions, whose library panic_install loads beforehand. The context is a thread-
 * local pointer that the work sets; it is printed, not freed. Bad input never comes here: that is
 * a status.
 */
#include "base/panic.h"

#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local const char *context;

static void put(const char *s)
{
	ssize_t n = write(2, s, strlen(s));
	(void)n;
}

static void trace(void)
{
	void *frames[64];
	int n = backtrace(frames, 64);
	if (context) {
		put("while working on ");
		put(context);
		put("\n");
	}
	backtrace_symbols_fd(frames, n, 2);
}

void panic_context(const char *what)
{
	context = what;
}

_Noreturn void panic_fail(const char *file, int line, const char *what)
{
	char text[256];
	snprintf(text, sizeof text, "nereid: internal error at %s:%d: %s does not hold\n", file, line, what);
	put(text);
	abort();
}

static void on_signal(int number)
{
	char text[64];
	snprintf(text, sizeof text, "Signal (%d) received.\n", number);
	put(text);
	trace();
	signal(number, SIG_DFL);
	raise(number);
}

void panic_install(void)
{
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	void *frame;
	backtrace(&frame, 1); /* loads the unwinder now, not in the handler */
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		signal(numbers[i], on_signal);
}
