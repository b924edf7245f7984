/* `nereid bench`: latency and throughput of a model, run after run on one execution.
 *
 * The loop is closed: the next run starts when the last ended, which measures the engine, not a
 * server. Inputs are random and seeded. One run warms up; then runs are timed until the seconds
 * are over, at least three. Times are kept in full, so percentiles are exact.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/workload.h"
#include "engine/engine.h"

#include <stdio.h>

enum { RUNS_MAX = 4 << 20, STEPS_SHOWN_MAX = 4096 };

struct bench {
	struct model *model;
	struct workload work;
	uint64_t *ns, n;
};

static void bench_release(struct bench *b)
{
	workload_release(&b->work);
	model_free(b->model);
	mem_free(b->ns);
}

static struct status measure(struct bench *b, double seconds)
{
	b->ns = mem_alloc(RUNS_MAX * sizeof *b->ns);
	if (!b->ns)
		return FAIL(NO_MEMORY, "no memory for the times of %d runs", RUNS_MAX);
	TRY(workload_run(&b->work));
	uint64_t start = clock_ns(), last = start, end = start + (uint64_t)(seconds * 1e9);
	while (b->n < RUNS_MAX && (last < end || b->n < 3)) {
		TRY(workload_run(&b->work));
		uint64_t now = clock_ns();
		b->ns[b->n++] = now - last;
		last = now;
	}
	workload_sort(b->ns, b->n);
	return STATUS_GOOD;
}

static double at_ms(const struct bench *b, double part)
{
	return (double)workload_part(b->ns, b->n, part) / 1e6;
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
	uint32_t n = exec_steps(b->work.exec, s, STEPS_SHOWN_MAX);
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
	GO(workload_init(&b.work, b.model, (uint32_t)threads, 0, (int64_t)batch));
	GO(exec_profile(b.work.exec, args_flag(&a, OPT_BENCH_PROFILE)));
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
