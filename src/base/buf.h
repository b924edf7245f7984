/* A growing byte buffer on the heap with a limit. Failures stick: after one, adds do nothing and buf_status tells;
 * so a writer checks once at the end. */
#ifndef NEREID_BASE_BUF_H
#define NEREID_BASE_BUF_H

#include "base/span.h"
#include "base/status.h"

struct buf {
	uint8_t *p;           /* owned */
	size_t n, cap;        /* bytes */
	size_t limit_bytes;
	enum status_code bad; /* LIMIT or NO_MEMORY once failed */
};

void buf_init(struct buf *b, size_t limit_bytes);
void buf_release(struct buf *b);
void buf_reset(struct buf *b);                           /* n = 0, keeps memory, clears the failure */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_z(struct buf *b, const char *z);
void buf_byte(struct buf *b, uint8_t c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_u16(struct buf *b, uint16_t v);                 /* little-endian */
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_pad(struct buf *b, size_t align);               /* zeros up to a multiple of align */
uint8_t *buf_space(struct buf *b, size_t n);             /* n uninitialised bytes appended, or NULL */
static inline struct span buf_span(const struct buf *b) { return (struct span){b->p, b->n}; }
static inline struct str buf_text(const struct buf *b) { return (struct str){(const char *)b->p, b->n}; }
struct status buf_status(const struct buf *b) MUST_CHECK;

#endif
