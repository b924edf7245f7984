/* dlopen behind a door, so that fault tests can fail it. */
#ifndef NEREID_BASE_DYLIB_H
#define NEREID_BASE_DYLIB_H
#include "base/status.h"
struct dylib { void *handle; };
struct status dylib_open(const char *const *names, struct dylib *out) MUST_CHECK;  /* first that opens; names end in NULL. UNAVAILABLE otherwise */
void *dylib_symbol(const struct dylib *d, const char *name);
void dylib_close(struct dylib *d);
#endif
