/* Unpacking gzip (RFC 1952) into a bounded buffer. */
#ifndef NEREID_CODEC_GZIP_H
#define NEREID_CODEC_GZIP_H

#include "base/buf.h"

bool gzip_is(struct span bytes);
/* Appends the content to out; LIMIT at out's limit, CORRUPT when it is damaged or cut. */
struct status gzip_unpack(struct span bytes, struct buf *out) MUST_CHECK;

#endif
