/* The memory planner: liveness over the order of nodes, then largest value first into the smallest
 * gap that fits.
 *
 * A value lives from the node that makes it to the last that reads it or one of its aliases.
 * Two values whose lives overlap never overlap in the arena. Values that are outputs of the graph
 * are written straight into the caller's buffer, and inputs are read from it; an output that is an
 * input or a constant, or that aliases another output, is copied at the end.
 *
 * Values that grow with the batch are planned for a batch of one, and their offsets grow too: so a
 * small batch keeps to the front of the arena, and pages that only a large one needs are never
 * touched. The others lie behind them, with their sizes at the largest batch. Runs at load time,
 * single-threaded, memory from the caller's arena.
 */
#include "plan/memory.h"

#include "base/mem.h"
#include "base/panic.h"

#include <stdlib.h>

enum { ALIGN = 64 };

struct life { uint32_t value, first, last; size_t bytes, offset; };

static bool trivial_layout(const struct ir_value *v)
{
	int64_t spatial = 1;
	for (int32_t i = 2; i < v->rank; i++) {
		if (!dim_known(v->dims[i]))
			return false;
		spatial *= v->dims[i].k == 1 ? 1 : 2;
	}
	return spatial == 1 || dim_eq(v->dims[1], DIM(1));
}

bool memory_is_alias(const struct ir_node *n)
{
	switch (n->op) {
	case OP_RESHAPE:
	case OP_FLATTEN:
	case OP_SQUEEZE:
	case OP_UNSQUEEZE:
	case OP_IDENTITY:
	case OP_DROPOUT:
		return n->n_out < 2 || !n->out[1];
	case OP_TO_CHANNELS_LAST:
	case OP_TO_CHANNELS_FIRST:
		return trivial_layout(n->in[0]);
	default:
		return false;
	}
}

static struct status size_of(const struct ir_graph *g, const struct ir_value *v, int64_t batch, size_t *out)
{
	int64_t count;
	char text[256];
	if (!ir_value_elements(v, batch, &count) ||
	    !mem_mul((size_t)count, dtype_bytes(v->dtype), out) || *out > SIZE_MAX / 2)
		return FAIL(LIMIT, "value %s is too large for a batch of %lld",
		            ir_value_text(g, v, text, sizeof text), (long long)batch);
	return STATUS_GOOD;
}

static void find_roots(const struct ir_graph *g, uint32_t *roots)
{
	for (uint32_t i = 0; i < g->n_values; i++)
		roots[i] = i;
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		const struct ir_node *n = g->nodes[i];
		if (memory_is_alias(n) && n->out[0])
			roots[n->out[0]->id] = roots[n->in[0]->id];
	}
}

/* Inputs, constants and outputs; the rest is left to the arena. */
static void bind(const struct ir_graph *g, struct memory_plan *m)
{
	for (uint32_t i = 0; i < g->n_values; i++)
		if (g->values[i]->data)
			m->places[i] = (struct place){.kind = PLACE_CONST};
	for (uint32_t i = 0; i < g->n_inputs; i++)
		if (!g->inputs[i]->data)
			m->places[g->inputs[i]->id] = (struct place){.kind = PLACE_INPUT, .index = i};
	for (uint32_t i = 0; i < g->n_outputs; i++) {
		uint32_t root = m->roots[g->outputs[i]->id];
		struct place *p = &m->places[root];
		m->copy_from[i] = p->kind == PLACE_NONE ? UINT32_MAX : root;
		if (p->kind == PLACE_NONE)
			*p = (struct place){.kind = PLACE_OUTPUT, .index = i};
	}
}

static bool same_bytes(const struct ir_value *a, const struct ir_value *b)
{
	if (a->rank != b->rank || a->layout != b->layout || a->dtype != b->dtype)
		return false;
	for (int32_t i = 0; i < a->rank; i++)
		if (!dim_eq(a->dims[i], b->dims[i]))
			return false;
	return true;
}

