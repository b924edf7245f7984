/* HTTP/1.1 on the loops of net.h.
 *
 * A handler is called on a loop's thread with a whole request and answers with http_reply, at
 * once or later on the same thread; other threads get there with net_post. One request of a
 * connection is served at a time; pipelined ones wait in its buffer, so replies keep their order.
 * Everything of a request lies in its arena, which is recycled. */
#ifndef NEREID_NET_HTTP_H
#define NEREID_NET_HTTP_H

#include "base/arena.h"
#include "codec/http1.h"
#include "net/net.h"

enum { HTTP_PARTS_MAX = 66 };
struct http_exchange {
	const struct http1_request *request;
	/* in the connection's memory, until the reply is written: it may be a part of that */
	struct span body;
	struct arena *arena;         /* for what the reply needs; it lives until the reply is written */
	struct net_loop *loop;
	uint32_t thread;             /* number of the loop: 0..threads-1 */
	void *user;                  /* the handler's */
	/* Set by a handler that answers from within net_soon: the connection then goes on listening for
	 * events, which saves telling the kernel otherwise and back. */
	bool soon;
};
typedef void http_handler(void *ctx, struct http_exchange *x);

struct http_options {
	http_handler *handler;
	void *ctx;
	/* Bytes of the body before the part that should lie at a multiple of 64; NULL: none. Only
	 * large bodies are placed. */
	size_t (*lead)(const struct http1_request *r);
};
/* Serves at `at`. UNAVAILABLE "Socket 'a:p' already in use". Before net_start. */
struct status http_listen(struct net *n, const struct net_address *at,
                          const struct http_options *o) MUST_CHECK;

/* Answers x, on its loop's thread, exactly once. headers: lines, each with CR LF, or empty. The
 * parts are written in order, from where they lie: they stay valid until the arena is reset,
 * which happens when they are written. */
void http_reply(struct http_exchange *x, int code, const char *type, struct str headers,
                const struct span *parts, uint32_t n);

#endif
