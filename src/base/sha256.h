/* SHA-256 (FIPS 180-4), incremental. For checking downloads. Implemented over OpenSSL's EVP. */
#ifndef NEREID_BASE_SHA256_H
#define NEREID_BASE_SHA256_H
#include "base/status.h"
#include <stddef.h>
#include <stdint.h>
struct sha256 { void *ctx; };
struct status sha256_init(struct sha256 *s) MUST_CHECK;
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_hex(struct sha256 *s, char hex[65]);   /* ends it */
void sha256_release(struct sha256 *s);
#endif
