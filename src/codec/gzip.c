/* gzip and zlib streams through zlib.
 *
 * Output goes to a growing buffer in steps, so a small input that unpacks to terabytes ends at
 * a limit. A file has one member, and more after it is an error, as nothing that we fetch has it;
 * behind a request's body anything may follow, as in Triton. For requests zlib's windows lie in
 * the request's arena: the heap is not called once that has grown. One thread a call.
 */
#include "codec/gzip.h"

#include "base/mem.h"
#include "base/panic.h"

#include <zlib.h>

/* bytes of output and of input at a time; zlib's window bits and what is added to them */
enum { STEP = 1 << 16, PIECE = 1 << 30, WINDOW = 15, AS_GZIP = 16, AS_EITHER = 32, MEMORY = 8 };

bool gzip_is(struct span bytes)
{
	return bytes.n >= 2 && bytes.p[0] == 0x1f && bytes.p[1] == 0x8b;
}

/* The next piece of bytes from fed on, as zlib counts in unsigned int. */
static size_t feed(z_stream *z, struct span bytes, size_t fed)
{
	size_t n = bytes.n - fed < PIECE ? bytes.n - fed : PIECE;
	z->next_in = (Bytef *)(uintptr_t)(bytes.p + fed);
	z->avail_in = (uInt)n;
	return fed + n;
}

/* Appends until the stream ends; *used is how many bytes it took. */
static struct status inflate_all(z_stream *z, struct span bytes, size_t end, struct buf *out,
                                 size_t *used)
{
	size_t fed = 0;
	int r = Z_OK;
	while (r != Z_STREAM_END) {
		if (!z->avail_in && fed < bytes.n)
			fed = feed(z, bytes, fed);
		/* a full buffer may still hold all: only a byte more shows that it does not */
		size_t left = end - out->n, room = left < STEP ? left : STEP;
		uint8_t more, *to = room ? buf_space(out, room) : &more;
		if (!to)
			return buf_status(out);
		z->next_out = to;
		z->avail_out = room ? (uInt)room : 1;
		r = inflate(z, Z_NO_FLUSH);
		if (room)
			out->n -= z->avail_out;
		else if (!z->avail_out)
			return FAIL(LIMIT, "the gzip data unpacks to over %zu bytes", end);
		if (r != Z_OK && r != Z_STREAM_END && !(r == Z_BUF_ERROR && fed < bytes.n))
			return FAIL(CORRUPT, "the gzip data is damaged or cut: %s",
			            z->msg ? z->msg : "it ends too early");
	}
	CHECK(fed >= z->avail_in);
	*used = fed - z->avail_in;
	return STATUS_GOOD;
}

struct status gzip_unpack(struct span bytes, struct buf *out)
{
	z_stream z = {0};
	size_t used = 0;
	if (inflateInit2(&z, WINDOW + AS_GZIP) != Z_OK)
		return FAIL(NO_MEMORY, "no memory to unpack gzip");
	struct status st = inflate_all(&z, bytes, out->limit_bytes, out, &used);
	inflateEnd(&z);
	if (!st.code && used != bytes.n)
		return FAIL(CORRUPT, "there are %zu bytes after the gzip data", bytes.n - used);
	return st;
}

static voidpf take(voidpf arena, uInt n, uInt size)
{
	return arena_array(arena, n, size, 16);
}

static void leave(voidpf arena, voidpf p)
{
	(void)arena;
	(void)p;
}

struct status gzip_unpack_any(struct span bytes, size_t limit_bytes, struct arena *a,
                              struct buf *out)
{
	z_stream z = {.zalloc = take, .zfree = leave, .opaque = a};
	struct arena_mark mark = arena_mark(a);
	size_t used, end;
	if (!mem_add(out->n, limit_bytes, &end) || end > out->limit_bytes)
		end = out->limit_bytes;
	if (inflateInit2(&z, WINDOW + AS_EITHER) != Z_OK)
		return FAIL(NO_MEMORY, "no memory to unpack the data");
	struct status st = inflate_all(&z, bytes, end, out, &used);
	inflateEnd(&z);
	arena_rewind(a, mark);
	return st;
}

static struct status deflate_all(z_stream *z, struct span bytes, int flush, struct buf *out)
{
	size_t fed = 0;
	int r = Z_OK;
	do {
		if (!z->avail_in && fed < bytes.n)
			fed = feed(z, bytes, fed);
		uint8_t *to = buf_space(out, STEP);
		if (!to)
			return buf_status(out);
		z->next_out = to;
		z->avail_out = STEP;
		r = deflate(z, fed < bytes.n ? Z_NO_FLUSH : flush);
		out->n -= z->avail_out;
		CHECK(r != Z_STREAM_ERROR);
	} while (fed < bytes.n || z->avail_in || (flush == Z_FINISH && r != Z_STREAM_END));
	return STATUS_GOOD;
}

struct status gzip_pack(const struct span *parts, uint32_t n, enum gzip_form form, struct arena *a,
                        struct buf *out)
{
	z_stream z = {.zalloc = take, .zfree = leave, .opaque = a};
	struct arena_mark mark = arena_mark(a);
	struct status st = STATUS_GOOD;
	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, WINDOW + (form == GZIP_GZIP ? AS_GZIP : 0),
	                 MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return FAIL(NO_MEMORY, "no memory to pack the data");
	for (uint32_t i = 0; i < n && !st.code; i++)
		st = deflate_all(&z, parts[i], Z_NO_FLUSH, out);
	if (!st.code)
		st = deflate_all(&z, (struct span){0}, Z_FINISH, out);
	deflateEnd(&z);
	arena_rewind(a, mark);
	return st;
}
