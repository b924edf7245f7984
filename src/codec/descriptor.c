/* Writing FileDescriptorProto (descriptor.proto of protobuf) from tables.
 *
 * All messages that the methods reach are collected first; a message "A.B" is written inside of
 * A. A map is a repeated field of an entry message, which is written inside of the message that
 * has the field, under the name that protoc gives it. Members of a oneof need its declaration;
 * its name is of no importance. Lengths come before contents, so each level is written into a
 * buffer of its own. Called once a request of a reflection client; speed does not matter.
 */
#include "codec/descriptor.h"

#include "base/panic.h"

#include <ctype.h>
#include <stdio.h>

enum { MESSAGES_MAX = 256, NAME_MAX_BYTES = 128, LEVEL_BYTES = 1 << 20 };
enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };
/* Types of FieldDescriptorProto. */
enum {
	TYPE_DOUBLE = 1, TYPE_FLOAT = 2, TYPE_INT64 = 3, TYPE_UINT64 = 4, TYPE_INT32 = 5,
	TYPE_BOOL = 8, TYPE_STRING = 9, TYPE_MESSAGE = 11, TYPE_BYTES = 12, TYPE_UINT32 = 13,
	TYPE_ENUM = 14
};

struct named { const char *name; const struct pb_msg *msg; };
struct set {
	const char *package;
	struct named messages[MESSAGES_MAX];
	const struct pb_enum *enums[MESSAGES_MAX];
	uint32_t n_messages, n_enums;
	bool full;
};

static void varint(struct buf *b, uint64_t v)
{
	for (; v >= 128; v >>= 7)
		buf_byte(b, (uint8_t)(v | 128));
	buf_byte(b, (uint8_t)v);
}

static void number(struct buf *b, uint32_t field, uint64_t v)
{
	varint(b, field << 3 | WIRE_VARINT);
	varint(b, v);
}

static void text(struct buf *b, uint32_t field, const char *s)
{
	varint(b, field << 3 | WIRE_BYTES);
	varint(b, strlen(s));
	buf_z(b, s);
}

/* A level as a field of the one above; the level is released. */
static void close_level(struct buf *b, uint32_t field, struct buf *level)
{
	varint(b, field << 3 | WIRE_BYTES);
	varint(b, level->n);
	buf_add(b, level->p, level->n);
	if (level->bad && !b->bad)
		b->bad = level->bad;
	buf_release(level);
}

/* ---- what there is ---- */

static void add_enum(struct set *s, const struct pb_enum *e)
{
	for (uint32_t i = 0; i < s->n_enums; i++)
		if (s->enums[i] == e)
			return;
	s->full = s->full || s->n_enums == MESSAGES_MAX;
	if (!s->full)
		s->enums[s->n_enums++] = e;
}

static void add_message(struct set *s, const char *name, const struct pb_msg *m);

static void add_fields(struct set *s, const struct pb_msg *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const struct pb_field *f = &m->fields[i];
		if (f->enums)
			add_enum(s, f->enums);
		if (f->msg && f->card == PB_MAPPED)
			add_fields(s, f->msg);
		else if (f->msg)
			add_message(s, f->msg->name, f->msg);
	}
}

static void add_message(struct set *s, const char *name, const struct pb_msg *m)
{
	for (uint32_t i = 0; i < s->n_messages; i++)
		if (!strcmp(s->messages[i].name, name))
			return;
	s->full = s->full || s->n_messages == MESSAGES_MAX;
	if (s->full)
		return;
	s->messages[s->n_messages++] = (struct named){name, m};
	add_fields(s, m);
}

/* ---- writing ---- */

/* "response_stats" as "ResponseStatsEntry". */
static void entry_name(const char *field, char out[NAME_MAX_BYTES])
{
	size_t n = 0;
	bool up = true;
	for (; *field && n < NAME_MAX_BYTES - 8; field++) {
		if (*field != '_')
			out[n++] = (char)(up ? toupper((unsigned char)*field) : *field);
		up = *field == '_';
	}
	memcpy(out + n, "Entry", 6);
}

static uint32_t type_of(const struct pb_field *f)
{
	static const uint8_t types[PB_KIND_COUNT] = {
		[PB_INT32] = TYPE_INT32, [PB_INT64] = TYPE_INT64, [PB_UINT32] = TYPE_UINT32,
		[PB_UINT64] = TYPE_UINT64, [PB_BOOL] = TYPE_BOOL, [PB_FLOAT] = TYPE_FLOAT,
		[PB_DOUBLE] = TYPE_DOUBLE, [PB_STRING] = TYPE_STRING, [PB_BYTES] = TYPE_BYTES,
		[PB_ENUMERATED] = TYPE_ENUM, [PB_MESSAGE] = TYPE_MESSAGE,
	};
	CHECK(f->kind < PB_KIND_COUNT && types[f->kind]);
	return types[f->kind];
}

static void put_field(const struct set *s, const char *owner, const struct pb_field *f,
                      struct buf *b)
{
	char name[3 * NAME_MAX_BYTES], entry[NAME_MAX_BYTES];
	struct buf level;
	buf_init(&level, LEVEL_BYTES);
	text(&level, 1, f->name);
	number(&level, 3, f->number);
	number(&level, 4, f->card == PB_SINGLE ? 1 : 3);
	number(&level, 5, type_of(f));
	if (f->card == PB_MAPPED) {
		entry_name(f->name, entry);
		snprintf(name, sizeof name, ".%s.%s.%s", s->package, owner, entry);
		text(&level, 6, name);
	} else if (f->msg || f->enums) {
		snprintf(name, sizeof name, ".%s.%s", s->package, f->msg ? f->msg->name : f->enums->name);
		text(&level, 6, name);
	}
	if (f->flags & PB_ONEOF_MASK)
		number(&level, 9, (uint32_t)(f->flags & PB_ONEOF_MASK) - 1);
	close_level(b, 2, &level);
}

