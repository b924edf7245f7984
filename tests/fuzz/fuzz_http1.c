/* Heads of HTTP requests and chunked bodies from arbitrary bytes; chunks are also fed one byte at
 * a time, which must give the same end. */
#include "base/panic.h"
#include "codec/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static enum http1_result chunks(struct span in, size_t piece, size_t *body)
{
	struct http1_chunks c = {0};
	struct span data;
	const char *why;
	size_t used, at = 0;
	*body = 0;
	while (at < in.n) {
		struct span part = {in.p + at, in.n - at < piece ? in.n - at : piece};
		enum http1_result r = http1_chunk(&c, part, &used, &data, &why);
		CHECK(used <= part.n && data.n <= used);
		*body += data.n;
		at += used;
		if (r != HTTP1_MORE)
			return r;
	}
	return HTTP1_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct http1_request r;
	int code;
	const char *why;
	size_t a, b;
	struct span in = {p, n};
	enum http1_result got = http1_head(in, &r, &code, &why);
	if (got == HTTP1_DONE) {
		CHECK(r.head_bytes <= n && !(r.chunked && r.has_length));
		in.p += r.head_bytes;
		in.n -= r.head_bytes;
	}
	if (got == HTTP1_BAD)
		CHECK(code >= 400 && why);
	CHECK(chunks(in, SIZE_MAX, &a) == chunks(in, 1, &b) && a == b);
	return 0;
}
