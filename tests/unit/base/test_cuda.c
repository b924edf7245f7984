/* CUDA's driver from a library made by the test: memory by its handle, drivers that are old or
 * absent, and every call that fails. */
#include "fake_cuda.h"

#include "unit/base/dies.h"

#include <stdlib.h>

enum { BYTES = 4000 };

TEST(cuda_memory_by_its_handle)
{
	const char *path = fake_cuda("-DPLAIN");
	struct gpu_memory m = gpu_memory(path, BYTES);
	struct cuda *c = 0;
	struct cuda_memory *a = 0, *b = 0;
	uint8_t got[BYTES] = {0};
	ASSERT_GOOD(cuda_open(path, &c));
	assert_int_equal(cuda_count(c), 2);
	ASSERT_GOOD(cuda_memory_open(c, 0, &m.handle, &a));
	ASSERT_GOOD(cuda_memory_open(c, 1, &m.handle, &b));
	assert_int_equal(cuda_memory_bytes(a), BYTES);
	ASSERT_GOOD(cuda_memory_read(a, 100, got, BYTES - 100));
	for (int i = 0; i < BYTES - 100; i++)
		assert_int_equal(got[i], (i + 100) % 251);
	ASSERT_GOOD(cuda_memory_write(b, BYTES - 1, "\xff", 1));
	ASSERT_GOOD(cuda_memory_write(b, BYTES, "", 0));
	ASSERT_GOOD(cuda_memory_read(a, BYTES - 2, got, 2));
	assert_true(got[0] == (BYTES - 2) % 251 && got[1] == 0xff);
	cuda_memory_close(a);
	cuda_memory_close(b);
	cuda_close(c);
	cuda_close(0);
	gpu_free(&m);
}

TEST(cuda_what_fails_is_told_and_undone)
{
	static const struct { const char *fail; enum status_code code; const char *text; } cases[] = {
		{"cuDeviceGet=1", STATUS_INTERNAL, "cannot use that GPU: invalid argument (code 1)"},
		{"cuDevicePrimaryCtxRetain=2", STATUS_INTERNAL, "that GPU: no reason given (code 2)"},
		{"cuCtxPushCurrent_v2=201", STATUS_INTERNAL, "GPU: invalid device context (code 201)"},
		{"cuIpcOpenMemHandle_v2=1", STATUS_INVALID_ARG, "cannot open the memory of that handle"},
		{"cuMemGetAddressRange_v2=1", STATUS_INVALID_ARG, "cannot tell the size of that memory"},
	};
	const char *path = fake_cuda("-DPLAIN");
	struct gpu_memory m = gpu_memory(path, BYTES);
	struct cuda_handle bad = m.handle;
	struct cuda *c = 0;
	struct cuda_memory *r = 0;
	uint8_t got[1] = {7};
	ASSERT_GOOD(cuda_open(path, &c));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		setenv("FAKE_CUDA_FAIL", cases[i].fail, 1);
		struct status st = cuda_memory_open(c, 0, &m.handle, &r);
		assert_int_equal(st.code, cases[i].code);
		assert_non_null(strstr(st.msg, cases[i].text));
		assert_null(r);
	}
	unsetenv("FAKE_CUDA_FAIL");
	bad.bytes[12]++;
	ASSERT_FAILS(cuda_memory_open(c, 0, &bad, &r), INVALID_ARG,
	             "cannot open the memory of that handle: invalid argument");
	ASSERT_FAILS(cuda_memory_open(c, 2, &m.handle, &r), INVALID_ARG,
	             "there is no GPU 2: there are 2, counted from 0");
	ASSERT_FAILS(cuda_memory_open(c, UINT64_MAX, &m.handle, &r), INVALID_ARG,
	             "there is no GPU 18446744073709551615");
	ASSERT_GOOD(cuda_memory_open(c, 0, &m.handle, &r));
	setenv("FAKE_CUDA_FAIL", "cuMemcpyDtoH_v2=700 cuMemcpyHtoD_v2=700", 1);
	ASSERT_FAILS(cuda_memory_read(r, 0, got, 1), INTERNAL,
	             "cannot read a GPU's memory: no reason given (code 700)");
	ASSERT_FAILS(cuda_memory_write(r, 0, got, 1), INTERNAL, "cannot write a GPU's memory");
	unsetenv("FAKE_CUDA_FAIL");
	assert_int_equal(got[0], 7);
	cuda_memory_close(r);
	cuda_close(c);
	gpu_free(&m);
}

static struct cuda_memory *opened;

static void past_the_end(void)
{
	uint8_t got[2];
	struct status st = cuda_memory_read(opened, BYTES - 1, got, 2);
	(void)st;
}

TEST(cuda_ranges_at_their_ends)
{
	const char *path = fake_cuda("-DPLAIN");
	struct gpu_memory m = gpu_memory(path, BYTES);
	struct cuda *c = 0;
	ASSERT_GOOD(cuda_open(path, &c));
	ASSERT_GOOD(cuda_memory_open(c, 0, &m.handle, &opened));
	assert_true(dies(past_the_end, "bytes <= m->bytes - offset"));
	cuda_memory_close(opened);
	cuda_close(c);
	gpu_free(&m);
}

TEST(cuda_libraries_that_are_none)
{
	struct cuda *c = 0;
	ASSERT_FAILS(cuda_open("libnereid-absent.so", &c), NOT_FOUND,
	             "no NVIDIA driver is installed");
	ASSERT_FAILS(cuda_open("libm.so.6", &c), UNAVAILABLE, "has no function cuInit");
	ASSERT_FAILS(cuda_open(fake_cuda("-DWITHOUT_IPC"), &c), UNAVAILABLE,
	             "cuIpcOpenMemHandle_v2");
	ASSERT_FAILS(cuda_open(fake_cuda("-DFAKE_GPUS=0"), &c), UNAVAILABLE,
	             "cannot find GPUs: no CUDA-capable device is detected");
	assert_null(c);
}
