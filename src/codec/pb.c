/* Protocol buffers: descriptors, and the place of a value in a struct.
 *
 * The wire, text and JSON readers meet here: each turns its input into a field and a value, and
 * this file puts the value where it belongs, keeps `has`, the oneofs and the maps. A oneof is a
 * number in the fields' flags; its members have storage of their own, so that a struct stays
 * plain. No I/O; nothing is shared between threads. Not here: any syntax.
 */
#include "codec/pb_priv.h"

#include "base/limits.h"
#include "base/panic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t kind_sizes[PB_KIND_COUNT] = {
	[PB_INT32] = 4, [PB_INT64] = 8, [PB_UINT32] = 4, [PB_UINT64] = 8, [PB_BOOL] = sizeof(bool),
	[PB_FLOAT] = 4, [PB_DOUBLE] = 8, [PB_STRING] = sizeof(struct str),
	[PB_BYTES] = sizeof(struct span), [PB_ENUMERATED] = 4,
};

size_t pb__size(const struct pb_field *f)
{
	CHECK(f->kind < PB_KIND_COUNT);
	if (f->kind == PB_MESSAGE)
		return f->card == PB_SINGLE ? sizeof(void *) : f->msg->size;
	return kind_sizes[f->kind];
}

const struct pb_field *pb_field_named(const struct pb_msg *m, struct str name)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (str_is(name, m->fields[i].name))
			return &m->fields[i];
	return 0;
}

const char *pb_enum_text(const struct pb_enum *e, int32_t number)
{
	for (uint32_t i = 0; i < e->n; i++)
		if (e->values[i].number == number)
			return e->values[i].name;
	return 0;
}

bool pb_enum_number(const struct pb_enum *e, struct str name, int32_t *out)
{
	for (uint32_t i = 0; i < e->n; i++) {
		if (str_is(name, e->values[i].name)) {
			*out = e->values[i].number;
			return true;
		}
	}
	return false;
}

static uint64_t *has_of(void *x)
{
	return x;
}

static uint64_t bit_of(const struct pb_msg *m, const struct pb_field *f)
{
	size_t i = (size_t)(f - m->fields);
	CHECK(i < m->n && i < 64);
	return 1ull << i;
}

bool pb__is_set(const struct pb_msg *m, const void *x, const struct pb_field *f)
{
	const char *at = (const char *)x + f->offset;
	if (f->card != PB_SINGLE)
		return ((const struct pb_list *)at)->n > 0;
	if (f->kind == PB_MESSAGE)
		return *(void *const *)at != 0;
	/* As proto3 has it, a default counts only where the field says so, or in a oneof. */
	if ((f->flags & (PB_ONEOF_MASK | PB_EXPLICIT)) && (*(const uint64_t *)x & bit_of(m, f)))
		return true;
	union pb_value v = pb__load(at, f);
	if (f->kind == PB_STRING || f->kind == PB_BYTES)
		return v.s.n > 0;
	return f->kind == PB_FLOAT || f->kind == PB_DOUBLE ? v.d != 0 : v.u != 0;
}

uint32_t pb_count(const struct pb_msg *m, const void *x, const struct pb_field *f)
{
	if (f->card != PB_SINGLE)
		return ((const struct pb_list *)((const char *)x + f->offset))->n;
	return pb__is_set(m, x, f);
}

const void *pb__at(const void *x, const struct pb_field *f, uint32_t i)
{
	const char *at = (const char *)x + f->offset;
	if (f->card == PB_SINGLE)
		return f->kind == PB_MESSAGE ? *(void *const *)at : at;
	const struct pb_list *list = (const struct pb_list *)at;
	CHECK(i < list->n);
	return (const char *)list->p + i * pb__size(f);
}

const struct pb_field *pb__rival(const struct pb_msg *m, const void *x, const struct pb_field *f)
{
	for (uint32_t i = 0; (f->flags & PB_ONEOF_MASK) && i < m->n; i++) {
		const struct pb_field *o = &m->fields[i];
		if (o != f && (o->flags & PB_ONEOF_MASK) == (f->flags & PB_ONEOF_MASK) && pb__is_set(m, x, o))
			return o;
	}
	return 0;
}

