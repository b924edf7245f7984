/* Compression of bodies: Content-Encoding of requests, Accept-Encoding for answers.
 *
 * The choice follows Triton to the letter, as found by asking it: of identity, gzip and deflate
 * the one with the greatest weight, the first of equals; a weight stands behind ";q=" directly; a
 * name with a blank behind it, in capitals, or "*" is not one of the three; nothing means
 * identity. Where Triton goes on with what a damaged body gave until then, the request is
 * refused here: it would be answered with a guess. Unpacked bodies lie in the request's arena,
 * such that tensors behind the JSON are aligned.
 */
#include "front/rest_priv.h"

#include "base/panic.h"
#include "codec/gzip.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const names[] = {"identity", "gzip", "deflate"};
enum { CODINGS = sizeof names / sizeof *names, BODY_ALIGN = 64, WEIGHT_TEXT = 32 };

/* "0.5" as C's strtod reads it, after ";q="; no number: 0. */
static double weight(struct str s)
{
	char text[WEIGHT_TEXT];
	if (!s.n)
		return 1;
	if (!str_starts(s, STR(";q=")))
		return 0;
	size_t n = s.n - 3 < sizeof text - 1 ? s.n - 3 : sizeof text - 1;
	memcpy(text, s.p + 3, n);
	text[n] = 0;
	return strtod(text, 0);
}

/* One element of the header; CODINGS when it is none of ours. */
static enum rest_coding coding_of(struct str item, double *w)
{
	const char *semicolon = memchr(item.p, ';', item.n);
	size_t n = semicolon ? (size_t)(semicolon - item.p) : item.n;
	*w = weight((struct str){item.p + n, item.n - n});
	for (int i = 0; i < CODINGS; i++)
		if (str_is((struct str){item.p, n}, names[i]))
			return (enum rest_coding)i;
	return (enum rest_coding)CODINGS;
}

enum rest_coding rest__accepted(const struct http1_request *r)
{
	struct str left = http1_find(r, "Accept-Encoding");
	enum rest_coding best = CODING_IDENTITY;
	double most = 0, w;
	while (left.n) {
		const char *comma = memchr(left.p, ',', left.n);
		struct str item = {left.p, comma ? (size_t)(comma - left.p) : left.n};
		left.p += item.n + (comma != 0);
		left.n -= item.n + (comma != 0);
		while (item.n && *item.p == ' ') {
			item.p++;
			item.n--;
		}
		enum rest_coding c = coding_of(item, &w);
		if ((int)c < CODINGS && w > most) {
			best = c;
			most = w;
		}
	}
	return best;
}

const char *rest__coding_header(enum rest_coding coding)
{
	return coding == CODING_GZIP ? "Content-Encoding: gzip\r\n"
		: coding == CODING_DEFLATE ? "Content-Encoding: deflate\r\n" : "";
}

static struct status unpack(struct rest_call *c, struct span *body)
{
	struct buf *b = rest__scratch(c);
	struct status st = gzip_unpack_any(*body, c->rest->max_json_bytes, c->x->arena, b);
	if (st.code == STATUS_LIMIT)
		return FAIL(INVALID_ARG, "Decompressed data size exceeds the maximum allowed value of "
		            "%" PRIu64 " bytes. Use --http-max-input-size to increase the limit.",
		            c->rest->max_json_bytes);
	if (st.code == STATUS_CORRUPT)
		return FAIL(INVALID_ARG, "the body of the request cannot be decompressed: %s", st.msg);
	TRY(st);
	size_t lead = rest_lead(c->x->request), skip = -lead & (BODY_ALIGN - 1);
	uint8_t *p = arena_alloc(c->x->arena, skip + b->n + 1, BODY_ALIGN);
	if (!p)
		return FAIL(NO_MEMORY, "no memory for the body of the request");
	if (b->n)
		memcpy(p + skip, b->p, b->n);
	*body = (struct span){p + skip, b->n};
	return STATUS_GOOD;
}

struct status rest__decode(struct rest_call *c, struct span *body)
{
	struct str coding = http1_find(c->x->request, "Content-Encoding");
	if (!coding.n || str_is(coding, names[CODING_IDENTITY]))
		return STATUS_GOOD;
	if (!str_is(coding, names[CODING_GZIP]) && !str_is(coding, names[CODING_DEFLATE]))
		return FAIL(UNSUPPORTED, "Unsupported compression type");
	if (!body->n)
		return FAIL(INVALID_ARG, "nothing to be decompressed");
	return unpack(c, body);
}

struct status rest__encode(struct rest_call *c, enum rest_coding coding, struct span *parts,
                           uint32_t *n)
{
	struct buf *b = rest__scratch(c);
	CHECK(coding == CODING_GZIP || coding == CODING_DEFLATE);
	TRY(gzip_pack(parts, *n, coding == CODING_GZIP ? GZIP_GZIP : GZIP_ZLIB, c->x->arena, b));
	struct str packed = arena_str(c->x->arena, buf_text(b));
	if (!packed.p)
		return FAIL(NO_MEMORY, "no memory for the reply");
	parts[0] = (struct span){(const uint8_t *)packed.p, packed.n};
	*n = 1;
	return STATUS_GOOD;
}
