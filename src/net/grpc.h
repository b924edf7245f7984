/* gRPC on the loops of net.h: calls over HTTP/2 (nghttp2).
 *
 * A handler gets each request message of a call and answers it with grpc_reply or grpc_fail, at
 * once or later on the same thread; other threads get there with net_post. A unary call has one
 * message; a streaming call any number, whose answers leave in the order in which the messages
 * came. Everything of a request lies in its message, which is recycled once the answer is sent. */
#ifndef NEREID_NET_GRPC_H
#define NEREID_NET_GRPC_H

#include "base/arena.h"
#include "codec/grpc.h"
#include "codec/http1.h"
#include "net/net.h"

#include <stdatomic.h>

struct grpc_call;
/* One request message, and what its answer needs. */
struct grpc_message {
	/* The last byte lies before a multiple of 64, so that a tensor which ends the message and has
	 * whole elements is aligned. The handler may write here. */
	uint8_t *data;
	size_t bytes;
	struct arena arena;          /* for the answer; it lives until that is sent */
	struct grpc_call *call;
	struct net_loop *loop;
	uint32_t thread;             /* number of the loop */
	void *user;                  /* the handler's */
	/* The client takes no answer any more, or its deadline is over: what has not begun need not
	 * begin. It must be answered all the same. Read by any thread. */
	_Atomic bool cancelled;
};
typedef void grpc_handler(void *ctx, struct grpc_message *m);

struct grpc_options {
	grpc_handler *handler;
	void *ctx;
	/* Whether a method streams; its path is "/package.Service/Method". */
	bool (*streams)(void *ctx, struct str path);
	/* Triton's --grpc-keepalive-* and --grpc-http2-*, in ms; 0: none. */
	uint64_t keepalive_ms, keepalive_timeout_ms, ping_interval_ms, max_age_ms, max_age_grace_ms;
	uint32_t max_ping_strikes;   /* 0: any number */
	bool keepalive_without_calls;
	bool pack;                   /* answers of grpc_reply_packed, for clients that take gzip */
};
/* Serves at `at`. UNAVAILABLE "Socket 'a:p' already in use". Before net_start. */
struct status grpc_listen(struct net *n, const struct net_address *at,
                          const struct grpc_options *o) MUST_CHECK;

/* What the client sent with the call; valid while a message of it is. */
struct str grpc_path(const struct grpc_message *m);
const struct http1_header *grpc_metadata(const struct grpc_message *m, uint32_t *n);

enum { GRPC_PARTS_MAX = 130 };
/* Answers m, on its loop's thread, exactly once, with one message made of parts, which stay valid
 * until the arena is reset, which happens when they are sent. m is net's afterwards. */
void grpc_reply(struct grpc_message *m, const struct span *parts, uint32_t n);
/* As grpc_reply, compressed where options and client want it. */
void grpc_reply_packed(struct grpc_message *m, const struct span *parts, uint32_t n);
/* Ends the call with a status; `text` is copied. Of a streaming call: after the answers to earlier
 * messages; later ones are dropped. */
void grpc_fail(struct grpc_message *m, enum grpc_code code, const char *text);

#endif
