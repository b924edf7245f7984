/* Protocol buffers, text form: writing, a field a line, two spaces a level.
 *
 * What is written reads back as the same message (pb_text.c). Fields come in the order of the
 * table; what is not set is left out; bytes that are not printable ASCII are octal escapes, so the
 * text is plain ASCII whatever the content. No I/O; nothing is shared between threads. Not here:
 * comments.
 */
#include "codec/pb_priv.h"

#include "base/limits.h"
#include "base/panic.h"

static void print_string(struct str s, struct buf *b)
{
	buf_byte(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_z(b, "\\n");
		else if (c < 32 || c > 126)
			buf_printf(b, "\\%03o", c);
		else
			buf_byte(b, c);
	}
	buf_byte(b, '"');
}

static void print_scalar(const struct pb_field *f, const void *at, struct buf *b)
{
	union pb_value v = pb__load(at, f);
	const char *name = f->kind == PB_ENUMERATED ? pb_enum_text(f->enums, (int32_t)v.i) : 0;
	switch ((enum pb_kind)f->kind) {
	case PB_INT32:
	case PB_INT64:
	case PB_ENUMERATED:
		if (name)
			buf_z(b, name);
		else
			buf_printf(b, "%lld", (long long)v.i);
		return;
	case PB_UINT32:
	case PB_UINT64: buf_printf(b, "%llu", (unsigned long long)v.u); return;
	case PB_BOOL: buf_z(b, v.u ? "true" : "false"); return;
	case PB_FLOAT:
	case PB_DOUBLE: pb__print_real(b, v.d, f->kind == PB_FLOAT); return;
	case PB_STRING:
	case PB_BYTES: print_string(v.s, b); return;
	case PB_MESSAGE:
	case PB_KIND_COUNT: break;
	}
	UNREACHABLE();
}

static void indent(struct buf *b, uint32_t depth)
{
	for (uint32_t i = 0; i < depth; i++)
		buf_z(b, "  ");
}

static void print_message(const struct pb_msg *m, const void *x, uint32_t depth, struct buf *b)
{
	CHECK(depth <= LIMIT_PB_DEPTH);
	for (uint32_t k = 0; k < m->n; k++) {
		const struct pb_field *f = &m->fields[k];
		uint32_t count = pb_count(m, x, f);
		for (uint32_t i = 0; i < count; i++) {
			const void *at = pb__at(x, f, i);
			indent(b, depth);
			buf_z(b, f->name);
			if (f->kind == PB_MESSAGE) {
				buf_z(b, " {\n");
				print_message(f->msg, at, depth + 1, b);
				indent(b, depth);
				buf_z(b, "}\n");
				continue;
			}
			buf_z(b, ": ");
			print_scalar(f, at, b);
			buf_byte(b, '\n');
		}
	}
}

void pb_text_print(const struct pb_msg *m, const void *x, struct buf *b)
{
	print_message(m, x, 0, b);
}
