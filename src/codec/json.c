/* Checking and walking JSON in place.
 *
 * json_check is a recursive descent of bounded depth in RapidJSON's order of errors, whose
 * words clients of Triton see. Everything after it relies on a good check and so needs no error
 * paths: skipping a value is counting brackets outside strings. Pure: no I/O, memory only from
 * the caller's arena. Any number of threads may walk one text.
 */
#include "codec/json.h"

#include "base/limits.h"
#include "base/panic.h"
#include "codec/json_priv.h"

#include <math.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct check { const char *begin, *p, *end, *bad, *bad_at; int depth; };

static bool fail(struct check *c, const char *text, const char *at)
{
	if (!c->bad) {
		c->bad = text;
		c->bad_at = at;
	}
	return false;
}

static void blank(struct check *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
		c->p++;
}

/* Errors lie at the first character that differs. */
static bool word(struct check *c, const char *text)
{
	for (; *text; text++, c->p++)
		if (c->p >= c->end || *c->p != *text)
			return fail(c, "Invalid value.", c->p);
	return true;
}

static bool hex4(struct check *c, const char *start, uint32_t *out)
{
	uint32_t v = 0;
	for (int i = 0; i < 4; i++) {
		int d = c->p < c->end ? json__hex(*c->p) : -1;
		if (d < 0)
			return fail(c, "Incorrect hex digit after \\u escape in string.", start);
		v = v << 4 | (uint32_t)d;
		c->p++;
	}
	*out = v;
	return true;
}

