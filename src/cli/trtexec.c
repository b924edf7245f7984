/* `trtexec`: builds a plan and measures it, with TensorRT's options and a report in its form.
 *
 * Scripts grep the report, so its lines keep their names where they mean the same. Those about
 * copies to a device and about enqueueing are left out, as there is no device. Every stream is a
 * thread with an execution of its own; streams share the model. A run counts in qps, not an image.
 * Lines go to stdout as TensorRT's do, and failures end with the line that says FAILED.
 */
#include "cli/trtexec.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "cli/workload.h"
#include "nereid/nereid.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES_MAX ((size_t)64 << 20)
enum { RUNS_MAX = 4 << 20, STEPS_SHOWN_MAX = 4096 };

/* One stream: a thread's own, until it has ended. */
struct stream {
	const struct trtexec *t;
	struct workload work;
	uint64_t *start_ns, *ns, n;      /* of every run; start_ns */
	struct status st;
	char failure[STATUS_TEXT];       /* st.msg, kept beyond the thread */
};
struct session {
	struct trtexec t;
	struct model *model;
	struct stream *streams;
	char scratch[64];                /* a plan that nobody asked to keep; "" : none */
	uint64_t *ns, n, wall_ns;        /* of all streams */
};

static void heading(char letter)
{
	time_t now = (time_t)(clock_unix_ns() / 1000000000u);
	struct tm t;
	gmtime_r(&now, &t);
	printf("[%02d/%02d/%04d-%02d:%02d:%02d] [%c] ", t.tm_mon + 1, t.tm_mday, t.tm_year + 1900,
	       t.tm_hour,
	       t.tm_min, t.tm_sec, letter);
}

#define SAY(...) (heading('I'), printf(__VA_ARGS__), (void)putchar('\n'))

static void say_lines(struct str text)
{
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		SAY("%.*s", (int)n, text.p);
		text.p += n + (end != 0);
		text.n -= n + (end != 0);
	}
}

/* The plan's path: that of --saveEngine, or a file of our own that session_release removes. */
static struct status build(struct session *s, const char **plan)
{
	struct status st = STATUS_GOOD;
	struct buf log;
	const char *dir = getenv("TMPDIR");

	buf_init(&log, TEXT_BYTES_MAX);
	*plan = s->t.value[TRT_SAVE_ENGINE];
	if (!*plan) {
		snprintf(s->scratch, sizeof s->scratch, "%.40s/trtexec-XXXXXX", dir && *dir ? dir :
		         "/tmp");
		int fd = mkstemp(s->scratch);
		if (fd < 0) {
			st = FAIL(IO, "cannot write a plan into %s; name a file with --saveEngine=FILE, or a "
			          "folder for such files with TMPDIR", dir && *dir ? dir : "/tmp");
			s->scratch[0] = 0;
			goto out;
		}
		close(fd);
		*plan = s->scratch;
	}
	uint64_t start = clock_ns();
	GO(engine_compile(s->t.value[TRT_ONNX], &s->t.compile, *plan, &log));
	say_lines(buf_text(&log));
	SAY("Engine built in %.3f sec.", (double)(clock_ns() - start) / 1e9);
out:
	buf_release(&log);
	return st;
}

static struct status repeat(struct stream *x)
{
	uint64_t end = clock_ns() + x->t->warm_up_ns, now;
	do
		TRY(workload_run(&x->work));
	while (clock_ns() < end);
	now = clock_ns();
	end = now + (uint64_t)(x->t->duration_s * 1e9);
	while (x->n < RUNS_MAX && (now < end || x->n < x->t->iterations)) {
		x->start_ns[x->n] = now;
		TRY(workload_run(&x->work));
		uint64_t last = now;
		now = clock_ns();
		x->ns[x->n++] = now - last;
	}
	return STATUS_GOOD;
}

