/* TLS on OpenSSL with memory BIOs.
 *
 * OpenSSL never sees a socket: ciphertext is fed to one memory BIO and taken from another, so the
 * same code serves TCP, Unix sockets and tests. A context keeps the SSL_CTX in use behind a lock
 * that is held for as long as it takes to make an SSL from it; a reload builds a new SSL_CTX
 * beside it and swaps the pointer, while connections keep the one that they began with (OpenSSL
 * counts references). Renegotiation, compression and early data are off. A struct tls belongs to
 * one thread. How long a handshake may take, and how much of it is buffered in sockets, is the
 * caller's to limit.
 */
#include "net/tls.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { CONTEXT_MAGIC = 0x6e72d909, TLS_MAGIC = 0x6e72d90a, RELOAD_MS = 1000, ALPN_BYTES = 64,
	FILES = 3 };

struct tls_context {
	uint32_t magic;
	char *files[FILES];                  /* cert, key, root or NULL; owned */
	uint8_t alpn[ALPN_BYTES];            /* names, each after its length */
	uint32_t n_alpn;
	pthread_mutex_t lock;                /* of ctx; no other is taken under it */
	SSL_CTX *ctx;                        /* of new connections */
	pthread_mutex_t reload;              /* of mtimes; taken before lock */
	uint64_t mtimes_ns[FILES];           /* of the files tried last; 0: none */
	_Atomic uint64_t next_ms;            /* of the next look at the files */
};

struct tls {
	uint32_t magic;
	enum tls_state state;
	SSL *ssl;
	BIO *in, *out;                       /* the SSL's */
	char error[192];
};

/* ---- the context ---- */

static const char *const file_names[FILES] = {"certificate", "key", "root certificate"};

/* Why OpenSSL's last call failed. */
static const char *reason(void)
{
	unsigned long first = ERR_peek_error(), e = ERR_peek_last_error();
	if (ERR_SYSTEM_ERROR(first)) /* a file's: what follows says less */
		return strerror(ERR_GET_REASON(first));
	const char *text = e ? ERR_reason_error_string(e) : 0;
	return text ? text : "unknown reason";
}

static struct status cannot_load(const struct tls_context *c, int i)
{
	return FAIL(INVALID_ARG, "cannot load the TLS %s '%s': %s", file_names[i], c->files[i],
	            reason());
}

/* Instead of asking the terminal for a passphrase. */
static int no_passphrase(char *p, int n, int writing, void *user)
{
	(void)p, (void)n, (void)writing, (void)user;
	return 0;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out,
                       const unsigned char *offered, unsigned n, void *user)
{
	const struct tls_context *c = user;
	unsigned char *found;
	(void)ssl;
	if (SSL_select_next_proto(&found, n_out, c->alpn, c->n_alpn, offered, n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = found;
	return SSL_TLSEXT_ERR_OK;
}

static struct status load_files(const struct tls_context *c, SSL_CTX *x)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(x, c->files[0]) != 1)
		return cannot_load(c, 0);
	if (SSL_CTX_use_PrivateKey_file(x, c->files[1], SSL_FILETYPE_PEM) != 1)
		return cannot_load(c, 1);
	if (SSL_CTX_check_private_key(x) != 1)
		return FAIL(INVALID_ARG, "the TLS key '%s' does not belong to the certificate '%s'",
		            c->files[1], c->files[0]);
	if (!c->files[2])
		return STATUS_GOOD;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(c->files[2]);
	if (!names || SSL_CTX_load_verify_locations(x, c->files[2], 0) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return cannot_load(c, 2);
	}
	SSL_CTX_set_client_CA_list(x, names);
	SSL_CTX_set_verify(x, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 0);
	return STATUS_GOOD;
}

