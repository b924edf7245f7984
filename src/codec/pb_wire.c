/* Protocol buffers, wire form: bytes to structs and back.
 *
 * Reading copies nothing but numbers: text and bytes stay where they are in the input. It is
 * strict where protobuf is lax: a known field with the wrong wire type is an error, groups are
 * refused, and so are numbers of more than 64 bits. Errors say the path of the field and the
 * offset. The depth is limited, a list's length too, and memory by the arena. Little-endian hosts
 * only, as all of Nereid. No I/O; nothing is shared between threads. Not here: UTF-8 checks, which
 * belong to whoever shows text.
 */
#include "codec/pb_priv.h"

#include "base/limits.h"
#include "base/panic.h"

#include <stdio.h>

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_GROUP = 3, WIRE_GROUP_END = 4, WIRE_32 = 5 };

/* One message on the way down; the chain of them is the path in errors. */
struct frame {
	const struct frame *up;
	const struct pb_msg *msg;
	const struct pb_field *field;   /* in work; NULL between fields or for an unknown one */
	uint32_t index, depth;          /* index: of the field's element */
};

struct reader {
	const uint8_t *start, *p, *end; /* end: of the message in work */
	const char *where;
	struct arena *arena;
};

/* "ModelProto.graph.node[3].name" */
static size_t path_text(const struct frame *f, char *text, size_t n)
{
	size_t at;
	if (f->up)
		at = path_text(f->up, text, n);
	else
		at = (size_t)snprintf(text, n, "%s", f->msg->name);
	if (at >= n || !f->field)
		return at < n ? at : n - 1;
	at += (size_t)snprintf(text + at, n - at, ".%s", f->field->name);
	if (at < n && f->field->card != PB_SINGLE)
		at += (size_t)snprintf(text + at, n - at, "[%u]", f->index);
	return at < n ? at : n - 1;
}

static struct status bad(const struct reader *r, const struct frame *f, const char *what)
{
	char path[256];
	path_text(f, path, sizeof path);
	return FAIL(CORRUPT, "%s: %s at byte %zu: %s", r->where, path, (size_t)(r->p - r->start), what);
}

static struct status full(const struct reader *r, const struct frame *f)
{
	char path[256];
	path_text(f, path, sizeof path);
	return FAIL(LIMIT, "%s: %s at byte %zu: too many elements, or the memory set aside for the "
	            "file (%zu bytes) is used up", r->where, path, (size_t)(r->p - r->start),
	            r->arena->limit_bytes);
}

static bool varint(struct reader *r, uint64_t *out)
{
	uint64_t v = 0;
	const uint8_t *p = r->p;
	for (unsigned shift = 0; shift < 64 && p < r->end; shift += 7) {
		uint8_t c = *p++;
		if (shift == 63 && c > 1)
			return false;
		v |= (uint64_t)(c & 127) << shift;
		if (c < 128) {
			r->p = p;
			*out = v;
			return true;
		}
	}
	return false;
}

static bool bytes(struct reader *r, struct str *out)
{
	uint64_t n;
	const uint8_t *p = r->p;
	if (!varint(r, &n))
		return false;
	if (n > (uint64_t)(r->end - r->p)) {
		r->p = p;
		return false;
	}
	*out = (struct str){(const char *)r->p, (size_t)n};
	r->p += n;
	return true;
}

static struct status skip(struct reader *r, const struct frame *f, enum wire w)
{
	uint64_t v;
	struct str s;
	size_t n = w == WIRE_64 ? 8 : 4;
	switch (w) {
	case WIRE_VARINT:
		return varint(r, &v) ? STATUS_GOOD : bad(r, f, "a number is cut off or longer than 64 bits");
	case WIRE_BYTES:
		return bytes(r, &s) ? STATUS_GOOD : bad(r, f, "a length goes past the end");
	case WIRE_64:
	case WIRE_32:
		if ((size_t)(r->end - r->p) < n)
			return bad(r, f, "a fixed-size number is cut off");
		r->p += n;
		return STATUS_GOOD;
	case WIRE_GROUP:
	case WIRE_GROUP_END: break;
	}
	return bad(r, f, w == WIRE_GROUP || w == WIRE_GROUP_END ?
	           "a group (an obsolete form of protobuf) is not accepted" : "an unknown wire type");
}

static enum wire wire_of(const struct pb_field *f)
{
	switch (f->kind) {
	case PB_FLOAT: return WIRE_32;
	case PB_DOUBLE: return WIRE_64;
	case PB_STRING:
	case PB_BYTES:
	case PB_MESSAGE: return WIRE_BYTES;
	default: return WIRE_VARINT;
	}
}