static void *stream_main(void *arg)
{
	struct stream *x = arg;
	x->st = repeat(x);
	if (x->st.code)
		snprintf(x->failure, sizeof x->failure, "%s", x->st.msg);
	return 0;
}

/* Memory for the times is only touched as runs are made. */
static struct status streams_init(struct session *s, uint32_t threads)
{
	s->streams = mem_zero(s->t.streams * sizeof *s->streams);
	if (!s->streams)
		return FAIL(NO_MEMORY, "no memory for %u streams", s->t.streams);
	for (uint32_t i = 0; i < s->t.streams; i++) {
		struct stream *x = &s->streams[i];
		x->t = &s->t;
		TRY(workload_init(&x->work, s->model, threads, &s->t.shapes, 1));
		x->ns = mem_alloc(RUNS_MAX * sizeof *x->ns);
		x->start_ns = mem_alloc(RUNS_MAX * sizeof *x->start_ns);
		if (!x->ns || !x->start_ns)
			return FAIL(NO_MEMORY, "no memory for the times of %d runs", RUNS_MAX);
	}
	return STATUS_GOOD;
}

/* All times in one sorted list, and the time from the first start to the last end. */
static struct status gather(struct session *s)
{
	uint64_t first = UINT64_MAX, last = 0, total = 0;
	for (uint32_t i = 0; i < s->t.streams; i++) {
		const struct stream *x = &s->streams[i];
		if (x->st.code)
			return FAIL(INTERNAL, "stream %u: %s", i, x->failure);
		first = x->start_ns[0] < first ? x->start_ns[0] : first;
		uint64_t end = x->start_ns[x->n - 1] + x->ns[x->n - 1];
		last = end > last ? end : last;
		total += x->n;
	}
	s->ns = mem_alloc(total * sizeof *s->ns);
	if (!s->ns)
		return FAIL(NO_MEMORY, "no memory for the times of %llu runs", (unsigned long long)total);
	for (uint32_t i = 0; i < s->t.streams; i++) {
		memcpy(s->ns + s->n, s->streams[i].ns, s->streams[i].n * sizeof *s->ns);
		s->n += s->streams[i].n;
	}
	workload_sort(s->ns, s->n);
	s->wall_ns = last - first;
	return STATUS_GOOD;
}

static struct status run(struct session *s)
{
	pthread_t thread[TRT_STREAMS_MAX];
	uint32_t started = 0, cpus = pool_usable_cpus(), threads = cpus / s->t.streams;
	struct status st = STATUS_GOOD;

