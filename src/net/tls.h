/* TLS 1.2 and 1.3 for the server's side of any byte stream: bytes in, bytes out, no sockets.
 *
 * A context holds certificate and key, and follows their files; many threads may use it. A struct
 * tls is one connection; it belongs to one thread. */
#ifndef NEREID_NET_TLS_H
#define NEREID_NET_TLS_H

#include "base/span.h"
#include "base/status.h"

struct tls_options {
	const char *cert;            /* PEM: the server's certificate, then its chain */
	const char *key;             /* PEM, without passphrase */
	/* PEM: certificate authorities. Where given, a client must show a certificate of theirs. */
	const char *root;
	/* Protocols by ALPN, the preferred one first, separated by blanks: "h2"; NULL: any. */
	const char *alpn;
};
struct tls_context;
/* Loads the files; everything of o is copied. */
struct status tls_context_new(const struct tls_options *o, struct tls_context **out) MUST_CHECK;
void tls_context_free(struct tls_context *c);          /* after the last tls_new; NULL is nothing */
/* Loads the files again if one has changed, for connections that come from now on; what is wrong
 * with new files is logged once, and the old ones stay in use. True: replaced. Any thread. */
bool tls_context_reload(struct tls_context *c);
/* Does so when a second has gone by since the last time, by any steady clock. Any thread. */
void tls_context_tick(struct tls_context *c, uint64_t now_ms);

/* HANDSHAKING: nothing can be read or written yet. CLOSED: the peer has ended its side, as it
 * should. FAILED: tls_error says why; only taking what is to be sent makes sense. */
enum tls_state { TLS_HANDSHAKING, TLS_OPEN, TLS_CLOSED, TLS_FAILED };
struct tls;
struct status tls_new(struct tls_context *c, struct tls **out) MUST_CHECK;
void tls_free(struct tls *t);                          /* NULL is nothing */
/* What came from the peer. It is kept until it is read: LIMIT when too much is not. */
struct status tls_feed(struct tls *t, struct span bytes) MUST_CHECK;
/* The peer's stream is over. Without its farewell this is a failure. */
void tls_end(struct tls *t);
/* Whether bytes have come that were not read; they may be no plaintext, or not all of a record. */
bool tls_unread(const struct tls *t);
/* Plaintext into p, at most n bytes; 0: none is there now. */
size_t tls_read(struct tls *t, void *p, size_t n);
/* Encrypts all of it; UNAVAILABLE unless open. What is to be sent grows by a little more. */
struct status tls_write(struct tls *t, struct span plain) MUST_CHECK;
/* How many bytes are to be sent to the peer; up to n of them into p. */
size_t tls_pending(const struct tls *t);
size_t tls_take(struct tls *t, void *p, size_t n);
void tls_close_notify(struct tls *t);                  /* the farewell; twice is once */
/* Gives back the memory of buffers that are empty. */
void tls_trim(struct tls *t);
enum tls_state tls_state(const struct tls *t);
const char *tls_error(const struct tls *t);            /* a sentence, or "" */
struct str tls_alpn(const struct tls *t);              /* what was agreed on, or empty */

#endif