/* A number or text of the field's kind. */
static struct status scalar(struct reader *r, const struct frame *fr, union pb_value *v)
{
	const struct pb_field *f = fr->field;
	const uint8_t *p = r->p;
	float f32;
	if (wire_of(f) == WIRE_BYTES)
		return bytes(r, &v->s) ? STATUS_GOOD : bad(r, fr, "a length goes past the end");
	if (wire_of(f) == WIRE_VARINT)
		return varint(r, &v->u) ? STATUS_GOOD :
		       bad(r, fr, "a number is cut off or longer than 64 bits");
	TRY(skip(r, fr, wire_of(f)));
	if (f->kind == PB_FLOAT) {
		memcpy(&f32, p, 4);
		v->d = (double)f32;
	} else {
		memcpy(&v->d, p, 8);
	}
	return STATUS_GOOD;
}

static struct status packed(struct reader *r, struct frame *fr, void *x, const struct pb_msg *m)
{
	const struct pb_field *f = fr->field;
	struct str s;
	if (!bytes(r, &s))
		return bad(r, fr, "a length goes past the end");
	size_t count = 0, size = pb__size(f);
	struct reader in = {r->start, (const uint8_t *)s.p, (const uint8_t *)s.p + s.n, r->where, r->arena};
	if (wire_of(f) == WIRE_VARINT) {
		for (size_t i = 0; i < s.n; i++)
			count += (uint8_t)s.p[i] < 128;
	} else {
		if (s.n % size)
			return bad(r, fr, "a packed list is not a whole number of elements");
		count = s.n / size;
	}
	if (count > (size_t)LIMIT_PB_LIST || !pb__reserve(r->arena, x, f, (uint32_t)count))
		return full(r, fr);
	struct pb_list *list = (struct pb_list *)((char *)x + f->offset);
	if (wire_of(f) != WIRE_VARINT) {   /* the same bytes in a struct as on the wire */
		if (s.n)
			memcpy((char *)list->p + list->n * size, s.p, s.n);
		list->n += (uint32_t)count;
		return STATUS_GOOD;
	}
	while (in.p < in.end) {
		union pb_value v;
		fr->index = list->n;
		TRY(scalar(&in, fr, &v));
		void *slot = pb__slot(r->arena, m, x, f);
		if (!slot)
			return full(&in, fr);
		pb__store(slot, f, v);
	}
	return STATUS_GOOD;
}

static struct status message(struct reader *r, const struct pb_msg *m, const struct frame *up, void *x);

static struct status field(struct reader *r, struct frame *fr, void *x, enum wire w)
{
	const struct pb_field *f = fr->field;
	fr->index = f->card == PB_SINGLE ? 0 : ((struct pb_list *)((char *)x + f->offset))->n;
	if (w == WIRE_BYTES && wire_of(f) != WIRE_BYTES && f->card == PB_REPEATED)
		return packed(r, fr, x, fr->msg);
	if (w != wire_of(f))
		return bad(r, fr, "the field's wire type is not the one of its kind");
	union pb_value v;
	const uint8_t *p = r->p;
	TRY(scalar(r, fr, &v));
	void *slot = pb__slot(r->arena, fr->msg, x, f);
	if (!slot) {
		r->p = p;
		return full(r, fr);
	}
	if (f->kind != PB_MESSAGE) {
		pb__store(slot, f, v);
		return STATUS_GOOD;
	}
	struct reader in = {r->start, (const uint8_t *)v.s.p, (const uint8_t *)v.s.p + v.s.n, r->where,
	                    r->arena};
	TRY(message(&in, f->msg, fr, slot));
	if (f->card == PB_MAPPED)
		pb__map_settle(x, f);
	return STATUS_GOOD;
}

static struct status message(struct reader *r, const struct pb_msg *m, const struct frame *up, void *x)
{
	struct frame fr = {up, m, 0, 0, up ? up->depth + 1 : 1};
	uint32_t next = 0;   /* fields mostly come in order: look there first */
	if (fr.depth > LIMIT_PB_DEPTH)
		return bad(r, up, "messages are nested too deeply");
	while (r->p < r->end) {
		uint64_t tag;
		fr.field = 0;
		if (!varint(r, &tag) || tag >> 32)
			return bad(r, &fr, "a field's tag is cut off or too large");
		if (tag >> 3 == 0)
			return bad(r, &fr, "a field has the number 0");
		for (uint32_t i = 0; i < m->n && !fr.field; i++) {
			uint32_t k = next + i < m->n ? next + i : next + i - m->n;
			if (m->fields[k].number == tag >> 3) {
				fr.field = &m->fields[k];
				next = k;
			}
		}
		enum wire w = (enum wire)(tag & 7);
		TRY(fr.field ? field(r, &fr, x, w) : skip(r, &fr, w));
	}
	return STATUS_GOOD;
}

