/* Loading a model of the repository: configuration, versions, engine, runner.
 *
 * A failure belongs to the version or model that it concerns and is kept as text, so one bad
 * model keeps no other from serving. The configuration is completed from the first version that
 * opens. All text is in the model's arena. Loading may run on any one thread; afterwards a served
 * model does not change but for its counters.
 */
#include "serve/model.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"
#include "codec/json.h"
#include "serve/config.h"
#include "serve/ensemble.h"
#include "serve/metrics.h"
#include "serve/runner.h"
#include "serve/scheduling.h"
#include "serve/sequence.h"

#include <inttypes.h>
#include <stdlib.h>

#define SERVED_BYTES_MAX ((size_t)64 << 20)
#define CONFIG_JSON_BYTES_MAX ((size_t)4 << 20)
enum { VERSIONS_MAX = 1024 };

static const char *reason_text(struct served *m, struct status st)
{
	const char *text = arena_printf(&m->arena, "%s: %s", status_name(st.code), st.msg);
	return text ? text : "Internal: no memory for the reason";
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Version folders: decimal, over 0, without leading zeros. */
static struct status scan(struct served *m, int64_t *numbers, uint32_t *n)
{
	char **names;
	uint32_t count;
	*n = 0;
	TRY(file_list(m->dir, &m->arena, &names, &count));
	for (uint32_t i = 0; i < count && *n < VERSIONS_MAX; i++) {
		const char *path = arena_printf(&m->arena, "%s/%s", m->dir, names[i]);
		int64_t v;
		if (!path)
			return FAIL(NO_MEMORY, "no memory to list %s", m->dir);
		if (!file_is_dir(path) || !strcmp(names[i], "warmup") ||
		    !strcmp(names[i], "initial_state") ||
		    !strcmp(names[i], "configs"))
			continue;
		if (names[i][0] == '0' || !str_i64(str_from(names[i]), &v) || v < 1) {
			LOG_W("ignore version directory '%s' which fails to convert to integral number",
			      names[i]);
			continue;
		}
		numbers[(*n)++] = v;
	}
	qsort(numbers, *n, sizeof *numbers, by_number);
	return STATUS_GOOD;
}

/* Keeps what the version policy wants. */
static void choose(const struct served *m, int64_t *numbers, uint32_t *n)
{
	const struct mc_version_policy *p = m->config.version_policy;
	uint32_t kept = 0;
	if (PB_IS_SET(p, mc_version_policy, all))
		return;
	if (PB_IS_SET(p, mc_version_policy, specific)) {
		for (uint32_t i = 0; i < *n; i++)
			for (uint32_t k = 0; k < p->specific->versions.n; k++)
				if (p->specific->versions.p[k] == numbers[i]) {
					numbers[kept++] = numbers[i];
					break;
				}
		*n = kept;
		return;
	}
	uint32_t latest = p->latest && p->latest->num_versions ? p->latest->num_versions : 1;
	if (*n > latest) {
		memmove(numbers, numbers + (*n - latest), latest * sizeof *numbers);
		*n = latest;
	}
}

static uint32_t instance_count(const struct served *m)
{
	int64_t n = 0;
	for (uint32_t i = 0; i < m->config.instance_group.n; i++)
		n += m->config.instance_group.p[i].count;
	return n < 1 ? 1 : n > 64 ? 64 : (uint32_t)n;
}

static struct str json_head(struct served *m, struct buf *b)
{
	return b->bad ? STR_NONE : arena_str(&m->arena, buf_text(b));
}

/* What replies begin with, written once. */
static struct status json_heads(struct served *m, struct served_version *v)
{
	struct buf b;
	bool good = true;
	buf_init(&b, CONFIG_JSON_BYTES_MAX);
	buf_z(&b, "\"model_name\":");
	json_put_str(&b, str_from(m->name));
	buf_printf(&b, ",\"model_version\":\"%" PRId64 "\",\"outputs\":[", v->number);
	v->json_head = json_head(m, &b);
	for (uint32_t i = 0; good && i < m->n_outputs; i++) {
		buf_reset(&b);
		buf_z(&b, "{\"name\":");
		json_put_str(&b, m->outputs[i].name);
		buf_printf(&b, ",\"datatype\":\"%s\",\"shape\":[", dtype_wire(m->outputs[i].dtype));
		m->outputs[i].json_head = json_head(m, &b);
		good = m->outputs[i].json_head.p != 0;
	}
	buf_release(&b);
	return good && v->json_head.p ? STATUS_GOOD : FAIL(NO_MEMORY, "no memory to load %s", m->name);
}

static struct status load_version(struct served *m, struct served_version *v,
                                  const struct served_options *o)
{
	const char *path = arena_printf(&m->arena, "%s/%" PRId64 "/%.*s", m->dir, v->number,
	                                STR_ARG(m->config.default_model_filename));
	struct model_options mo = {.cache_dir = o->cache_dir, .batch_max = m->config.max_batch_size};
	if (!path)
		return FAIL(NO_MEMORY, "no memory to load %s", m->name);
	if (!file_exists(path))
		return FAIL(UNAVAILABLE, "unable to find '%s' for model instance '%s'", path, m->name);
	TRY(model_open(path, &mo, &v->engine));
	if (!m->config_json.n)
		TRY(config_complete(m, o, v->engine));
	struct runner_options ro = {.model = v->engine, .stats = &v->stats, .clock = o->clock,
	                            .callers = o->loop_threads, .instances = instance_count(m),
	                            .batch_max = m->config.max_batch_size};
	TRY(json_heads(m, v));
	TRY(scheduling_queue(m, &ro.queue));
	ro.queued = m->sequence != 0;
	TRY(runner_new(&ro, &v->runner));
	TRY(metrics_settings(m, &v->stats));
	return m->sequence ? sequencer_new(m->sequence, v->runner, &o->clock, &v->sequencer)
		: STATUS_GOOD;
}

/* Versions of an ensemble have no files; they are READY once it is linked. */
static struct status load_ensemble(struct served *m, const int64_t *numbers,
                                   const struct served_options *o)
{
	for (uint32_t i = 0; i < m->n_versions; i++) {
		m->versions[i].owner = m;
		m->versions[i].number = numbers[i];
		TRY(json_heads(m, &m->versions[i]));
	}
	struct status st = ensemble_build(m, o);
	if (st.code) {
		ensemble_release(m->ensemble);
		m->ensemble = 0;
	}
	return st;
}

static void load_versions(struct served *m, const int64_t *numbers, const struct served_options *o)
{
	for (uint32_t i = 0; i < m->n_versions; i++) {
		struct served_version *v = &m->versions[i];
		uint64_t start = o->clock.now_ns();
		v->owner = m;
		v->number = numbers[i];
		LOG_I("loading: %s:%" PRId64, m->name, v->number);
		struct status st = load_version(m, v, o);
		v->load_seconds = (double)(o->clock.now_ns() - start) / 1e9;
		v->state = st.code ? SERVED_UNAVAILABLE : SERVED_READY;
		if (st.code) {
			v->reason = reason_text(m, st);
			LOG_E("failed to load '%s' version %" PRId64 ": %s", m->name, v->number, v->reason);
		} else {
			LOG_I("successfully loaded '%s'", m->name);
		}
	}
}

static struct status load(struct served *m, const struct served_options *o)
{
	int64_t *numbers = ARENA_ARRAY(&m->arena, VERSIONS_MAX, int64_t);
	if (!numbers)
		return FAIL(NO_MEMORY, "no memory to load %s", m->name);
	TRY(config_read(m, o));
	TRY(config_identify(m));
	TRY(scan(m, numbers, &m->n_versions));
	choose(m, numbers, &m->n_versions);
	if (!m->n_versions)
		return FAIL(INVALID_ARG, "at least one version must be available under the version policy "
		            "of model '%s'", m->name);
	m->versions = ARENA_ARRAY(&m->arena, m->n_versions, struct served_version);
	if (!m->versions) {
		m->n_versions = 0;
		return FAIL(NO_MEMORY, "no memory to load %s", m->name);
	}
	if (config_is_ensemble(m)) {
		TRY(config_complete(m, o, 0));
		return load_ensemble(m, numbers, o);
	}
	load_versions(m, numbers, o);
	return STATUS_GOOD;
}

struct status served_load(const char *dir, const char *name, const struct served_options *o,
                          struct served **out)
{
	struct served *m = mem_zero(sizeof *m);
	if (!m)
		return FAIL(NO_MEMORY, "no memory to load %s", name);
	arena_init(&m->arena, SERVED_BYTES_MAX);
	buf_init(&m->config_json, CONFIG_JSON_BYTES_MAX);
	m->platform = "";
	m->name = arena_text(&m->arena, str_from(name));
	m->dir = arena_text(&m->arena, str_from(dir));
	if (!m->name || !m->dir) {
		served_free(m);
		return FAIL(NO_MEMORY, "no memory to load %s", name);
	}
	struct status st = load(m, o);
	if (st.code) {
		m->failure = reason_text(m, st);
		LOG_E("failed to load '%s': %s", m->name, m->failure);
	}
	*out = m;
	return STATUS_GOOD;
}

void served_free(struct served *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->n_versions; i++) {
		sequencer_stop(m->versions[i].sequencer);
		runner_free(m->versions[i].runner);
		sequencer_free(m->versions[i].sequencer);
		stats_release(&m->versions[i].stats);
		model_free(m->versions[i].engine);
	}
	ensemble_release(m->ensemble);
	buf_release(&m->config_json);
	arena_release(&m->arena);
	mem_free(m);
}

