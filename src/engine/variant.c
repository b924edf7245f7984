/* Variants: which compiled graph serves a set of input shapes.
 *
 * A model whose shapes depend on the batch alone has one variant for every batch. Any other is
 * compiled for the concrete shapes of a request, and for the values of small integer inputs where
 * those decide shapes; such variants are kept in a list under the model's lock, the least recently
 * used unused one giving way at VARIANTS_MAX. A variant is immutable, so execs use it without the
 * lock.
 */
#include "engine/engine_priv.h"

#include "base/mem.h"
#include "base/panic.h"

enum { VALUE_INPUT_ELEMENTS = 64 };
#define VARIANT_BYTES_MAX ((size_t)64 << 30)

static bool decides(const struct model *m, uint32_t i)
{
	const struct model_io *io = &m->inputs[i];
	return m->by_value && io->rank <= 1 && (io->dtype == DTYPE_INT64 || io->dtype == DTYPE_INT32);
}

/* The key of a set of inputs; false: longer than VARIANT_KEY_BYTES. */
static bool key_of(const struct model *m, const struct tensor *in, uint8_t *key, size_t *n)
{
	size_t at = 0;
	for (uint32_t i = 0; i < m->n_inputs; i++) {
		size_t dims = in[i].rank * sizeof(int64_t), more = decides(m, i) && in[i].data ? in[i].bytes : 0;
		if (in[i].rank > TENSOR_RANK_MAX || dims + more + 4 > VARIANT_KEY_BYTES - at)
			return false;
		memcpy(key + at, &in[i].rank, 4);
		memcpy(key + at + 4, in[i].dims, dims);
		if (more)
			memcpy(key + at + 4 + dims, in[i].data, more);
		at += 4 + dims + more;
	}
	*n = at;
	return true;
}

/* One input's dims against a value of the general graph; the batch is found or must agree. */
static bool dims_fit(const struct ir_value *v, const struct tensor *t, int64_t *batch)
{
	if (t->rank != (uint32_t)v->rank)
		return false;
	for (int32_t k = 0; k < v->rank; k++) {
		struct dim d = v->dims[k];
		if (t->dims[k] < 0 || (dim_known(d) && d.k != t->dims[k]))
			return false;
		if (dim_known(d))
			continue;
		if (t->dims[k] % d.k)
			return false;
		if (*batch >= 0 && *batch != t->dims[k] / d.k)
			return false;
		*batch = t->dims[k] / d.k;
	}
	return true;
}

bool variant_fits(const struct model *m, const struct variant *v, const struct tensor *in, int64_t *batch)
{
	if (v->key_bytes) {
		uint8_t key[VARIANT_KEY_BYTES];
		size_t n;
		*batch = 1;
		return key_of(m, in, key, &n) && n == v->key_bytes && !memcmp(key, v->key, n);
	}
	*batch = -1;
	for (uint32_t i = 0; i < m->n_inputs; i++) {
		if (!in[i].data && m->inputs[i].optional)
			continue;
		if (!dims_fit(v->graph->inputs[i], &in[i], batch))
			return false;
	}
	*batch = *batch < 0 ? 1 : *batch;
	return true;
}

static struct status mismatch(const struct model *m, const struct tensor *in)
{
	char have[128], want[128];
	for (uint32_t i = 0; i < m->n_inputs; i++) {
		const struct model_io *io = &m->inputs[i];
		bool good = io->rank == in[i].rank;
		for (uint32_t k = 0; good && k < io->rank; k++)
			good = io->dims[k] < 0 ? in[i].dims[k] >= 0 : io->dims[k] == in[i].dims[k];
		if (!good && (in[i].data || !io->optional))
			return FAIL(INVALID_ARG, "input '%.*s' has shape %s; the model takes %s", STR_ARG(io->name),
			            tensor_shape_text(in[i].dims, in[i].rank, have, sizeof have),
			            tensor_shape_text(io->dims, io->rank, want, sizeof want));
	}
	return FAIL(INVALID_ARG, "the inputs' shapes do not go together: their batch dimensions differ");
}

void variant_free(struct variant *v)
{
	if (!v)
		return;
	arena_release(&v->arena);
	mem_free(v);
}

static struct status variant_new(struct variant **out)
{
	struct variant *v = mem_zero(sizeof *v);
	if (!v)
		return FAIL(NO_MEMORY, "no memory for a compiled variant");
	arena_init(&v->arena, VARIANT_BYTES_MAX);
	*out = v;
	return STATUS_GOOD;
}

/* Whether every dimension is a number or a multiple of the batch. */
static struct status general(const struct ir_graph *g)
{
	char text[256];
	for (uint32_t i = 0; i < g->n_values; i++)
		for (int32_t k = 0; k < g->values[i]->rank; k++)
			if (g->values[i]->dims[k].sym && g->values[i]->dims[k].sym != g->batch_sym)
				return FAIL(UNSUPPORTED, "value %s depends on more than the batch",
				            ir_value_text(g, g->values[i], text, sizeof text));
	return STATUS_GOOD;
}

static void link_front(struct model *m, struct variant *v)
{
	v->next = m->variants;
	m->variants = v;
	m->n_variants++;
}

