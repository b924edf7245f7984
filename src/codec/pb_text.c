/* Protocol buffers, text form (config.pbtxt): reading.
 *
 * A recursive descent over the text with a limited depth; tokens are taken on the fly. What
 * protobuf's own parser takes is taken: comments, `:` optional before a message, lists in [ ],
 * repetition, `,` and `;` between fields, < > for { }, strings in ' or " with escapes, adjacent
 * strings joined, enums by name or number. A single field given twice is an error, as there.
 * Errors say line and column (found by counting when one is made). No I/O; nothing is shared
 * between threads. Not here: extensions and Any.
 */
#include "codec/pb_priv.h"

#include "base/limits.h"
#include "base/panic.h"

#include <math.h>
#include <stdio.h>

struct parser {
	const char *start, *p, *end;
	const struct pb_source *src;
	uint32_t depth, unknown;   /* unknown: how many so far */
};

static struct status at_place(const struct parser *t, const char *place, const char *what)
{
	unsigned line = 1, column = 1;
	for (const char *c = t->start; c < place; c++) {
		column = *c == '\n' ? 1 : column + 1;
		line += *c == '\n';
	}
	return FAIL(INVALID_ARG, "%s:%u:%u: %s", t->src->where, line, column, what);
}

#define WRONG(t, place, ...)                                         \
	__extension__({                                              \
		char wrong_text[320];                                \
		snprintf(wrong_text, sizeof wrong_text, __VA_ARGS__); \
		at_place((t), (place), wrong_text);                  \
	})

static struct status no_memory(const struct parser *t)
{
	struct status st = WRONG(t, t->p, "too many elements, or the memory set aside for this text is "
	                         "used up");
	st.code = STATUS_LIMIT;
	return st;
}

static void blanks(struct parser *t)
{
	for (; t->p < t->end; t->p++) {
		if (*t->p == '#') {
			while (t->p < t->end && *t->p != '\n')
				t->p++;
			if (t->p == t->end)
				return;
		} else if (*t->p != ' ' && (*t->p < '\t' || *t->p > '\r')) {
			return;
		}
	}
}

/* The next character that is not blank, 0 at the end. */
static char peek(struct parser *t)
{
	blanks(t);
	return t->p < t->end ? *t->p : 0;
}

static bool take(struct parser *t, char c)
{
	if (t->p >= t->end || peek(t) != c)
		return false;
	t->p++;
	return true;
}

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Letters, digits, _ and, in numbers, . + and - behind an exponent. Empty where there is none. */
static struct str word(struct parser *t, bool number)
{
	blanks(t);
	const char *p = t->p;
	while (p < t->end) {
		bool hex = p - t->p > 1 && (t->p[1] == 'x' || t->p[1] == 'X');
		bool sign = number && !hex && p > t->p && (*p == '+' || *p == '-') &&
		            (p[-1] == 'e' || p[-1] == 'E');
		if (!word_char(*p) && !(number && *p == '.') && !sign)
			break;
		p++;
	}
	struct str s = {t->p, (size_t)(p - t->p)};
	t->p = p;
	return s;
}

/* ---- strings ---- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* Digits of a base at *p, at least `least` and at most `most`; false when there are fewer. */
static bool digits(const char **p, const char *end, int base, int least, int most, uint32_t *out)
{
	int k = 0;
	for (*out = 0; k < most && *p < end && digit(**p) < base; k++)
		*out = *out * (uint32_t)base + (uint32_t)digit(*(*p)++);
	return k >= least;
}

static char *utf8(char *o, uint32_t c)
{
	if (c < 0x80) {
		*o++ = (char)c;
		return o;
	}
	if (c < 0x800) {
		*o++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*o++ = (char)(0xe0 | c >> 12);
		} else {
			*o++ = (char)(0xf0 | c >> 18);
			*o++ = (char)(0x80 | (c >> 12 & 63));
		}
		*o++ = (char)(0x80 | (c >> 6 & 63));
	}
	*o++ = (char)(0x80 | (c & 63));
	return o;
}