	threads = threads ? threads : 1;
	TRY(streams_init(s, threads));
	SAY("Starting inference: %u streams, %u threads each, on %s", s->t.streams, threads,
	    model_backend_text(s->model));
	for (; started < s->t.streams; started++)
		if (pthread_create(&thread[started], 0, stream_main, &s->streams[started])) {
			st = FAIL(UNAVAILABLE, "cannot start stream %u: too many threads", started);
			break;
		}
	for (uint32_t i = 0; i < started; i++)
		pthread_join(thread[i], 0);
	return st.code ? st : gather(s);
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

/* Times are averaged over avgRuns runs of the first stream, in order, as TensorRT's trace is. */
static void print_trace(const struct session *s)
{
	const struct stream *x = &s->streams[0];
	uint64_t every = s->t.avg_runs;
	SAY("=== Trace details ===");
	SAY("Trace averages of %llu runs:", (unsigned long long)every);
	for (uint64_t i = 0; i + every <= x->n; i += every) {
		uint64_t sum = 0;
		for (uint64_t k = i; k < i + every; k++)
			sum += x->ns[k];
		SAY("Average on %llu runs - Latency: %g ms", (unsigned long long)every,
		    ms(sum) / (double)every);
	}
}

static void print_summary(const struct session *s)
{
	double sum = 0, squares = 0, mean;
	for (uint64_t i = 0; i < s->n; i++)
		sum += ms(s->ns[i]);
	mean = sum / (double)s->n;
	for (uint64_t i = 0; i < s->n; i++)
		squares += (ms(s->ns[i]) - mean) * (ms(s->ns[i]) - mean);
	SAY("=== Performance summary ===");
	SAY("Throughput: %g qps", (double)s->n / ((double)s->wall_ns / 1e9));
	heading('I');
	printf("Latency: min = %g ms, max = %g ms, mean = %g ms, median = %g ms", ms(s->ns[0]),
	       ms(s->ns[s->n - 1]), mean, ms(workload_part(s->ns, s->n, 0.5)));
	for (uint32_t i = 0; i < s->t.n_percentiles; i++)
		printf(", percentile(%g%%) = %g ms", s->t.percentile[i],
		       ms(workload_part(s->ns, s->n, s->t.percentile[i] / 100)));
	putchar('\n');
	SAY("Total Host Walltime: %g s", (double)s->wall_ns / 1e9);
	SAY("Total Compute Time: %g s", sum / 1e3);
	if (s->n > 1 && sqrt(squares / (double)s->n) > 0.025 * mean) {
		heading('W');
		printf("* Compute time is unstable, with coefficient of variance = %.4g%%.\n",
		       100 * sqrt(squares / (double)s->n) / mean);
	}
	if (s->t.streams > 1) {
		heading('W');
		printf("* %u streams share the processors, so latency is longer than that of one.\n",
		       s->t.streams);
	}
}

static struct status export_times(const struct session *s, const char *path)
{
	struct status st = STATUS_GOOD;
	struct buf b;
	bool comma = false;

	buf_init(&b, (size_t)1 << 31);
	buf_byte(&b, '[');
	for (uint32_t i = 0; i < s->t.streams; i++)
		for (uint64_t k = 0; k < s->streams[i].n; k++, comma = true) {
			double start = ms(s->streams[i].start_ns[k] - s->streams[0].start_ns[0]);
			if (s->streams[i].start_ns[k] < s->streams[0].start_ns[0])
				start = -ms(s->streams[0].start_ns[0] - s->streams[i].start_ns[k]);
			double took = ms(s->streams[i].ns[k]);
			buf_printf(&b, "%s\n  {\"startComputeMs\": %.6f, \"endComputeMs\": %.6f, "
			           "\"computeMs\": %.6f, \"latencyMs\": %.6f}",
			           comma ? "," : "", start, start + took, took, took);
		}
	buf_z(&b, "\n]\n");
	GO(buf_status(&b));
	GO(file_write(path, buf_span(&b)));
out:
	buf_release(&b);
	return st;
}

/* A name as a JSON string; names are those of the model, and may be anything. */
static void json_text(struct buf *b, struct str s)
{
	buf_byte(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];
		if (c < 0x20)
			buf_printf(b, "\\u%04x", c);
		else {
			if (c == '"' || c == '\\')
				buf_byte(b, '\\');
			buf_byte(b, c);
		}
	}
	buf_byte(b, '"');
}

/* A run of its own, of as many times as --iterations says, with every layer timed. */
static struct status profile(struct session *s)
{
	struct status st = STATUS_GOOD;
	struct workload *w = &s->streams[0].work;
	const char *path = s->t.value[TRT_EXPORT_PROFILE];
	struct step_info *rows = mem_zero(STEPS_SHOWN_MAX * sizeof *rows);
	struct buf b;
	double total = 0;

