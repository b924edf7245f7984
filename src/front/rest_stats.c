/* The statistics endpoint: one entry a version, from its counters, in Triton's form.
 *
 * Counters are summed one by one while requests go on, so an entry is a moment's picture and no
 * transaction. Only what is counted is written: response statistics belong to decoupled models
 * and memory usage to a tracker, and neither exists here. Runs on the loops' threads.
 */
#include "front/rest_priv.h"

#include "base/panic.h"

#include <inttypes.h>

static void put(struct buf *b, const char *name, const struct duration *d, const char *after)
{
	buf_printf(b, "\"%s\":{\"count\":%" PRIu64 ",\"ns\":%" PRIu64 "}%s", name, d->count, d->ns,
	           after);
}

static void put_batches(struct buf *b, const struct stats_sum *s)
{
	bool first = true;
	for (int i = 1; i <= STATS_BATCH_MAX; i++) {
		if (!s->batch[i].infer.count)
			continue;
		buf_printf(b, "%s{\"batch_size\":%d,", first ? "" : ",", i);
		put(b, "compute_input", &s->batch[i].input, ",");
		put(b, "compute_infer", &s->batch[i].infer, ",");
		put(b, "compute_output", &s->batch[i].output, "}");
		first = false;
	}
}

static void put_version(struct buf *b, const struct served_version *v)
{
	static const struct duration none;
	struct stats_sum s;
	stats_read(&v->stats, &s);
	buf_z(b, "{\"name\":");
	json_put_str(b, str_from(v->owner->name));
	buf_printf(b,
	           ",\"version\":\"%" PRId64 "\",\"last_inference\":%" PRIu64
	           ",\"inference_count\":%" PRIu64
	           ",\"execution_count\":%" PRIu64 ",\"inference_stats\":{", v->number, s.last_ms,
	           s.inferences,
	           s.executions);
	put(b, "success", &s.success, ",");
	put(b, "fail", &s.fail, ",");
	put(b, "queue", &s.queue, ",");
	put(b, "compute_input", &s.compute_input, ",");
	put(b, "compute_infer", &s.compute_infer, ",");
	put(b, "compute_output", &s.compute_output, ",");
	put(b, "cache_hit", &none, ",");
	put(b, "cache_miss", &none, "},");
	buf_z(b, "\"response_stats\":{},\"batch_stats\":[");
	put_batches(b, &s);
	buf_z(b, "],\"memory_usage\":[]}");
}

static void put_model(struct buf *b, const struct served *m, int64_t number, bool *first)
{
	for (uint32_t i = 0; i < m->n_versions; i++) {
		if (m->versions[i].state != SERVED_READY ||
		    (number != VERSION_LATEST && m->versions[i].number != number))
			continue;
		if (!*first)
			buf_byte(b, ',');
		put_version(b, &m->versions[i]);
		*first = false;
	}
}

void rest__stats(struct rest_call *c)
{
	struct buf *b = rest__scratch(c);
	const struct repo *r = c->rest->repo;
	bool first = true;
	int64_t number;
	struct status st = rest__version(c, &number);
	CHECK(r);
	if (st.code) {
		rest__reply_status(c, st);
		return;
	}
	buf_z(b, "{\"model_stats\":[");
	for (uint32_t i = 0; i < r->n_models; i++)
		if (!c->model.n || str_is(c->model, r->models[i]->name))
			put_model(b, r->models[i], number, &first);
	buf_z(b, "]}");
	if (first && c->model.n && number != VERSION_LATEST)
		rest__reply_status(c, FAIL(INVALID_ARG, "requested model version is not available for "
		                           "model '%.*s'", STR_ARG(c->model)));
	else if (first && c->model.n)
		rest__reply_status(c, FAIL(INVALID_ARG, "requested model '%.*s' is not available",
		                           STR_ARG(c->model)));
	else
		rest__reply_json(c);
}
