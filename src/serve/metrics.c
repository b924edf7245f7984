/* Writing the metrics page.
 *
 * Families come from tables/metrics.def in its order; each is a loop over all ready versions, so
 * the page is made from the counters themselves and holds no state. Families without a series are
 * left out, as Triton's are. Machine-wide gauges come from a sample that the caller takes.
 */
#include "serve/metrics.h"

#include "base/file.h"
#include "base/panic.h"
#include "base/refused.h"

#include <inttypes.h>
#include <stdio.h>

enum family {
#define X(name, text, kind, help) FAMILY_##name,
#include "tables/metrics.def"
#undef X
	FAMILY_COUNT
};
struct row { const char *text, *kind, *help; };
static const struct row rows[FAMILY_COUNT] = {
#define X(name, text, kind, help) {text, kind, help},
#include "tables/metrics.def"
#undef X
};

/* The number of a family that has one a version. */
static uint64_t counter(const struct stats_sum *s, int64_t pending, enum family f)
{
	const uint64_t all[FAMILY_COUNT] = {
		[FAMILY_SUCCESS] = s->success.count, [FAMILY_INFERENCES] = s->inferences,
		[FAMILY_EXEC] = s->executions, [FAMILY_REQUEST_US] = s->request_us, [FAMILY_QUEUE_US] =
			s->queue_us,
		[FAMILY_INPUT_US] = s->input_us, [FAMILY_INFER_US] = s->infer_us, [FAMILY_OUTPUT_US] =
			s->output_us,
		[FAMILY_PENDING] = pending > 0 ? (uint64_t)pending : 0,
	};
	CHECK(f < FAMILY_LOAD);
	return all[f];
}

static void labels(struct buf *out, enum family f, const struct served_version *v,
                   const char *reason)
{
	buf_printf(out, "%s{model=\"%s\",%s%s%sversion=\"%" PRId64 "\"} ", rows[f].text, v->owner->name,
	           reason ? "reason=\"" : "", reason ? reason : "", reason ? "\"," : "", v->number);
}

/* One line of a histogram: le is the bound's text, or NULL for the sum and the count. */
static void bucket(struct buf *out, enum family f, const struct served_version *v,
                   const char *suffix, const char *le)
{
	buf_printf(out, "%s%s{%s%s%smodel=\"%s\",version=\"%" PRId64 "\"} ", rows[f].text, suffix,
	           le ? "le=\"" : "", le ? le : "", le ? "\"," : "", v->owner->name, v->number);
}

static void histogram_end(struct buf *out, enum family f, const struct served_version *v,
                          double sum, uint64_t count)
{
	bucket(out, f, v, "_bucket", "+Inf");
	buf_printf(out, "%" PRIu64 "\n", count);
	bucket(out, f, v, "_sum", 0);
	buf_printf(out, "%.16g\n", sum);
	bucket(out, f, v, "_count", 0);
	buf_printf(out, "%" PRIu64 "\n", count);
}

/* The count is the sum of the buckets, so a request counted meanwhile cannot make them differ. */
static void durations(struct buf *out, enum family f, const struct served_version *v,
                      const struct stats_sum *s)
{
	static const char *const bounds[STATS_BOUNDS] = {
#define X(ns, text) text,
#include "tables/buckets.def"
#undef X
	};
	const uint64_t ns[HISTOGRAM_COUNT] = {
		s->success.ns, s->queue.ns,
		s->compute_input.ns + s->compute_infer.ns + s->compute_output.ns,
	};
	size_t h = (size_t)(f - FAMILY_REQUEST_S);
	uint64_t count = 0;
	CHECK(h < HISTOGRAM_COUNT);
	for (int i = 0; i < STATS_BOUNDS; i++) {
		bucket(out, f, v, "_bucket", bounds[i]);
		buf_printf(out, "%" PRIu64 "\n", count += s->buckets[h][i]);
	}
	histogram_end(out, f, v, (double)ns[h] / 1e9, count + s->buckets[h][STATS_BOUNDS]);
}

/* Batch sizes at powers of two, from the numbers that the statistics keep for each size. */
static void batches(struct buf *out, enum family f, const struct served_version *v,
                    const struct stats_sum *s)
{
	uint64_t count = 0;
	char le[16];
	for (int size = 1, next = 1; size <= STATS_BATCH_MAX; size++) {
		count += s->batch[size].infer.count;
		if (size != next)
			continue;
		snprintf(le, sizeof le, "%d", size);
		bucket(out, f, v, "_bucket", le);
		buf_printf(out, "%" PRIu64 "\n", count);
		next *= 2;
	}
	histogram_end(out, f, v, (double)s->inferences, s->executions > count ? s->executions : count);
}

