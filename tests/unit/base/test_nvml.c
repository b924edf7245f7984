/* NVML from a library made by the test: figures, drivers that are old, broken or absent, and every
 * call that fails. */
#include "unit/test.h"

#include "base/child.h"
#include "base/nvml.h"
#include "unit/base/dies.h"

#include <stdlib.h>
#include <string.h>

/* The fake library compiled with a -D flag; its path. */
static const char *fake(const char *flag)
{
	const char *path = test_path("libfake-nvml.so");
	int code = -1;
	ASSERT_GOOD(child_run((const char *const[]){"cc", "-shared", "-fPIC", "-w", flag, "-o", path,
	                      "tests/fixtures/fake_nvml.c", 0}, &code));
	assert_int_equal(code, 0);
	return path;
}

TEST(figures_of_two_gpus)
{
	struct nvml *n = 0;
	struct nvml_figures f;
	ASSERT_GOOD(nvml_open(fake("-DPLAIN"), &n));
	assert_string_equal(nvml_driver(n), "550.54.15");
	assert_int_equal(nvml_cuda(n), 12040);
	assert_int_equal(nvml_count(n), 2);
	assert_string_equal(nvml_gpu(n, 0)->uuid, "GPU-00000000-0000-0000-0000-000000000000");
	assert_string_equal(nvml_gpu(n, 1)->uuid, "GPU-00000000-0000-0000-0000-000000000001");
	assert_string_equal(nvml_gpu(n, 1)->name, "Fake GPU 1");
	assert_int_equal(nvml_gpu(n, 0)->major, 9);
	assert_int_equal(nvml_gpu(n, 0)->minor, 0);
	nvml_read(n, 1, &f);
	assert_int_equal(f.known, 31);
	assert_true(f.utilization == 0.75);
	assert_true(f.memory_total_bytes == (uint64_t)80 << 30);
	assert_true(f.memory_used_bytes == (uint64_t)19 << 30);
	assert_true(f.power_watts == 123.456 && f.limit_watts == 700);
	assert_true(f.energy_joules == 1000);
	nvml_read(n, 1, &f);
	assert_true(f.energy_joules == 1000.5);
	nvml_read(n, 0, &f);
	assert_true(f.utilization == 0.25 && f.energy_joules == 1000);
	nvml_close(n);
	nvml_close(0);
}

TEST(old_driver_has_fewer_figures)
{
	struct nvml *n = 0;
	struct nvml_figures f;
	ASSERT_GOOD(nvml_open(fake("-DWITHOUT_NEWER"), &n));
	assert_int_equal(nvml_cuda(n), 0);
	assert_int_equal(nvml_gpu(n, 0)->major, 0);
	nvml_read(n, 0, &f);
	assert_int_equal(f.known, NVML_UTILIZATION | NVML_MEMORY | NVML_POWER | NVML_LIMIT);
	assert_true(f.memory_used_bytes == (uint64_t)20 << 30);
	assert_true(f.energy_joules == 0);
	nvml_close(n);
}

TEST(each_figure_may_fail_alone)
{
	static const struct { const char *fail; uint32_t gone; } cases[] = {
		{"nvmlDeviceGetUtilizationRates=3", NVML_UTILIZATION},
		{"nvmlDeviceGetMemoryInfo_v2=3 nvmlDeviceGetMemoryInfo=15", NVML_MEMORY},
		{"nvmlDeviceGetMemoryInfo_v2=25", 0},
		{"nvmlDeviceGetPowerUsage=3", NVML_POWER},
		{"nvmlDeviceGetPowerManagementLimit=3", NVML_LIMIT},
		{"nvmlDeviceGetTotalEnergyConsumption=15", NVML_ENERGY},
	};
	struct nvml *n = 0;
	struct nvml_figures f;
	ASSERT_GOOD(nvml_open(fake("-DPLAIN"), &n));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		setenv("FAKE_NVML_FAIL", cases[i].fail, 1);
		nvml_read(n, 0, &f);
		assert_int_equal(f.known, 31 & ~cases[i].gone);
	}
	nvml_close(n);
}

TEST(what_fails_at_the_start_is_told)
{
	static const struct { const char *fail, *text; } cases[] = {
		{"nvmlInit_v2=9", "Driver Not Loaded (code 9); load the kernel's NVIDIA driver"},
		{"nvmlInit_v2=18", "the library and the kernel's driver differ in version"},
		{"nvmlInit_v2=4", "let this user open /dev/nvidiactl"},
		{"nvmlSystemGetDriverVersion=999", "cannot tell its version: Unknown Error (code 999)"},
		{"nvmlDeviceGetCount_v2=999", "cannot count GPUs"},
		{"nvmlDeviceGetHandleByIndex_v2=15", "cannot open a GPU: GPU is lost (code 15)"},
		{"nvmlDeviceGetUUID=15", "cannot tell a GPU's UUID: GPU is lost"},
	};
	const char *path = fake("-DPLAIN");
	struct nvml *n = 0;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		setenv("FAKE_NVML_FAIL", cases[i].fail, 1);
		ASSERT_FAILS(nvml_open(path, &n), UNAVAILABLE, cases[i].text);
		assert_null(n);
	}
	setenv("FAKE_NVML_FAIL", "device0=15 nvmlDeviceGetName=3", 1);   /* the other is there */
	ASSERT_GOOD(nvml_open(path, &n));
	assert_int_equal(nvml_count(n), 1);
	assert_string_equal(nvml_gpu(n, 0)->uuid, "GPU-00000000-0000-0000-0000-000000000001");
	assert_string_equal(nvml_gpu(n, 0)->name, "");
	nvml_close(n);
}

static struct nvml *opened;

static void gpu_that_is_not(void)
{
	nvml_gpu(opened, nvml_count(opened));
}

TEST(counts_at_their_ends)
{
	ASSERT_GOOD(nvml_open(fake("-DFAKE_GPUS=0"), &opened));
	assert_int_equal(nvml_count(opened), 0);
	nvml_close(opened);
	ASSERT_GOOD(nvml_open(fake("-DFAKE_GPUS=65"), &opened));
	assert_int_equal(nvml_count(opened), NVML_GPUS_MAX);
	assert_true(dies(gpu_that_is_not, "i < n->n"));
	nvml_close(opened);
}

TEST(libraries_that_are_none)
{
	struct nvml *n = 0;
	ASSERT_FAILS(nvml_open("libnereid-absent.so", &n), NOT_FOUND,
	             "no NVIDIA driver is installed");
	ASSERT_FAILS(nvml_open("libm.so.6", &n), UNAVAILABLE, "has no function nvmlInit_v2");
	ASSERT_FAILS(nvml_open(fake("-DWITHOUT_COUNT"), &n), UNAVAILABLE, "nvmlDeviceGetCount_v2");
	assert_null(n);
}
