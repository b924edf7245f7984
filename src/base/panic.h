/* Assertions, on in every build. CHECK is for our own bugs, never for input: it prints what was violated, with the object
 * or request id of the thread's panic context, and aborts. DCHECK is for costly checks and exists in debug builds
 * (NEREID_DEBUG) only. Long-lived structs begin with `uint32_t magic`, tested with CHECK_MAGIC at public entries.
 */
#ifndef NEREID_BASE_PANIC_H
#define NEREID_BASE_PANIC_H

#include <stdint.h>

_Noreturn void panic_fail(const char *file, int line, const char *what);
/* What this thread works on, printed on a panic; a literal or a string that outlives the work. NULL clears. */
void panic_context(const char *what);
/* Installs handlers that print a stack trace on SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT, then take the default action. */
void panic_install(void);

#define CHECK(cond)                                                 \
	do {                                                        \
		if (__builtin_expect(!(cond), 0))                   \
			panic_fail(__FILE__, __LINE__, #cond);      \
	} while (0)
#ifdef NEREID_DEBUG
#define DCHECK(cond) CHECK(cond)
#else
#define DCHECK(cond) do { } while (0)
#endif
#define UNREACHABLE() panic_fail(__FILE__, __LINE__, "unreachable code was reached")
#define CHECK_MAGIC(p, m) CHECK((p) && (p)->magic == (m))

#endif
