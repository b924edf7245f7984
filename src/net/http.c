/* The server's loops: threads, listening sockets, posts, ticks, and the way down.
 *
 * Each thread has a uv loop and a listening socket of its own on the same address, made with
 * SO_REUSEPORT, so the kernel spreads connections and threads share nothing on the way of a
 * request. That no other program has the port is tested first, by binding once without that
 * option. Other threads talk to a loop by posts: a lock-free list and uv_async. Started and
 * stopped by one thread.
 */
#include "net/http_priv.h"

#include "base/mem.h"
#include "base/panic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, TICK_MS = 500 };

void http_post(struct http_loop *l, struct http_post *p)
{
	struct http_post *head = atomic_load(&l->posts);
	do
		p->next = head;
	while (!atomic_compare_exchange_weak(&l->posts, &head, p));
	uv_async_send(&l->wake);
}

static void on_wake(uv_async_t *h)
{
	struct http_loop *l = h->data;
	struct http_post *p = atomic_exchange(&l->posts, 0), *first = 0;
	while (p) { /* oldest first */
		struct http_post *next = p->next;
		p->next = first;
		first = p;
		p = next;
	}
	while (first) {
		struct http_post *next = first->next; /* fn may give the post away */
		first->fn(first->arg);
		first = next;
	}
}

static void on_connection(uv_stream_t *s, int status)
{
	if (status == 0)
		conn__accept(s->data);
}

static void on_tick(uv_timer_t *t)
{
	conn__expire(t->data);
}

static void close_listener(struct http_loop *l)
{
	if (l->listening)
		uv_close((uv_handle_t *)&l->listener, 0);
	l->listening = false;
}

static void on_drain(void *arg)
{
	struct http_loop *l = arg;
	l->draining = true;
	close_listener(l);
	for (struct conn *c = l->conns, *next; c; c = next) {
		next = c->next;
		conn__drain(c);
	}
}

/* A stopping loop ends with its last connection: requests in hand still answer through it. */
void loop__closed(struct http_loop *l)
{
	if (!l->stopping || l->stopped || l->conns)
		return;
	l->stopped = true;
	uv_close((uv_handle_t *)&l->tick, 0);
	uv_close((uv_handle_t *)&l->wake, 0);
}

static void on_stop(void *arg)
{
	struct http_loop *l = arg;
	close_listener(l);
	for (struct conn *c = l->conns, *next; c; c = next) {
		next = c->next;
		conn__close(c);
	}
	l->stopping = true;
	loop__closed(l);
}

static void *loop_main(void *arg)
{
	struct http_loop *l = arg;
	uv_run(&l->loop, UV_RUN_DEFAULT);
	return 0;
}

static int make_socket(const struct http_server *s, bool shared)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(struct sockaddr_in);
	int one = 1;
	memset(&a, 0, sizeof a);
	if (uv_ip4_addr(s->address, s->o.port, (struct sockaddr_in *)&a)) {
		if (uv_ip6_addr(s->address, s->o.port, (struct sockaddr_in6 *)&a)) {
			errno = EINVAL;
			return -1;
		}
		n = sizeof(struct sockaddr_in6);
	}
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, n)) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

static struct status cannot_bind(const struct http_server *s)
{
	if (errno == EADDRINUSE)
		return FAIL(UNAVAILABLE, "Socket '%s:%u' already in use", s->address, s->o.port);
	return FAIL(UNAVAILABLE, "cannot listen to %s requests at '%s:%u': %s", s->o.name, s->address,
	            s->o.port,
	            strerror(errno));
}

static struct status probe(const struct http_server *s)
{
	int fd = make_socket(s, false);
	if (fd < 0)
		return cannot_bind(s);
	/* binding alone succeeds beside a socket that does not listen; this does not */
	bool taken = listen(fd, 1) != 0;
	struct status st = taken ? cannot_bind(s) : STATUS_GOOD;
	close(fd);
	return st;
}

static struct status loop_start(struct http_server *s, struct http_loop *l)
{
	uv_loop_init(&l->loop);
	uv_async_init(&l->loop, &l->wake, on_wake);
	uv_timer_init(&l->loop, &l->tick);
	uv_tcp_init(&l->loop, &l->listener);
	l->listening = l->started = true;
	l->wake.data = l->tick.data = l->listener.data = l;
	l->drain = (struct http_post){0, on_drain, l};
	l->stop = (struct http_post){0, on_stop, l};
	uv_timer_start(&l->tick, on_tick, TICK_MS, TICK_MS);
	int fd = make_socket(s, true);
	if (fd < 0 || uv_tcp_open(&l->listener, fd) || uv_listen((uv_stream_t *)&l->listener, BACKLOG,
	                                                         on_connection)) {
		struct status st = cannot_bind(s);
		on_stop(l);
		uv_run(&l->loop, UV_RUN_DEFAULT);
		uv_loop_close(&l->loop);
		l->started = false;
		return st;
	}
	int e = pthread_create(&l->thread, 0, loop_main, l);
	CHECK(e == 0);
	return STATUS_GOOD;
}

struct status http_server_new(const struct http_options *o, struct http_server **out)
{
	struct status st = STATUS_GOOD;
	struct http_server *s = mem_zero(sizeof *s);

	if (!s)
		return FAIL(NO_MEMORY, "no memory for the %s server", o->name);
	s->o = *o;
	snprintf(s->address, sizeof s->address, "%s", o->address);
	s->loops = mem_zero(o->threads * sizeof *s->loops);
	if (!s->loops)
		GO(FAIL(NO_MEMORY, "no memory for the %s server", o->name));
	if (!o->reuse_port)
		GO(probe(s));
	for (uint32_t i = 0; i < o->threads; i++) {
		s->loops[i].server = s;
		s->loops[i].index = i;
		s->n_loops = i + 1;
		GO(loop_start(s, &s->loops[i]));
	}
	*out = s;
	s = 0;
out:
	http_server_free(s);
	return st;
}

void http_server_drain(struct http_server *s)
{
	for (uint32_t i = 0; i < s->n_loops; i++)
		http_post(&s->loops[i], &s->loops[i].drain);
}

uint32_t http_server_open(const struct http_server *s)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->n_loops; i++)
		n += atomic_load(&s->loops[i].open);
	return n;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_loops; i++)
		if (s->loops[i].started)
			http_post(&s->loops[i], &s->loops[i].stop);
	for (uint32_t i = 0; i < s->n_loops; i++) {
		if (!s->loops[i].started)
			continue;
		pthread_join(s->loops[i].thread, 0);
		conn__free_all(&s->loops[i]);
		int e = uv_loop_close(&s->loops[i].loop);
		CHECK(e == 0);
	}
	mem_free(s->loops);
	mem_free(s);
}
