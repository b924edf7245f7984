/* Reading of case lines, making of one-node graphs from them, running them on a backend, comparing.
 *
 * The lines are compiled in (cases/<family>.def). Every run makes its graph anew from the text,
 * since a backend may pack the graph's constants; random content comes from a hash of the text, so
 * each run sees the same. Outputs are surrounded and filled by a pattern, so that what a kernel
 * writes outside, or forgets to write, is found. Whoever calls owns the arena.
 */
#include "ops/cases.h"

#include "base/clock.h"
#include "base/half.h"
#include "base/mem.h"
#include "base/panic.h"
#include "base/rand.h"

#include <math.h>
#include <stdio.h>

const struct ops_line ops_lines[] = {
#define CASE(text) {__FILE__, __LINE__, text},
#include "ops/cases/all.def"
#undef CASE
};
const uint32_t ops_lines_n = sizeof ops_lines / sizeof *ops_lines;

enum { PATTERN = 0xA5, GUARD = 256 };

const char *ops_line_name(const struct ops_line *l, char *text, size_t n)
{
	const char *base = strrchr(l->file, '/');
	struct str s = str_from(base ? base + 1 : l->file);
	const char *dot = memchr(s.p, '.', s.n);
	snprintf(text, n, "%.*s:%d", dot ? (int)(dot - s.p) : (int)s.n, s.p, l->line);
	return text;
}

/* The next word up to `stop`; false at the end. */
static bool word(struct str *rest, char stop, struct str *out)
{
	while (stop == ' ' && rest->n && *rest->p == ' ')
		rest->p++, rest->n--;
	if (!rest->n)
		return false;
	const char *end = memchr(rest->p, stop, rest->n);
	size_t k = end ? (size_t)(end - rest->p) : rest->n;
	*out = (struct str){rest->p, k};
	rest->p += end ? k + 1 : k;
	rest->n -= end ? k + 1 : k;
	return true;
}

/* Also nan, inf and -inf, which str_f64 leaves to its caller. */
static bool number(struct str s, double *out)
{
	if (str_is(s, "nan"))
		return *out = NAN, true;
	if (str_is(s, "inf") || str_is(s, "-inf"))
		return *out = *s.p == '-' ? -INFINITY : INFINITY, true;
	return str_f64(s, out);
}

/* v for floats, whole for integers (its low bytes: little-endian). */
static void put(const struct tensor *t, int64_t i, double v, int64_t whole)
{
	size_t size = dtype_bytes(t->dtype);
	uint8_t *p = (uint8_t *)t->data + (size_t)i * size;

	switch (t->dtype) {
	case DTYPE_FP32: { float f = (float)v; memcpy(p, &f, 4); break; }
	case DTYPE_FP64: memcpy(p, &v, 8); break;
	case DTYPE_FP16: { uint16_t h = half_from_f32((float)v); memcpy(p, &h, 2); break; }
	case DTYPE_BF16: { uint16_t h = bf16_from_f32((float)v); memcpy(p, &h, 2); break; }
	default: memcpy(p, &whole, size); break;
	}
}

double ops_get(const struct tensor *t, int64_t i)
{
	size_t size = dtype_bytes(t->dtype);
	const uint8_t *p = (const uint8_t *)t->data + (size_t)i * size;
	int64_t whole = 0;

	switch (t->dtype) {
	case DTYPE_FP32: { float f; memcpy(&f, p, 4); return f; }
	case DTYPE_FP64: { double v; memcpy(&v, p, 8); return v; }
	case DTYPE_FP16: { uint16_t h; memcpy(&h, p, 2); return half_to_f32(h); }
	case DTYPE_BF16: { uint16_t h; memcpy(&h, p, 2); return bf16_to_f32(h); }
	case DTYPE_INT8: return (int8_t)*p;
	case DTYPE_INT16: { int16_t v; memcpy(&v, p, 2); return v; }
	case DTYPE_INT32: { int32_t v; memcpy(&v, p, 4); return v; }
	case DTYPE_INT64: { int64_t v; memcpy(&v, p, 8); return (double)v; }
	default: memcpy(&whole, p, size); return (double)(uint64_t)whole;
	}
}

