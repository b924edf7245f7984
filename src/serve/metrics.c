/* Writing the metrics page.
 *
 * Families come from tables/metrics.def in its order. Those of models are loops over all versions,
 * so the page is made from the counters themselves and holds no state; what the process, the
 * machine and its GPUs do comes in samples that the caller takes. Families without a series are
 * left out, as Triton's are. Any thread; the repository does not change meanwhile.
 */
#include "serve/metrics.h"

#include "base/log.h"
#include "base/panic.h"
#include "base/refused.h"

#include <inttypes.h>
#include <math.h>
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

static void head(struct buf *out, enum family f)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[f].text, rows[f].help, rows[f].text,
	           rows[f].kind);
}

/* Text between the quotes of a label. */
static void escaped(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\n')
			buf_z(out, "\\n");
		else {
			if (text.p[i] == '"' || text.p[i] == '\\')
				buf_byte(out, '\\');
			buf_byte(out, (uint8_t)text.p[i]);
		}
}

static void label(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "%s=\"", name);
	escaped(out, value);
	buf_byte(out, '"');
}

/* Labels of a configuration's metric_tags; characters that a label's name cannot have become _. */
static void tags(struct buf *out, const struct served *m)
{
	for (uint32_t i = 0; i < m->config.metric_tags.n; i++) {
		const struct mc_text_entry *t = &m->config.metric_tags.p[i];
		buf_byte(out, '_');
		for (size_t k = 0; k < t->key.n; k++) {
			uint8_t c = (uint8_t)t->key.p[k];
			bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
			buf_byte(out, fine ? c : '_');
		}
		buf_z(out, "=\"");
		escaped(out, t->value);
		buf_z(out, "\",");
	}
}

/* The series of a version up to its value. first: a label before model, with its value; between:
 * one between model and version; last: one after them. NULL: none. */
struct extra { const char *suffix, *first, *first_value, *between, *last; };

static void series(struct buf *out, enum family f, const struct served_version *v,
                   const struct extra *x)
{
	buf_printf(out, "%s%s{", rows[f].text, x->suffix ? x->suffix : "");
	tags(out, v->owner);
	if (x->first)
		buf_printf(out, "%s=\"%s\",", x->first, x->first_value);
	label(out, "model", str_from(v->owner->name));
	if (x->between)
		buf_printf(out, ",reason=\"%s\"", x->between);
	buf_printf(out, ",version=\"%" PRId64 "\"", v->number);
	if (x->last)
		buf_printf(out, ",quantile=\"%s\"", x->last);
	buf_z(out, "} ");
}

static void number(struct buf *out, uint64_t n)
{
	buf_printf(out, "%" PRIu64 "\n", n);
}

static void real(struct buf *out, double v)
{
	if (isnan(v))
		buf_z(out, "Nan\n");
	else
		buf_printf(out, "%.16g\n", v);
}

static void counted(struct buf *out, enum family f, const struct served_version *v,
                    const char *suffix, const char *le, uint64_t n)
{
	series(out, f, v, &(struct extra){.suffix = suffix, .first = le ? "le" : 0, .first_value = le});
	number(out, n);
}

static void summed(struct buf *out, enum family f, const struct served_version *v, double sum)
{
	series(out, f, v, &(struct extra){.suffix = "_sum"});
	real(out, sum);
}

static void histogram_end(struct buf *out, enum family f, const struct served_version *v,
                          double sum, uint64_t count)
{
	counted(out, f, v, "_bucket", "+Inf", count);
	summed(out, f, v, sum);
	counted(out, f, v, "_count", 0, count);
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
	for (int i = 0; i < STATS_BOUNDS; i++)
		counted(out, f, v, "_bucket", bounds[i], count += s->buckets[h][i]);
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
		counted(out, f, v, "_bucket", le, count);
		next *= 2;
	}
	histogram_end(out, f, v, (double)s->inferences, s->executions > count ? s->executions : count);
}

/* Triton's histogram, whose bounds are the model's own. */
static void first_responses(struct buf *out, enum family f, const struct served_version *v,
                            const struct stats_sum *s)
{
	uint64_t count = 0;
	char le[32];
	CHECK(v->stats.n_first <= STATS_FIRST_MAX);
	for (uint32_t i = 0; i < v->stats.n_first; i++) {
		snprintf(le, sizeof le, "%.16g", v->stats.first_bounds[i]);
		counted(out, f, v, "_bucket", le, count += s->first[i]);
	}
	histogram_end(out, f, v, (double)s->first_ms, count + s->first[v->stats.n_first]);
}

