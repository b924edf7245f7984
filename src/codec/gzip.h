/* gzip (RFC 1952) and zlib (RFC 1950), both ways, into bounded buffers. */
#ifndef NEREID_CODEC_GZIP_H
#define NEREID_CODEC_GZIP_H

#include "base/arena.h"
#include "base/buf.h"

bool gzip_is(struct span bytes);
/* Appends the content to out; LIMIT at out's limit, CORRUPT when it is damaged or cut. */
struct status gzip_unpack(struct span bytes, struct buf *out) MUST_CHECK;

/* For HTTP: gzip or zlib, told apart by their first bytes. Appends at most limit_bytes to out,
 * LIMIT when there is more; CORRUPT when it is damaged or cut; what follows its end is not looked
 * at. zlib works in the arena, which is as before when this returns. */
struct status gzip_unpack_any(struct span bytes, size_t limit_bytes, struct arena *a,
                              struct buf *out) MUST_CHECK;
enum gzip_form { GZIP_GZIP, GZIP_ZLIB };
/* The parts one behind the other, packed fast rather than small; the arena as above. */
struct status gzip_pack(const struct span *parts, uint32_t n, enum gzip_form form, struct arena *a,
                        struct buf *out) MUST_CHECK;

#endif