	buf_init(&b, TEXT_BYTES_MAX);
	if (!rows)
		GO(FAIL(NO_MEMORY, "no memory for the profile"));
	GO(exec_profile(w->exec, true));
	for (uint64_t i = 0; i < s->t.iterations; i++)
		GO(workload_run(w));
	uint32_t n = exec_steps(w->exec, rows, STEPS_SHOWN_MAX);
	n = n < STEPS_SHOWN_MAX ? n : STEPS_SHOWN_MAX;
	for (uint32_t i = 0; i < n; i++)
		total += ms(rows[i].ns_total);
	buf_printf(&b, "[\n  {\"count\": %llu}", (unsigned long long)s->t.iterations);
	if (s->t.value[TRT_DUMP_PROFILE])
		SAY("=== Profile (%llu iterations) ===", (unsigned long long)s->t.iterations);
	for (uint32_t i = 0; i < n; i++) {
		double time = ms(rows[i].ns_total), mean = rows[i].runs ? time / (double)rows[i].runs : 0;
		double share = total > 0 ? 100 * time / total : 0;
		if (s->t.value[TRT_DUMP_PROFILE])
			SAY("%10.3f ms %10.4f ms %5.1f %%  %.*s (%.*s, %.*s)", time, mean, share,
			    STR_ARG(rows[i].node), STR_ARG(rows[i].op), STR_ARG(rows[i].precision));
		buf_z(&b, ",\n  {\"name\": ");
		json_text(&b, rows[i].node);
		buf_printf(&b, ", \"timeMs\": %.6f, \"averageMs\": %.6f, \"percentage\": %.3f}", time,
		           mean, share);
	}
	buf_z(&b, "\n]\n");
	GO(buf_status(&b));
	if (path)
		GO(file_write(path, buf_span(&b)));
out:
	buf_release(&b);
	mem_free(rows);
	return st;
}

static void session_release(struct session *s)
{
	for (uint32_t i = 0; s->streams && i < s->t.streams; i++) {
		workload_release(&s->streams[i].work);
		mem_free(s->streams[i].ns);
		mem_free(s->streams[i].start_ns);
	}
	mem_free(s->streams);
	model_free(s->model);
	mem_free(s->ns);
	if (*s->scratch)
		unlink(s->scratch);
}

static struct status work(struct session *s)
{
	const char *plan = s->t.value[TRT_LOAD_ENGINE], *why;
	struct model_options o = {0};
	int at = 0;

	for (const char *name; (name = trtexec_ignored(&s->t, &at, &why)) != 0;)
		SAY("--%s has no effect here: %s", name, why);
	if (s->t.value[TRT_ONNX])
		TRY(build(s, &plan));
	if (!s->t.measure) {
		SAY("Skipped inference phase since --skipInference is added.");
		return STATUS_GOOD;
	}
	TRY(model_open(plan, &o, &s->model));
	TRY(run(s));
	if (s->t.value[TRT_VERBOSE])
		print_trace(s);
	print_summary(s);
	if (s->t.value[TRT_EXPORT_TIMES])
		TRY(export_times(s, s->t.value[TRT_EXPORT_TIMES]));
	if (s->t.value[TRT_DUMP_PROFILE] || s->t.value[TRT_EXPORT_PROFILE])
		TRY(profile(s));
	return STATUS_GOOD;
}

static void banner(const char *what, int argc, char **argv)
{
	printf("&&&& %s TensorRT.trtexec [Nereid v%s] #", what, nrd_version());
	for (int i = 0; i < argc; i++)
		printf(" %s", argv[i]);
	putchar('\n');
	fflush(stdout);
}

int cli_trtexec(int argc, char **argv)
{
	struct session s = {0};
	struct status st = trtexec_parse(argc, argv, &s.t);
	if (!st.code && s.t.help) {
		struct buf b;
		buf_init(&b, TEXT_BYTES_MAX);
		trtexec_help(&b);
		fwrite(b.p, 1, b.n, stdout);
		buf_release(&b);
		return 0;
	}
	banner("RUNNING", argc, argv);
	if (!st.code)
		st = work(&s);
	if (st.code) {
		fflush(stdout);
		fprintf(stderr, "trtexec: %s\n", st.msg);
	}
	session_release(&s);
	banner(st.code ? "FAILED" : "PASSED", argc, argv);
	return st.code ? 1 : 0;
}
