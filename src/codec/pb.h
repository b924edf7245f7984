/* Protocol buffers from tables: one description of a message gives its wire, text and JSON form.
 *
 * A message set is a .def file; codec/pb_structs.h makes plain C structs of it, codec/pb_tables.h the
 * descriptors (`<struct>_pb`). A struct holds scalars by value, text as struct str, bytes as struct
 * span, a message as a pointer (NULL: not set), a repeated field as {p, n, cap}, a map as the list of
 * its entries; `has` has one bit a field that was set. A zeroed struct is an empty message.
 *
 * Everything decoded lives in the caller's arena, but text and bytes without escapes point into the
 * input, which must outlive them. After a failure the struct's content is unspecified.
 */
#ifndef NEREID_CODEC_PB_H
#define NEREID_CODEC_PB_H

#include "base/arena.h"
#include "base/buf.h"

enum pb_kind {
	PB_INT32, PB_INT64, PB_UINT32, PB_UINT64, PB_BOOL, PB_FLOAT, PB_DOUBLE, PB_STRING, PB_BYTES,
	PB_ENUMERATED, PB_MESSAGE, PB_KIND_COUNT
};
enum pb_card { PB_SINGLE, PB_REPEATED, PB_MAPPED };
enum {
	PB_ONEOF_MASK = 7,  /* flags 1..7: the fields with one number exclude each other */
	PB_TEXT64 = 8,      /* JSON writes this 64-bit field as a string, as protobuf does by default */
	PB_EXPLICIT = 16    /* written whenever it was set, even to zero */
};

struct pb_enum_value { const char *name; int32_t number; };
struct pb_enum { const char *name; const struct pb_enum_value *values; uint32_t n; };

struct pb_msg;
struct pb_field {
	uint32_t number;
	uint8_t kind, card, flags;
	uint32_t offset;               /* in the struct, bytes */
	const char *name;
	const struct pb_msg *msg;      /* PB_MESSAGE; of a map: its entry */
	const struct pb_enum *enums;   /* PB_ENUMERATED */
};
struct pb_msg {
	const char *name;
	const struct pb_field *fields; /* in the order in which they are printed; at most 64 */
	uint32_t n;
	size_t size;                   /* of the struct, whose first member is `uint64_t has` */
};

/* Every repeated field has this layout, with the element's type for p. */
struct __attribute__((may_alias)) pb_list { void *p; uint32_t n, cap; };

/* Whether a field was set: PB_IS_SET(input, mc_model_input, reshape). */
#define PB_IS_SET(x, type, field) (((x)->has >> PB_BIT_##type##_##field) & 1)
/* Set a scalar or a pointer of a message by hand. */
#define PB_SET(x, type, field, value) \
	((x)->field = (value), (void)((x)->has |= 1ull << PB_BIT_##type##_##field))

/* ---- wire form ---- */
/* Fills *out (zeroed first). `where` names the input in errors, which tell path and offset. Unknown
 * fields are checked and skipped. CORRUPT: not this message; LIMIT: too deep, too many, or the arena. */
struct status pb_decode(const struct pb_msg *m, struct span in, const char *where, struct arena *a,
                        void *out) MUST_CHECK;
/* Appends; numbers in repeated fields are packed. Fails as the buffer fails, or LIMIT when too deep. */
struct status pb_encode(const struct pb_msg *m, const void *x, struct buf *b) MUST_CHECK;

/* ---- text form ---- */
struct pb_source {
	const char *where;             /* names the input in errors */
	struct arena *arena;
	/* Told of each unknown field, with a sentence; NULL: an unknown field is an error. */
	void (*unknown)(void *ctx, const char *sentence);
	void *ctx;
};
/* Fills *out (zeroed first). Errors are INVALID_ARG with line:column. */
struct status pb_text_parse(const struct pb_msg *m, struct str text, const struct pb_source *src,
                            void *out) MUST_CHECK;
/* Appends what is set, a field a line. Ask buf_status. */
void pb_text_print(const struct pb_msg *m, const void *x, struct buf *b);

/* ---- JSON form ---- */
enum {
	PB_JSON_DEFAULTS = 1,          /* unset scalars, lists and maps too; unset messages and oneofs not */
	PB_JSON_CAMEL = 2              /* maxBatchSize instead of max_batch_size */
};
/* Appends. Ask buf_status. */
void pb_json_print(const struct pb_msg *m, const void *x, int flags, struct buf *b);

/* ---- descriptors ---- */
const struct pb_field *pb_field_named(const struct pb_msg *m, struct str name);  /* NULL: unknown */
const char *pb_enum_text(const struct pb_enum *e, int32_t number);               /* NULL: unknown */
bool pb_enum_number(const struct pb_enum *e, struct str name, int32_t *out);
/* The number of elements of a repeated field, or 1 or 0. */
uint32_t pb_count(const struct pb_msg *m, const void *x, const struct pb_field *f);

#endif
