/* Header forwarding.
 *
 * Triton's patterns are RE2's; what those have over POSIX extended expressions and what people use
 * is written in POSIX's way first: classes such as \d, groups that capture nothing, a leading
 * (?i), which is always meant. What is left of "(?" is refused by name. Matching is glibc's
 * without back references, so that no name makes it slow. A pattern does not change once made.
 */
#include "serve/forward.h"

#include "base/limits.h"
#include "base/panic.h"

enum { PATTERN_BYTES_MAX = 4096 };

/* \d, \w and \s inside and outside of brackets; what is not a letter or digit stands for itself. */
static bool put_escape(struct buf *b, char c, bool bracket)
{
	static const struct { char letter; const char *set; } classes[] = {
		{'d', "0-9"}, {'w', "A-Za-z0-9_"}, {'s', " \t"}};
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (classes[i].letter == c) {
			buf_z(b, bracket ? "" : "[");
			buf_z(b, classes[i].set);
			buf_z(b, bracket ? "" : "]");
			return true;
		}
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return false;
	if (!bracket)
		buf_byte(b, '\\');
	buf_byte(b, (uint8_t)c);
	return true;
}

/* Copies the bracket at p and what belongs to its opening: "^", and a "]" that is of the set. */
static const char *open_bracket(const char *p, struct buf *b)
{
	buf_byte(b, (uint8_t)*p);
	if (p[1] == '^')
		buf_byte(b, (uint8_t)*++p);
	if (p[1] == ']')
		buf_byte(b, (uint8_t)*++p);
	return p;
}

/* "" or why p is not understood. */
static const char *translate(const char *p, struct buf *b)
{
	bool bracket = false;
	if (!strncmp(p, "(?i)", 4))
		p += 4;
	buf_z(b, "^(");
	for (; *p; p++) {
		if (*p == '\\') {
			if (!*++p || !put_escape(b, *p, bracket))
				return "an escape in it is not known here";
		} else if (!bracket && !strncmp(p, "(?", 2)) {
			if (p[2] != ':')
				return "of groups that begin with (? only (?: is known here";
			buf_byte(b, '(');
			p += 2;
		} else if (!bracket && *p == '[') {
			p = open_bracket(p, b);
			bracket = true;
		} else {
			buf_byte(b, (uint8_t)*p);
			bracket = bracket && *p != ']';
		}
	}
	buf_z(b, ")$");
	buf_byte(b, 0);
	return "";
}

struct status forward_init(struct forward *f, const char *pattern)
{
	struct status st = STATUS_GOOD;
	struct buf b;
	char text[128] = "";
	memset(f, 0, sizeof *f);
	if (!pattern || !*pattern)
		return st;
	buf_init(&b, PATTERN_BYTES_MAX);
	const char *why = translate(pattern, &b);
	if (!*why && !b.bad) {
		int r = regcomp(&f->pattern, (const char *)b.p, REG_EXTENDED | REG_ICASE);
		if (r)
			regerror(r, 0, text, sizeof text);
		f->on = !r;
		why = text;
	}
	if (b.bad)
		st = FAIL(LIMIT, "the pattern of headers to forward has over %d bytes", PATTERN_BYTES_MAX);
	else if (*why)
		st = FAIL(INVALID_ARG, "the pattern '%s' of headers to forward is not valid: %s", pattern,
		          why);
	buf_release(&b);
	return st;
}

void forward_release(struct forward *f)
{
	if (f->on)
		regfree(&f->pattern);
	f->on = false;
}

static bool matches(const struct forward *f, struct str name)
{
	regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)name.n};
	CHECK(f->on && name.n <= INT32_MAX);
	return name.n && !regexec(&f->pattern, name.p, 1, &range, REG_STARTEND);
}

struct status forward_header(const struct forward *f, struct infer_request *r, struct str name,
                             struct str value)
{
	if (!f->on || !matches(f, name))
		return STATUS_GOOD;
	struct infer_parameter *p = infer_add_parameter(r);
	if (!p)
		return FAIL(INVALID_ARG, "the request has over %d parameters", LIMIT_INFER_PARAMETERS);
	p->kind = PARAMETER_STRING;
	p->name = name;
	p->text = value;
	return STATUS_GOOD;
}
