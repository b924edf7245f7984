/* Inside net: connections of HTTP/2 and the calls on them. */
#ifndef NEREID_NET_H2_PRIV_H
#define NEREID_NET_H2_PRIV_H

#include "base/buf.h"
#include "net/grpc.h"
#include "net/link.h"

#include <nghttp2/nghttp2.h>

enum { H2_MAGIC = 0x6e72d906, CALL_MAGIC = 0x6e72d907, MESSAGE_MAGIC = 0x6e72d908,
	H2_READ_BYTES = 64 << 10, H2_WRITE_BYTES = 256 << 10, MESSAGE_ALIGN = 64,
	MESSAGE_KEEP_BYTES = 32 << 20, TRAILER_BYTES = 1024 };

/* Of a message: READING its bytes, HANDLING it, ANSWERED: waits for its turn to be sent. */
enum message_state { MESSAGE_READING, MESSAGE_HANDLING, MESSAGE_ANSWERED };
struct message {
	struct grpc_message public;      /* first */
	uint32_t magic;
	enum message_state state;
	struct message *next;            /* in the call's order, or in the spare list */
	void *memory;                    /* data lies in it; cap bytes; owned */
	size_t cap;
	bool compressed;                 /* as a request; packed: as an answer */
	bool packed;
	bool dropped;                    /* no longer of its call: the answer goes nowhere */
	uint8_t prefix[GRPC_PREFIX];     /* of the answer */
	struct span parts[GRPC_PARTS_MAX + 1];
	uint32_t n_parts, part;          /* part and at: what is sent */
	size_t at;
	bool failed;                     /* the answer is the call's status: code and text */
	enum grpc_code code;
	const char *text;                /* in the arena */
};

struct grpc_call {
	uint32_t magic;
	struct h2_conn *conn;            /* NULL once the stream is closed */
	struct grpc_call *prev, *next;   /* in the connection's list; next: in the spare list */
	struct grpc_call *timed_prev, *timed_next;   /* in the listener's, while it has a deadline */
	uint64_t deadline_ms;            /* loop time; 0: none */
	struct service *service;
	int32_t stream;
	bool streams;                    /* the method takes any number of messages */
	bool headers_done, half_closed, responded, ended, deferred, is_grpc, is_timed;
	bool takes_gzip, packs;          /* packs: its answers may be compressed */
	struct arena arena;              /* of path and headers */
	struct str path, encoding;
	struct http1_header headers[LIMIT_HTTP_HEADERS];
	uint32_t n_headers;
	size_t header_bytes;
	int bad;                         /* an HTTP status, when the headers are no gRPC call */
	uint8_t prefix[GRPC_PREFIX];     /* of the message being read */
	uint32_t n_prefix, n_dispatched, n_seen;
	size_t got;                      /* bytes of the message being read */
	struct message *reading;
	struct message *first, **last;   /* handled or answered, in order */
	uint32_t n_waiting;              /* of them, with the handler */
	size_t unconsumed;               /* bytes held back from flow control */
	enum grpc_code code;
	char text[TRAILER_BYTES];        /* of the status, escaped */
	size_t n_text;
};

struct h2_conn {
	struct link link;                /* first */
	uint32_t magic;
	struct h2_conn *spare;
	nghttp2_session *session;
	struct grpc_call *calls;
	uint32_t n_calls;
	struct buf out;                  /* being collected, or being written */
	uv_buf_t part;                   /* of out: what the link is writing, its until `written` */
	bool writing, in_session, doomed, shutting;
	bool in_headers, flush_waits;    /* flush_waits: for `flush`, which is under way to net_soon */
	struct net_post flush;
	uint32_t header_blocks;          /* begun */
	size_t header_bytes;             /* read after the read in which the one in hand began */
	uint64_t born_ms, touched_ms, pinged_ms, last_ping_ms, grace_ms;
	uint32_t strikes, tokens;        /* tokens: control frames that it may still send this second */
	uint64_t refilled_ms;
};

/* Of a listener. */
struct h2_state {
	struct h2_conn *spare_conns;
	struct grpc_call *spare_calls, *timed;
	struct message *spare_messages;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	uint8_t read[H2_READ_BYTES];
};

/* h2.c */
void h2__flush(struct h2_conn *c);
/* The same, but answers that are given from within net_soon leave together, behind the last. */
void h2__flush_soon(struct h2_conn *c);
const struct grpc_options *h2__options(const struct h2_conn *c);
struct h2_state *h2__state(const struct h2_conn *c);
void h2__doom(struct h2_conn *c, uint32_t error, const char *why);

/* grpc.c: calls. */
struct grpc_call *call__new(struct h2_conn *c, int32_t stream);
void call__header(struct grpc_call *k, struct str name, struct str value);
/* The headers are complete. */
void call__begin(struct grpc_call *k);
/* Returns false when the stream must be reset. */
bool call__data(struct grpc_call *k, const uint8_t *p, size_t n);
void call__half_closed(struct grpc_call *k);
/* The stream is gone. */
void call__closed(struct grpc_call *k);
/* Ends calls whose deadline is over; the next one's time, or 0. */
uint64_t call__expire(struct listener *p, uint64_t now_ms);
void call__free_spare(struct h2_state *s);

#endif
