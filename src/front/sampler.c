/* A thread that looks at the machine and at its GPUs twice an interval.
 *
 * Triton samples the same way. The driver may take seconds to start and, when a GPU is in trouble,
 * to answer at all; so only this thread talks to it, the page shows the latest sample, and the
 * end of the server does not wait for it. The lock is held while a sample is copied, never while
 * one is taken. A GPU without a figure now is left out of that family until it has one again.
 */
#include "front/sampler.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"

#include <pthread.h>
#include <time.h>

enum { END_WAIT_MS = 2000 };

struct sampler {
	struct sampler_options o;
	pthread_t thread;
	pthread_mutex_t lock;                 /* guards stop, gone and latest */
	pthread_cond_t wake;                  /* stop or gone was set */
	bool stop, gone;
	struct sampler_sample latest;
	/* the thread's */
	struct nvml *nvml;
	struct machine_ticks ticks;
	struct sampler_sample next;
	double joules[NVML_GPUS_MAX];         /* at the first look; below 0: not known yet */
};

/* Most machines have no driver; one that is there and fails is worth a warning. */
static void open_driver(struct sampler *s)
{
	struct status st = nvml_open(s->o.nvml, &s->nvml);
	if (st.code == STATUS_NOT_FOUND)
		LOG_I("No metrics of GPUs: %s", st.msg);
	else if (st.code)
		LOG_W("No metrics of GPUs: %s", st.msg);
	else if (!nvml_count(s->nvml))
		LOG_I("No metrics of GPUs: the NVIDIA driver %s sees none", nvml_driver(s->nvml));
	for (uint32_t i = 0; s->nvml && i < nvml_count(s->nvml); i++) {
		LOG_I("Collecting metrics for GPU %u: %s", i, nvml_gpu(s->nvml, i)->name);
		s->joules[i] = -1;
	}
}

static void take_gpu(struct sampler *s, uint32_t i)
{
	struct metrics_gpu *g = &s->next.gpus[i];
	memcpy(g->uuid, nvml_gpu(s->nvml, i)->uuid, sizeof g->uuid);
	nvml_read(s->nvml, i, &g->figures);
	if (!(g->figures.known & NVML_ENERGY))
		return;
	/* the counter begins anew when the driver is loaded again */
	if (s->joules[i] < 0 || g->figures.energy_joules < s->joules[i])
		s->joules[i] = g->figures.energy_joules;
	g->figures.energy_joules -= s->joules[i];
}

static void take(struct sampler *s)
{
	if (s->o.machine && machine_read("", &s->next.machine, &s->ticks).code)
		s->next.machine.known = false;
	s->next.n_gpus = s->nvml ? nvml_count(s->nvml) : 0;
	for (uint32_t i = 0; i < s->next.n_gpus; i++)
		take_gpu(s, i);
	pthread_mutex_lock(&s->lock);
	s->latest = s->next;
	pthread_mutex_unlock(&s->lock);
}

/* Of the clock that no one sets. */
static struct timespec after_ms(uint64_t ms)
{
	uint64_t at = clock_ns() + ms * 1000000;
	return (struct timespec){(time_t)(at / 1000000000), (long)(at % 1000000000)};
}

static void *sampler_main(void *arg)
{
	struct sampler *s = arg;
	bool stop = false;
	if (s->o.machine) {
		LOG_I("Collecting CPU metrics");
		take(s);
	}
	if (s->o.gpus)
		open_driver(s);
	while (!stop) {
		take(s);
		struct timespec until = after_ms(s->o.interval_ms / 2 ? s->o.interval_ms / 2 : 1);
		pthread_mutex_lock(&s->lock);
		while (!s->stop && pthread_cond_timedwait(&s->wake, &s->lock, &until) == 0)
			;
		stop = s->stop;
		pthread_mutex_unlock(&s->lock);
	}
	nvml_close(s->nvml);
	pthread_mutex_lock(&s->lock);
	s->gone = true;
	pthread_cond_broadcast(&s->wake);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

struct status sampler_new(const struct sampler_options *o, struct sampler **out)
{
	CHECK(o->interval_ms > 0);
	struct sampler *s = mem_zero(sizeof *s);
	if (!s)
		return FAIL(NO_MEMORY, "no memory for samples of the machine");
	s->o = *o;
	pthread_mutex_init(&s->lock, 0);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&s->thread, 0, sampler_main, s)) {
		mem_free(s);
		return FAIL(UNAVAILABLE, "cannot start the thread that samples the machine");
	}
	*out = s;
	return STATUS_GOOD;
}

void sampler_look(struct sampler *s, struct sampler_sample *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->latest;
	pthread_mutex_unlock(&s->lock);
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	struct timespec until = after_ms(END_WAIT_MS);
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->wake);
	while (!s->gone && pthread_cond_timedwait(&s->wake, &s->lock, &until) == 0)
		;
	bool gone = s->gone;
	pthread_mutex_unlock(&s->lock);
	if (!gone) {
		LOG_W("The NVIDIA driver does not answer; its thread is left behind");
		pthread_detach(s->thread);
		return;
	}
	pthread_join(s->thread, 0);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}
