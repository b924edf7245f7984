/* The small parts of gRPC over HTTP/2: message prefixes, timeouts, and text in trailers. Pure. */
#ifndef NEREID_CODEC_GRPC_H
#define NEREID_CODEC_GRPC_H

#include "base/span.h"
#include "base/status.h"

/* Status codes of gRPC. */
enum grpc_code {
	GRPC_OK = 0, GRPC_CANCELLED = 1, GRPC_UNKNOWN = 2, GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4, GRPC_NOT_FOUND = 5, GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7, GRPC_RESOURCE_EXHAUSTED = 8, GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13, GRPC_UNAVAILABLE = 14, GRPC_UNAUTHENTICATED = 16
};
enum grpc_code grpc_code(enum status_code code);

/* In front of each message: one byte that tells whether it is compressed, four of its length. */
enum { GRPC_PREFIX = 5 };
struct grpc_prefix { bool compressed; uint32_t bytes; };
/* false: the first byte is neither 0 nor 1. */
bool grpc_prefix_read(const uint8_t p[GRPC_PREFIX], struct grpc_prefix *out);
void grpc_prefix_write(uint8_t p[GRPC_PREFIX], struct grpc_prefix x);

/* "100m" and so on, into ns; false on anything else. Too long to count is UINT64_MAX. */
bool grpc_timeout(struct str s, uint64_t *ns);

/* The text of a status as grpc-message carries it: bytes outside of 0x20..0x7e and '%' as %XX.
 * Writes at most `cap` bytes, never a part of an escape, and returns how many. */
size_t grpc_message_escape(struct str text, char *out, size_t cap);

#endif
