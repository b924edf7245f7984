/* Reading the heads of HTTP/1.1 requests and chunked bodies.
 *
 * The grammar is RFC 9112's, without the leniencies that make requests smuggle: lines end in CRLF, no line is folded, no blank stands before a colon, a body has one length, told once, and
 * never both a length and chunks. Limits are in tables/limits.def and have their own status codes. The scanner runs over bytes that are there;
 * a head that is not complete is read again from its start when more has come, which costs little as heads are short.
 */
#include "codec/http1.h"

#include "base/panic.h"

struct head { const char *p, *end; struct http1_request *r; int code; const char *why; };

static bool refuse(struct head *h, int code, const char *why)
{
	h->code = code;
	h->why = why;
	return false;
}

/* The characters of a token, as a set of 128 bits: visible ASCII without ()<>@,;:\"/[]?={} */
static bool token_char(unsigned char c)
{
	static const uint64_t set[4] = {0x03ff6cfa00000000, 0x57ffffffc7fffffe};
	return set[c >> 6] >> (c & 63) & 1;
}

static bool token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!token_char((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

/* The next line without its CRLF. The caller knows that the head is complete. */
static bool line(struct head *h, struct str *out)
{
	const char *nl = memchr(h->p, '\n', (size_t)(h->end - h->p));
	CHECK(nl);
	if (nl == h->p || nl[-1] != '\r')
		return refuse(h, 400, "a line of the request ends without CR LF");
	*out = (struct str){h->p, (size_t)(nl - h->p) - 1};
	if (memchr(out->p, '\r', out->n) || memchr(out->p, 0, out->n))
		return refuse(h, 400, "a line of the request holds CR or NUL");
	h->p = nl + 1;
	return true;
}

static bool request_line(struct head *h)
{
	struct str s;
	if (!line(h, &s))
		return false;
	const char *a = memchr(s.p, ' ', s.n), *b = a ? memchr(a + 1, ' ', (size_t)(s.p + s.n - a - 1)) : 0;
	if (!b || memchr(b + 1, ' ', (size_t)(s.p + s.n - b - 1)))
		return refuse(h, 400, "the request line is not METHOD TARGET HTTP/1.1");
	h->r->method = (struct str){s.p, (size_t)(a - s.p)};
	h->r->target = (struct str){a + 1, (size_t)(b - a) - 1};
	struct str version = {b + 1, (size_t)(s.p + s.n - b) - 1};
	if (!token(h->r->method) || !h->r->target.n)
		return refuse(h, 400, "the request line is not METHOD TARGET HTTP/1.1");
	for (size_t i = 0; i < h->r->target.n; i++)
		if ((unsigned char)h->r->target.p[i] <= 32 || (unsigned char)h->r->target.p[i] == 127)
			return refuse(h, 400, "the request target holds a control character");
	if (!str_is(version, "HTTP/1.1") && !str_is(version, "HTTP/1.0"))
		return refuse(h, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	h->r->old = version.p[7] == '0';
	h->r->keep_alive = !h->r->old;
	return true;
}

static bool one_length(struct head *h, struct str value)
{
	uint64_t v;
	if (!str_u64(value, &v))
		return refuse(h, 400, "Content-Length is not one whole number");
	if (h->r->has_length && h->r->length != v)
		return refuse(h, 400, "two Content-Length headers differ");
	if (h->r->has_length)
		return refuse(h, 400, "Content-Length is given twice");
	h->r->has_length = true;
	h->r->length = v;
	return true;
}

/* The options of Connection, a list with commas; close wins. */
static void connection(struct http1_request *r, struct str list)
{
	bool closes = false;
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		struct str one = str_trim((struct str){list.p, comma ? (size_t)(comma - list.p) : list.n});
		closes = closes || str_eq_nocase(one, STR("close"));
		r->keep_alive = !closes && (r->keep_alive || str_eq_nocase(one, STR("keep-alive")));
		size_t used = comma ? (size_t)(comma - list.p) + 1 : list.n;
		list = (struct str){list.p + used, list.n - used};
	}
}

/* What the headers that frame the message say. */
static bool understand(struct head *h, struct http1_header x)
{
	struct http1_request *r = h->r;
	switch (x.name.n) {
	case 6:
		if (str_eq_nocase(x.name, STR("Expect")))
			r->expects_continue = str_eq_nocase(x.value, STR("100-continue"));
		return true;
	case 10:
		if (!str_eq_nocase(x.name, STR("Connection")))
			return true;
		connection(r, x.value);
		return true;
	case 14:
		return !str_eq_nocase(x.name, STR("Content-Length")) || one_length(h, x.value);
	case 17:
		if (!str_eq_nocase(x.name, STR("Transfer-Encoding")))
			return true;
		if (!str_eq_nocase(x.value, STR("chunked")) || r->chunked)
			return refuse(h, 501, "the only Transfer-Encoding understood is chunked, once");
		r->chunked = true;
		return true;
	default:
		return true;
	}
}

static bool header(struct head *h, struct str s)
{
	const char *colon = memchr(s.p, ':', s.n);
	if (*s.p == ' ' || *s.p == '\t')
		return refuse(h, 400, "a header is folded over two lines");
	if (!colon)
		return refuse(h, 400, "a header has no colon");
	struct http1_header x = {{s.p, (size_t)(colon - s.p)}, {colon + 1, (size_t)(s.p + s.n - colon) - 1}};
	x.value = str_trim(x.value);
	if (!token(x.name))
		return refuse(h, 400, "the name of a header holds a blank or another character that may not be there");
	if (h->r->n_headers == LIMIT_HTTP_HEADERS)
		return refuse(h, 431, "the request has too many headers");
	h->r->headers[h->r->n_headers++] = x;
	return understand(h, x);
}

/* The end of the head, or NULL while it has not come. */
static const char *head_end(struct span in)
{
	const char *p = (const char *)in.p, *end = p + in.n;
	for (const char *nl = p; (nl = memchr(nl, '\n', (size_t)(end - nl))); nl++) {
		if (end - nl >= 2 && nl[1] == '\n')
			return nl + 2;
		if (end - nl >= 3 && nl[1] == '\r' && nl[2] == '\n')
			return nl + 3;
	}
	return 0;
}

enum http1_result http1_head(struct span in, struct http1_request *out, int *code, const char **why)
{
	const char *end = head_end(in);
	struct head h = {(const char *)in.p, end, out, 0, 0};
	struct str s;
	if ((end ? (size_t)(end - h.p) : in.n) > LIMIT_HTTP_HEAD_BYTES) {
		*code = 431;
		*why = "the head of the request is too long";
		return HTTP1_BAD;
	}
	if (!end)
		return HTTP1_MORE;
	out->n_headers = 0;
	out->chunked = out->expects_continue = out->has_length = false;
	out->length = 0;
	bool good = request_line(&h);
	while (good && (good = line(&h, &s)) && s.n)
		good = header(&h, s);
	if (good && out->chunked && out->has_length)
		good = refuse(&h, 400, "the request has both Content-Length and Transfer-Encoding");
	if (!good) {
		*code = h.code;
		*why = h.why;
		return HTTP1_BAD;
	}
	out->head_bytes = (size_t)(h.p - (const char *)in.p);
	CHECK(h.p == end);
	return HTTP1_DONE;
}

struct str http1_find(const struct http1_request *r, const char *name)
{
	struct str want = str_from(name);
	for (uint32_t i = 0; i < r->n_headers; i++)
		if (str_eq_nocase(r->headers[i].name, want))
			return r->headers[i].value;
	return STR_NONE;
}

enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_SIZE_LF, CHUNK_DATA, CHUNK_CR, CHUNK_LF, CHUNK_TRAILER, CHUNK_TRAILER_LF, CHUNK_END };

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static const char too_many[] = "Chunked request body exceeds maximum of 65536 non-empty chunks. Send fewer or larger HTTP "
                               "chunks.";

/* One byte outside data; false: malformed. */
static bool chunk_byte(struct http1_chunks *c, char b, const char **why)
{
	*why = "the chunked body is malformed";
	switch (c->state) {
	case CHUNK_SIZE:
		if (hex(b) >= 0) {
			c->digits = true;
			if (c->left >> 56)
				return false;
			c->left = c->left << 4 | (uint64_t)hex(b);
			return true;
		}
		c->line = 0;
		c->state = b == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
		return c->digits && (b == '\r' || b == ';' || b == ' ' || b == '\t');
	case CHUNK_EXTENSION:
		c->state = b == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
		return b != '\n' && ++c->line < LIMIT_HTTP_CHUNK_LINE;
	case CHUNK_SIZE_LF:
		c->digits = false;
		c->state = c->left ? CHUNK_DATA : CHUNK_TRAILER;
		if (c->left && ++c->count > LIMIT_HTTP_CHUNKS) {
			*why = too_many;
			return false;
		}
		c->line = 0;
		return b == '\n';
	case CHUNK_CR:
		c->state = CHUNK_LF;
		return b == '\r';
	case CHUNK_LF:
		c->state = CHUNK_SIZE;
		return b == '\n';
	case CHUNK_TRAILER:
		/* trailers are read over; an empty line ends them */
		if (b == '\r') {
			c->state = CHUNK_TRAILER_LF;
			return true;
		}
		return b != '\n' && ++c->line < LIMIT_HTTP_HEAD_BYTES;
	case CHUNK_TRAILER_LF:
		c->state = c->line ? CHUNK_TRAILER : CHUNK_END;
		c->line = 0;
		return b == '\n';
	default:
		UNREACHABLE();
	}
}

enum http1_result http1_chunk(struct http1_chunks *c, struct span in, size_t *used, struct span *data, const char **why)
{
	*data = (struct span){in.p, 0};
	for (*used = 0; *used < in.n;) {
		if (c->state == CHUNK_DATA) {
			size_t n = in.n - *used < c->left ? in.n - *used : (size_t)c->left;
			*data = (struct span){in.p + *used, n};
			*used += n;
			c->left -= n;
			c->state = c->left ? CHUNK_DATA : CHUNK_CR;
			return HTTP1_MORE;
		}
		if (!chunk_byte(c, (char)in.p[(*used)++], why))
			return HTTP1_BAD;
		if (c->state == CHUNK_END)
			return HTTP1_DONE;
	}
	return HTTP1_MORE;
}

const char *http1_reason(int code)
{
	switch (code) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Not Allowed";
	case 408:
		return "Request Timeout";
	case 413:
		return "Content Too Large";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Error";
	}
}
