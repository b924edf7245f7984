/* Numbers and strings between JSON text and tensors.
 *
 * A decimal of at most 15 digits and a small exponent is exact in double arithmetic (Clinger
 * 1990, the fast path); all others go through strtod. Whole numbers that fit 64 bits are read as
 * such, so that INT64 tensors keep every bit. Arrays may be nested; brackets and commas are
 * simply passed over, as the text is checked. Writing finds the shortest decimal that reads back
 * by trying precisions. Pure.
 */
#include "base/mem.h"
#include "base/panic.h"
#include "codec/json.h"
#include "codec/json_priv.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Digits that a decimal needs to be rounded right, whatever follows, are fewer than this (767,
 * and one that stands for the rest). */
enum { SLOW_DIGITS = 780 };

/* The number of p..end, which is checked, with its exponent already known: its digits without a
 * point go to strtod with the exponent that this leaves. Digits past the room count by their
 * number, and one that is not zero keeps the last one from being so. */
static double slow(const char *p, const char *end, int64_t exponent)
{
	char text[SLOW_DIGITS + 32];
	size_t n = 0;
	bool point = false, rest = false;
	text[n++] = *p == '-' ? '-' : '+';
	for (p += *p == '-'; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		exponent -= point;
		if (n == 1 && *p == '0')
			continue;
		if (n < SLOW_DIGITS) {
			text[n++] = *p;
		} else {
			exponent++;
			rest = rest || *p != '0';
		}
	}
	if (n == 1)
		text[n++] = '0';
	if (rest)
		text[n - 1] |= 1;
	exponent = exponent > 99999 ? 99999 : exponent < -99999 ? -99999 : exponent;
	snprintf(text + n, sizeof text - n, "e%d", (int)exponent);
	return strtod(text, 0);
}

const char *json__number(const char *p, const char *end, double *out)
{
	const char *start = p;
	uint64_t m = 0;
	int64_t digits = 0, scale = 0, e = 0;
	bool minus = *p == '-';
	p += minus;
	if (p < end && (*p == 'I' || *p == 'N')) {
		*out = *p == 'I' ? (minus ? -INFINITY : INFINITY) : NAN;
		return p + (end - p >= 8 && p[3] == 'i' ? 8 : 3);
	}
	for (; p < end && (unsigned char)(*p - '0') < 10; p++, digits++)
		m = m * 10 + (uint64_t)(*p - '0');
	if (p < end && *p == '.')
		for (p++; p < end && (unsigned char)(*p - '0') < 10; p++, digits++, scale--)
			m = m * 10 + (uint64_t)(*p - '0');
	if (p < end && (*p == 'e' || *p == 'E')) {
		bool down = p + 1 < end && p[1] == '-';
		for (p += 1 + (p + 1 < end && (p[1] == '-' || p[1] == '+')); p < end && (unsigned char)(*p - '0') < 10; p++)
			e = e < INT64_MAX / 100 ? e * 10 + (*p - '0') : e;
		e = down ? -e : e;
		scale += e;
	}
	if (digits > 15 || scale < -22 || scale > 22) {
		*out = slow(start, p, e);
		return p;
	}
	double v = scale < 0 ? (double)m / powers[-scale] : (double)m * powers[scale];
	*out = minus ? -v : v;
	return p;
}

static size_t put_utf8(char *to, uint32_t u)
{
	if (u < 0x80) {
		to[0] = (char)u;
		return 1;
	}
	if (u < 0x800) {
		to[0] = (char)(0xc0 | u >> 6);
		to[1] = (char)(0x80 | (u & 63));
		return 2;
	}
	if (u < 0x10000) {
		to[0] = (char)(0xe0 | u >> 12);
		to[1] = (char)(0x80 | (u >> 6 & 63));
		to[2] = (char)(0x80 | (u & 63));
		return 3;
	}
	to[0] = (char)(0xf0 | u >> 18);
	to[1] = (char)(0x80 | (u >> 12 & 63));
	to[2] = (char)(0x80 | (u >> 6 & 63));
	to[3] = (char)(0x80 | (u & 63));
	return 4;
}

static uint32_t hex4(const char *p)
{
	uint32_t v = 0;
	for (int i = 0; i < 4; i++)
		v = v << 4 | (uint32_t)json__hex(p[i]);
	return v;
}