struct status variant_add_general(struct model *m)
{
	struct status st = STATUS_GOOD;
	struct variant *v = 0;
	int64_t free_symbols[IR_SYMBOLS_MAX];

	CHECK_MAGIC(m, MODEL_MAGIC);
	GO(general(m->portable));
	GO(variant_new(&v));
	for (int i = 0; i < IR_SYMBOLS_MAX; i++)
		free_symbols[i] = -1;
	GO(ir_bind(m->portable, free_symbols, &v->arena, &v->graph));
	GO(build_target(v->graph, &m->build));
	link_front(m, v);
	v = 0;
out:
	variant_free(v);
	return st;
}

struct status variant_add_compiled(struct model *m, struct arena *a, struct ir_graph *g)
{
	struct variant *v;
	TRY(variant_new(&v));
	v->arena = *a;
	arena_init(a, a->limit_bytes);
	v->graph = g;
	g->arena = &v->arena;
	link_front(m, v);
	return STATUS_GOOD;
}

/* Symbols of the inputs from the concrete dims. */
static struct status solve(const struct model *m, const struct tensor *in, int64_t *symbols)
{
	const struct ir_graph *g = m->portable;
	for (int i = 0; i < IR_SYMBOLS_MAX; i++)
		symbols[i] = -1;
	for (uint32_t i = 0; i < m->n_inputs; i++) {
		const struct ir_value *v = g->inputs[i];
		if (in[i].rank != (uint32_t)v->rank)
			return mismatch(m, in);
		for (int32_t k = 0; k < v->rank; k++) {
			struct dim d = v->dims[k];
			int64_t n = in[i].dims[k];
			if (n < 0 || (dim_known(d) && d.k != n) || (d.sym && n % d.k) ||
			    (d.sym && symbols[d.sym] >= 0 && symbols[d.sym] != n / d.k))
				return mismatch(m, in);
			if (d.sym)
				symbols[d.sym] = n / d.k;
		}
	}
	return STATUS_GOOD;
}

/* Inputs that decide shapes become constants of the variant's graph. */
static struct status freeze(const struct model *m, const struct tensor *in, struct variant *v)
{
	for (uint32_t i = 0; i < m->n_inputs; i++) {
		struct ir_value *x = v->graph->inputs[i];
		if (!decides(m, i) || !in[i].data)
			continue;
		void *copy = arena_alloc(&v->arena, in[i].bytes + 1, 16);
		if (!copy)
			return FAIL(NO_MEMORY, "no memory for a compiled variant");
		memcpy(copy, in[i].data, in[i].bytes);
		x->data = copy;
		x->data_bytes = in[i].bytes;
	}
	return STATUS_GOOD;
}

static struct status specialise(struct model *m, const struct tensor *in, struct variant **out)
{
	struct status st = STATUS_GOOD;
	struct variant *v = 0;
	int64_t symbols[IR_SYMBOLS_MAX];
	struct build_options o = m->build;

	GO(solve(m, in, symbols));
	GO(variant_new(&v));
	if (!key_of(m, in, v->key, &v->key_bytes))
		GO(FAIL(LIMIT, "the inputs' shapes and shape values take over %d bytes", VARIANT_KEY_BYTES));
	GO(ir_bind(m->portable, symbols, &v->arena, &v->graph));
	GO(freeze(m, in, v));
	GO(build_portable(v->graph, 0));
	GO(general(v->graph));
	o.log = 0;
	o.tune = false;
	GO(build_target(v->graph, &o));
	*out = v;
	v = 0;
out:
	variant_free(v);
	return st;
}

/* Drops the last variant that nobody uses; the list is in order of use. */
static void evict(struct model *m)
{
	struct variant **last = 0;
	for (struct variant **at = &m->variants; *at; at = &(*at)->next)
		if (!(*at)->refs && (*at)->key_bytes)
			last = at;
	if (!last)
		return;
	struct variant *gone = *last;
	*last = gone->next;
	m->n_variants--;
	variant_free(gone);
}

struct status variant_acquire(struct model *m, const struct tensor *in, struct variant **out, int64_t *batch)
{
	struct status st = STATUS_GOOD;
	struct variant *v = 0;

	CHECK_MAGIC(m, MODEL_MAGIC);
	pthread_mutex_lock(&m->lock);
	for (struct variant **at = &m->variants; *at; at = &(*at)->next)
		if (variant_fits(m, *at, in, batch)) {
			v = *at;
			*at = v->next;
			v->next = m->variants;
			m->variants = v;
			break;
		}
	if (!v) {
		/* a general variant means that nothing but the batch is free, so these shapes are wrong */
		for (struct variant *at = m->variants; at; at = at->next)
			if (!at->key_bytes)
				GO(mismatch(m, in));
		GO(specialise(m, in, &v));
		if (m->n_variants >= VARIANTS_MAX)
			evict(m);
		link_front(m, v);
		*batch = 1;
	}
	v->refs++;
	*out = v;
out:
	pthread_mutex_unlock(&m->lock);
	return st;
}

void variant_release(struct model *m, struct variant *v)
{
	if (!v)
		return;
	pthread_mutex_lock(&m->lock);
	CHECK(v->refs > 0);
	v->refs--;
	pthread_mutex_unlock(&m->lock);
}