/* What follows a backslash. The result is never longer than the escape. */
static bool escape(const char **p, const char *end, char **o)
{
	static const char from[] = "ntrabfv\\'\"?", to[] = "\n\t\r\a\b\f\v\\'\"?";
	uint32_t c;
	if (*p == end)
		return false;
	char e = *(*p)++;
	const char *simple = e ? strchr(from, e) : 0;
	if (simple) {
		*(*o)++ = to[simple - from];
		return true;
	}
	if (e >= '0' && e <= '7') {
		(*p)--;
		if (!digits(p, end, 8, 1, 3, &c) || c > 255)
			return false;
		*(*o)++ = (char)c;
		return true;
	}
	if (e == 'x' || e == 'X') {
		if (!digits(p, end, 16, 1, 2, &c))
			return false;
		*(*o)++ = (char)c;
		return true;
	}
	if (e != 'u' && e != 'U')
		return false;
	int n = e == 'u' ? 4 : 8;
	if (!digits(p, end, 16, n, n, &c) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return false;
	*o = utf8(*o, c);
	return true;
}

/* One literal's raw span between its quotes, escapes still in it. */
static struct status literal(struct parser *t, struct str *raw, bool *escaped)
{
	char quote = *t->p;
	const char *open = t->p++, *from = t->p;
	while (t->p < t->end && *t->p != quote && *t->p != '\n') {
		if (*t->p == '\\') {
			*escaped = true;
			t->p++;
			if (t->p == t->end)
				break;
		}
		t->p++;
	}
	if (t->p >= t->end || *t->p != quote)
		return WRONG(t, open, "the string that begins here has no closing quote on its line");
	*raw = (struct str){from, (size_t)(t->p++ - from)};
	return STATUS_GOOD;
}

static struct status unescape(struct parser *t, struct str raw, char **o)
{
	const char *p = raw.p, *end = raw.p + raw.n;
	while (p < end) {
		const char *from = p;
		if (*p != '\\') {
			*(*o)++ = *p++;
			continue;
		}
		p++;
		if (!escape(&p, end, o))
			return WRONG(t, from, "an escape that means nothing in a string; write \\\\ for "
			             "a backslash");
	}
	return STATUS_GOOD;
}

/* One or more literals, joined. A single one without escapes stays in the text. */
static struct status string(struct parser *t, struct str *out)
{
	const char *from = t->p;
	struct str raw;
	bool escaped = false;
	TRY(literal(t, &raw, &escaped));
	char c = peek(t);
	if (!escaped && c != '"' && c != '\'') {
		*out = raw;
		return STATUS_GOOD;
	}
	/* Once more, now that the end can be found: first the room, then the characters. */
	t->p = from;
	while ((c = peek(t)) == '"' || c == '\'')
		TRY(literal(t, &raw, &escaped));
	size_t room = (size_t)(t->p - from);
	char *text = arena_alloc(t->src->arena, room, 1), *o = text;
	if (!text)
		return no_memory(t);
	t->p = from;
	while ((c = peek(t)) == '"' || c == '\'') {
		TRY(literal(t, &raw, &escaped));
		TRY(unescape(t, raw, &o));
	}
	CHECK((size_t)(o - text) <= room);
	*out = (struct str){text, (size_t)(o - text)};
	return STATUS_GOOD;
}

/* ---- numbers ---- */

static bool whole(struct str s, uint64_t *out)
{
	uint64_t base = 10;
	size_t i = 0;
	*out = 0;
	if (s.n > 1 && s.p[0] == '0') {
		base = s.p[1] == 'x' || s.p[1] == 'X' ? 16 : 8;
		i = base == 16 ? 2 : 1;
	}
	if (i >= s.n)
		return false;
	for (; i < s.n; i++) {
		uint64_t d = (uint64_t)digit(s.p[i]);
		if (d >= base || *out > (UINT64_MAX - d) / base)
			return false;
		*out = *out * base + d;
	}
	return true;
}

static bool real(struct str s, double *out)
{
	uint64_t u;
	if (str_eq_nocase(s, STR("inf")) || str_eq_nocase(s, STR("infinity"))) {
		*out = (double)INFINITY;
		return true;
	}
	if (str_eq_nocase(s, STR("nan"))) {
		*out = (double)NAN;
		return true;
	}
	if (s.n > 1 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X')) {
		bool good = whole(s, &u);
		*out = (double)u;
		return good;
	}
	if (!s.n || !(digit(s.p[0]) < 10 || s.p[0] == '.'))
		return false;
	if ((s.p[s.n - 1] | 32) == 'f')
		s.n--;
	return str_f64(s, out);
}

static bool whole_fits(const struct pb_field *f, bool minus, uint64_t u, union pb_value *v)
{
	bool narrow = f->kind == PB_INT32 || f->kind == PB_UINT32 || f->kind == PB_ENUMERATED;
	if (f->kind == PB_UINT32 || f->kind == PB_UINT64) {
		v->u = u;
		return !(minus && u) && (!narrow || u <= UINT32_MAX);
	}
	uint64_t top = narrow ? 1ull << 31 : 1ull << 63;
	if (u > top - !minus)
		return false;
	v->u = minus ? 0 - u : u;
	return true;
}

static bool truth(struct str s, union pb_value *v)
{
	static const char *const yes[] = {"true", "True", "t", "1"}, *const no[] = {"false", "False", "f", "0"};
	for (int i = 0; i < 4; i++) {
		if (str_is(s, yes[i]) || str_is(s, no[i])) {
			v->u = str_is(s, yes[i]);
			return true;
		}
	}
	return false;
}

static const char *const kind_texts[PB_KIND_COUNT] = {
	[PB_INT32] = "a whole number of 32 bits", [PB_INT64] = "a whole number of 64 bits",
	[PB_UINT32] = "a whole number from 0 to 4294967295",
	[PB_UINT64] = "a whole number from 0 to 18446744073709551615",
	[PB_BOOL] = "true or false", [PB_FLOAT] = "a number", [PB_DOUBLE] = "a number",
	[PB_STRING] = "a string in quotes", [PB_BYTES] = "a string in quotes",
};

static struct status scalar(struct parser *t, const struct pb_field *f, union pb_value *v)
{
	char c = peek(t);
	const char *from = t->p;
	if (f->kind == PB_STRING || f->kind == PB_BYTES) {
		if (c != '"' && c != '\'')
			return WRONG(t, from, "field '%s' wants %s", f->name, kind_texts[f->kind]);
		return string(t, &v->s);
	}
	bool minus = take(t, '-'), good = false;
	struct str w = word(t, true);
	uint64_t u;
	int32_t number;
	if (f->kind == PB_BOOL) {
		good = !minus && truth(w, v);
	} else if (f->kind == PB_FLOAT || f->kind == PB_DOUBLE) {
		good = real(w, &v->d);
		v->d = minus ? -v->d : v->d;
	} else if (f->kind == PB_ENUMERATED && !minus && pb_enum_number(f->enums, w, &number)) {
		v->i = number;
		good = true;
	} else {
		good = whole(w, &u) && whole_fits(f, minus, u, v);
	}
	if (good)
		return STATUS_GOOD;
	if (f->kind == PB_ENUMERATED)
		return WRONG(t, from, "'%.*s' is no value of %s, which field '%s' wants",
		             w.n > 60 ? 60 : (int)w.n, w.p, f->enums->name, f->name);
	return WRONG(t, from, "field '%s' wants %s, not '%s%.*s'", f->name, kind_texts[f->kind],
	             minus ? "-" : "", w.n > 60 ? 60 : (int)w.n, w.p);
}

/* ---- messages ---- */

static struct status message(struct parser *t, const struct pb_msg *m, void *x, char close);

/* Between { and }, or < and >; the opening one is next. */
static struct status braces(struct parser *t, const struct pb_msg *m, void *x)
{
	const char *from = t->p;
	char close = take(t, '{') ? '}' : take(t, '<') ? '>' : 0;
	if (!close)
		return WRONG(t, t->p, "a message in { } is wanted here");
	if (++t->depth > LIMIT_PB_DEPTH)
		return WRONG(t, from, "messages are nested more than %d deep", LIMIT_PB_DEPTH);
	TRY(message(t, m, x, close));
	t->depth--;
	return STATUS_GOOD;
}

/* Past the value of a field that nobody knows. m is NULL in braces(): content is skipped too. */
static struct status skip_value(struct parser *t)
{
	struct str s;
	char c = peek(t);
	if (c == '{' || c == '<')
		return braces(t, 0, 0);
	if (c == '[') {
		t->p++;
		if (++t->depth > LIMIT_PB_DEPTH)
			return WRONG(t, t->p, "lists are nested more than %d deep", LIMIT_PB_DEPTH);
		while (peek(t) != ']') {
			TRY(skip_value(t));
			if (!take(t, ',') && peek(t) != ']')
				return WRONG(t, t->p, "',' or ']' is wanted here");
		}
		t->p++;
		t->depth--;
		return STATUS_GOOD;
	}
	if (c == '"' || c == '\'')
		return string(t, &s);
	take(t, '-');
	if (!word(t, true).n)
		return WRONG(t, t->p, "a value is wanted here");
	return STATUS_GOOD;
}

static struct status one_value(struct parser *t, const struct pb_msg *m, void *x,
                               const struct pb_field *f)
{
	union pb_value v = {0};
	if (f->kind != PB_MESSAGE)
		TRY(scalar(t, f, &v));
	else if (peek(t) != '{' && peek(t) != '<')
		return WRONG(t, t->p, "field '%s' wants a message in { }", f->name);
	void *slot = pb__slot(t->src->arena, m, x, f);
	if (!slot)
		return no_memory(t);
	if (f->kind != PB_MESSAGE) {
		pb__store(slot, f, v);
		return STATUS_GOOD;
	}
	TRY(braces(t, f->msg, slot));
	if (f->card == PB_MAPPED)
		pb__map_settle(x, f);
	return STATUS_GOOD;
}

static struct status known(struct parser *t, const struct pb_msg *m, void *x, const struct pb_field *f,
                           const char *place)
{
	bool colon = take(t, ':');
	if (!colon && f->kind != PB_MESSAGE)
		return WRONG(t, t->p, "':' is wanted after field '%s'", f->name);
	if (f->card == PB_SINGLE) {
		const struct pb_field *rival = pb__rival(m, x, f);
		if (*(const uint64_t *)x >> (f - m->fields) & 1)
			return WRONG(t, place, "field '%s' of %s is given a second time", f->name, m->name);
		if (rival)
			return WRONG(t, place, "field '%s' of %s cannot be given together with '%s'",
			             f->name, m->name, rival->name);
		return one_value(t, m, x, f);
	}
	if (peek(t) != '[')
		return one_value(t, m, x, f);
	t->p++;
	if (take(t, ']'))
		return STATUS_GOOD;
	do {
		TRY(one_value(t, m, x, f));
	} while (take(t, ','));
	return take(t, ']') ? STATUS_GOOD :
	       WRONG(t, t->p, "',' or ']' is wanted in the list of field '%s'", f->name);
}

static struct status unknown(struct parser *t, const struct pb_msg *m, struct str name,
                             const char *place)
{
	struct status st = WRONG(t, place, "%s has no field named '%.*s'", m->name,
	                         name.n > 80 ? 80 : (int)name.n, name.p);
	if (!t->src->unknown)
		return st;
	if (t->unknown++ >= LIMIT_PB_UNKNOWN)   /* each costs a walk for its line */
		return status_wrap(st, "more than %d unknown fields", LIMIT_PB_UNKNOWN);
	t->src->unknown(t->src->ctx, st.msg);
	if (!take(t, ':') && peek(t) != '{' && peek(t) != '<')
		return WRONG(t, t->p, "':' is wanted after field '%.*s'", name.n > 80 ? 80 : (int)name.n,
		             name.p);
	return skip_value(t);
}

static struct status message(struct parser *t, const struct pb_msg *m, void *x, char close)
{
	while (true) {
		char c = peek(t);
		if (t->p == t->end) {
			if (!close)
				return STATUS_GOOD;
			return WRONG(t, t->p, "the text ends before '%c'", close);
		}
		if (close && c == close) {
			t->p++;
			return STATUS_GOOD;
		}
		const char *place = t->p;
		struct str name = word(t, false);
		if (!name.n || (name.p[0] >= '0' && name.p[0] <= '9'))
			return WRONG(t, place, c == '[' ? "extensions in [ ] are not accepted; the name of "
			             "a field is wanted here" : "the name of a field is wanted here");
		if (!m) {
			take(t, ':');
			TRY(skip_value(t));
		} else {
			const struct pb_field *f = pb_field_named(m, name);
			TRY(f ? known(t, m, x, f, place) : unknown(t, m, name, place));
		}
		if (!take(t, ','))
			take(t, ';');
	}
}

struct status pb_text_parse(const struct pb_msg *m, struct str text, const struct pb_source *src,
                            void *out)
{
	CHECK(src->where && src->arena);
	memset(out, 0, m->size);
	struct parser t = {text.p, text.p, text.n ? text.p + text.n : text.p, src, 0, 0};
	return message(&t, m, out, 0);
}