static void series(struct buf *out, enum family f, const struct served_version *v,
                   const struct stats_sum *s)
{
	static const char *const why[FAILURE_COUNT] = {"REJECTED", "CANCELED", "BACKEND", "OTHER"};
	for (int i = 0; f == FAMILY_FAILURE && i < FAILURE_COUNT; i++) {
		labels(out, f, v, why[i]);
		buf_printf(out, "%" PRIu64 "\n", s->failures[i]);
	}
	if (f == FAMILY_FAILURE)
		return;
	if (f >= FAMILY_REQUEST_S) {
		(f == FAMILY_BATCH ? batches : durations)(out, f, v, s);
		return;
	}
	labels(out, f, v, 0);
	if (f == FAMILY_LOAD)
		buf_printf(out, "%.16g\n", v->load_seconds);
	else
		buf_printf(out, "%" PRIu64 "\n",
		           counter(s, atomic_load(&((struct served_version *)v)->stats.pending), f));
}

static void head(struct buf *out, enum family f)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[f].text, rows[f].help, rows[f].text,
	           rows[f].kind);
}

static void per_version(const struct repo *r, enum family f, struct buf *out)
{
	bool begun = false;
	struct stats_sum sum;
	for (uint32_t i = 0; i < r->n_models; i++)
		for (uint32_t k = 0; k < r->models[i]->n_versions; k++) {
			const struct served_version *v = &r->models[i]->versions[k];
			if (v->state != SERVED_READY)
				continue;
			if (!begun)
				head(out, f);
			begun = true;
			stats_read(&v->stats, &sum);
			series(out, f, v, &sum);
		}
}

void metrics_page(const struct repo *r, const struct machine_sample *m, struct buf *out)
{
	for (int f = 0; f < FAMILY_REFUSED; f++)
		per_version(r, (enum family)f, out);
	head(out, FAMILY_REFUSED);
	for (int i = 0; i < REFUSALS; i++)
		buf_printf(out, "%s{reason=\"%s\"} %" PRIu64 "\n", rows[FAMILY_REFUSED].text,
		           refused_text((enum refusal)i), refused_count((enum refusal)i));
	if (!m->known)
		return;
	CHECK(m->cpu >= 0);
	head(out, FAMILY_CPU);
	buf_printf(out, "%s %.16g\n", rows[FAMILY_CPU].text, m->cpu);
	head(out, FAMILY_MEM_TOTAL);
	buf_printf(out, "%s %" PRIu64 "\n", rows[FAMILY_MEM_TOTAL].text, m->memory_total);
	head(out, FAMILY_MEM_USED);
	buf_printf(out, "%s %" PRIu64 "\n", rows[FAMILY_MEM_USED].text, m->memory_used);
}

/* A line of /proc/meminfo in bytes; 0 when absent. */
static uint64_t memory_line(struct str text, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i + n < text.n; i++)
		if (!memcmp(text.p + i, name, n)) {
			uint64_t v = 0;
			for (i += n; i < text.n && (text.p[i] == ' ' || text.p[i] == ':'); i++)
				;
			for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
				v = v * 10 + (uint64_t)(text.p[i] - '0');
			return v * 1024;
		}
	return 0;
}

struct status machine_read(struct machine_sample *out, uint64_t last[2])
{
	struct buf text;
	uint64_t t[8] = {0}, total = 0;
	TRY(file_read_stream("/proc/stat", 1 << 20, &text));
	buf_byte(&text, 0);
	int n = text.bad ? 0 : sscanf((const char *)text.p,
	                              "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
	               " %" SCNu64 " %" SCNu64 " %" SCNu64, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
	               &t[6], &t[7]);
	buf_release(&text);
	if (n < 4)
		return FAIL(UNSUPPORTED, "/proc/stat is not of the known form");
	for (int i = 0; i < 8; i++)
		total += t[i];
	uint64_t busy = total - t[3] - t[4], all = total - last[1];
	out->cpu = all ? (double)(busy - last[0]) / (double)all : 0;
	last[0] = busy;
	last[1] = total;
	TRY(file_read_stream("/proc/meminfo", 1 << 20, &text));
	out->memory_total = memory_line(buf_text(&text), "MemTotal");
	uint64_t available = memory_line(buf_text(&text), "MemAvailable");
	buf_release(&text);
	out->memory_used = out->memory_total > available ? out->memory_total - available : 0;
	out->known = true;
	return STATUS_GOOD;
}
