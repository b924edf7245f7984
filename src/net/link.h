/* Inside net: a link is a connection as a stream of bytes, over TCP or a Unix socket, with TLS
 * (link_tls.c) or without, which its protocol cannot tell.
 *
 * A protocol (conn.c, h2.c) embeds a link as its first member and gives it a table of functions.
 * Bytes are read straight into the memory that `room` names; writes go to the socket at once as
 * far as it takes them. Owned by its loop's thread. */
#ifndef NEREID_NET_LINK_H
#define NEREID_NET_LINK_H

#include "net/net_priv.h"

enum { LINK_MAGIC = 0x6e72d905 };
enum link_sent { LINK_ALL, LINK_LATER, LINK_FAILED };

struct link;
struct link_ops {
	/* Where the next bytes go, and at most how many; NULL: no memory, and the link ends. */
	void *(*room)(struct link *l, size_t *n);
	void (*came)(struct link *l, size_t n);      /* n bytes are there */
	void (*ended)(struct link *l);                /* the peer has ended its side, or it broke */
	/* What LINK_LATER left is written, or never will be. */
	void (*written)(struct link *l, bool good);
	void (*tick)(struct link *l, uint64_t now_ms);
	void (*drain)(struct link *l);                /* end when what is in hand is answered */
	void (*leave)(struct link *l);                /* tell the peer to go elsewhere; NULL: no way */
	/* End as soon as nothing of it is used elsewhere. */
	void (*stop)(struct link *l);
	void (*closed)(struct link *l);               /* the last call: its memory is the protocol's */
};
struct link {
	uint32_t magic;
	const struct link_ops *ops;
	struct listener *listener;
	struct net_loop *loop;
	struct link *prev, *next;            /* in the listener's list */
	union { uv_handle_t handle; uv_stream_t stream; uv_tcp_t tcp; uv_pipe_t pipe; };
	uv_write_t write;
	uv_shutdown_t end;
	bool closing, reading;
	struct link_tls *tls;                /* NULL: plain */
};

/* Accepts the connection that waits at p into l, which is zeroed, and begins to read. On failure
 * the link closes by itself: `closed` follows. */
void link_accept(struct link *l, struct listener *p, const struct link_ops *ops);
void link_read_start(struct link *l);
void link_read_stop(struct link *l);
/* Writes parts in order; `parts` and their bytes stay the caller's to keep until LINK_ALL or
 * `written`. One write at a time. */
enum link_sent link_write(struct link *l, uv_buf_t *parts, unsigned n);
/* A few bytes at once, or not at all. */
void link_try(struct link *l, const char *p, size_t n);
size_t link_unsent(const struct link *l);
/* Ends our side of the stream; false when it is broken. */
bool link_end(struct link *l);
void link_close(struct link *l);             /* twice is once */

#endif
