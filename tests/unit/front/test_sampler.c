/* The sampler's thread: figures come and are renewed, drivers that fail, and an end that waits for
 * nobody. */
#include "unit/test.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/dylib.h"
#include "front/sampler.h"

#include <string.h>

static struct sampler_sample sample;

static const char *fake_driver(void)
{
	const char *path = test_path("libfake-nvml.so");
	int code = -1;
	ASSERT_GOOD(child_run((const char *const[]){"cc", "-shared", "-fPIC", "-w", "-o", path,
	                      "tests/fixtures/fake_nvml.c", 0}, &code));
	assert_int_equal(code, 0);
	return path;
}

/* Looks until there are GPUs that used at least so much. */
static void await_joules(struct sampler *s, double joules)
{
	for (int i = 0; i < 1000; i++) {
		sampler_look(s, &sample);
		if (sample.n_gpus && sample.gpus[0].figures.energy_joules >= joules)
			return;
		clock_sleep_ns(10000000);
	}
	fail_msg("no GPU used %g J", joules);
}

/* A number of the library that the sampler has open too. */
static _Atomic int *driver_number(const char *path, const char *name)
{
	struct dylib d;
	ASSERT_GOOD(dylib_open((const char *const[]){path, 0}, &d));
	_Atomic int *at = dylib_symbol(&d, name);
	assert_non_null(at);
	return at;
}

TEST(front_sampler_follows_gpus_and_the_machine)
{
	struct sampler *s = 0;
	struct sampler_options o = {true, true, 20, fake_driver()};
	_Atomic int *error = driver_number(o.nvml, "fake_nvml_error");
	ASSERT_GOOD(sampler_new(&o, &s));
	await_joules(s, 3);
	assert_int_equal(sample.n_gpus, 2);
	assert_string_equal(sample.gpus[1].uuid, "GPU-00000000-0000-0000-0000-000000000001");
	assert_true(sample.gpus[1].figures.utilization == 0.75);
	assert_true(sample.gpus[0].figures.energy_joules < 900);   /* the driver itself began at 1000 */
	assert_true(sample.machine.known && sample.machine.memory_total > sample.machine.memory_used);
	/* a sensor that fails, and comes back: what was used meanwhile counts */
	double before = sample.gpus[0].figures.energy_joules;
	*error = 15;
	do {
		clock_sleep_ns(10000000);
		sampler_look(s, &sample);
	} while (sample.gpus[0].figures.known & NVML_ENERGY);
	assert_true(sample.gpus[0].figures.known & NVML_POWER);
	*error = 0;
	await_joules(s, before + 1);
	sampler_free(s);
}

TEST(front_sampler_waits_for_no_driver)
{
	struct sampler *s = 0;
	struct sampler_options o = {true, true, 20, fake_driver()};
	_Atomic int *seconds = driver_number(o.nvml, "fake_nvml_seconds");
	ASSERT_GOOD(sampler_new(&o, &s));
	await_joules(s, 1);
	*seconds = 9;
	clock_sleep_ns(100000000);
	uint64_t begun = clock_ns();
	sampler_look(s, &sample);               /* the last one is still there, at once */
	assert_true(clock_ns() - begun < 1000000000u);
	assert_int_equal(sample.n_gpus, 2);
	sampler_free(s);                        /* leaves the thread behind */
	assert_true(clock_ns() - begun < 5000000000u);
}

TEST(front_sampler_without_a_driver_has_the_machine)
{
	struct sampler *s = 0;
	struct sampler_options o = {true, true, 10, "libnereid-absent.so"};
	ASSERT_GOOD(sampler_new(&o, &s));
	for (int i = 0; i < 1000 && !sample.machine.known; i++) {
		clock_sleep_ns(10000000);
		sampler_look(s, &sample);
	}
	assert_true(sample.machine.known && sample.n_gpus == 0);
	sampler_free(s);
	o = (struct sampler_options){false, true, 10, "libm.so.6"};
	ASSERT_GOOD(sampler_new(&o, &s));
	clock_sleep_ns(50000000);
	sampler_look(s, &sample);
	assert_true(!sample.machine.known && sample.n_gpus == 0);
	sampler_free(s);
}

TEST(front_sampler_ends_at_once)
{
	struct sampler *s = 0;
	struct sampler_options o = {true, false, 86400000, 0};
	uint64_t begun = clock_ns();
	ASSERT_GOOD(sampler_new(&o, &s));
	sampler_free(s);
	assert_true(clock_ns() - begun < 1000000000u);
	sampler_free(0);
}