struct status served_find(struct served *m, struct str name, int64_t number,
                          struct served_version **out)
{
	struct served_version *best = 0;
	bool known = false;
	CHECK(number >= VERSION_LATEST);
	if (!m || m->failure)
		return FAIL(NOT_FOUND, "Request for unknown model: '%.*s' is not found", STR_ARG(name));
	for (uint32_t i = 0; i < m->n_versions; i++) {
		struct served_version *v = &m->versions[i];
		known = known || v->number == number;
		if ((number == VERSION_LATEST || v->number == number) && v->state == SERVED_READY)
			best = v;
	}
	if (best) {
		*out = best;
		return STATUS_GOOD;
	}
	if (number != VERSION_LATEST && !known)
		return FAIL(NOT_FOUND, "Request for unknown model: '%.*s' version %" PRId64 " is not "
		            "found", STR_ARG(name), number);
	if (number != VERSION_LATEST)
		return FAIL(UNAVAILABLE, "Request for unknown model: '%.*s' version %" PRId64 " is not at "
		            "ready state",
		            STR_ARG(name), number);
	return FAIL(NOT_FOUND, "Request for unknown model: '%.*s' has no available versions",
	            STR_ARG(name));
}

bool served_is_ready(const struct served *m, int64_t number)
{
	struct served_version *v;
	return m && served_find((struct served *)m, str_from(m->name), number, &v).code == STATUS_OK;
}