static bool escape(struct check *c, const char *start)
{
	uint32_t u, low;
	char e = c->p < c->end ? *c->p : 0;
	if (e && strchr("\"\\/bfnrt", e)) {
		c->p++;
		return true;
	}
	if (e != 'u')
		return fail(c, "Invalid escape character in string.", start);
	c->p++;
	if (!hex4(c, start, &u))
		return false;
	if (u >= 0xd800 && u <= 0xdfff) {
		if (u >= 0xdc00 || c->end - c->p < 2 || c->p[0] != '\\' || c->p[1] != 'u')
			return fail(c, "The surrogate pair in string is invalid.", start);
		c->p += 2;
		if (!hex4(c, start, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(c, "The surrogate pair in string is invalid.", start);
	}
	return true;
}

static bool string(struct check *c)
{
	c->p++;
	for (;;) {
		while (c->p < c->end && json__plain((unsigned char)*c->p))
			c->p++;
		if (c->p >= c->end)
			return fail(c, "Missing a closing quotation mark in string.", c->p);
		if (*c->p == '"') {
			c->p++;
			return true;
		}
		if (*c->p == '\\') {
			const char *start = c->p++;
			if (!escape(c, start))
				return false;
		} else if ((unsigned char)*c->p < 0x20) {
			return fail(c, *c->p ? "Invalid escape character in string."
			            : "Missing a closing quotation mark in string.", c->p);
		} else {
			c->p++;
		}
	}
}

static bool digit(const struct check *c)
{
	return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

/* "Inf" or "Infinity". */
static bool infinity(struct check *c)
{
	return word(c, "Inf") && (c->p >= c->end || *c->p != 'i' || word(c, "inity"));
}

/* A number that a double cannot hold is an error, as in RapidJSON. */
static bool fits(struct check *c, const char *start)
{
	double d;
	json__number(start, c->p, &d);
	return !isinf(d) || fail(c, "Number too big to be stored in double.", start);
}

/* One past the digits at p. */
static const char *digits(const char *p, const char *end)
{
	while (p < end && (unsigned char)(*p - '0') < 10)
		p++;
	return p;
}

static bool number(struct check *c)
{
	const char *start = c->p, *exponent = 0;
	if (*c->p == '-')
		c->p++;
	if (c->p < c->end && *c->p == 'I')
		return infinity(c);
	if (c->p < c->end && *c->p == 'N')
		return word(c, "NaN");
	if (!digit(c))
		return fail(c, "Invalid value.", c->p);
	c->p = *c->p == '0' ? c->p + 1 : digits(c->p, c->end);
	if (c->p < c->end && *c->p == '.') {
		c->p++;
		if (!digit(c))
			return fail(c, "Miss fraction part in number.", c->p);
		c->p = digits(c->p, c->end);
	}
	if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
		c->p++;
		if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
			c->p++;
		if (!digit(c))
			return fail(c, "Miss exponent in number.", c->p);
		exponent = c->p;
		c->p = digits(c->p, c->end);
	}
	/* 200 digits with an exponent under 100 cannot reach 1e308 */
	return c->p - start <= 200 && (!exponent || c->p - exponent < 3) ? true : fits(c, start);
}

static bool value(struct check *c);

static bool enter(struct check *c)
{
	if (++c->depth > LIMIT_JSON_DEPTH)
		return fail(c, "JSON nesting depth exceeds maximum allowed limit (100)", 0);
	c->p++;
	blank(c);
	return true;
}

static bool array(struct check *c)
{
	if (!enter(c))
		return false;
	for (bool first = true; !(first && c->p < c->end && *c->p == ']'); first = false) {
		if (!(digit(c) ? number(c) : value(c))) /* mostly numbers, and many */
			return false;
		blank(c);
		if (c->p < c->end && *c->p == ',') {
			c->p++;
			blank(c);
		} else if (c->p < c->end && *c->p == ']') {
			break;
		} else {
			return fail(c, "Missing a comma or ']' after an array element.", c->p);
		}
	}
	c->p++;
	c->depth--;
	return true;
}

static bool object(struct check *c)
{
	if (!enter(c))
		return false;
	for (bool first = true; !(first && c->p < c->end && *c->p == '}'); first = false) {
		if (c->p >= c->end || *c->p != '"')
			return fail(c, "Missing a name for object member.", c->p);
		if (!string(c))
			return false;
		blank(c);
		if (c->p >= c->end || *c->p != ':')
			return fail(c, "Missing a colon after a name of object member.", c->p);
		c->p++;
		blank(c);
		if (!value(c))
			return false;
		blank(c);
		if (c->p < c->end && *c->p == ',') {
			c->p++;
			blank(c);
		} else if (c->p < c->end && *c->p == '}') {
			break;
		} else {
			return fail(c, "Missing a comma or '}' after an object member.", c->p);
		}
	}
	c->p++;
	c->depth--;
	return true;
}

static bool value(struct check *c)
{
	switch (c->p < c->end ? *c->p : 0) {
	case '{':
		return object(c);
	case '[':
		return array(c);
	case '"':
		return string(c);
	case 't':
		return word(c, "true");
	case 'f':
		return word(c, "false");
	case 'n':
		return word(c, "null");
	case 'N':
		return word(c, "NaN");
	case 'I':
		return infinity(c);
	default:
		return c->p < c->end ? number(c) : fail(c, "Invalid value.", c->p);
	}
}

struct status json_check(struct str text, struct json *root)
{
	struct check c = {text.p, text.p, text.p + text.n, 0, 0, 0};
	blank(&c);
	const char *start = c.p;
	if (c.p >= c.end)
		fail(&c, "The document is empty.", c.p);
	else if (value(&c)) {
		*root = (struct json){start, c.p};
		blank(&c);
		if (c.p < c.end)
			fail(&c, "The document root must not be followed by other values.", c.p);
	}
	if (!c.bad)
		return STATUS_GOOD;
	if (!c.bad_at)
		return FAIL(INVALID_ARG, "%s", c.bad);
	return FAIL(INVALID_ARG, "%s at %zu", c.bad, (size_t)(c.bad_at - c.begin));
}

/* ---- walking checked text ---- */

static const char *skip_blank(const char *p)
{
	while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
		p++;
	return p;
}

static const char *skip_string(const char *p)
{
	for (p++; *p != '"'; p++)
		p += *p == '\\';
	return p + 1;
}

/* Passes over what neither opens, closes nor quotes, sixteen bytes at a time as far as they go. */
static const char *skip_plain(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), open = _mm_set1_epi8('{'), shut = _mm_set1_epi8('}');
	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)p);
		/* with this bit '[' is '{' and ']' is '}'; nothing else becomes them */
		__m128i y = _mm_or_si128(x, _mm_set1_epi8(0x20));
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_or_si128(
			_mm_cmpeq_epi8(y, open), _mm_cmpeq_epi8(y, shut)));
		int mask = _mm_movemask_epi8(hit);
		if (mask)
			return p + __builtin_ctz((unsigned)mask);
	}