/* "1,2,3"; one number fills all. */
static struct status fill_given(struct tensor *t, struct str list, int64_t count)
{
	struct str item;
	double v = 0;
	int64_t i = 0, whole = 0;
	uint64_t big = 0;

	for (; word(&list, ',', &item); i++) {
		if (!number(item, &v) || i >= count)
			return FAIL(INVALID_ARG, "a list of values ends badly at '%.*s'", STR_ARG(item));
		if (!str_i64(item, &whole) && str_u64(item, &big))
			whole = (int64_t)big;
		put(t, i, v, whole);
	}
	for (; i > 0 && i < count; i++)
		put(t, i, v, whole);
	return i == count ? STATUS_GOOD : FAIL(INVALID_ARG, "a list of values is too short");
}

/* Uniform in the range; the default range keeps sums small and has both signs if the type does. */
static struct status fill_random(struct tensor *t, struct str range, int64_t count, uint64_t seed)
{
	bool is_float = t->dtype == DTYPE_FP32 || t->dtype == DTYPE_FP64 || t->dtype == DTYPE_FP16 ||
	                t->dtype == DTYPE_BF16;
	bool is_signed = t->dtype == DTYPE_INT8 || t->dtype == DTYPE_INT16 || t->dtype == DTYPE_INT32 ||
	                 t->dtype == DTYPE_INT64;
	double lo = is_float ? -2 : is_signed ? -9 : 0, hi = is_float ? 2 : t->dtype == DTYPE_BOOL ? 1 : 9;
	struct rand r;

	for (size_t i = 0; i + 1 < range.n; i++)
		if (range.p[i] == '.' && range.p[i + 1] == '.') {
			if (!number((struct str){range.p, i}, &lo) ||
			    !number((struct str){range.p + i + 2, range.n - i - 2}, &hi))
				return FAIL(INVALID_ARG, "bad range '%.*s'", STR_ARG(range));
			break;
		}
	if (!(lo <= hi && hi - lo < 1e9))
		return FAIL(INVALID_ARG, "bad range '%.*s'", STR_ARG(range));
	rand_seed(&r, seed);
	for (int64_t i = 0; i < count; i++) {
		double v = lo + (hi - lo) * rand_f64(&r);
		int64_t whole = (int64_t)lo + (int64_t)rand_below(&r, (uint64_t)(hi - lo) + 1);
		put(t, i, v, whole);
	}
	return STATUS_GOOD;
}

struct status ops_tensor(struct arena *a, struct str text, uint64_t seed, struct tensor *t,
                         bool *constant)
{
	const char *open = memchr(text.p, '[', text.n), *close = memchr(text.p, ']', text.n);
	char type[16] = {0};
	struct str dims, item, rest;
	int64_t count;

	if (!open || !close || close < open || open - text.p >= (long)sizeof type)
		return FAIL(INVALID_ARG, "'%.*s' is not type[dims]", STR_ARG(text));
	for (size_t i = 0; text.p + i < open; i++)
		type[i] = (char)(text.p[i] >= 'a' && text.p[i] <= 'z' ? text.p[i] - 32 : text.p[i]);
	memset(t, 0, sizeof *t);
	t->dtype = dtype_from_wire(str_from(type));
	dims = (struct str){open + 1, (size_t)(close - open - 1)};
	while (word(&dims, ',', &item))
		if (t->rank == TENSOR_RANK_MAX || !str_i64(item, &t->dims[t->rank++]))
			return FAIL(INVALID_ARG, "'%.*s': bad dims", STR_ARG(text));
	if (!dtype_bytes(t->dtype) || !tensor_elements(t, &count) || count > INT32_MAX)
		return FAIL(INVALID_ARG, "'%.*s': bad type or size", STR_ARG(text));
	t->bytes = (size_t)count * dtype_bytes(t->dtype);
	t->data = arena_alloc(a, t->bytes + 64, 64);
	if (!t->data)
		return FAIL(NO_MEMORY, "'%.*s': out of memory", STR_ARG(text));
	rest = (struct str){close + 1, text.n - (size_t)(close + 1 - text.p)};
	*constant = rest.n && (rest.p[0] == '!' || rest.p[0] == '=');
	if (rest.n && rest.p[0] == '!')
		rest.p++, rest.n--;
	struct str body = rest.n ? (struct str){rest.p + 1, rest.n - 1} : rest;
	if (rest.n && rest.p[0] == '=')
		return count ? fill_given(t, body, count) : STATUS_GOOD;
	if (rest.n && rest.p[0] != '~')
		return FAIL(INVALID_ARG, "'%.*s': unknown end", STR_ARG(text));
	return fill_random(t, body, count, seed);
}