void *pb__slot(struct arena *a, const struct pb_msg *m, void *x, const struct pb_field *f)
{
	void *at = (char *)x + f->offset;
	const struct pb_field *rival = pb__rival(m, x, f);
	if (rival) {
		memset((char *)x + rival->offset, 0, pb__size(rival));
		*has_of(x) &= ~bit_of(m, rival);
	}
	*has_of(x) |= bit_of(m, f);
	if (f->card != PB_SINGLE) {
		struct pb_list *list = at;
		uint32_t limit = f->card == PB_MAPPED ? LIMIT_PB_MAP : LIMIT_PB_LIST;
		size_t size = pb__size(f);
		if (list->n >= list->cap && !arena_grow(a, &list->p, size, list->n, &list->cap, limit))
			return 0;
		return memset((char *)list->p + list->n++ * size, 0, size);
	}
	if (f->kind != PB_MESSAGE)
		return at;
	void **sub = at;
	if (!*sub)
		*sub = arena_alloc(a, f->msg->size, 16);
	return *sub;
}

bool pb__reserve(struct arena *a, void *x, const struct pb_field *f, uint32_t n)
{
	struct pb_list *list = (struct pb_list *)((char *)x + f->offset);
	size_t size = pb__size(f);
	CHECK(f->card != PB_SINGLE);
	if (n > (uint32_t)LIMIT_PB_LIST || list->n > (uint32_t)LIMIT_PB_LIST - n)
		return false;
	if (list->cap - list->n >= n)
		return true;
	void *p = arena_array(a, (size_t)list->n + n, size, 16);
	if (!p)
		return false;
	if (list->n)
		memcpy(p, list->p, list->n * size);
	list->p = p;
	list->cap = list->n + n;
	return true;
}

void pb__store(void *slot, const struct pb_field *f, union pb_value v)
{
	switch ((enum pb_kind)f->kind) {
	case PB_INT32:
	case PB_ENUMERATED: *(int32_t *)slot = (int32_t)v.i; return;
	case PB_INT64: *(int64_t *)slot = v.i; return;
	case PB_UINT32: *(uint32_t *)slot = (uint32_t)v.u; return;
	case PB_UINT64: *(uint64_t *)slot = v.u; return;
	case PB_BOOL: *(bool *)slot = v.u != 0; return;
	case PB_FLOAT: *(float *)slot = (float)v.d; return;
	case PB_DOUBLE: *(double *)slot = v.d; return;
	case PB_STRING: *(struct str *)slot = v.s; return;
	case PB_BYTES: *(struct span *)slot = (struct span){(const uint8_t *)v.s.p, v.s.n}; return;
	case PB_MESSAGE:
	case PB_KIND_COUNT: break;
	}
	UNREACHABLE();
}

union pb_value pb__load(const void *slot, const struct pb_field *f)
{
	union pb_value v = {0};
	switch ((enum pb_kind)f->kind) {
	case PB_INT32:
	case PB_ENUMERATED: v.i = *(const int32_t *)slot; return v;
	case PB_INT64: v.i = *(const int64_t *)slot; return v;
	case PB_UINT32: v.u = *(const uint32_t *)slot; return v;
	case PB_UINT64: v.u = *(const uint64_t *)slot; return v;
	case PB_BOOL: v.u = *(const bool *)slot; return v;
	case PB_FLOAT: v.d = (double)*(const float *)slot; return v;
	case PB_DOUBLE: v.d = *(const double *)slot; return v;
	case PB_STRING: v.s = *(const struct str *)slot; return v;
	case PB_BYTES: {
		const struct span *s = slot;
		v.s = (struct str){(const char *)s->p, s->n};
		return v;
	}
	case PB_MESSAGE:
	case PB_KIND_COUNT: break;
	}
	UNREACHABLE();
}

static bool keys_equal(const struct pb_field *key, const void *a, const void *b)
{
	union pb_value x = pb__load((const char *)a + key->offset, key);
	union pb_value y = pb__load((const char *)b + key->offset, key);
	return key->kind == PB_STRING ? str_eq(x.s, y.s) : x.u == y.u;
}

void pb__map_settle(void *x, const struct pb_field *f)
{
	struct pb_list *list = (struct pb_list *)((char *)x + f->offset);
	size_t size = pb__size(f);
	CHECK(f->card == PB_MAPPED && f->msg->n == 2 && list->n);
	char *last = (char *)list->p + (list->n - 1) * size;
	for (char *e = list->p; e < last; e += size) {
		if (keys_equal(&f->msg->fields[0], e, last)) {
			memcpy(e, last, size);
			list->n--;
			return;
		}
	}
}

void pb__print_real(struct buf *b, double d, bool is_float)
{
	char text[40];
	if (isnan(d) || isinf(d)) {
		buf_z(b, isnan(d) ? "nan" : d > 0 ? "inf" : "-inf");
		return;
	}
	for (int digits = is_float ? 6 : 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, d);
		double back = strtod(text, 0);
		if (is_float ? (float)back == (float)d : back == d)
			break;
	}
	buf_z(b, text);
}
