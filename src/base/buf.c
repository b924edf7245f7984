/* Growing byte buffers whose failures stick.
 *
 * The size doubles, never past the limit. The first failure is remembered and later adds do
 * nothing, so writers of long outputs check once. n changes last, so a failed add leaves what was
 * there. One thread owns a buffer.
 */
#include "base/buf.h"

#include "base/mem.h"
#include "base/panic.h"

#include <stdarg.h>
#include <stdio.h>

void buf_init(struct buf *b, size_t limit_bytes)
{
	*b = (struct buf){.limit_bytes = limit_bytes};
}

void buf_release(struct buf *b)
{
	mem_free(b->p);
	buf_init(b, b->limit_bytes);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->bad = STATUS_OK;
}

uint8_t *buf_space(struct buf *b, size_t n)
{
	CHECK(b->n <= b->cap);
	if (b->bad)
		return 0;
	if (n > b->limit_bytes - b->n) {
		b->bad = STATUS_LIMIT;
		return 0;
	}
	if (n > b->cap - b->n) {
		size_t cap = b->cap ? b->cap : 256;
		while (cap < b->n + n)
			cap = cap > b->limit_bytes / 2 ? b->limit_bytes : cap * 2;
		uint8_t *p = mem_resize(b->p, cap);
		if (!p) {
			b->bad = STATUS_NO_MEMORY;
			return 0;
		}
		b->p = p;
		b->cap = cap;
	}
	b->n += n;
	return b->p ? b->p + b->n - n : 0; /* without memory only n = 0 comes here */
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	uint8_t *to = n ? buf_space(b, n) : 0;
	if (to)
		memcpy(to, p, n);
}

void buf_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void buf_z(struct buf *b, const char *z)
{
	buf_add(b, z, strlen(z));
}

void buf_byte(struct buf *b, uint8_t c)
{
	if (b->n < b->cap && !b->bad)
		b->p[b->n++] = c;
	else
		buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(0, 0, fmt, ap);
	CHECK(n >= 0);
	/* one byte more for the NUL that vsnprintf writes, taken back after */
	uint8_t *to = buf_space(b, (size_t)n + 1);
	if (to) {
		vsnprintf((char *)to, (size_t)n + 1, fmt, again);
		b->n--;
	}
	va_end(again);
	va_end(ap);
}

void buf_u16(struct buf *b, uint16_t v)
{
	uint8_t x[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
	buf_add(b, x, sizeof x);
}

void buf_u32(struct buf *b, uint32_t v)
{
	buf_u16(b, (uint16_t)v);
	buf_u16(b, (uint16_t)(v >> 16));
}

void buf_u64(struct buf *b, uint64_t v)
{
	buf_u32(b, (uint32_t)v);
	buf_u32(b, (uint32_t)(v >> 32));
}

void buf_pad(struct buf *b, size_t align)
{
	CHECK(align && (align & (align - 1)) == 0);
	size_t n = (align - b->n % align) % align;
	uint8_t *to = n ? buf_space(b, n) : 0;
	if (to)
		memset(to, 0, n);
}

struct status buf_status(const struct buf *b)
{
	if (b->bad == STATUS_LIMIT)
		return FAIL(LIMIT, "the output would be over its limit of %zu bytes", b->limit_bytes);
	if (b->bad)
		return FAIL(NO_MEMORY, "no memory for an output of over %zu bytes", b->n);
	return STATUS_GOOD;
}
