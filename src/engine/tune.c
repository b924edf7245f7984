/* Choosing a tactic by timing it.
 *
 * Each candidate is packed, prepared and run on random data in a graph of one node, in an arena
 * that is dropped afterwards; the least of a few runs counts, since noise only adds. A candidate
 * that is twice as slow as the best so far gets one run and no more. One thread calls; the step
 * uses the pool.
 */
#include "engine/engine_priv.h"

#include "backend/registry.h"
#include "base/clock.h"
#include "base/panic.h"
#include "base/rand.h"

/* WEIGHT_BYTES_NS: bytes of packed weights that cost as much as a nanosecond. */
enum { RUNS = 5, WEIGHT_BYTES_NS = 6 };
#define TRIAL_BYTES_MAX ((size_t)8 << 30)

struct trial { struct arena arena; struct ir_graph *graph; struct ir_node *node; };

static struct status copy_value(struct trial *t, struct ir_value *v, struct ir_value **out)
{
	*out = 0;
	if (!v)
		return STATUS_GOOD;
	struct ir_value *w = ir_value_new(t->graph, v->name);
	if (!w)
		return FAIL(NO_MEMORY, "no memory to time %.*s", STR_ARG(v->name));
	uint32_t id = w->id;
	*w = *v;
	w->id = id;
	w->producer = 0;
	*out = w;
	return STATUS_GOOD;
}

static struct status trial_init(struct trial *t, const struct ir_graph *g, const struct ir_node *n)
{
	t->graph = ir_graph_new(&t->arena);
	t->node = t->graph ? ir_node_new(t->graph, n->op, n->name, n->n_in, n->n_out) : 0;
	struct ir_attr *attrs = ARENA_ARRAY(&t->arena, (size_t)n->n_attrs + 1, struct ir_attr);
	if (!t->node || !attrs)
		return FAIL(NO_MEMORY, "no memory to time %.*s", STR_ARG(n->name));
	t->graph->symbols = g->symbols;
	t->graph->n_symbols = t->graph->cap_symbols = g->n_symbols;
	t->graph->batch_sym = g->batch_sym;
	for (uint32_t i = 0; i < n->n_attrs; i++)
		attrs[i] = n->attrs[i];
	t->node->attrs = attrs;
	t->node->n_attrs = n->n_attrs;
	for (uint32_t i = 0; i < n->n_in; i++)
		TRY(copy_value(t, n->in[i], &t->node->in[i]));
	for (uint32_t i = 0; i < n->n_out; i++) {
		TRY(copy_value(t, n->out[i], &t->node->out[i]));
		if (t->node->out[i])
			ir_node_output(t->node, i, t->node->out[i]);
	}
	return STATUS_GOOD;
}

/* A tensor of the value's shape; random where it is not constant. */
static struct status tensor_of(struct trial *t, const struct ir_value *v, int64_t batch, struct rand *r, struct tensor *x)
{
	int64_t count;
	if (!v)
		return STATUS_GOOD;
	if (!ir_value_elements(v, batch, &count))
		return FAIL(LIMIT, "value %.*s is too large", STR_ARG(v->name));
	*x = (struct tensor){.dtype = v->dtype, .rank = (uint32_t)v->rank, .data = (void *)(uintptr_t)v->data,
	                     .bytes = (size_t)count * dtype_bytes(v->dtype)};
	for (int32_t i = 0; i < v->rank; i++)
		x->dims[i] = dim_at(v->dims[i], batch);
	if (v->data)
		return STATUS_GOOD;
	x->data = arena_alloc(&t->arena, x->bytes + 64, 64);
	if (!x->data)
		return FAIL(NO_MEMORY, "no memory to time %.*s", STR_ARG(v->name));
	for (size_t i = 0; v->dtype == DTYPE_FP32 && i < x->bytes / 4; i++)
		((float *)x->data)[i] = rand_f32(r, -1, 1);
	return STATUS_GOOD;
}

static uint64_t weight_bytes(const struct ir_node *n)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < n->n_in; i++)
		bytes += n->in[i] ? n->in[i]->data_bytes : 0;
	return bytes;
}

/* Runs one candidate; *ns: the least of its runs. Gives up after the first run that is twice as
 * slow as `best`. */
static struct status run_trial(struct trial *t, const struct backend *b, uint32_t tactic, int64_t batch,
                               struct pool *p, uint64_t best, uint64_t *ns)
{
	struct ir_node *n = t->node;
	struct tensor *in = ARENA_ARRAY(&t->arena, (size_t)n->n_in + 1, struct tensor);
	struct tensor *out = ARENA_ARRAY(&t->arena, (size_t)n->n_out + 1, struct tensor);
	struct rand r;
	struct step s = {0};
	rand_seed(&r, 1);
	if (!in || !out)
		return FAIL(NO_MEMORY, "no memory to time %.*s", STR_ARG(n->name));
	if (b->pack)
		TRY(b->pack(t->graph, n, tactic));
	struct prepare_args pa = {t->graph, n, tactic, batch, pool_threads(p), &t->arena};
	TRY(b->prepare(&pa, &s));
	for (uint32_t i = 0; i < n->n_in; i++)
		TRY(tensor_of(t, n->in[i], batch, &r, &in[i]));
	for (uint32_t i = 0; i < n->n_out; i++)
		TRY(tensor_of(t, n->out[i], batch, &r, &out[i]));
	void *scratch = arena_alloc(&t->arena, s.scratch_bytes + 64, 64);
	if (!scratch)
		return FAIL(NO_MEMORY, "no memory to time %.*s", STR_ARG(n->name));
	struct step_args a = {in, out, n->n_in, n->n_out, batch, scratch, p};
	*ns = UINT64_MAX;
	for (int i = 0; i <= RUNS; i++) {
		uint64_t start = clock_ns();
		TRY(s.run(&s, &a));
		uint64_t took = clock_ns() - start;
		if (i && took < *ns)
			*ns = took;
		if (i == 1 && took > 2 * best)
			break;
	}
	return STATUS_GOOD;
}

struct status tune_node(const struct ir_graph *g, const struct ir_node *n, const struct backend *b,
                        const struct build_options *o, struct pool *p, uint32_t *tactic, uint64_t *ns)
{
	struct status st = STATUS_GOOD;
	uint32_t ids[BACKEND_TACTICS_MAX], count = b->tactics(g, n, ids);
	uint64_t best = UINT64_MAX / 4, least = UINT64_MAX;

	CHECK(count > 0 && count <= BACKEND_TACTICS_MAX);
	*tactic = ids[0];
	for (uint32_t i = 0; i < count; i++) {
		struct trial t = {0};
		uint64_t took = UINT64_MAX;
		arena_init(&t.arena, TRIAL_BYTES_MAX);
		st = trial_init(&t, g, n);
		if (!st.code)
			st = run_trial(&t, b, ids[i], o->batch_opt > 0 ? o->batch_opt : 1, p, best, &took);
		uint64_t price = st.code ? 0 : took + weight_bytes(t.node) / WEIGHT_BYTES_NS;
		arena_release(&t.arena);
		GO(st);
		best = took < best ? took : best;
		if (price < least) {
			least = price;
			*ns = took;
			*tactic = ids[i];
		}
	}
out:
	return st;
}