static struct ir_value *value_of(struct ir_graph *g, const struct tensor *t, bool constant,
                                 const char *name)
{
	if (constant)
		return ir_const(g, str_from(name), t->dtype, t->rank, t->dims, t->data, t->bytes);
	struct ir_value *v = ir_value_new(g, str_from(name));
	if (!v)
		return 0;
	v->dtype = t->dtype;
	v->rank = (int32_t)t->rank;
	for (uint32_t d = 0; d < t->rank; d++)
		v->dims[d] = DIM(t->dims[d]);
	return ir_add_input(g, v) ? v : 0;
}

/* By the kind that attrs.def gives; false where the text does not fit it. */
static bool set_attr(struct ops_case *c, enum attr id, struct str text)
{
	struct ir_graph *g = c->graph;
	int64_t ints[64], whole;
	uint32_t n = 0;
	struct str item;
	struct tensor t;
	bool constant;
	double v;

	switch (attr_kind(id)) {
	case ATTR_INT: return str_i64(text, &whole) && ir_set_int(g, c->node, id, whole);
	case ATTR_FLOAT: return number(text, &v) && ir_set_float(g, c->node, id, (float)v);
	case ATTR_INTS:
		while (word(&text, ',', &item))
			if (n == 64 || !str_i64(item, &ints[n++]))
				return false;
		return ir_set_ints(g, c->node, id, ints, n);
	case ATTR_STRING: return ir_set_str(g, c->node, id, text);
	case ATTR_TENSOR:
		if (ops_tensor(c->arena, text, 1, &t, &constant).code)
			return false;
		return ir_set_tensor(g, c->node, id, value_of(g, &t, true, "value"));
	case ATTR_FLOATS: break;
	}
	return false;
}

/* What a line says, before the graph is made. */
struct words {
	struct str op, in[OPS_IN_MAX], attr[32], attr_value[32];
	uint32_t n_in, n_attr, n_out;
	bool batch;
};

static struct status read_words(struct str text, struct words *w, struct ops_case *c)
{
	struct str item, name;
	int64_t n;

	memset(w, 0, sizeof *w);
	if (!word(&text, ' ', &w->op))
		return FAIL(INVALID_ARG, "an empty case");
	while (word(&text, ' ', &item)) {
		struct str value = item;
		bool pair = word(&value, '=', &name);
		if (str_is(item, "-") || memchr(name.p, '[', name.n)) {
			if (w->n_in == OPS_IN_MAX)
				return FAIL(LIMIT, "too many inputs");
			w->in[w->n_in++] = item;
		} else if (str_is(name, "@batch")) {
			w->batch = true;
		} else if (str_is(name, "@noort")) {
			c->no_ort = value.n ? value : STR("not");
		} else if (str_is(name, "@tol")) {
			if (!str_f64(value, &c->tol))
				return FAIL(INVALID_ARG, "bad @tol");
		} else if (str_is(name, "@out")) {
			if (!str_i64(value, &n) || n < 1 || n > OPS_OUT_MAX)
				return FAIL(INVALID_ARG, "bad @out");
			w->n_out = (uint32_t)n;
		} else if (pair && w->n_attr < 32) {
			w->attr[w->n_attr] = name;
			w->attr_value[w->n_attr++] = value;
		} else {
			return FAIL(INVALID_ARG, "what is '%.*s'?", STR_ARG(item));
		}
	}
	return STATUS_GOOD;
}

/* Input i becomes value "xi". */
static struct status make_inputs(struct ops_case *c, const struct words *w, uint64_t seed)
{
	uint32_t sym = w->batch ? ir_symbol(c->graph, STR("batch")) : 0;
	char name[16];

