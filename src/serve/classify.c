/* The classification extension.
 *
 * Elements of any type are compared by one 64-bit key that keeps their order, in a heap that
 * holds the k best so far, so a large output costs no more memory than its answer. The answer is
 * a tensor of strings, as the wire has them; its size is counted before it is written. Triton
 * dies of an output without elements; here it has no classes. Pure; the arena is the request's.
 */
#include "serve/classify.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/panic.h"

#include <inttypes.h>
#include <stdio.h>

/* digits of the greatest double with six decimals, an index, two colons */
enum { HEAD_BYTES = 352 };

struct rank { uint64_t key; size_t index; };

/* Greater doubles have greater keys; NaN has the least, the two zeros have one. */
static uint64_t double_key(double v)
{
	uint64_t bits;
	if (v != v)
		return 0;
	v += 0.0;
	memcpy(&bits, &v, sizeof bits);
	return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint64_t signed_key(int64_t v)
{
	return (uint64_t)v ^ (uint64_t)1 << 63;
}

/* Types that are ordered: X(TYPE, C type, widest type, key of it, format) */
#define TYPES(X) \
	X(UINT8, uint8_t, uint64_t, , PRIu64) X(UINT16, uint16_t, uint64_t, , PRIu64) \
	X(UINT32, uint32_t, uint64_t, , PRIu64) X(UINT64, uint64_t, uint64_t, , PRIu64) \
	X(INT8, int8_t, int64_t, signed_key, PRId64) X(INT16, int16_t, int64_t, signed_key, PRId64) \
	X(INT32, int32_t, int64_t, signed_key, PRId64) \
	X(INT64, int64_t, int64_t, signed_key, PRId64) \
	X(FP32, float, double, double_key, "f") X(FP64, double, double, double_key, "f")

static bool ordered(enum dtype t)
{
	switch (t) {
#define X(name, type, wide, key, format) case DTYPE_##name:
	TYPES(X)
#undef X
		return true;
	default:
		return false;
	}
}

static uint64_t key_of(enum dtype t, const void *p, size_t i)
{
	switch (t) {
#define X(name, type, wide, key, format) \
	case DTYPE_##name: { \
		type v; \
		memcpy(&v, (const type *)p + i, sizeof v); \
		return key((wide)v); \
	}
	TYPES(X)
#undef X
	default:
		UNREACHABLE();
	}
}

/* "value:index" into text; its length. */
static size_t put_head(enum dtype t, const void *p, size_t i, char *text)
{
	int n = 0;
	switch (t) {
#define X(name, type, wide, key, format) \
	case DTYPE_##name: { \
		type v; \
		memcpy(&v, (const type *)p + i, sizeof v); \
		n = snprintf(text, HEAD_BYTES, "%" format, (wide)v); \
		break; \
	}
	TYPES(X)
#undef X
	default:
		UNREACHABLE();
	}
	CHECK(n > 0 && n < HEAD_BYTES - 32);
	return (size_t)n + (size_t)snprintf(text + n, HEAD_BYTES - (size_t)n, ":%zu", i);
}

static bool better(struct rank a, struct rank b)
{
	return a.key > b.key || (a.key == b.key && a.index < b.index);
}

/* Puts h[i] where it belongs below: the worst of the n is on top. */
static void sink(struct rank *h, size_t n, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && better(h[child], h[child + 1]))
			child++;
		if (!better(h[i], h[child]))
			break;
		struct rank t = h[i];
		h[i] = h[child];
		h[child] = t;
	}
}

/* The k best of the n elements at p, the best first. */
static void best(enum dtype t, const void *p, size_t n, struct rank *h, size_t k)
{
	CHECK(k <= n);
	for (size_t i = 0; i < k; i++)
		h[i] = (struct rank){key_of(t, p, i), i};
	for (size_t i = k / 2; i-- > 0;)
		sink(h, k, i);
	for (size_t i = k; k && i < n; i++) {
		struct rank r = {key_of(t, p, i), i};
		if (better(r, h[0])) {
			h[0] = r;
			sink(h, k, 0);
		}
	}
	for (size_t left = k; left > 1; left--) {
		struct rank r = h[0];
		h[0] = h[left - 1];
		h[left - 1] = r;
		sink(h, left - 1, 0);
	}
}

static struct str label(const struct served_io *io, size_t i)
{
	return i < io->n_labels ? io->labels[i] : STR_NONE;
}

