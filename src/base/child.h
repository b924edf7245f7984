/* Running another program and waiting for it. Its output goes where ours goes. */
#ifndef NEREID_BASE_CHILD_H
#define NEREID_BASE_CHILD_H

#include "base/status.h"

/* argv ends in NULL; argv[0] is looked up in PATH. GOOD with *code set when it ran to its end; NOT_FOUND when there is no such
 * program; UNAVAILABLE when a signal ended it. */
struct status child_run(const char *const *argv, int *code) MUST_CHECK;

#endif