	c->graph->batch_sym = sym;
	for (uint32_t i = 0; i < w->n_in; i++) {
		if (str_is(w->in[i], "-"))
			continue;
		snprintf(name, sizeof name, "x%u", i);
		TRY(ops_tensor(c->arena, w->in[i], seed + i, &c->in[i], &c->constant[i]));
		const char *kept = arena_text(c->arena, str_from(name));
		struct ir_value *v = value_of(c->graph, &c->in[i], c->constant[i], kept);
		if (!v)
			return FAIL(NO_MEMORY, "no memory for a value");
		if (sym && !c->constant[i] && v->rank > 0) {
			c->batch = c->in[i].dims[0];
			v->dims[0] = (struct dim){1, sym};
		}
		c->node->in[i] = v;
		if (c->node->op == OP_TO_CHANNELS_FIRST)
			v->layout = LAYOUT_CHANNELS_LAST;
	}
	return STATUS_GOOD;
}

/* The concrete shape of an output, by inference. */
static struct status out_tensor(const struct ops_case *c, const struct ir_value *v,
                                struct tensor *t)
{
	int64_t count;

	memset(t, 0, sizeof *t);
	if (v->rank < 0)
		return FAIL(INTERNAL, "inference gave no rank");
	t->dtype = v->dtype;
	t->rank = (uint32_t)v->rank;
	for (uint32_t d = 0; d < t->rank; d++) {
		if (v->dims[d].sym && v->dims[d].sym != c->graph->batch_sym)
			return FAIL(UNSUPPORTED, "inference left a symbol in an output");
		t->dims[d] = dim_at(v->dims[d], c->batch);
	}
	if (!tensor_elements(t, &count) || !mem_mul((size_t)count, dtype_bytes(t->dtype), &t->bytes) ||
	    t->bytes > SIZE_MAX / 2)
		return FAIL(LIMIT, "too many elements of output");
	return STATUS_GOOD;
}

struct status ops_case_make(struct arena *a, struct str text, struct ops_case *c)
{
	struct words w;
	enum attr id;
	enum op op;

	*c = (struct ops_case){.arena = a, .batch = 1, .tol = 1e-5};
	TRY(read_words(text, &w, c));
	if (!op_from_text(w.op, &op))
		return FAIL(INVALID_ARG, "no op '%.*s'", STR_ARG(w.op));
	struct str family = str_from(op_info(op)->family);
	if (c->tol == 1e-5 && (str_is(family, "conv") || str_is(family, "gemm")))
		c->tol = 1e-4;
	const struct op_info *info = op_info(op);
	if (w.n_in < info->in_min || w.n_in > info->in_max || (w.n_out && w.n_out < info->out_min) ||
	    w.n_out > info->out_max)
		return FAIL(INVALID_ARG, "%s with %u inputs and %u outputs", info->text, w.n_in, w.n_out);
	for (uint32_t i = 0; i < info->in_min; i++)
		if (str_is(w.in[i], "-"))
			return FAIL(INVALID_ARG, "%s without input %u", info->text, i);
	c->graph = ir_graph_new(a);
	if (c->graph)
		c->graph->name = text;
	uint32_t n_out = w.n_out ? w.n_out : op_info(op)->out_min;
	c->node = c->graph ? ir_node_new(c->graph, op, STR("n"), w.n_in, n_out) : 0;
	if (!c->node)
		return FAIL(NO_MEMORY, "no memory for a graph");
	TRY(make_inputs(c, &w, hash_bytes(text.p, text.n, 7)));
	for (uint32_t i = 0; i < w.n_attr; i++)
		if (!attr_from_text(w.attr[i], &id) || !set_attr(c, id, w.attr_value[i]))
			return FAIL(INVALID_ARG, "bad attribute '%.*s'", STR_ARG(w.attr[i]));
	for (uint32_t i = 0; i < n_out; i++) {
		struct ir_value *v = ir_value_new(c->graph, str_from(arena_printf(a, "y%u", i)));
		if (!v || !ir_add_output(c->graph, v))
			return FAIL(NO_MEMORY, "no memory for a value");
		ir_node_output(c->node, i, v);
	}
	TRY(ir_infer(c->graph));
	for (uint32_t i = 0; i < n_out; i++) {
		TRY(out_tensor(c, c->node->out[i], &c->out[i]));
		if (op == OP_TO_CHANNELS_LAST)
			c->node->out[i]->layout = LAYOUT_CHANNELS_LAST;
	}
	return STATUS_GOOD;
}

