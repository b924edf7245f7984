/* The HTTP/1.1 server: event loops on threads, each with its own listening socket, connections
 * and request arenas.
 *
 * A handler is called on a loop's thread with a whole request and answers with http_reply, at
 * once or later on the same thread; other threads get there with http_post. One request of a
 * connection is served at a time; pipelined ones wait in its buffer, so replies keep their order.
 * Everything of a request lies in its arena, which is recycled. */
#ifndef NEREID_NET_HTTP_H
#define NEREID_NET_HTTP_H

#include "base/arena.h"
#include "codec/http1.h"

struct http_server;
struct http_loop;

enum { HTTP_PARTS_MAX = 66 };
struct http_exchange {
	const struct http1_request *request;
	/* in the connection's memory, until the reply has been handed over */
	struct span body;
	struct arena *arena;         /* for what the reply needs; it lives until the reply is written */
	struct http_loop *loop;
	uint32_t thread;             /* number of the loop: 0..threads-1 */
	void *user;                  /* the handler's */
};
typedef void http_handler(void *ctx, struct http_exchange *x);

struct http_options {
	const char *address;         /* of IPv4 or IPv6 */
	uint16_t port;
	uint32_t threads;
	bool reuse_port;             /* beside another program that listens there with SO_REUSEPORT */
	const char *name;            /* in messages: "HTTP" */
	http_handler *handler;
	void *ctx;
	/* Bytes of the body before the part that should lie at a multiple of 64; NULL: none. Only
	 * large bodies are placed. */
	size_t (*lead)(const struct http1_request *r);
};
/* Binds and starts the threads. UNAVAILABLE "Socket 'a:p' already in use". */
struct status http_server_new(const struct http_options *o, struct http_server **out) MUST_CHECK;
/* Stops accepting, closes idle connections, answers what is in flight with Connection: close.
 * Returns at once. Any thread. */
void http_server_drain(struct http_server *s);
/* Connections still open. Any thread. */
uint32_t http_server_open(const struct http_server *s);
/* Closes everything, ends the threads, frees. */
void http_server_free(struct http_server *s);

/* Answers x, on its loop's thread, exactly once. headers: lines, each with CR LF, or empty. The
 * parts are written in order, from where they lie: they stay valid until the arena is reset,
 * which happens when they are written. */
void http_reply(struct http_exchange *x, int code, const char *type, struct str headers,
                const struct span *parts, uint32_t n);

/* Runs fn(arg) on the loop's thread soon. From any thread; allocates nothing: `post` is the
 * caller's until fn is called. */
struct http_post { struct http_post *next; void (*fn)(void *arg); void *arg; };
void http_post(struct http_loop *loop, struct http_post *post);

#endif
