/* Inside net: loops and connections. */
#ifndef NEREID_NET_HTTP_PRIV_H
#define NEREID_NET_HTTP_PRIV_H

#include "base/buf.h"
#include "net/http.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

enum { CONN_BUFFER = 2 * LIMIT_HTTP_HEAD_BYTES, CONN_MAGIC = 0x6e72d904, CONN_BODY_KEEP =
	32 << 20 };

/* HEAD: waiting for a request or its head. BODY, CHUNKS: reading a body. HANDLING: the handler
 * has it. WRITING: the reply waits for the socket. LINGER: our side is ended. CLOSING: uv_close
 * was called. */
enum conn_state { CONN_HEAD, CONN_BODY, CONN_CHUNKS, CONN_HANDLING, CONN_WRITING, CONN_LINGER,
	CONN_CLOSING };

/* One connection; owned by its loop's thread. */
struct conn {
	uint32_t magic;
	uv_tcp_t tcp;
	struct http_loop *loop;
	struct conn *prev, *next;     /* in the loop's list */
	enum conn_state state;
	bool keep_alive, advancing, closed;
	bool refused;                 /* what came could not be read as a request */
	uint64_t touched_ms;          /* loop time of the last progress */
	uint64_t begun_ms;            /* of the first byte of the request being read; 0: none */
	size_t unsent;                /* bytes of the reply at the last tick */
	uint8_t *buf;                 /* CONN_BUFFER bytes, or NULL while idle; owned */
	size_t at, n;                 /* unread bytes are buf[at..n) */
	size_t used;                  /* of buf by the request in hand */
	uint8_t *body;                /* of a request larger than buf, in body_memory */
	uint8_t *body_memory;         /* body_cap bytes; owned */
	size_t body_cap, body_at;
	struct buf chunk_body;
	struct http1_chunks chunks;
	struct http1_request request;
	struct http_exchange exchange;
	struct arena arena;
	char head[768];               /* of the reply */
	uv_write_t write;
	uv_shutdown_t shutdown;
	uv_buf_t parts[HTTP_PARTS_MAX + 1];
};

struct http_loop {
	struct http_server *server;
	uint32_t index;
	uv_loop_t loop;
	uv_tcp_t listener;
	uv_async_t wake;
	uv_timer_t tick;
	pthread_t thread;
	bool started, listening, draining, stopping, stopped;
	_Atomic(struct http_post *) posts;   /* newest first */
	_Atomic uint32_t open;
	struct conn *conns, *spare;          /* open ones; closed ones for reuse */
	struct http_post drain, stop;
};

struct http_server {
	struct http_options o;
	char address[64];
	uint32_t n_loops;
	struct http_loop *loops;
};

/* A new connection is there to accept. */
void conn__accept(struct http_loop *l);
/* Closes what waited too long. */
void conn__expire(struct http_loop *l);
void conn__close(struct conn *c);
/* Closes it, or lets its request end first. */
void conn__drain(struct conn *c);
void conn__free_all(struct http_loop *l);
/* A connection of l is gone. */
void loop__closed(struct http_loop *l);

#endif