/* Plain to channels-last storage of t, or back, into new memory of the arena. */
static bool turn(struct arena *a, struct tensor *t, bool to_last)
{
	size_t size = dtype_bytes(t->dtype);
	uint8_t *from = t->data, *to = arena_alloc(a, t->bytes + 64, 64);
	int64_t c_n = t->dims[1], p_n = 1;

	for (uint32_t d = 2; d < t->rank; d++)
		p_n *= t->dims[d];
	for (int64_t i = 0; to && i < t->dims[0] * c_n * p_n; i++) {
		int64_t n = i / (c_n * p_n), c = i / p_n % c_n, p = i % p_n;
		size_t last = (size_t)((n * p_n + p) * c_n + c) * size, plain = (size_t)i * size;
		memcpy(to + (to_last ? last : plain), from + (to_last ? plain : last), size);
	}
	t->data = to;
	return to;
}

/* All 4-D values but constants, as the pass that assigns layouts does. */
static struct status set_channels_last(struct arena *a, const struct ops_how *how,
                                       struct ops_case *c)
{
	bool any = false;

	if (!how->backend->channels_last)
		return FAIL(UNSUPPORTED, "no channels-last form");
	for (uint32_t i = 0; i < c->node->n_in; i++) {
		struct ir_value *v = c->node->in[i];
		if (!v || c->constant[i] || v->rank != 4)
			continue;
		v->layout = LAYOUT_CHANNELS_LAST;
		any = true;
		if (!turn(a, &c->in[i], true))
			return FAIL(NO_MEMORY, "no memory to turn an input");
	}
	for (uint32_t i = 0; i < c->node->n_out; i++)
		if (c->node->out[i]->rank == 4)
			c->node->out[i]->layout = LAYOUT_CHANNELS_LAST;
	return any ? STATUS_GOOD : FAIL(UNSUPPORTED, "nothing to turn");
}

/* So that whoever reads inputs and outputs finds them plain. */
static bool turn_back(struct arena *a, struct ops_case *c)
{
	bool ok = true;

	for (uint32_t i = 0; i < c->node->n_in; i++)
		if (c->node->in[i] && c->node->in[i]->layout == LAYOUT_CHANNELS_LAST)
			ok = ok && turn(a, &c->in[i], false);
	for (uint32_t i = 0; i < c->node->n_out; i++)
		if (c->node->out[i]->layout == LAYOUT_CHANNELS_LAST)
			ok = ok && turn(a, &c->out[i], false);
	return ok;
}

/* The graph as the backend would get it; UNSUPPORTED where it would not take it. */
static struct status make_for(struct arena *a, struct str text, const struct ops_how *how,
                              struct ops_case *c)
{
	const struct backend *b = how->backend;

	TRY(ops_case_make(a, text, c));
	if (how->channels_last) {
		if (!b->channels_last || !b->channels_last(c->graph, c->node))
			return FAIL(UNSUPPORTED, "%s: not in channels-last form", b->name);
		TRY(set_channels_last(a, how, c));
	}
	if (!b->supports(c->graph, c->node))
		return FAIL(UNSUPPORTED, "%s: does not support it", b->name);
	return STATUS_GOOD;
}

struct status ops_tactics(struct arena *a, struct str text, const struct ops_how *how, uint32_t *n)
{
	uint32_t ids[BACKEND_TACTICS_MAX];
	struct ops_case c;

	TRY(make_for(a, text, how, &c));
	*n = how->backend->tactics ? how->backend->tactics(c.graph, c.node, ids) : 1;
	return STATUS_GOOD;
}

/* Filled and surrounded by the pattern. */
static struct status outs_alloc(struct ops_case *c)
{
	for (uint32_t i = 0; i < c->node->n_out; i++) {
		uint8_t *p = arena_alloc(c->arena, c->out[i].bytes + 2 * GUARD, 64);
		if (!p)
			return FAIL(NO_MEMORY, "no memory for outputs");
		memset(p, PATTERN, c->out[i].bytes + 2 * GUARD);
		c->out[i].data = p + GUARD;
	}
	return STATUS_GOOD;
}