static struct status build(struct tls_context *c, SSL_CTX **out)
{
	static const unsigned char session_id[] = "nereid";
	struct status st = STATUS_GOOD;
	SSL_CTX *x = SSL_CTX_new(TLS_server_method());
	if (!x)
		return FAIL(NO_MEMORY, "no memory for TLS");
	SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION);
	SSL_CTX_set_options(x, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                    SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* idle connections keep no buffers of records */
	SSL_CTX_set_mode(x, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(x, session_id, sizeof session_id - 1);
	SSL_CTX_set_default_passwd_cb(x, no_passphrase);
	if (c->n_alpn)
		SSL_CTX_set_alpn_select_cb(x, choose_alpn, c);
	GO(load_files(c, x));
	*out = x;
	x = 0;
out:
	SSL_CTX_free(x);
	return st;
}

static void look_at_files(const struct tls_context *c, uint64_t mtimes_ns[FILES])
{
	for (int i = 0; i < FILES; i++) {
		struct status st = STATUS_GOOD;
		mtimes_ns[i] = 0;
		if (c->files[i])
			st = file_mtime_ns(c->files[i], &mtimes_ns[i]);
		if (st.code)
			mtimes_ns[i] = 0; /* loading it will say why */
	}
}

/* "h2 http/1.1" with lengths in front of the names. */
static struct status pack_alpn(struct tls_context *c, const char *names)
{
	while (names && *names) {
		size_t n = strcspn(names, " ");
		if (n > 255 || c->n_alpn + n + 1 > sizeof c->alpn)
			return FAIL(LIMIT, "the protocols for ALPN take over %d bytes", ALPN_BYTES);
		c->alpn[c->n_alpn++] = (uint8_t)n;
		memcpy(c->alpn + c->n_alpn, names, n);
		c->n_alpn += (uint32_t)n;
		names += n + (names[n] == ' ');
	}
	return STATUS_GOOD;
}

struct status tls_context_new(const struct tls_options *o, struct tls_context **out)
{
	const char *const files[FILES] = {o->cert, o->key, o->root};
	struct status st = STATUS_GOOD;
	if (!o->cert || !o->key)
		return FAIL(INVALID_ARG, "TLS needs a certificate and a key");
	struct tls_context *c = mem_zero(sizeof *c);
	if (!c)
		return FAIL(NO_MEMORY, "no memory for TLS");
	c->magic = CONTEXT_MAGIC;
	pthread_mutex_init(&c->lock, 0);
	pthread_mutex_init(&c->reload, 0);
	for (int i = 0; i < FILES; i++)
		if (files[i] && !(c->files[i] = mem_strdup(files[i])))
			GO(FAIL(NO_MEMORY, "no memory for TLS"));
	GO(pack_alpn(c, o->alpn));
	look_at_files(c, c->mtimes_ns);
	GO(build(c, &c->ctx));
	*out = c;
	c = 0;
out:
	tls_context_free(c);
	return st;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	CHECK_MAGIC(c, CONTEXT_MAGIC);
	c->magic = 0;
	SSL_CTX_free(c->ctx);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->reload);
	for (int i = 0; i < FILES; i++)
		mem_free(c->files[i]);
	mem_free(c);
}

static bool reload(struct tls_context *c)
{
	uint64_t now_ns[FILES];
	SSL_CTX *fresh = 0;
	look_at_files(c, now_ns);
	if (!memcmp(now_ns, c->mtimes_ns, sizeof now_ns))
		return false;
	memcpy(c->mtimes_ns, now_ns, sizeof now_ns);
	struct status st = build(c, &fresh);
	if (st.code) {
		LOG_E("the TLS certificate in use stays: %s", st.msg);
		return false;
	}
	pthread_mutex_lock(&c->lock);
	SSL_CTX *old = c->ctx;
	c->ctx = fresh;
	pthread_mutex_unlock(&c->lock);
	SSL_CTX_free(old);
	LOG_I("the TLS certificate was loaded again from '%s'", c->files[0]);
	return true;
}

bool tls_context_reload(struct tls_context *c)
{
	CHECK_MAGIC(c, CONTEXT_MAGIC);
	if (pthread_mutex_trylock(&c->reload))
		return false; /* another thread is at it */
	bool replaced = reload(c);
	pthread_mutex_unlock(&c->reload);
	return replaced;
}

void tls_context_tick(struct tls_context *c, uint64_t now_ms)
{
	uint64_t next = atomic_load(&c->next_ms);
	if (now_ms >= next && atomic_compare_exchange_strong(&c->next_ms, &next, now_ms + RELOAD_MS))
		tls_context_reload(c);
}

/* ---- a connection ---- */

struct status tls_new(struct tls_context *c, struct tls **out)
{
	CHECK_MAGIC(c, CONTEXT_MAGIC);
	struct tls *t = mem_zero(sizeof *t);
	if (!t)
		return FAIL(NO_MEMORY, "no memory for a TLS connection");
	t->magic = TLS_MAGIC;
	pthread_mutex_lock(&c->lock);
	t->ssl = SSL_new(c->ctx);
	pthread_mutex_unlock(&c->lock);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		BIO_free(t->in);
		BIO_free(t->out);
		SSL_free(t->ssl);
		mem_free(t);
		return FAIL(NO_MEMORY, "no memory for a TLS connection");
	}
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_accept_state(t->ssl);
	*out = t;
	return STATUS_GOOD;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	CHECK_MAGIC(t, TLS_MAGIC);
	t->magic = 0;
	SSL_free(t->ssl);
	mem_free(t);
}

static void fail(struct tls *t, const char *what, const char *why)
{
	t->state = TLS_FAILED;
	snprintf(t->error, sizeof t->error, "%s: %s", what, why);
}

/* Looks at how a call ended that returned `result`, at most 0. */
static void ended(struct tls *t, int result, const char *what)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		t->state = TLS_CLOSED;
		break;
	default: {
		long verify = SSL_get_verify_result(t->ssl);
		bool handshake = t->state == TLS_HANDSHAKING;
		fail(t, what, handshake && verify != X509_V_OK ? X509_verify_cert_error_string(verify)
		     : reason());
	}
	}
}