/* The strings of one entry of the batch; to NULL: only their size. */
static size_t put_entry(const struct served_io *io, enum dtype t, const uint8_t *p,
                        const struct rank *h, size_t k, uint8_t *to)
{
	size_t total = 0;
	for (size_t i = 0; i < k; i++) {
		char head[HEAD_BYTES];
		struct str name = label(io, h[i].index);
		size_t n = put_head(t, p, h[i].index, head);
		uint32_t all = (uint32_t)(n + (name.n ? name.n + 1 : 0));
		if (to) {
			memcpy(to + total, &all, 4);
			memcpy(to + total + 4, head, n);
			if (name.n) {
				to[total + 4 + n] = ':';
				memcpy(to + total + 5 + n, name.p, name.n);
			}
		}
		total += 4 + (size_t)all;
	}
	return total;
}

struct status classify(const struct served_io *io, const struct tensor *in, bool batched,
                       uint32_t k, struct arena *a, struct tensor *out)
{
	struct tensor one = *in;             /* an entry of the batch */
	int64_t count, batch = batched ? in->dims[0] : 1;
	size_t bytes = 0, done = 0;
	CHECK(k > 0 && (!batched || in->rank > 0));
	if (!ordered(in->dtype))
		return FAIL(INVALID_ARG, "class result not available for output due to unsupported type "
		            "'%s'", dtype_wire(in->dtype));
	one.dims[0] = batched ? 1 : one.dims[0];
	CHECK(batch >= 0 && tensor_elements(&one, &count));
	size_t n = (size_t)count, entries = (size_t)batch;
	size_t kept = k < n ? k : n, step = n * dtype_bytes(in->dtype);
	struct rank *h = arena_array(a, entries, (kept + 1) * sizeof *h, _Alignof(struct rank));
	if (!h)
		return FAIL(NO_MEMORY, "no memory for the classes of output '%.*s'", STR_ARG(io->name));
	for (size_t i = 0; i < entries; i++) {
		const uint8_t *p = (const uint8_t *)in->data + i * step;
		best(in->dtype, p, n, h + i * kept, kept);
		if (!mem_add(bytes, put_entry(io, in->dtype, p, h + i * kept, kept, 0), &bytes))
			return FAIL(LIMIT, "output '%.*s' has too many classes", STR_ARG(io->name));
	}
	uint8_t *to = arena_alloc(a, bytes + 1, 8);
	if (!to)
		return FAIL(NO_MEMORY, "no memory for the classes of output '%.*s'", STR_ARG(io->name));
	for (size_t i = 0; i < entries; i++)
		done += put_entry(io, in->dtype, (const uint8_t *)in->data + i * step, h + i * kept, kept,
		                  to + done);
	CHECK(done == bytes);
	*out = (struct tensor){.dtype = DTYPE_BYTES, .rank = batched ? 2 : 1, .data = to,
	                       .bytes = bytes};
	out->dims[0] = batch;
	out->dims[batched] = (int64_t)kept;
	return STATUS_GOOD;
}

/* ---- labels ---- */

static struct status split(struct served *m, struct str text, struct served_io *io)
{
	uint32_t cap = 0;
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		struct str line = {text.p, end ? (size_t)(end - text.p) : text.n};
		if (!ARENA_GROW(&m->arena, io->labels, io->n_labels, cap, LIMIT_LABELS))
			return FAIL(LIMIT, "output '%.*s' of model '%s' has over %d labels",
			            STR_ARG(io->name), m->name, LIMIT_LABELS);
		io->labels[io->n_labels++] = line;
		text.p += line.n + (end != 0);
		text.n -= line.n + (end != 0);
	}
	return STATUS_GOOD;
}

struct status classify_read_labels(struct served *m, struct str file, struct served_io *io)
{
	struct buf b;
	const char *path = arena_printf(&m->arena, "%s/%.*s", m->dir, STR_ARG(file));
	if (!path)
		return FAIL(NO_MEMORY, "no memory for the labels of model '%s'", m->name);
	if (!file_exists(path))
		return FAIL(INTERNAL, "failed to open text file for read %s: No such file or directory",
		            path);
	TRY(file_read(path, LIMIT_LABEL_BYTES, &b));
	struct str text = arena_str(&m->arena, buf_text(&b));
	buf_release(&b);
	if (!text.p)
		return FAIL(NO_MEMORY, "no memory for the labels of model '%s'", m->name);
	return split(m, text, io);
}