#else
	(void)end;
#endif
	return p;
}

/* One past the value that begins at p; end is the end of checked text. */
const char *json__skip(const char *p, const char *end)
{
	/* what is met: 1 opens, 2 closes, 3 begins a string, 4 ends a scalar */
	static const uint8_t kind[256] = {['['] = 1, ['{'] = 1, [']'] = 2, ['}'] = 2,
		['"'] = 3, [','] = 4, [' '] = 4,
	                                  ['\n'] = 4, ['\r'] = 4, ['\t'] = 4};
	int depth = 0;
	if (*p == '"')
		return skip_string(p);
	if (kind[(uint8_t)*p] != 1) {
		while (p < end && kind[(uint8_t)*p] != 4 && kind[(uint8_t)*p] != 2)
			p++;
		return p;
	}
	do {
		uint8_t k = kind[(uint8_t)*p];
		if (k == 3) {
			p = skip_string(p);
			continue;
		}
		depth += k == 1;
		depth -= k == 2;
		p = skip_plain(p + 1, depth > 0 ? end : p + 1);
	} while (depth > 0);
	return p;
}

enum json_kind json_kind(struct json v)
{
	CHECK(v.p < v.end);
	switch (*v.p) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

struct json_walk json_walk(struct json v)
{
	enum json_kind k = json_kind(v);
	struct json_walk w = {.at = v, .object = k == JSON_OBJECT};
	if (k == JSON_OBJECT || k == JSON_ARRAY)
		w.at.p++;
	else
		w.at.p = w.at.end;
	return w;
}

bool json_next(struct json_walk *w)
{
	const char *p = w->at.p, *end = w->at.end;
	if (p >= end)
		return false;
	p = skip_blank(p);
	if (*p == ',')
		p = skip_blank(p + 1);
	if (*p == ']' || *p == '}') {
		w->at.p = end;
		return false;
	}
	w->key = STR_NONE;
	if (w->object) {
		const char *after = skip_string(p);
		w->key = (struct str){p + 1, (size_t)(after - p) - 2};
		p = skip_blank(skip_blank(after) + 1);
	}
	w->value = (struct json){p, json__skip(p, end)};
	w->at.p = w->value.end;
	return true;
}

bool json_key_is(struct str key, const char *name)
{
	if (!memchr(key.p, '\\', key.n))
		return str_is(key, name);
	char plain[256];
	struct str s = {plain, 0};
	return key.n < sizeof plain && json__unescape(key, plain, &s.n) && str_is(s, name);
}

bool json_member(struct json v, const char *name, struct json *out)
{
	if (json_kind(v) != JSON_OBJECT)
		return false;
	for (struct json_walk w = json_walk(v); json_next(&w);)
		if (json_key_is(w.key, name)) {
			*out = w.value;
			return true;
		}
	return false;
}

uint32_t json_count(struct json v)
{
	uint32_t n = 0;
	for (struct json_walk w = json_walk(v); json_next(&w);)
		n++;
	return n;
}

bool json_bool(struct json v, bool *out)
{
	if (json_kind(v) != JSON_BOOL)
		return false;
	*out = *v.p == 't';
	return true;
}

struct str json_text(struct json v)
{
	return (struct str){v.p, (size_t)(v.end - v.p)};
}

bool json_i64(struct json v, int64_t *out)
{
	return json_kind(v) == JSON_NUMBER && str_i64(json_text(v), out);
}

bool json_u64(struct json v, uint64_t *out)
{
	return json_kind(v) == JSON_NUMBER && str_u64(json_text(v), out);
}

bool json_f64(struct json v, double *out)
{
	return json_kind(v) == JSON_NUMBER && json__number(v.p, v.end, out) == v.end;
}

bool json_str(struct json v, struct arena *a, struct str *out)
{
	if (json_kind(v) != JSON_STRING)
		return false;
	struct str raw = {v.p + 1, (size_t)(v.end - v.p) - 2};
	if (!memchr(raw.p, '\\', raw.n)) {
		*out = raw;
		return true;
	}
	char *p = arena_alloc(a, raw.n + 1, 1);
	out->p = p;
	return p && json__unescape(raw, p, &out->n);
}
