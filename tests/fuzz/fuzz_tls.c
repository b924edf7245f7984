/* A TLS server fed with arbitrary bytes in pieces, some of them after a handshake with a real
 * client: it must read, fail or wait, and never write plaintext's worth without bound. */
#include "base/panic.h"
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct tls_context *context;
static SSL_CTX *client_context;

static void write_files(const char *cert, const char *key)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, k);
	X509_sign(x, k, EVP_sha256());
	FILE *f = fopen(cert, "w");
	CHECK(f && PEM_write_X509(f, x));
	fclose(f);
	f = fopen(key, "w");
	CHECK(f && PEM_write_PrivateKey(f, k, 0, 0, 0, 0, 0));
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(k);
}

static void begin(void)
{
	char cert[64], key[64];
	snprintf(cert, sizeof cert, "/tmp/nereid-fuzz-%d.cert", (int)getpid());
	snprintf(key, sizeof key, "/tmp/nereid-fuzz-%d.key", (int)getpid());
	write_files(cert, key);
	struct status st = tls_context_new(&(struct tls_options){cert, key, cert, "h2 http/1.1"},
	                                   &context);
	CHECK(!st.code);
	client_context = SSL_CTX_new(TLS_client_method());
	CHECK(SSL_CTX_use_certificate_file(client_context, cert, SSL_FILETYPE_PEM) == 1);
	CHECK(SSL_CTX_use_PrivateKey_file(client_context, key, SSL_FILETYPE_PEM) == 1);
	unlink(cert);
	unlink(key);
}

static void shake(struct tls *t, SSL *client)
{
	uint8_t b[8192];
	for (int i = 0; i < 4; i++) {
		SSL_do_handshake(client);
		int n = BIO_read(SSL_get_wbio(client), b, sizeof b);
		if (n > 0) {
			struct status st = tls_feed(t, (struct span){b, (size_t)n});
			CHECK(!st.code);
		}
		BIO_write(SSL_get_rbio(client), b, (int)tls_take(t, b, sizeof b));
	}
	CHECK(tls_state(t) == TLS_OPEN);
	ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t out[512];
	struct tls *t;
	SSL *client = 0;
	if (!context)
		begin();
	if (n < 2)
		return 0;
	struct status st = tls_new(context, &t);
	CHECK(!st.code);
	size_t piece = p[1] ? p[1] : SIZE_MAX;
	if (p[0] & 1) { /* shaking hands takes time: only for some */
		client = SSL_new(client_context);
		SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
		SSL_set_connect_state(client);
		shake(t, client);
		/* what follows as records that decrypt, so that their contents count too */
		if (p[0] & 2) {
			SSL_write(client, p, (int)n);
			n = (size_t)BIO_read(SSL_get_wbio(client), out, sizeof out);
			p = out;
		}
	}
	for (size_t at = 2, step; at < n && tls_state(t) != TLS_FAILED; at += step) {
		uint8_t got[512];
		step = piece < n - at ? piece : n - at;
		st = tls_feed(t, (struct span){p + at, step});
		while (!st.code && tls_read(t, got, sizeof got))
			;
		while (tls_take(t, got, sizeof got))
			;
	}
	tls_end(t);
	CHECK(tls_state(t) != TLS_OPEN);
	CHECK((tls_state(t) == TLS_FAILED) == (*tls_error(t) != 0));
	SSL_free(client);
	tls_free(t);
	return 0;
}
