/* The only reader of time in the program: monotonic for intervals, the calendar for what people
 * read.
 *
 * Everything that decides by time is given now_ns by its caller, so that it can run in virtual
 * time; this file is where the value comes from at the edge. Reading the clock is a vDSO call of
 * some 25 ns. Sleeping restarts after a signal. No state.
 */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_unix_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

void clock_sleep_ns(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
	while (nanosleep(&t, &t) && errno == EINTR)
		;
}