bool json__unescape(struct str raw, char *to, size_t *n)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	size_t at = 0;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] != '\\') {
			to[at++] = raw.p[i];
			continue;
		}
		char e = raw.p[++i];
		if (e != 'u') {
			const char *k = strchr(from, e);
			CHECK(k && e);
			to[at++] = into[k - from];
			continue;
		}
		uint32_t u = hex4(raw.p + i + 1);
		i += 4;
		if (u >= 0xd800 && u <= 0xdbff) {
			u = 0x10000 + ((u - 0xd800) << 10) + (hex4(raw.p + i + 3) - 0xdc00);
			i += 6;
		}
		at += put_utf8(to + at, u);
	}
	*n = at;
	return true;
}

/* ---- tensors ---- */

static void store(enum dtype t, void *out, int64_t i, double d, int64_t whole)
{
	switch (t) {
	case DTYPE_FP32:
		((float *)out)[i] = (float)d;
		break;
	case DTYPE_FP64:
		((double *)out)[i] = d;
		break;
	case DTYPE_INT64:
	case DTYPE_UINT64:
		((int64_t *)out)[i] = whole;
		break;
	case DTYPE_INT32:
	case DTYPE_UINT32:
		((uint32_t *)out)[i] = (uint32_t)whole;
		break;
	case DTYPE_INT16:
	case DTYPE_UINT16:
		((uint16_t *)out)[i] = (uint16_t)whole;
		break;
	default:
		((uint8_t *)out)[i] = (uint8_t)whole;
		break;
	}
}

static bool is_float(enum dtype t)
{
	return t == DTYPE_FP32 || t == DTYPE_FP64;
}

static bool is_signed(enum dtype t)
{
	return t == DTYPE_INT8 || t == DTYPE_INT16 || t == DTYPE_INT32 || t == DTYPE_INT64;
}

/* One element at p, of which *next is the end. */
static bool element(const char *p, const char *end, enum dtype t, double *d, int64_t *whole, const char **next)
{
	uint64_t u;
	bool good;
	if (t == DTYPE_BOOL) {
		*whole = *p == 't';
		*next = p + (*p == 't' ? 4 : 5);
		return *p == 't' || *p == 'f';
	}
	if (strchr("tfn\"{", *p))
		return false;
	*next = json__number(p, end, d);
	if (is_float(t))
		return true;
	struct str s = {p, (size_t)(*next - p)};
	if (is_signed(t))
		return str_i64(s, whole);
	good = *p != '-' && str_u64(s, &u);
	*whole = good ? (int64_t)u : 0;
	return good;
}

/* A decimal without exponent, as most are: what json__number gives. p is in an array, whose end
 * ends every number. NULL: not so simple. */
static inline const char *simple(const char *p, double *out)
{
	bool minus = *p == '-';
	p += minus;
	const char *start = p, *point;
	uint64_t m = 0;
	for (; (unsigned char)(*p - '0') < 10; p++)
		m = m * 10 + (uint64_t)(*p - '0');
	point = p;
	if (*p == '.')
		for (p++; (unsigned char)(*p - '0') < 10; p++)
			m = m * 10 + (uint64_t)(*p - '0');
	if (p == start || p - start > 15 || *p == 'e' || *p == 'E')
		return 0;
	double v = p > point ? (double)m / powers[p - point - 1] : (double)m;
	*out = minus ? -v : v;
	return p;
}

/* The elements of an array up to the first that is not simple; returns where they end. */
static const char *simple_floats(const char *p, enum dtype t, void *out, int64_t max, int64_t *n)
{
	double d;
	const char *next;
	for (;; p++) {
		while (*p == ' ')
			p++;
		if (!((unsigned char)(*p - '0') < 10 || *p == '-') || !(next = simple(p, &d)))
			return p;
		if (*n < max && t == DTYPE_FP32)
			((float *)out)[*n] = (float)d;
		else if (*n < max)
			((double *)out)[*n] = d;
		++*n;
		p = next;
		if (*p != ',')
			return p;
	}
}

