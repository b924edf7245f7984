/* The stand-in for CUDA's driver (tests/fixtures/fake_cuda.c), compiled and loaded by a test, and
 * memory of its first GPU that the test itself owns. */
#ifndef NEREID_TESTS_UNIT_BASE_FAKE_CUDA_H
#define NEREID_TESTS_UNIT_BASE_FAKE_CUDA_H
#include "unit/test.h"

#include "base/child.h"
#include "base/cuda.h"

#include <dlfcn.h>
#include <string.h>

/* Its path; flag is a -D of the compiler. */
static inline const char *fake_cuda(const char *flag)
{
	const char *path = test_path("libfake-cuda.so");
	int code = -1;
	ASSERT_GOOD(child_run((const char *const[]){"cc", "-shared", "-fPIC", "-w", flag,
	                      "-Wl,-soname,libcuda.so.1", "-o", path, "tests/fixtures/fake_cuda.c", 0},
	                      &code));
	assert_int_equal(code, 0);
	return path;
}

struct gpu_memory { void *library, *context; unsigned long long at; struct cuda_handle handle; };

static inline int gpu_call(const struct gpu_memory *m, const char *name, void *a, void *b, size_t n)
{
	int (*f)(void *, void *, size_t);
	void *at = dlsym(m->library, name);
	assert_non_null(at);
	memcpy(&f, &at, sizeof f);
	return f(a, b, n);
}

/* In the GPU's context. */
static inline void gpu_do(const struct gpu_memory *m, const char *name, void *a, void *b, size_t n)
{
	assert_int_equal(gpu_call(m, "cuCtxPushCurrent_v2", m->context, 0, 0), 0);
	assert_int_equal(gpu_call(m, name, a, b, n), 0);
	assert_int_equal(gpu_call(m, "cuCtxPopCurrent_v2", &(void *){0}, 0, 0), 0);
}

/* bytes of memory that hold their index modulo 251. */
static inline struct gpu_memory gpu_memory(const char *library, size_t bytes)
{
	struct gpu_memory m = {.library = dlopen(library, RTLD_NOW | RTLD_LOCAL)};
	uint8_t data[4096];
	assert_true(m.library && bytes <= sizeof data);
	for (size_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)(i % 251);
	assert_int_equal(gpu_call(&m, "cuInit", 0, 0, 0), 0);
	assert_int_equal(gpu_call(&m, "cuDevicePrimaryCtxRetain", &m.context, 0, 0), 0);
	gpu_do(&m, "cuMemAlloc_v2", &m.at, (void *)bytes, 0);
	gpu_do(&m, "cuMemcpyHtoD_v2", (void *)m.at, data, bytes);
	gpu_do(&m, "cuIpcGetMemHandle", &m.handle, (void *)m.at, 0);
	return m;
}

/* Dies, as the real one would complain, where somebody still has it open. */
static inline void gpu_free(struct gpu_memory *m)
{
	gpu_do(m, "cuMemFree_v2", (void *)m->at, 0, 0);
	gpu_call(m, "cuDevicePrimaryCtxRelease_v2", 0, 0, 0);
	dlclose(m->library);
}
#endif