static void summary(struct buf *out, enum family f, const struct served_version *v,
                    const struct stats_sum *s, const struct metrics_view *view)
{
	const uint64_t us[SUMMARY_KINDS] = {s->request_us, s->queue_us, s->input_us, s->infer_us,
	                                    s->output_us};
	enum summary_kind k = (enum summary_kind)(f - FAMILY_REQUEST_Q);
	struct summary_view minute;
	char text[32];
	CHECK(k < SUMMARY_KINDS);
	counted(out, f, v, "_count", 0, s->success.count);
	counted(out, f, v, "_sum", 0, us[k]);
	stats_summary(&v->stats, k, view->unix_ms, &minute);
	for (uint32_t i = 0; i < view->config->n_quantiles; i++) {
		snprintf(text, sizeof text, "%.16g", view->config->quantiles[i]);
		series(out, f, v, &(struct extra){.last = text});
		real(out, summary_quantile(&minute, view->config->quantiles[i]));
	}
}

static void failures(struct buf *out, enum family f, const struct served_version *v,
                     const struct stats_sum *s)
{
	static const char *const why[FAILURE_COUNT] = {"REJECTED", "CANCELED", "BACKEND", "OTHER"};
	for (int i = 0; i < FAILURE_COUNT; i++) {
		series(out, f, v, &(struct extra){.between = why[i]});
		number(out, s->failures[i]);
	}
}

/* All series of one version in a family of models. */
static void of_version(struct buf *out, enum family f, const struct served_version *v,
                       const struct metrics_view *view)
{
	struct stats_sum s;
	int64_t pending = atomic_load(&((struct served_version *)v)->stats.pending);
	stats_read(&v->stats, &s);
	switch (f) {
	case FAMILY_SUCCESS: counted(out, f, v, 0, 0, s.success.count); break;
	case FAMILY_FAILURE: failures(out, f, v, &s); break;
	case FAMILY_INFERENCES: counted(out, f, v, 0, 0, s.inferences); break;
	case FAMILY_EXEC: counted(out, f, v, 0, 0, s.executions); break;
	case FAMILY_REQUEST_US: counted(out, f, v, 0, 0, s.request_us); break;
	case FAMILY_QUEUE_US: counted(out, f, v, 0, 0, s.queue_us); break;
	case FAMILY_INPUT_US: counted(out, f, v, 0, 0, s.input_us); break;
	case FAMILY_INFER_US: counted(out, f, v, 0, 0, s.infer_us); break;
	case FAMILY_OUTPUT_US: counted(out, f, v, 0, 0, s.output_us); break;
	case FAMILY_PENDING: counted(out, f, v, 0, 0, pending > 0 ? (uint64_t)pending : 0); break;
	case FAMILY_LOAD:
		series(out, f, v, &(struct extra){0});
		real(out, v->load_seconds);
		break;
	case FAMILY_FIRST: first_responses(out, f, v, &s); break;
	case FAMILY_BATCH: batches(out, f, v, &s); break;
	default:
		if (f < FAMILY_REQUEST_S)
			summary(out, f, v, &s, view);
		else
			durations(out, f, v, &s);
	}
}

/* Whether --metrics-config wants the family. */
static bool wanted(const struct metrics_config *c, enum family f)
{
	if (f >= FAMILY_REQUEST_US && f <= FAMILY_OUTPUT_US)
		return c->counters;
	if (f >= FAMILY_REQUEST_Q && f <= FAMILY_OUTPUT_Q)
		return c->summaries;
	return f != FAMILY_FIRST || c->histograms;
}

static void of_models(struct buf *out, enum family f, const struct metrics_view *view)
{
	bool begun = false;
	const struct repo *r = view->repo;
	if (!wanted(view->config, f))
		return;
	for (uint32_t i = 0; i < r->n_models; i++)
		for (uint32_t k = 0; k < r->models[i]->n_versions; k++) {
			const struct served_version *v = &r->models[i]->versions[k];
			if (v->state != SERVED_READY)
				continue;
			if (!begun)
				head(out, f);
			begun = true;
			of_version(out, f, v, view);
		}
}

/* Every version that the repository has, and models of which none could be made. */
static void model_ready(struct buf *out, const struct repo *r)
{
	if (r->n_models)
		head(out, FAMILY_MODEL_READY);
	for (uint32_t i = 0; i < r->n_models; i++) {
		const struct served *m = r->models[i];
		for (uint32_t k = 0; k < m->n_versions; k++) {
			bool ready = !m->failure && m->versions[k].state == SERVED_READY;
			buf_printf(out, "%s{", rows[FAMILY_MODEL_READY].text);
			tags(out, m);
			label(out, "model", str_from(m->name));
			buf_printf(out, ",version=\"%" PRId64 "\"} %d\n", m->versions[k].number, ready);
		}
		if (m->n_versions)
			continue;
		buf_printf(out, "%s{", rows[FAMILY_MODEL_READY].text);
		label(out, "model", str_from(m->name));
		buf_z(out, ",version=\"\"} 0\n");
	}
}

/* A family of one series without labels. */
static void whole(struct buf *out, enum family f, uint64_t n)
{
	head(out, f);
	buf_printf(out, "%s %" PRIu64 "\n", rows[f].text, n);
}

static void fraction(struct buf *out, enum family f, double v)
{
	head(out, f);
	buf_printf(out, "%s %.16g\n", rows[f].text, v);
}