static void put_enum(const char *name, const struct pb_enum *e, uint32_t field, struct buf *b)
{
	struct buf level;
	buf_init(&level, LEVEL_BYTES);
	text(&level, 1, name);
	for (uint32_t i = 0; i < e->n; i++) {
		struct buf value;
		buf_init(&value, LEVEL_BYTES);
		text(&value, 1, e->values[i].name);
		number(&value, 2, (uint64_t)(int64_t)e->values[i].number);
		close_level(&level, 2, &value);
	}
	close_level(b, field, &level);
}

/* The last part of a name that lies directly in owner ("" is the file); NULL: it lies elsewhere. */
static const char *inside(const char *owner, const char *name)
{
	size_t n = strlen(owner);
	const char *rest = name;
	if (n && (strncmp(name, owner, n) || name[n] != '.'))
		return 0;
	rest += n ? n + 1 : 0;
	return strchr(rest, '.') ? 0 : rest;
}

static void put_entry(const struct set *s, const char *owner, const struct pb_field *f,
                      struct buf *b)
{
	char name[NAME_MAX_BYTES], path[2 * NAME_MAX_BYTES];
	struct buf level, options;
	entry_name(f->name, name);
	snprintf(path, sizeof path, "%s.%s", owner, name);
	buf_init(&level, LEVEL_BYTES);
	buf_init(&options, LEVEL_BYTES);
	text(&level, 1, name);
	for (uint32_t i = 0; i < f->msg->n; i++)
		put_field(s, path, &f->msg->fields[i], &level);
	number(&options, 7, 1); /* map_entry */
	close_level(&level, 7, &options);
	close_level(b, 3, &level);
}

static void put_message(const struct set *s, const char *full, const char *name,
                        const struct pb_msg *m, uint32_t field, struct buf *b)
{
	struct buf level;
	uint32_t oneofs = 0;
	buf_init(&level, LEVEL_BYTES);
	text(&level, 1, name);
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t k = m->fields[i].flags & PB_ONEOF_MASK;
		oneofs = k > oneofs ? k : oneofs;
		put_field(s, full, &m->fields[i], &level);
		if (m->fields[i].card == PB_MAPPED)
			put_entry(s, full, &m->fields[i], &level);
	}
	for (uint32_t i = 0; i < s->n_messages; i++) {
		const char *last = inside(full, s->messages[i].name);
		if (last)
			put_message(s, s->messages[i].name, last, s->messages[i].msg, 3, &level);
	}
	for (uint32_t i = 0; i < s->n_enums; i++)
		if (inside(full, s->enums[i]->name))
			put_enum(inside(full, s->enums[i]->name), s->enums[i], 4, &level);
	for (uint32_t i = 0; i < oneofs; i++) {
		char choice[24];
		struct buf decl;
		snprintf(choice, sizeof choice, "choice%u", i);
		buf_init(&decl, LEVEL_BYTES);
		text(&decl, 1, choice);
		close_level(&level, 8, &decl);
	}
	close_level(b, field, &level);
}

static void put_service(const char *package, const char *service,
                        const struct descriptor_method *m, uint32_t n, struct buf *out)
{
	struct buf level;
	buf_init(&level, LEVEL_BYTES);
	text(&level, 1, service);
	for (uint32_t i = 0; i < n; i++) {
		char type[2 * NAME_MAX_BYTES];
		struct buf method;
		if (strcmp(m[i].service, service))
			continue;
		buf_init(&method, LEVEL_BYTES);
		text(&method, 1, m[i].name);
		snprintf(type, sizeof type, ".%s.%s", package, m[i].input_name);
		text(&method, 2, type);
		snprintf(type, sizeof type, ".%s.%s", package, m[i].output_name);
		text(&method, 3, type);
		if (m[i].streams) {
			number(&method, 5, 1);
			number(&method, 6, 1);
		}
		close_level(&level, 2, &method);
	}
	close_level(out, 6, &level);
}

struct status descriptor_write(const char *name, const char *package, const char *service,
                               const struct descriptor_method *methods, uint32_t n,
                               struct buf *out)
{
	struct set s = {.package = package};
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(methods[i].service, service))
			continue;
		add_message(&s, methods[i].input_name, methods[i].input);
		add_message(&s, methods[i].output_name, methods[i].output);
	}
	if (s.full)
		return FAIL(LIMIT, "%s has over %d messages", name, MESSAGES_MAX);
	text(out, 1, name);
	text(out, 2, package);
	for (uint32_t i = 0; i < s.n_messages; i++)
		if (inside("", s.messages[i].name))
			put_message(&s, s.messages[i].name, s.messages[i].name, s.messages[i].msg, 4, out);
	for (uint32_t i = 0; i < s.n_enums; i++)
		if (inside("", s.enums[i]->name))
			put_enum(s.enums[i]->name, s.enums[i], 5, out);
	put_service(package, service, methods, n, out);
	text(out, 12, "proto3");
	return buf_status(out);
}
