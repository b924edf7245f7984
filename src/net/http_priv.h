/* Inside net: connections of HTTP/1.1. */
#ifndef NEREID_NET_HTTP_PRIV_H
#define NEREID_NET_HTTP_PRIV_H

#include "base/buf.h"
#include "net/http.h"
#include "net/link.h"

enum { CONN_BUFFER = 2 * LIMIT_HTTP_HEAD_BYTES, CONN_MAGIC = 0x6e72d904 };

/* HEAD: waiting for a request or its head. BODY, CHUNKS: reading a body. HANDLING: the handler
 * has it. WRITING: the reply waits for the socket. LINGER: our side is ended. CLOSING: the link is
 * closed. */
enum conn_state { CONN_HEAD, CONN_BODY, CONN_CHUNKS, CONN_HANDLING, CONN_WRITING, CONN_LINGER,
	CONN_CLOSING };

/* What a connection needs while something of a request is there. Idle ones have none. */
struct http_desk {
	struct http_desk *next;       /* in the list of spare ones */
	struct conn *conn;
	uint8_t *body;                /* of a request larger than buf, in body_memory */
	uint8_t *body_memory;         /* body_cap bytes; owned */
	size_t body_cap;
	struct buf chunk_body;
	struct http1_chunks chunks;
	struct http1_request request;
	struct http_exchange exchange;
	struct arena arena;
	char head[768];               /* of the reply */
	uv_buf_t parts[HTTP_PARTS_MAX + 1];
	uint8_t buf[CONN_BUFFER];
};

/* One connection; owned by its loop's thread. */
struct conn {
	struct link link;             /* first */
	uint32_t magic;
	struct conn *spare;           /* the next one that is closed and can be used again */
	enum conn_state state;
	bool keep_alive, advancing;
	bool refused;                 /* what came could not be read as a request */
	uint64_t touched_ms;          /* loop time of the last progress */
	uint64_t begun_ms;            /* of the first byte of the request being read; 0: none */
	size_t unsent;                /* bytes of the reply at the last tick */
	struct http_desk *w;          /* NULL while idle */
	size_t at, n;                 /* unread bytes are w->buf[at..n) */
	size_t used;                  /* of them by the request in hand */
	size_t body_at;
};

/* Of a listener. */
struct http_state { struct conn *spare; struct http_desk *desks; uint32_t n_desks; };

#endif
