/* gzip through zlib.
 *
 * Output goes to a growing buffer in steps, so a small input that unpacks to terabytes ends at
 * the buffer's limit. One member is read; more after it are an error, as nothing that we fetch
 * has them. zlib allocates its window itself. One thread a call.
 */
#include "codec/gzip.h"

#include "base/panic.h"

#include <zlib.h>

enum { STEP = 1 << 16 };

bool gzip_is(struct span bytes)
{
	return bytes.n >= 2 && bytes.p[0] == 0x1f && bytes.p[1] == 0x8b;
}

static struct status inflate_all(z_stream *z, struct span bytes, struct buf *out)
{
	size_t fed = 0;
	int r = Z_OK;
	while (r != Z_STREAM_END) {
		if (!z->avail_in && fed < bytes.n) {
			size_t n = bytes.n - fed < (1u << 30) ? bytes.n - fed : 1u << 30;
			z->next_in = (Bytef *)(uintptr_t)(bytes.p + fed);
			z->avail_in = (uInt)n;
			fed += n;
		}
		/* a full buffer may still hold all: only a byte more shows that it does not */
		size_t left = out->limit_bytes - out->n, room = left < STEP ? left : STEP;
		uint8_t more, *to = room ? buf_space(out, room) : &more;
		if (!to)
			return buf_status(out);
		z->next_out = to;
		z->avail_out = room ? (uInt)room : 1;
		r = inflate(z, Z_NO_FLUSH);
		if (room)
			out->n -= z->avail_out;
		else if (!z->avail_out)
			return FAIL(LIMIT, "the gzip data unpacks to over %zu bytes", out->limit_bytes);
		if (r != Z_OK && r != Z_STREAM_END && !(r == Z_BUF_ERROR && fed < bytes.n))
			return FAIL(CORRUPT, "the gzip data is damaged or cut: %s", z->msg ? z->msg : "it ends too early");
	}
	CHECK(fed >= z->avail_in);
	if (fed - z->avail_in != bytes.n)
		return FAIL(CORRUPT, "there are %zu bytes after the gzip data", bytes.n - (fed - z->avail_in));
	return STATUS_GOOD;
}

struct status gzip_unpack(struct span bytes, struct buf *out)
{
	z_stream z = {0};
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return FAIL(NO_MEMORY, "no memory to unpack gzip");
	struct status st = inflate_all(&z, bytes, out);
	inflateEnd(&z);
	return st;
}
