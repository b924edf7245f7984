/* The network: event loops on threads, which all services of a server share.
 *
 * Each loop has a listening socket of its own for every service (http.h, grpc.h), so threads share
 * nothing on the way of a request. Handlers run on a loop's thread; other threads get there with
 * net_post. Everything is started and stopped by one thread. */
#ifndef NEREID_NET_NET_H
#define NEREID_NET_NET_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { NET_SERVICES_MAX = 4, NET_THREADS_MAX = 256 };
struct net;
struct net_loop;
struct tls_options;

/* Where a service listens. */
struct net_address {
	/* of IPv4 or IPv6, or "unix:PATH" */
	const char *host;
	uint16_t port;               /* without meaning for a path */
	bool reuse_port;             /* beside another program that listens there with SO_REUSEPORT */
	/* net/tls.h; alpn is the service's own. Copied. NULL: no TLS. */
	const struct tls_options *tls;
	const char *name;            /* of the service in messages: "HTTP" */
};

/* Loops without threads yet; services are added by http_listen and grpc_listen. */
struct status net_new(uint32_t threads, struct net **out) MUST_CHECK;
/* How long a loop stays awake for the next request, instead of waiting in the kernel, once some
 * came close together; 0, as at first: not at all. Before net_start. */
void net_busy_poll(struct net *n, uint32_t us);
/* Time that all loops have spent so without a request, in ns. Any thread. */
uint64_t net_busy_polled(const struct net *n);
/* Starts the threads: from here on requests are answered. Once. */
struct status net_start(struct net *n) MUST_CHECK;
/* Asks clients to go elsewhere while everything is still answered: HTTP answers close their
 * connections, and HTTP/2 connections take no new calls once the client knows. Returns at once. Any
 * thread; once, before net_drain. */
void net_leave(struct net *n);
/* Stops accepting, closes idle connections, lets what is in flight end. Returns at once. Any
 * thread. */
void net_drain(struct net *n);
/* Connections that are still open, of all services. Any thread. */
uint32_t net_open(const struct net *n);
/* The services of n, by number, and their open connections. Any thread, after net_start. */
uint32_t net_services(const struct net *n);
const char *net_service_name(const struct net *n, uint32_t service);
uint32_t net_service_open(const struct net *n, uint32_t service);
/* Closes everything, ends the threads, frees. NULL is nothing. */
void net_free(struct net *n);

/* Runs fn(arg) on the loop's thread soon. From any thread; allocates nothing: `post` is the
 * caller's until fn is called. */
struct net_post { struct net_post *next; void (*fn)(void *arg); void *arg; };
void net_post(struct net_loop *loop, struct net_post *post);
/* Runs fn(arg) once the events that the loop has now are handled, before it waits for new ones. On
 * the loop's thread; in the order of calls; also from within such an fn. */
void net_soon(struct net_loop *loop, struct net_post *post);
/* Number of the loop: 0..threads-1. */
uint32_t net_thread(const struct net_loop *loop);

#endif
