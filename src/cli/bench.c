/* `nereid bench`: latency and throughput of a model, run after run on one execution.
 *
 * The loop is closed: the next run starts when the last ended, which measures the engine, not a
 * server. Inputs are random and seeded. One run warms up; then runs are timed until the seconds
 * are over, at least three. Times are kept in full, so percentiles are exact.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rand.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 4 << 20, STEPS_SHOWN_MAX = 4096 };

struct bench {
	struct model *model;
	struct exec *exec;
	struct tensor in[MODEL_IO_MAX], out[MODEL_IO_MAX];
	uint32_t n_in, n_out;
	uint64_t *ns, n;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void bench_release(struct bench *b)
{
	for (uint32_t i = 0; i < b->n_in; i++)
		mem_free(b->in[i].data);
	for (uint32_t i = 0; i < b->n_out; i++)
		mem_free(b->out[i].data);
	exec_free(b->exec);
	model_free(b->model);
	mem_free(b->ns);
}

/* Random tensors of the model's shapes; dynamic dimensions are the batch. */
static struct status make_inputs(struct bench *b, int64_t batch)
{
	const struct model_io *io = model_inputs(b->model, &b->n_in);
	struct rand r;
	rand_seed(&r, 1);
	for (uint32_t i = 0; i < b->n_in; i++) {
		struct tensor *t = &b->in[i];
		int64_t count;
		*t = (struct tensor){.dtype = io[i].dtype, .rank = io[i].rank};
		for (uint32_t k = 0; k < t->rank; k++)
			t->dims[k] = io[i].dims[k] < 0 ? batch : io[i].dims[k];
		if (!tensor_elements(t, &count) || !dtype_bytes(t->dtype))
			return FAIL(UNSUPPORTED, "input %.*s cannot be made up", STR_ARG(io[i].name));
		t->bytes = (size_t)count * dtype_bytes(t->dtype);
		t->data = mem_zero(t->bytes);
		if (!t->data)
			return FAIL(NO_MEMORY, "no memory for input %.*s", STR_ARG(io[i].name));
		for (int64_t k = 0; t->dtype == DTYPE_FP32 && k < count; k++)
			((float *)t->data)[k] = rand_f32(&r, -1, 1);
	}
	return STATUS_GOOD;
}

static struct status make_outputs(struct bench *b)
{
	model_outputs(b->model, &b->n_out);
	TRY(exec_shapes(b->exec, b->in, b->out));
	for (uint32_t i = 0; i < b->n_out; i++) {
		b->out[i].data = mem_alloc(b->out[i].bytes);
		if (!b->out[i].data)
			return FAIL(NO_MEMORY, "no memory for the outputs");
	}
	return STATUS_GOOD;
}

static struct status measure(struct bench *b, double seconds)
{
	b->ns = mem_alloc(RUNS_MAX * sizeof *b->ns);
	if (!b->ns)
		return FAIL(NO_MEMORY, "no memory for the times of %d runs", RUNS_MAX);
	TRY(exec_run(b->exec, b->in, b->out));
	uint64_t start = clock_ns(), last = start, end = start + (uint64_t)(seconds * 1e9);
	while (b->n < RUNS_MAX && (last < end || b->n < 3)) {
		TRY(exec_run(b->exec, b->in, b->out));
		uint64_t now = clock_ns();
		b->ns[b->n++] = now - last;
		last = now;
	}
	qsort(b->ns, b->n, sizeof *b->ns, by_value);
	return STATUS_GOOD;
}

static double at_ms(const struct bench *b, double part)
{
	return (double)b->ns[(uint64_t)((double)(b->n - 1) * part)] / 1e6;
}

static void print(const struct bench *b, int64_t batch, uint32_t threads, bool json)
{
	double sum = 0;
	for (uint64_t i = 0; i < b->n; i++)
		sum += (double)b->ns[i];
	double mean = sum / (double)b->n / 1e6, rate = (double)batch * 1e3 / mean;
	const char *form = json ? "{\"model\":\"%s\",\"backend\":\"%s\",\"batch\":%lld,\"threads\":%u,\"runs\":%llu,"
	                          "\"min_ms\":%.4f,\"p50_ms\":%.4f,\"p90_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f,"
	                          "\"mean_ms\":%.4f,\"per_second\":%.2f}\n"
	                        : "%s on %s, batch %lld, %u threads, %llu runs\nlatency  min %.4f  p50 %.4f  p90 %.4f  "
	                          "p99 %.4f  max %.4f  mean %.4f ms\nrate     %.2f inferences/s\n";
	printf(form, model_path(b->model), model_backend_text(b->model), (long long)batch, threads,
	       (unsigned long long)b->n, at_ms(b, 0), at_ms(b, 0.5), at_ms(b, 0.9), at_ms(b, 0.99), at_ms(b, 1), mean, rate);
}

static struct status print_profile(struct bench *b)
{
	struct step_info *s = mem_zero(STEPS_SHOWN_MAX * sizeof *s);
	if (!s)
		return FAIL(NO_MEMORY, "no memory for the profile");
	uint32_t n = exec_steps(b->exec, s, STEPS_SHOWN_MAX);
	printf("%-28s %-18s %-4s %-12s %9s %9s\n", "node", "op", "by", "tactic", "us", "GFLOP/s");
	for (uint32_t i = 0; i < n && i < STEPS_SHOWN_MAX; i++) {
		double us = s[i].runs ? (double)s[i].ns_total / (double)s[i].runs / 1e3 : 0;
		printf("%-28.*s %-18.*s %-4.*s %-12.*s %9.1f %9.1f\n", STR_ARG(s[i].node), STR_ARG(s[i].op),
		       STR_ARG(s[i].backend), STR_ARG(s[i].tactic), us, us > 0 ? s[i].flops / us / 1e3 : 0);
	}
	mem_free(s);
	return STATUS_GOOD;
}

static struct status bench(int argc, char **argv)
{
	struct status st = STATUS_GOOD;
	struct args a;
	struct bench b = {0};
	uint64_t batch, threads;
	double seconds;

	GO(args_parse(WORD_BENCH, argc, argv, &a));
	GO(args_u64(&a, OPT_BENCH_BATCH, 1, 1 << 20, &batch));
	GO(args_u64(&a, OPT_BENCH_THREADS, 0, POOL_THREADS_MAX, &threads));
	GO(args_f64(&a, OPT_BENCH_SECONDS, 0.01, 3600, &seconds));
	const char *path = a.value[OPT_BENCH_PLAN];
	if (!path)
		GO(args_one(&a, WORD_BENCH, &path));
	threads = threads ? threads : pool_usable_cpus();
	struct model_options o = {.backend = a.value[OPT_BENCH_BACKEND], .batch_max = (int64_t)batch};
	GO(model_open(path, &o, &b.model));
	GO(exec_new(b.model, (uint32_t)threads, &b.exec));
	GO(make_inputs(&b, (int64_t)batch));
	GO(make_outputs(&b));
	GO(exec_profile(b.exec, args_flag(&a, OPT_BENCH_PROFILE)));
	GO(measure(&b, seconds));
	print(&b, (int64_t)batch, (uint32_t)threads, args_flag(&a, OPT_BENCH_JSON));
	if (args_flag(&a, OPT_BENCH_PROFILE))
		GO(print_profile(&b));
out:
	bench_release(&b);
	return st;
}

int cli_bench(int argc, char **argv)
{
	return args_report(WORD_BENCH, bench(argc, argv));
}
