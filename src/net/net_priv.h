/* Inside net: loops, services and their listeners. */
#ifndef NEREID_NET_NET_PRIV_H
#define NEREID_NET_NET_PRIV_H

#include "base/limits.h"
#include "net/awake.h"
#include "net/net.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

struct link;
struct listener;

/* What every loop listens to at one address. */
struct service {
	struct net *net;
	struct net_address at;
	char host[128];                      /* at.host, copied */
	/* A connection waits; false: there is no memory for it now. */
	bool (*accept)(struct listener *p);
	void (*release)(struct listener *p);    /* spare connections, once all are closed */
	/* Called at the time that it returned last, in ms of the loop; 0: never. NULL: no alarms. */
	uint64_t (*alarm)(struct listener *p, uint64_t now_ms);
	void *options;                       /* of the protocol; owned */
	const char *alpn;                    /* of the protocol, for TLS; a literal */
	struct tls_context *tls;             /* NULL: none; owned */
	int fd;                              /* of a Unix socket, which all loops share; else -1 */
};

/* A service on one loop. */
struct listener {
	struct service *service;
	struct net_loop *loop;
	union { uv_handle_t handle; uv_stream_t stream; uv_tcp_t tcp; uv_pipe_t pipe; };
	bool listening, waits;               /* waits: a connection could not be accepted yet */
	struct link *links;                  /* open connections */
	_Atomic uint32_t open;
	void *state;                         /* of the protocol on this loop */
};

struct net_loop {
	struct net *net;
	uint32_t index;
	uv_loop_t uv;
	uv_async_t wake;
	uv_timer_t tick, alarm;
	uv_prepare_t prepare;
	uv_check_t check;
	struct awake awake;
	struct net_post *soon, *soon_last;   /* of net_soon, oldest first */
	bool in_soon;                        /* they are being run */
	uint8_t *tls_read;                   /* what links with TLS read goes there first; owned */
	uint32_t busy;                       /* requests that handlers have without a connection */
	uint64_t alarm_ms;                   /* when the alarm goes off; 0: not set */
	pthread_t thread;
	bool leaving, draining, stopping, stopped;
	_Atomic(struct net_post *) posts;    /* newest first */
	struct listener listeners[NET_SERVICES_MAX];
	struct net_post leave, drain, stop;
};

struct net {
	uint32_t n_loops, n_started;
	uint32_t n_services;                 /* fixed once threads run */
	struct service services[NET_SERVICES_MAX];
	struct net_loop *loops;
};

/* Binds and makes every loop listen. `s` has at, accept, free and options filled in; options are
 * freed with mem_free by net_free, or when this fails. */
struct status net__serve(struct net *n, const struct service *s) MUST_CHECK;
/* A connection of p is gone. */
void loop__closed(struct listener *p);
/* Has the alarms of l's services called at that time, or earlier. */
void loop__alarm(struct net_loop *l, uint64_t at_ms);
/* A request of l is with a handler, or is no more; a loop ends after the last one. */
void loop__busy(struct net_loop *l, bool begins);
static inline bool loop__draining(const struct net_loop *l) { return l->draining; }
static inline bool loop__leaving(const struct net_loop *l) { return l->leaving || l->draining; }

#endif