static void of_server(struct buf *out, const struct metrics_view *v)
{
	head(out, FAMILY_REFUSED);
	for (int i = 0; i < REFUSALS; i++)
		buf_printf(out, "%s{reason=\"%s\"} %" PRIu64 "\n", rows[FAMILY_REFUSED].text,
		           refused_text((enum refusal)i), refused_count((enum refusal)i));
	head(out, FAMILY_BUILD);
	buf_printf(out, "%s{", rows[FAMILY_BUILD].text);
	label(out, "version", str_from(v->version));
	buf_z(out, "} 1\n");
	whole(out, FAMILY_READY, repo_ready(v->repo, v->strict_ready));
}

/* With the connections: of loops that serve. */
static void of_loops(struct buf *out, const struct metrics_view *v)
{
	if (!v->n_connections)
		return;
	head(out, FAMILY_CONNECTIONS);
	for (uint32_t i = 0; i < v->n_connections; i++)
		buf_printf(out, "%s{protocol=\"%s\"} %" PRIu32 "\n", rows[FAMILY_CONNECTIONS].text,
		           v->connections[i].protocol, v->connections[i].open);
	fraction(out, FAMILY_BUSY_POLL, (double)v->busy_polled_ns * 1e-9);
}

static void of_process(struct buf *out, const struct process_sample *p)
{
	fraction(out, FAMILY_CPU_S, p->cpu_seconds);
	whole(out, FAMILY_OPEN_FDS, p->open_fds);
	whole(out, FAMILY_MAX_FDS, p->max_fds);
	whole(out, FAMILY_RESIDENT, p->resident_bytes);
	fraction(out, FAMILY_START, p->start_seconds);
}

static double gpu_figure(const struct nvml_figures *f, enum family family)
{
	switch (family) {
	case FAMILY_GPU_USE: return f->utilization;
	case FAMILY_GPU_TOTAL: return (double)f->memory_total_bytes;
	case FAMILY_GPU_USED: return (double)f->memory_used_bytes;
	case FAMILY_GPU_POWER: return f->power_watts;
	case FAMILY_GPU_LIMIT: return f->limit_watts;
	case FAMILY_ENERGY: return f->energy_joules;
	default: UNREACHABLE();
	}
}

static void of_gpus(struct buf *out, enum family f, uint32_t bit, const struct metrics_view *v)
{
	bool begun = false;
	for (uint32_t i = 0; i < v->n_gpus; i++) {
		if (!(v->gpus[i].figures.known & bit))
			continue;
		if (!begun)
			head(out, f);
		begun = true;
		buf_printf(out, "%s{", rows[f].text);
		label(out, "gpu_uuid", str_from(v->gpus[i].uuid));
		buf_printf(out, "} %.16g\n", gpu_figure(&v->gpus[i].figures, f));
	}
}

void metrics_page(const struct metrics_view *v, struct buf *out)
{
	CHECK(v->repo && v->version && v->config);
	for (int f = 0; f < FAMILY_MODEL_READY; f++)
		of_models(out, (enum family)f, v);
	model_ready(out, v->repo);
	of_server(out, v);
	of_loops(out, v);
	if (v->process)
		of_process(out, v->process);
	if (v->limits) {
		whole(out, FAMILY_MEM_LIMIT, v->limits->memory_bytes);
		fraction(out, FAMILY_CPU_LIMIT, v->limits->cpu_cores);
	}
	if (v->machine && v->machine->known) {
		fraction(out, FAMILY_CPU, v->machine->cpu);
		whole(out, FAMILY_MEM_TOTAL, v->machine->memory_total);
		whole(out, FAMILY_MEM_USED, v->machine->memory_used);
	}
	of_gpus(out, FAMILY_GPU_USE, NVML_UTILIZATION, v);
	of_gpus(out, FAMILY_GPU_TOTAL, NVML_MEMORY, v);
	of_gpus(out, FAMILY_GPU_USED, NVML_MEMORY, v);
	of_gpus(out, FAMILY_GPU_POWER, NVML_POWER, v);
	of_gpus(out, FAMILY_GPU_LIMIT, NVML_LIMIT, v);
	of_gpus(out, FAMILY_ENERGY, NVML_ENERGY, v);
}

struct status metrics_settings(const struct served *m, struct stats *s)
{
	const struct mc_metrics *all = m->config.model_metrics;
	for (uint32_t i = 0; all && i < all->metric_control.n; i++) {
		const struct mc_metric_control *c = &all->metric_control.p[i];
		struct str family = c->metric_identifier ? c->metric_identifier->family : STR_NONE;
		if (!str_is(family, rows[FAMILY_FIRST].text))
			LOG_W("model_metrics of '%s' has no effect on '%.*s': only %s has bounds to set",
			      m->name, STR_ARG(family), rows[FAMILY_FIRST].text);
		else if (c->histogram_options)
			TRY_MSG(stats_first_bounds(s, c->histogram_options->buckets.p,
			                           c->histogram_options->buckets.n), "model_metrics");
	}
	return STATUS_GOOD;
}