/* Between the elements. */
static bool is_gap(char c)
{
	return c == ',' || c == '[' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

struct status json_numbers(struct json v, enum dtype t, void *out, int64_t max, int64_t *count)
{
	int64_t n = 0, whole = 0;
	double d = 0;
	CHECK(t != DTYPE_BYTES && t != DTYPE_FP16 && t != DTYPE_BF16);
	for (const char *p = v.p, *next = p; p < v.end; p = next) {
		if (is_gap(*p)) {
			next = p + 1;
			if (*p == '[' && is_float(t))
				next = simple_floats(p + 1, t, out, max, &n);
			continue;
		}
		if (n >= max) {
			n++;
			break;
		}
		if (!element(p, v.end, t, &d, &whole, &next))
			return FAIL(INVALID_ARG, "attempt to access JSON %s",
			            t == DTYPE_BOOL ? "non-boolean as boolean"
			            : is_float(t)   ? "non-number as double"
			            : is_signed(t)  ? "non-signed-integer as signed-integer"
			                            : "non-unsigned-integer as unsigned-integer");
		CHECK(next > p && next <= v.end);
		store(t, out, n++, d, whole);
	}
	*count = n;
	return STATUS_GOOD;
}

static struct status bytes_of(struct json v, struct arena *a, struct buf *out, int64_t *count)
{
	struct str s;
	if (json_kind(v) == JSON_ARRAY) {
		for (struct json_walk w = json_walk(v); json_next(&w);)
			TRY(bytes_of(w.value, a, out, count));
		return STATUS_GOOD;
	}
	if (json_kind(v) != JSON_STRING)
		return FAIL(INVALID_ARG, "attempt to access JSON non-string as string");
	if (!json_str(v, a, &s))
		return FAIL(NO_MEMORY, "no memory for a string");
	buf_u32(out, (uint32_t)s.n);
	buf_str(out, s);
	++*count;
	return STATUS_GOOD;
}

struct status json_bytes(struct json v, struct arena *a, struct buf *out, int64_t *count)
{
	*count = 0;
	TRY(bytes_of(v, a, out, count));
	return buf_status(out);
}

/* ---- writing ---- */

void json_put_str(struct buf *b, struct str s)
{
	buf_byte(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\') {
			buf_byte(b, '\\');
			buf_byte(b, c);
		} else if (c < 0x20) {
			static const char names[] = "\b\f\n\r\t", letters[] = "bfnrt";
			const char *k = c ? strchr(names, c) : 0;
			if (k)
				buf_printf(b, "\\%c", letters[k - names]);
			else
				buf_printf(b, "\\u%04X", c);
		} else {
			buf_byte(b, c);
		}
	}
	buf_byte(b, '"');
}

void json_put_u64(struct buf *b, uint64_t v)
{
	char text[20];
	size_t n = sizeof text;
	do
		text[--n] = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(b, text + n, sizeof text - n);
}

void json_put_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_byte(b, '-');
	json_put_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

static bool special(struct buf *b, double v)
{
	if (isnan(v))
		buf_z(b, "NaN");
	else if (isinf(v))
		buf_z(b, v < 0 ? "-Infinity" : "Infinity");
	return isnan(v) || isinf(v);
}

/* An exponent as %e writes it. */
static int exponent_of(const char *s)
{
	int v = 0;
	for (const char *p = s + 1; *p; p++)
		v = v * 10 + (*p - '0');
	return *s == '-' ? -v : v;
}

/* From %e's form to what RapidJSON writes: no zeros at the end of the fraction, at least one digit
 * in it, no exponent from 1e-6 up to below 1e21, and exponents without plus and zeros. */
static void put_decimal(struct buf *b, const char *text)
{
	char digits[24];
	int n = 0, point = exponent_of(strchr(text, 'e') + 1) + 1;
	if (*text == '-')
		buf_byte(b, *text++);
	for (; *text != 'e'; text++)
		if (*text != '.' && n < (int)sizeof digits)
			digits[n++] = *text;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	if (n == 1 && *digits == '0') {
		buf_z(b, "0.0");
	} else if (point > 21 || point <= -6) {
		buf_byte(b, (uint8_t)*digits);
		if (n > 1)
			buf_byte(b, '.');
		buf_add(b, digits + 1, (size_t)n - 1);
		buf_byte(b, 'e');
		json_put_i64(b, point - 1);
	} else if (point <= 0) {
		buf_add(b, "0.00000", (size_t)(2 - point));
		buf_add(b, digits, (size_t)n);
	} else {
		buf_add(b, digits, (size_t)(n < point ? n : point));
		for (int i = n; i < point; i++)
			buf_byte(b, '0');
		buf_byte(b, '.');
		if (n > point)
			buf_add(b, digits + point, (size_t)(n - point));
		else
			buf_byte(b, '0');
	}
}

