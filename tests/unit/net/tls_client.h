/* For tests of TLS: certificates made on the spot, and a client on OpenSSL with memory BIOs. */
#ifndef NEREID_TESTS_TLS_CLIENT_H
#define NEREID_TESTS_TLS_CLIENT_H

#include "../test.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

struct identity { X509 *cert; EVP_PKEY *key; };

/* A certificate for `name`, signed by `by`, or by itself. */
static inline struct identity identity_new(const char *name, const struct identity *by)
{
	static long serial;
	struct identity id = {X509_new(), EVP_EC_gen("P-256")};
	X509V3_CTX ctx;
	X509_NAME *subject = X509_get_subject_name(id.cert);
	X509_set_version(id.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(id.cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
	                           0);
	X509_set_issuer_name(id.cert, by ? X509_get_subject_name(by->cert) : subject);
	X509_set_pubkey(id.cert, id.key);
	X509V3_set_ctx(&ctx, by ? by->cert : id.cert, id.cert, 0, 0, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(0, &ctx, NID_basic_constraints,
	                                        by ? "critical,CA:FALSE" : "critical,CA:TRUE");
	X509_add_ext(id.cert, e, -1);
	X509_EXTENSION_free(e);
	assert_true(X509_sign(id.cert, by ? by->key : id.key, EVP_sha256()) > 0);
	return id;
}

static inline void identity_free(struct identity *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
}

/* Either file may be NULL. */
static inline void identity_write(const struct identity *id, const char *cert, const char *key)
{
	FILE *f = cert ? fopen(cert, "w") : 0;
	if (cert) {
		assert_non_null(f);
		assert_int_equal(PEM_write_X509(f, id->cert), 1);
		fclose(f);
	}
	f = key ? fopen(key, "w") : 0;
	if (key) {
		assert_non_null(f);
		assert_int_equal(PEM_write_PrivateKey(f, id->key, 0, 0, 0, 0, 0), 1);
		fclose(f);
	}
}

/* Trusts root; shows `own` where it is given; alpn as on the wire, or NULL. */
static inline SSL *client_new(const struct identity *root, const struct identity *own,
                              const char *alpn, int version)
{
	SSL_CTX *x = SSL_CTX_new(TLS_client_method());
	assert_non_null(x);
	SSL_CTX_set_security_level(x, 0);
	SSL_CTX_set_min_proto_version(x, version);
	SSL_CTX_set_max_proto_version(x, version);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(x), root->cert);
	SSL_CTX_set_verify(x, SSL_VERIFY_PEER, 0);
	if (own) {
		SSL_CTX_use_certificate(x, own->cert);
		SSL_CTX_use_PrivateKey(x, own->key);
	}
	SSL *s = SSL_new(x);
	SSL_CTX_free(x);
	assert_non_null(s);
	if (alpn)
		SSL_set_alpn_protos(s, (const unsigned char *)alpn, (unsigned)strlen(alpn));
	SSL_set_connect_state(s);
	return s;
}

#endif
