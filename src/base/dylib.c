/* Opening vendors' libraries at run time.
 *
 * The program is built without any vendor toolkit and runs where there is none: a library that
 * is missing is a status, with the loader's own words for the last name tried. Libraries stay open
 * until dylib_close; symbols die with them. dlopen is thread-safe.
 */
#include "base/dylib.h"

#include "base/panic.h"

#include <dlfcn.h>

struct status dylib_open(const char *const *names, struct dylib *out)
{
	const char *why = "no name was given";
	for (; *names; names++) {
		void *handle = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
		if (handle) {
			out->handle = handle;
			return STATUS_GOOD;
		}
		why = dlerror();
	}
	return FAIL(UNAVAILABLE, "cannot open the library: %s", why ? why : "unknown reason");
}

void *dylib_symbol(const struct dylib *d, const char *name)
{
	CHECK(d->handle);
	return dlsym(d->handle, name);
}

void dylib_close(struct dylib *d)
{
	if (d->handle)
		dlclose(d->handle);
	d->handle = 0;
}
