/* Protocol buffers, JSON form: writing, by protobuf's own mapping.
 *
 * 64-bit numbers are written as numbers unless the table says PB_TEXT64 (Triton rewrites
 * protobuf's strings so); enums are names, bytes base64, maps objects, numbers that JSON lacks the
 * strings "NaN", "Infinity" and "-Infinity". With PB_JSON_DEFAULTS unset scalars, lists and maps
 * are there too, members of oneofs and messages are not. Text that is not UTF-8 is written with
 * U+FFFD for each bad byte. No I/O; nothing is shared between threads. Not here: reading JSON.
 */
#include "codec/pb_priv.h"

#include "base/limits.h"
#include "base/panic.h"

#include <math.h>

/* Length of the UTF-8 sequence at p, 0 where it is none. */
static size_t utf8_length(const uint8_t *p, size_t n)
{
	size_t k = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 :
	           p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
	if (!k || k > n)
		return 0;
	for (size_t i = 1; i < k; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return k;
}

static void print_text(struct str s, struct buf *b)
{
	buf_byte(b, '"');
	for (size_t i = 0; i < s.n;) {
		const uint8_t *p = (const uint8_t *)s.p + i;
		size_t k = utf8_length(p, s.n - i);
		if (!k)
			buf_z(b, "\xef\xbf\xbd");
		else if (*p == '"' || *p == '\\')
			buf_printf(b, "\\%c", *p);
		else if (*p == '\n' || *p == '\t' || *p == '\r')
			buf_z(b, *p == '\n' ? "\\n" : *p == '\t' ? "\\t" : "\\r");
		else if (*p < 32 || *p == 127)
			buf_printf(b, "\\u%04x", *p);
		else
			buf_add(b, p, k);
		i += k ? k : 1;
	}
	buf_byte(b, '"');
}

static void print_base64(struct str s, struct buf *b)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	buf_byte(b, '"');
	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t v = 0;
		size_t left = s.n - i;
		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (k < left ? (uint8_t)s.p[i + k] : 0);
		buf_byte(b, (uint8_t)digits[v >> 18]);
		buf_byte(b, (uint8_t)digits[v >> 12 & 63]);
		buf_byte(b, left > 1 ? (uint8_t)digits[v >> 6 & 63] : '=');
		buf_byte(b, left > 2 ? (uint8_t)digits[v & 63] : '=');
	}
	buf_byte(b, '"');
}

static void print_scalar(const struct pb_field *f, union pb_value v, bool key, struct buf *b)
{
	const char *quote = key || (f->flags & PB_TEXT64) ? "\"" : "";
	const char *name = f->kind == PB_ENUMERATED ? pb_enum_text(f->enums, (int32_t)v.i) : 0;
	switch ((enum pb_kind)f->kind) {
	case PB_STRING: print_text(v.s, b); return;
	case PB_BYTES: print_base64(v.s, b); return;
	case PB_FLOAT:
	case PB_DOUBLE:
		if (isnan(v.d) || isinf(v.d))
			buf_z(b, isnan(v.d) ? "\"NaN\"" : v.d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
		else
			pb__print_real(b, v.d, f->kind == PB_FLOAT);
		return;
	case PB_BOOL: buf_printf(b, "%s%s%s", quote, v.u ? "true" : "false", quote); return;
	case PB_UINT32:
	case PB_UINT64: buf_printf(b, "%s%llu%s", quote, (unsigned long long)v.u, quote); return;
	case PB_INT32:
	case PB_INT64:
	case PB_ENUMERATED:
		if (name)
			buf_printf(b, "\"%s\"", name);
		else
			buf_printf(b, "%s%lld%s", quote, (long long)v.i, quote);
		return;
	case PB_MESSAGE:
	case PB_KIND_COUNT: break;
	}
	UNREACHABLE();
}

static void print_name(const char *name, int flags, struct buf *b)
{
	buf_byte(b, '"');
	for (const char *p = name; *p; p++) {
		if (*p == '_' && (flags & PB_JSON_CAMEL) && p[1] >= 'a' && p[1] <= 'z')
			buf_byte(b, (uint8_t)(*++p - 'a' + 'A'));
		else
			buf_byte(b, (uint8_t)*p);
	}
	buf_z(b, "\":");
}

static void print_message(const struct pb_msg *m, const void *x, int flags, uint32_t depth, struct buf *b);

static void print_value(const struct pb_field *f, const void *at, int flags, uint32_t depth, struct buf *b)
{
	if (f->kind != PB_MESSAGE)
		print_scalar(f, pb__load(at, f), false, b);
	else if (at)
		print_message(f->msg, at, flags, depth + 1, b);
	else
		buf_z(b, "{}");   /* a map's value that was left out */
}

static void print_list(const struct pb_field *f, const void *x, uint32_t count, int flags, uint32_t depth,
                       struct buf *b)
{
	bool map = f->card == PB_MAPPED;
	buf_byte(b, map ? '{' : '[');
	for (uint32_t i = 0; i < count; i++) {
		const char *at = pb__at(x, f, i);
		if (i)
			buf_byte(b, ',');
		if (map) {
			const struct pb_field *key = &f->msg->fields[0], *value = &f->msg->fields[1];
			print_scalar(key, pb__load(at + key->offset, key), true, b);
			buf_byte(b, ':');
			print_value(value, pb__at(at, value, 0), flags, depth, b);
		} else {
			print_value(f, at, flags, depth, b);
		}
	}
	buf_byte(b, map ? '}' : ']');
}

static void print_message(const struct pb_msg *m, const void *x, int flags, uint32_t depth, struct buf *b)
{
	bool first = true;
	CHECK(depth <= LIMIT_PB_DEPTH + 1);
	buf_byte(b, '{');
	for (uint32_t k = 0; k < m->n; k++) {
		const struct pb_field *f = &m->fields[k];
		uint32_t count = pb_count(m, x, f);
		bool by_default = (flags & PB_JSON_DEFAULTS) && !(f->flags & PB_ONEOF_MASK) &&
		                  (f->card != PB_SINGLE || f->kind != PB_MESSAGE);
		if (!count && !by_default)
			continue;
		if (!first)
			buf_byte(b, ',');
		first = false;
		print_name(f->name, flags, b);
		if (f->card != PB_SINGLE)
			print_list(f, x, count, flags, depth, b);
		else
			print_value(f, pb__at(x, f, 0), flags, depth, b);
	}
	buf_byte(b, '}');
}

void pb_json_print(const struct pb_msg *m, const void *x, int flags, struct buf *b)
{
	print_message(m, x, flags, 1, b);
}