/* A convolution writes over its residual where nobody reads that later: the bytes are in the cache,
 * and one buffer less is touched. Drivers allow it (backend/cpu/conv.h). */
static struct status in_place(const struct ir_graph *g, struct arena *a, struct memory_plan *m)
{
	uint32_t *last = ARENA_ARRAY(a, (size_t)g->n_values + 1, uint32_t);
	if (!last)
		return FAIL(NO_MEMORY, "no memory to plan memory");
	for (uint32_t i = 0; i < g->n_nodes; i++)
		for (uint32_t k = 0; k < g->nodes[i]->n_in; k++)
			if (g->nodes[i]->in[k])
				last[m->roots[g->nodes[i]->in[k]->id]] = i;
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		const struct ir_node *n = g->nodes[i];
		if (n->op != OP_CONV || n->n_in < 4 || !n->in[3] || !n->out[0])
			continue;
		uint32_t r = m->roots[n->in[3]->id], o = m->roots[n->out[0]->id];
		if (m->places[r].kind != PLACE_NONE || m->places[o].kind != PLACE_NONE || last[r] != i ||
		    m->roots[n->in[0]->id] == r || !same_bytes(n->in[3], n->out[0]))
			continue;
		for (uint32_t v = 0; v < g->n_values; v++)
			if (m->roots[v] == o)
				m->roots[v] = r;
		last[r] = last[o];
	}
	return STATUS_GOOD;
}

static void touch(struct life *l, uint32_t at)
{
	if (at < l->first)
		l->first = at;
	if (at > l->last)
		l->last = at;
}

/* Whether twice the batch is exactly twice the value. */
static bool grows(const struct ir_graph *g, const struct ir_value *v)
{
	uint32_t n = 0;
	for (int32_t i = 0; i < v->rank; i++)
		n += v->dims[i].sym != 0;
	for (int32_t i = 0; n == 1 && i < v->rank; i++)
		if (v->dims[i].sym)
			return v->dims[i].sym == g->batch_sym;
	return false;
}

/* Lives of the values that grow with the batch, with their bytes at batch 1; or of the others. */
static struct status lives(const struct ir_graph *g, int64_t batch, bool growing,
                           const struct memory_plan *m, struct life *l, uint32_t *count)
{
	for (uint32_t i = 0; i < g->n_values; i++)
		l[i] = (struct life){.value = i, .first = UINT32_MAX};
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		const struct ir_node *n = g->nodes[i];
		for (uint32_t k = 0; k < n->n_in; k++)
			if (n->in[k])
				touch(&l[m->roots[n->in[k]->id]], i);
		for (uint32_t k = 0; k < n->n_out; k++)
			if (n->out[k])
				touch(&l[m->roots[n->out[k]->id]], i);
	}
	for (uint32_t i = 0; i < g->n_values; i++) {
		const struct ir_value *v = g->values[i];
		if (m->places[i].kind != PLACE_NONE || m->roots[i] != i || l[i].first == UINT32_MAX ||
		    grows(g, v) != growing)
			continue;
		TRY(size_of(g, v, growing ? 1 : batch, &l[i].bytes));
		l[i].bytes = (l[i].bytes + ALIGN - 1) / ALIGN * ALIGN;
		l[(*count)++] = l[i];
	}
	return STATUS_GOOD;
}

static int larger_first(const void *a, const void *b)
{
	const struct life *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->value < y->value ? -1 : 1;
}

/* The lowest smallest gap among the placed lives that overlap l in time; placed[] is sorted by
 * offset. */
