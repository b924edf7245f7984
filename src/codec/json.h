/* JSON without a tree: a document is checked once, whole, and then walked in place.
 *
 * json_check accepts what RapidJSON accepts as Triton sets it (NaN, Infinity and -Infinity are
 * numbers; strings are UTF-8), and names errors in its words with their offset. After a good
 * check the other functions cannot run past the end; they are undefined on unchecked text. A
 * struct json is a place in the text; it owns nothing. Objects with a name twice: the first
 * counts. */
#ifndef NEREID_CODEC_JSON_H
#define NEREID_CODEC_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/tensor.h"

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json { const char *p, *end; };

/* GOOD and the root, or INVALID_ARG with "<RapidJSON's words> at <offset>". */
struct status json_check(struct str text, struct json *root) MUST_CHECK;
enum json_kind json_kind(struct json v);

/* Members and elements, one by one:
 *   struct json_walk w = json_walk(v);
 *   while (json_next(&w)) ... w.key (raw, see json_key_is), w.value ... */
struct json_walk { struct json at, value; struct str key; bool object, begun; };
struct json_walk json_walk(struct json v);        /* of an array or object; else it has no elements */
bool json_next(struct json_walk *w);
bool json_key_is(struct str key, const char *name);   /* escapes in the key are honoured */
bool json_member(struct json object, const char *name, struct json *out);
uint32_t json_count(struct json v);

bool json_bool(struct json v, bool *out);
bool json_i64(struct json v, int64_t *out);       /* a whole number without fraction and exponent, in range */
bool json_u64(struct json v, uint64_t *out);
bool json_f64(struct json v, double *out);
/* Unescaped, in the arena, or in place where there is no escape. */
bool json_str(struct json v, struct arena *a, struct str *out);
/* The text of a value as it stands. */
struct str json_text(struct json v);

/* Numbers or booleans, flat or nested, row-major, into a tensor's buffer of `max` elements;
 * *count is how many were there; over max: there are more, which were not looked at.
 * INVALID_ARG in Triton's words when an element is not what the type takes: BOOL takes booleans,
 * FP32 and FP64 any number, others whole numbers (unsigned types none below zero), which wrap to
 * the type's width. Not for BYTES, FP16 and BF16. */
struct status json_numbers(struct json v, enum dtype t, void *out, int64_t max, int64_t *count) MUST_CHECK;
/* Strings, flat or nested, as the wire has BYTES: 4-byte little-endian length, then the bytes. */
struct status json_bytes(struct json v, struct arena *a, struct buf *out, int64_t *count) MUST_CHECK;

/* ---- writing ---- */
void json_put_str(struct buf *b, struct str s);       /* quoted and escaped */
void json_put_i64(struct buf *b, int64_t v);
void json_put_u64(struct buf *b, uint64_t v);
void json_put_f64(struct buf *b, double v);           /* shortest that reads back; NaN and Infinity bare */
void json_put_f32(struct buf *b, float v);
/* [..] of a tensor's elements, flat; FP16, BF16 and BYTES: false. */
bool json_put_numbers(struct buf *b, enum dtype t, const void *p, int64_t count);

#endif
