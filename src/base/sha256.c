/* SHA-256 over OpenSSL's message digests.
 *
 * Used to check downloads and to name cached files. OpenSSL owns the context; sha256_release
 * frees it after an error as after sha256_hex. OpenSSL's digest calls can only fail for reasons of
 * memory, at init; later failures are our bugs. One thread a context.
 */
#include "base/sha256.h"

#include "base/panic.h"

#include <openssl/evp.h>
#include <stdio.h>

struct status sha256_init(struct sha256 *s)
{
	s->ctx = EVP_MD_CTX_new();
	if (!s->ctx || EVP_DigestInit_ex(s->ctx, EVP_sha256(), 0) != 1) {
		sha256_release(s);
		return FAIL(NO_MEMORY, "no memory for a checksum");
	}
	return STATUS_GOOD;
}

void sha256_add(struct sha256 *s, const void *p, size_t n)
{
	CHECK(s->ctx && EVP_DigestUpdate(s->ctx, p, n) == 1);
}

void sha256_hex(struct sha256 *s, char hex[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	CHECK(s->ctx && EVP_DigestFinal_ex(s->ctx, digest, &n) == 1 && n == 32);
	for (unsigned i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	sha256_release(s);
}

void sha256_release(struct sha256 *s)
{
	EVP_MD_CTX_free(s->ctx);
	s->ctx = 0;
}