static size_t best_gap(const struct life *l, struct life *const *placed, uint32_t n)
{
	size_t end = 0, best = SIZE_MAX, best_at = SIZE_MAX;
	for (uint32_t i = 0; i < n; i++) {
		const struct life *p = placed[i];
		if (p->last < l->first || p->first > l->last)
			continue;
		if (p->offset > end && p->offset - end >= l->bytes && p->offset - end < best) {
			best = p->offset - end;
			best_at = end;
		}
		if (p->offset + p->bytes > end)
			end = p->offset + p->bytes;
	}
	return best_at == SIZE_MAX ? end : best_at;
}

/* Offsets from 0 on; *end: of them all. */
static struct status assign(struct life *l, uint32_t count, struct arena *a, size_t *end)
{
	struct life **placed = ARENA_ARRAY(a, (size_t)count + 1, struct life *);
	if (!placed)
		return FAIL(NO_MEMORY, "no memory to plan memory");
	qsort(l, count, sizeof *l, larger_first);
	for (uint32_t i = 0; i < count; i++) {
		l[i].offset = best_gap(&l[i], placed, i);
		CHECK(l[i].first <= l[i].last && l[i].offset % ALIGN == 0);
		if (l[i].offset > SIZE_MAX / 2)
			return FAIL(LIMIT, "the activations of this model do not fit into memory");
		if (l[i].offset + l[i].bytes > *end)
			*end = l[i].offset + l[i].bytes;
		uint32_t at = i;
		for (; at > 0 && placed[at - 1]->offset > l[i].offset; at--)
			placed[at] = placed[at - 1];
		placed[at] = &l[i];
	}
	return STATUS_GOOD;
}

/* Places the values that grow with the batch, then the others behind them. */
static struct status assign_all(const struct ir_graph *g, int64_t batch, struct arena *a,
                                struct memory_plan *m)
{
	struct life *l[2] = {ARENA_ARRAY(a, (size_t)g->n_values + 1, struct life),
	                     ARENA_ARRAY(a, (size_t)g->n_values + 1, struct life)};
	uint32_t count[2] = {0, 0};
	size_t end[2] = {0, 0}, front;
	if (!l[0] || !l[1])
		return FAIL(NO_MEMORY, "no memory to plan memory");
	for (int others = 0; others < 2; others++) {
		TRY(lives(g, batch, !others, m, l[others], &count[others]));
		TRY(assign(l[others], count[others], a, &end[others]));
	}
	if (!mem_mul(end[0], (size_t)batch, &front) || front > SIZE_MAX / 2 ||
	    !mem_add(front, end[1], &m->arena_bytes))
		return FAIL(LIMIT, "the activations of this model do not fit into memory");
	CHECK(end[0] % ALIGN == 0 && end[1] % ALIGN == 0);
	m->each_bytes = end[0];
	for (uint32_t i = 0; i < count[0]; i++)
		m->places[l[0][i].value] = (struct place){.kind = PLACE_ARENA, .each = l[0][i].offset};
	for (uint32_t i = 0; i < count[1]; i++)
		m->places[l[1][i].value] =
			(struct place){.kind = PLACE_ARENA, .offset = front + l[1][i].offset};
	return STATUS_GOOD;
}

struct status memory_plan(const struct ir_graph *g, int64_t batch_max, struct arena *a, struct memory_plan *out)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	CHECK(batch_max >= 0);
	struct memory_plan m = {
		.places = ARENA_ARRAY(a, (size_t)g->n_values + 1, struct place),
		.roots = ARENA_ARRAY(a, (size_t)g->n_values + 1, uint32_t),
		.copy_from = ARENA_ARRAY(a, (size_t)g->n_outputs + 1, uint32_t),
	};
	if (!m.places || !m.roots || !m.copy_from)
		return FAIL(NO_MEMORY, "no memory to plan memory");
	find_roots(g, m.roots);
	bind(g, &m);
	TRY(in_place(g, a, &m));
	TRY(assign_all(g, batch_max, a, &m));
	for (uint32_t i = 0; i < g->n_values; i++)
		m.places[i] = m.places[m.roots[i]];
	*out = m;
	return STATUS_GOOD;
}
