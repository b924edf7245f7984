/* Preloaded into a server by test_serve.py: counts the bytes that memcpy and memmove move in blocks
 * of a page or more, and writes the sum to $COUNT_COPIES at exit. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

typedef void *copy_fn(void *, const void *, size_t);
static _Atomic size_t copied;

static void *counted(const char *name, copy_fn **real, void *to, const void *from, size_t n)
{
	if (!*real)
		*real = (copy_fn *)dlsym(RTLD_NEXT, name);
	if (n >= 4096)
		atomic_fetch_add(&copied, n);
	return (*real)(to, from, n);
}

void *memcpy(void *to, const void *from, size_t n)
{
	static copy_fn *real;
	return counted("memcpy", &real, to, from, n);
}

void *memmove(void *to, const void *from, size_t n)
{
	static copy_fn *real;
	return counted("memmove", &real, to, from, n);
}

__attribute__((destructor)) static void tell(void)
{
	FILE *f = fopen(getenv("COUNT_COPIES"), "w");
	if (f) {
		fprintf(f, "%zu\n", atomic_load(&copied));
		fclose(f);
	}
}
