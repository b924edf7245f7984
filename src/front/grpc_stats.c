/* Statistics over gRPC: one entry a version, from its counters, as rest_stats.c has it in JSON.
 *
 * The structs of an answer lie in the message's arena and are encoded as a whole. Counters are
 * summed one by one while requests go on, so an entry is a moment's picture. Runs on the loops'
 * threads.
 */
#include "front/grpc_priv.h"

#include "base/panic.h"

#include <inttypes.h>

static struct gs_duration *duration(struct arena *a, const struct duration *d)
{
	struct gs_duration *x = ARENA_NEW(a, struct gs_duration);
	if (x) {
		x->count = d->count;
		x->ns = d->ns;
	}
	return x;
}

/* PUT(a, x, type, field, d): sets a duration of x; `bad` tells of memory that ran out. */
#define PUT(a, x, type, f, d) (PB_SET(x, type, f, duration(a, d)), bad = bad || !(x)->f)

static bool put_batches(struct arena *a, const struct stats_sum *s, struct gs_model_statistics *x)
{
	bool bad = false;
	x->batch_stats.p = ARENA_ARRAY(a, STATS_BATCH_MAX, struct gs_batch_statistics);
	for (uint32_t i = 1; x->batch_stats.p && i <= STATS_BATCH_MAX; i++) {
		if (!s->batch[i].infer.count)
			continue;
		struct gs_batch_statistics *b = &x->batch_stats.p[x->batch_stats.n++];
		b->batch_size = i;
		PUT(a, b, gs_batch_statistics, compute_input, &s->batch[i].input);
		PUT(a, b, gs_batch_statistics, compute_infer, &s->batch[i].infer);
		PUT(a, b, gs_batch_statistics, compute_output, &s->batch[i].output);
	}
	return x->batch_stats.p && !bad;
}

static bool put_version(struct arena *a, const struct served_version *v,
                        struct gs_model_statistics *x)
{
	static const struct duration none;
	struct stats_sum *s = ARENA_NEW(a, struct stats_sum);
	struct gs_infer_statistics *i = ARENA_NEW(a, struct gs_infer_statistics);
	bool bad = false;
	if (!s || !i)
		return false;
	stats_read(&v->stats, s);
	x->name = str_from(v->owner->name);
	x->version = str_from(arena_printf(a, "%" PRId64, v->number));
	x->last_inference = s->last_ms;
	x->inference_count = s->inferences;
	x->execution_count = s->executions;
	PB_SET(x, gs_model_statistics, inference_stats, i);
	PUT(a, i, gs_infer_statistics, success, &s->success);
	PUT(a, i, gs_infer_statistics, fail, &s->fail);
	PUT(a, i, gs_infer_statistics, queue, &s->queue);
	PUT(a, i, gs_infer_statistics, compute_input, &s->compute_input);
	PUT(a, i, gs_infer_statistics, compute_infer, &s->compute_infer);
	PUT(a, i, gs_infer_statistics, compute_output, &s->compute_output);
	PUT(a, i, gs_infer_statistics, cache_hit, &none);
	PUT(a, i, gs_infer_statistics, cache_miss, &none);
	return put_batches(a, s, x) && !bad;
}

static struct status collect(struct grpc_front *f, const struct gs_model *ask, struct arena *a,
                             struct gs_statistics *x)
{
	const struct repo *r = f->repo;
	int64_t number;
	size_t room = 1;
	TRY(grpc__version(ask->version, &number));
	for (uint32_t i = 0; i < r->n_models; i++)
		room += r->models[i]->n_versions;
	x->model_stats.p = ARENA_ARRAY(a, room, struct gs_model_statistics);
	if (!x->model_stats.p)
		return FAIL(NO_MEMORY, "no memory for the answer");
	for (uint32_t i = 0; i < r->n_models; i++) {
		const struct served *m = r->models[i];
		for (uint32_t k = 0; k < m->n_versions; k++) {
			if ((ask->name.n && !str_is(ask->name, m->name)) ||
			    m->versions[k].state != SERVED_READY ||
			    (number != VERSION_LATEST && m->versions[k].number != number))
				continue;
			CHECK(x->model_stats.n < room);
			if (!put_version(a, &m->versions[k], &x->model_stats.p[x->model_stats.n++]))
				return FAIL(NO_MEMORY, "no memory for the answer");
		}
	}
	if (!x->model_stats.n && ask->name.n && number != VERSION_LATEST)
		return FAIL(INVALID_ARG, "requested model version is not available for model '%.*s'",
		            STR_ARG(ask->name));
	if (!x->model_stats.n && ask->name.n)
		return FAIL(INVALID_ARG, "requested model '%.*s' is not available", STR_ARG(ask->name));
	return STATUS_GOOD;
}

void grpc__stats(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_model ask;
	struct gs_statistics x = {0};
	if (!grpc__decode(m, &gs_model_pb, &ask))
		return;
	struct status st = collect(f, &ask, &m->arena, &x);
	if (st.code)
		grpc__fail(m, st);
	else
		grpc__answer(f, m, &gs_statistics_pb, &x);
}
