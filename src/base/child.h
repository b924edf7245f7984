/* Running another program and waiting for it. Its output goes where ours goes, or is caught. */
#ifndef NEREID_BASE_CHILD_H
#define NEREID_BASE_CHILD_H

#include "base/buf.h"
#include "base/status.h"

/* argv ends in NULL; argv[0] is looked up in PATH. GOOD with *code set when it ran to its end;
 * NOT_FOUND when there is no such program; UNAVAILABLE when a signal ended it. */
struct status child_run(const char *const *argv, int *code) MUST_CHECK;

/* The same with its output caught and nothing to read. out and err are initialised, and their
 * limits are the program's: LIMIT when it writes more. TIMEOUT when it runs longer than timeout_ns.
 * In both cases it is killed with what it started. Also on failure they hold what came. */
struct status child_catch(const char *const *argv, uint64_t timeout_ns, struct buf *out,
                          struct buf *err, int *code) MUST_CHECK;

#endif