void json_put_f64(struct buf *b, double v)
{
	char text[40];
	if (special(b, v))
		return;
	/* what is too small to be normal may have few digits */
	for (int after = fabs(v) < DBL_MIN ? 0 : 14; after <= 16; after++) {
		snprintf(text, sizeof text, "%.*e", after, v);
		if (after == 16 || strtod(text, 0) == v)
			break;
	}
	put_decimal(b, text);
}

/* Numbers of magnitude 0.001 to 1e6, the common case, without printf: nine significant digits by
 * integer arithmetic, taken only when they read back. */
static bool quick_f32(struct buf *b, float v)
{
	float a = fabsf(v);
	if (!(a >= 1e-3f && a < 1e6f))
		return false;
	uint64_t scaled = (uint64_t)((double)a * 1e9 + 0.5), whole = scaled / 1000000000u, part = scaled % 1000000000u;
	if ((float)((double)scaled / 1e9) != a)
		return false;
	int digits = 9;
	/* drop digits as long as the number still reads back */
	for (uint64_t unit = 10; digits > 1; unit *= 10, digits--) {
		uint64_t shorter = (scaled + unit / 2) / unit * unit;
		if ((float)((double)shorter / 1e9) != a)
			break;
		whole = shorter / 1000000000u;
		part = shorter % 1000000000u;
	}
	char text[32];
	int n = (int)sizeof text;
	for (int i = 0; i < 9; i++, part /= 10)
		if (i >= 9 - digits)
			text[--n] = (char)('0' + part % 10);
	text[--n] = '.';
	do
		text[--n] = (char)('0' + whole % 10);
	while (whole /= 10);
	if (v < 0)
		text[--n] = '-';
	buf_add(b, text + n, sizeof text - (size_t)n);
	return true;
}

void json_put_f32(struct buf *b, float v)
{
	char text[40];
	if (special(b, (double)v) || quick_f32(b, v))
		return;
	for (int after = fabsf(v) < FLT_MIN ? 0 : 5; after <= 8; after++) {
		snprintf(text, sizeof text, "%.*e", after, (double)v);
		if (after == 8 || strtof(text, 0) == v)
			break;
	}
	put_decimal(b, text);
}

static void put_element(struct buf *b, enum dtype t, const void *p, int64_t i)
{
	switch (t) {
	case DTYPE_BOOL:
		buf_z(b, ((const uint8_t *)p)[i] ? "true" : "false");
		break;
	case DTYPE_UINT8:
		json_put_u64(b, ((const uint8_t *)p)[i]);
		break;
	case DTYPE_INT8:
		json_put_i64(b, ((const int8_t *)p)[i]);
		break;
	case DTYPE_UINT16:
		json_put_u64(b, ((const uint16_t *)p)[i]);
		break;
	case DTYPE_INT16:
		json_put_i64(b, ((const int16_t *)p)[i]);
		break;
	case DTYPE_UINT32:
		json_put_u64(b, ((const uint32_t *)p)[i]);
		break;
	case DTYPE_INT32:
		json_put_i64(b, ((const int32_t *)p)[i]);
		break;
	case DTYPE_UINT64:
		json_put_u64(b, ((const uint64_t *)p)[i]);
		break;
	case DTYPE_INT64:
		json_put_i64(b, ((const int64_t *)p)[i]);
		break;
	case DTYPE_FP64:
		json_put_f64(b, ((const double *)p)[i]);
		break;
	default:
		json_put_f32(b, ((const float *)p)[i]);
		break;
	}
}

bool json_put_numbers(struct buf *b, enum dtype t, const void *p, int64_t count)
{
	if (!dtype_bytes(t) || t == DTYPE_FP16 || t == DTYPE_BF16)
		return false;
	CHECK(count >= 0);
	buf_byte(b, '[');
	for (int64_t i = 0; i < count; i++) {
		if (i)
			buf_byte(b, ',');
		put_element(b, t, p, i);
	}
	buf_byte(b, ']');
	return true;
}