static void shake(struct tls *t)
{
	ERR_clear_error();
	int r = SSL_do_handshake(t->ssl);
	if (r == 1)
		t->state = TLS_OPEN;
	else
		ended(t, r, "the TLS handshake failed");
}

struct status tls_feed(struct tls *t, struct span bytes)
{
	CHECK_MAGIC(t, TLS_MAGIC);
	if (t->state == TLS_FAILED)
		return FAIL(UNAVAILABLE, "%s", t->error);
	if (!bytes.n || t->state == TLS_CLOSED)
		return STATUS_GOOD;
	if (bytes.n > LIMIT_TLS_UNREAD_BYTES ||
	    BIO_ctrl_pending(t->in) > LIMIT_TLS_UNREAD_BYTES - bytes.n)
		return FAIL(LIMIT, "over %d bytes of a TLS connection wait to be read",
		            LIMIT_TLS_UNREAD_BYTES);
	if (BIO_write(t->in, bytes.p, (int)bytes.n) != (int)bytes.n)
		return FAIL(NO_MEMORY, "no memory for a TLS connection");
	if (t->state == TLS_HANDSHAKING)
		shake(t);
	return t->state == TLS_FAILED ? FAIL(UNAVAILABLE, "%s", t->error) : STATUS_GOOD;
}

void tls_end(struct tls *t)
{
	CHECK_MAGIC(t, TLS_MAGIC);
	if (t->state == TLS_HANDSHAKING)
		fail(t, "the TLS handshake failed", "the peer ended the connection");
	else if (t->state == TLS_OPEN)
		fail(t, "the TLS connection was cut off", "the peer ended it without a farewell");
}

bool tls_unread(const struct tls *t)
{
	CHECK_MAGIC(t, TLS_MAGIC);
	return BIO_ctrl_pending(t->in) > 0 || SSL_has_pending(t->ssl);
}

size_t tls_read(struct tls *t, void *p, size_t n)
{
	CHECK_MAGIC(t, TLS_MAGIC);
	size_t got = 0;
	if (t->state != TLS_OPEN || !n)
		return 0;
	ERR_clear_error();
	int r = SSL_read_ex(t->ssl, p, n, &got);
	if (r == 1)
		return got;
	ended(t, r, "reading from a TLS connection failed");
	return 0;
}

struct status tls_write(struct tls *t, struct span plain)
{
	CHECK_MAGIC(t, TLS_MAGIC);
	size_t put = 0;
	/* a peer that has ended its side may still be answered */
	if (t->state != TLS_OPEN && t->state != TLS_CLOSED)
		return FAIL(UNAVAILABLE, "%s", t->state == TLS_FAILED ? t->error :
		            "the TLS handshake is not over");
	if (!plain.n)
		return STATUS_GOOD;
	ERR_clear_error();
	if (SSL_write_ex(t->ssl, plain.p, plain.n, &put) == 1 && put == plain.n)
		return STATUS_GOOD;
	fail(t, "writing to a TLS connection failed", reason());
	return FAIL(UNAVAILABLE, "%s", t->error);
}

size_t tls_pending(const struct tls *t)
{
	CHECK_MAGIC(t, TLS_MAGIC);
	return BIO_ctrl_pending(t->out);
}

size_t tls_take(struct tls *t, void *p, size_t n)
{
	CHECK_MAGIC(t, TLS_MAGIC);
	size_t got = 0;
	return n && BIO_read_ex(t->out, p, n, &got) == 1 ? got : 0;
}

void tls_close_notify(struct tls *t)
{
	CHECK_MAGIC(t, TLS_MAGIC);
	if (t->state != TLS_OPEN && t->state != TLS_CLOSED)
		return;
	ERR_clear_error();
	if (!(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) && SSL_shutdown(t->ssl) < 0)
		fail(t, "ending a TLS connection failed", reason());
}

void tls_trim(struct tls *t)
{
	CHECK_MAGIC(t, TLS_MAGIC);
	BIO *fresh = BIO_ctrl_pending(t->in) ? 0 : BIO_new(BIO_s_mem());
	if (fresh) {
		SSL_set0_rbio(t->ssl, fresh);
		t->in = fresh;
	}
	fresh = BIO_ctrl_pending(t->out) ? 0 : BIO_new(BIO_s_mem());
	if (fresh) {
		SSL_set0_wbio(t->ssl, fresh);
		t->out = fresh;
	}
}

enum tls_state tls_state(const struct tls *t)
{
	CHECK_MAGIC(t, TLS_MAGIC);
	return t->state;
}

const char *tls_error(const struct tls *t)
{
	return t->error;
}

struct str tls_alpn(const struct tls *t)
{
	const unsigned char *p = 0;
	unsigned n = 0;
	SSL_get0_alpn_selected(t->ssl, &p, &n);
	return (struct str){(const char *)p, n};
}