static struct status outs_check(const struct ops_case *c)
{
	for (uint32_t i = 0; i < c->node->n_out; i++)
		for (size_t k = 0; k < GUARD; k++) {
			const uint8_t *p = c->out[i].data;
			if (*(p - 1 - k) != PATTERN || p[c->out[i].bytes + k] != PATTERN)
				return FAIL(CORRUPT, "output %u: written outside, %zu bytes off", i, k);
		}
	return STATUS_GOOD;
}

struct status ops_run(struct arena *a, struct str text, const struct ops_how *how,
                      struct ops_case *c, uint64_t *ns)
{
	const struct backend *b = how->backend;
	uint32_t ids[BACKEND_TACTICS_MAX] = {0}, n = 1;
	struct tensor in[OPS_IN_MAX] = {0};
	struct pool *pool = 0;
	struct step step = {0};
	struct status st = STATUS_GOOD;
	uint64_t best = UINT64_MAX;

	TRY(make_for(a, text, how, c));
	TRY(outs_alloc(c));
	if (b->tactics)
		n = b->tactics(c->graph, c->node, ids);
	if (how->tactic >= n)
		return FAIL(UNSUPPORTED, "%s: has %u tactics", b->name, n);
	TRY(pool_new(how->threads, &pool));
	if (b->pack)
		GO(b->pack(c->graph, c->node, ids[how->tactic]));
	struct prepare_args p = {c->graph, c->node, ids[how->tactic], c->batch, how->threads, a};
	GO(b->prepare(&p, &step));
	for (uint32_t i = 0; i < c->node->n_in; i++) {
		struct ir_value *v = c->node->in[i];
		in[i] = c->in[i];
		if (!v || v->layout != LAYOUT_PACKED)
			continue;
		in[i] = (struct tensor){v->dtype, 1, {v->dims[0].k}, (void *)(uintptr_t)v->data, v->data_bytes};
	}
	void *scratch = arena_alloc(a, step.scratch_bytes + 1, 64);
	if (!scratch)
		GO(FAIL(NO_MEMORY, "no memory for scratch"));
	struct step_args args = {in, c->out, c->node->n_in, c->node->n_out, c->batch, scratch, pool};
	for (uint32_t r = 0; r < (how->repeat ? how->repeat : 1); r++) {
		memset(scratch, PATTERN, step.scratch_bytes + 1);
		uint64_t t0 = clock_ns();
		GO(step.run(&step, &args));
		uint64_t t = clock_ns() - t0;
		best = t < best ? t : best;
	}
	GO(outs_check(c));
	if (how->channels_last && !turn_back(a, c))
		GO(FAIL(NO_MEMORY, "no memory to turn an output"));
	if (ns)
		*ns = best;
out:
	pool_free(pool);
	return st;
}

/* NaN equals NaN; infinities must be the same. */
static bool close_enough(double got, double want, double tol)
{
	if (isnan(want) || isnan(got))
		return isnan(want) && isnan(got);
	if (isinf(want) || isinf(got))
		return got == want;
	return fabs(got - want) <= tol * (1 + fabs(want));
}

struct status ops_compare(const struct tensor *got, const struct tensor *want, double tol)
{
	char a[128], b[128];
	int64_t n;

	bool same = got->dtype == want->dtype && got->rank == want->rank &&
	            !memcmp(got->dims, want->dims, got->rank * sizeof *got->dims);
	if (!same || !tensor_elements(want, &n))
		return FAIL(INVALID_ARG, "is %s%s, not %s%s", dtype_wire(got->dtype),
		            tensor_shape_text(got->dims, got->rank, a, sizeof a), dtype_wire(want->dtype),
		            tensor_shape_text(want->dims, want->rank, b, sizeof b));
	if (want->dtype == DTYPE_FP16)
		tol = fmax(tol, 2e-3);
	else if (want->dtype == DTYPE_BF16)
		tol = fmax(tol, 1.6e-2);
	else if (want->dtype != DTYPE_FP32 && want->dtype != DTYPE_FP64)
		tol = 0;
	for (int64_t i = 0; i < n; i++)
		if (!close_enough(ops_get(got, i), ops_get(want, i), tol))
			return FAIL(INVALID_ARG, "element %lld of %s is %.9g, not %.9g", (long long)i,
			            tensor_shape_text(want->dims, want->rank, b, sizeof b),
			            ops_get(got, i), ops_get(want, i));
	return STATUS_GOOD;
}