struct status pb_decode(const struct pb_msg *m, struct span in, const char *where, struct arena *a,
                        void *out)
{
	CHECK(m->n <= 64 && where);
	memset(out, 0, m->size);
	struct reader r = {in.p, in.p, in.n ? in.p + in.n : in.p, where, a};
	return message(&r, m, 0, out);
}

/* ---- writing ---- */

static size_t varint_bytes(uint64_t v)
{
	size_t n = 1;
	for (; v > 127; v >>= 7)
		n++;
	return n;
}

static void put_varint(struct buf *b, uint64_t v)
{
	for (; v > 127; v >>= 7)
		buf_byte(b, (uint8_t)(v | 128));
	buf_byte(b, (uint8_t)v);
}

/* Bytes of one value without its tag; of a message: without its length. */
static size_t message_bytes(const struct pb_msg *m, const void *x, uint32_t depth);

static size_t value_bytes(const struct pb_field *f, const void *at, uint32_t depth)
{
	switch (wire_of(f)) {
	case WIRE_32: return 4;
	case WIRE_64: return 8;
	case WIRE_VARINT: return varint_bytes(pb__load(at, f).u);
	default: break;
	}
	return f->kind == PB_MESSAGE ? message_bytes(f->msg, at, depth + 1) : pb__load(at, f).s.n;
}

static bool is_packed(const struct pb_field *f)
{
	return f->card == PB_REPEATED && wire_of(f) != WIRE_BYTES;
}

static size_t packed_bytes(const struct pb_field *f, const void *x, uint32_t count)
{
	size_t n = 0;
	for (uint32_t i = 0; i < count; i++)
		n += value_bytes(f, pb__at(x, f, i), 0);
	return n;
}

/* Too deep counts as nothing here; put_message then says so. */
static size_t message_bytes(const struct pb_msg *m, const void *x, uint32_t depth)
{
	size_t sum = 0;
	for (uint32_t k = 0; k < m->n && depth <= LIMIT_PB_DEPTH; k++) {
		const struct pb_field *f = &m->fields[k];
		uint32_t count = pb_count(m, x, f);
		size_t tag = varint_bytes((uint64_t)f->number << 3);
		if (is_packed(f) && count) {
			size_t n = packed_bytes(f, x, count);
			sum += tag + varint_bytes(n) + n;
			continue;
		}
		for (uint32_t i = 0; i < count; i++) {
			size_t n = value_bytes(f, pb__at(x, f, i), depth);
			sum += tag + (wire_of(f) == WIRE_BYTES ? varint_bytes(n) : 0) + n;
		}
	}
	return sum;
}

static void put_scalar(struct buf *b, const struct pb_field *f, const void *at)
{
	if (wire_of(f) == WIRE_VARINT) {
		put_varint(b, pb__load(at, f).u);
	} else if (wire_of(f) == WIRE_BYTES) {
		struct str s = pb__load(at, f).s;
		put_varint(b, s.n);
		buf_str(b, s);
	} else {
		buf_add(b, at, wire_of(f) == WIRE_32 ? 4 : 8);
	}
}

static struct status put_message(struct buf *b, const struct pb_msg *m, const void *x, uint32_t depth)
{
	if (depth > LIMIT_PB_DEPTH)
		return FAIL(LIMIT, "%s: messages are nested more than %d deep", m->name, LIMIT_PB_DEPTH);
	for (uint32_t k = 0; k < m->n; k++) {
		const struct pb_field *f = &m->fields[k];
		uint32_t count = pb_count(m, x, f);
		if (is_packed(f) && count) {
			put_varint(b, (uint64_t)f->number << 3 | WIRE_BYTES);
			put_varint(b, packed_bytes(f, x, count));
		}
		for (uint32_t i = 0; i < count; i++) {
			const void *at = pb__at(x, f, i);
			if (!is_packed(f))
				put_varint(b, (uint64_t)f->number << 3 | wire_of(f));
			if (f->kind != PB_MESSAGE) {
				put_scalar(b, f, at);
				continue;
			}
			put_varint(b, message_bytes(f->msg, at, depth + 1));
			TRY(put_message(b, f->msg, at, depth + 1));
		}
	}
	return STATUS_GOOD;
}

struct status pb_encode(const struct pb_msg *m, const void *x, struct buf *b)
{
	CHECK(m->n <= 64);
	TRY(put_message(b, m, x, 1));
	return buf_status(b);
}
