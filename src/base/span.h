/* Bytes with a length: struct str for text, struct span for data. Neither owns what it points to; neither ends in NUL. */
#ifndef NEREID_BASE_SPAN_H
#define NEREID_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str { const char *p; size_t n; };
struct span { const uint8_t *p; size_t n; };

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_NONE ((struct str){0, 0})
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_from(const char *z) { return (struct str){z, z ? strlen(z) : 0}; }
static inline bool str_eq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }
static inline bool str_is(struct str a, const char *z) { return str_eq(a, str_from(z)); }
static inline bool str_starts(struct str s, struct str prefix) { return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0); }
static inline bool str_ends(struct str s, struct str tail) { return s.n >= tail.n && (tail.n == 0 || memcmp(s.p + s.n - tail.n, tail.p, tail.n) == 0); }
bool str_eq_nocase(struct str a, struct str b);  /* ASCII only */
int str_cmp(struct str a, struct str b);         /* byte order, shorter first */
struct str str_trim(struct str s);               /* blanks and tabs */
/* Whole string as a number; false on anything else, or out of range. */
bool str_i64(struct str s, int64_t *out);
bool str_u64(struct str s, uint64_t *out);
bool str_f64(struct str s, double *out);
uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);  /* for tables in memory only: not stable between versions */

#endif
