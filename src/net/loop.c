/* Event loops: threads, listening sockets, posts, ticks, and the way down.
 *
 * Each thread has a uv loop and, for each service, a listening socket of its own on the same
 * address, made with SO_REUSEPORT, so the kernel spreads connections and threads share nothing on
 * the way of a request. That no other program has the port is tested first, by binding once
 * without that option. A Unix socket has no such option: its one socket is listened to by all
 * loops. Other threads talk to a loop by posts: a lock-free list and uv_async. Started and stopped
 * by one thread.
 */
#include "net/link_tls.h"

#include "base/mem.h"
#include "base/panic.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, TICK_MS = 500 };

void net_post(struct net_loop *l, struct net_post *p)
{
	struct net_post *head = atomic_load(&l->posts);
	do
		p->next = head;
	while (!atomic_compare_exchange_weak(&l->posts, &head, p));
	uv_async_send(&l->wake);
}

void net_soon(struct net_loop *l, struct net_post *p)
{
	p->next = 0;
	*(l->soon_last ? &l->soon_last->next : &l->soon) = p;
	l->soon_last = p;
}

/* Also what is added meanwhile. */
static void run_soon(struct net_loop *l)
{
	l->in_soon = true;
	while (l->soon) {
		struct net_post *p = l->soon;
		l->soon = p->next;
		if (!l->soon)
			l->soon_last = 0;
		p->fn(p->arg);
	}
	l->in_soon = false;
}

/* Before the loop waits, and after events came. */
static void on_prepare(uv_prepare_t *h)
{
	struct net_loop *l = h->data;
	run_soon(l);
	awake_before_wait(&l->awake);
}

static void on_check(uv_check_t *h)
{
	run_soon(h->data);
}

uint32_t net_thread(const struct net_loop *l)
{
	return l->index;
}

static void on_wake(uv_async_t *h)
{
	struct net_loop *l = h->data;
	struct net_post *p = atomic_exchange(&l->posts, 0), *first = 0;
	while (p) { /* oldest first */
		struct net_post *next = p->next;
		p->next = first;
		first = p;
		p = next;
	}
	while (first) {
		struct net_post *next = first->next; /* fn may give the post away */
		first->fn(first->arg);
		first = next;
	}
}

static void on_connection(uv_stream_t *s, int status)
{
	struct listener *p = s->data;
	if (status == 0)
		p->waits = !p->service->accept(p);
}

static void close_listener(struct listener *p)
{
	if (p->listening)
		uv_close(&p->handle, 0);
	p->listening = false;
}

/* f(link) for every link of the loop; f may close it. */
#define EACH_LINK(l, k, next_)                                                         \
	for (uint32_t i_ = 0; i_ < (l)->net->n_services; i_++)                         \
		for (struct link *k = (l)->listeners[i_].links, *next_; k && (next_ = k->next, 1); \
		     k = next_)

static void on_tick(uv_timer_t *t)
{
	struct net_loop *l = t->data;
	uint64_t now = uv_now(&l->uv);
	for (uint32_t i = 0; i < l->net->n_services; i++)
		if (l->net->services[i].tls)
			tls_context_tick(l->net->services[i].tls, now);
	for (uint32_t i = 0; i < l->net->n_services; i++)
		if (l->listeners[i].waits && l->listeners[i].listening)
			l->listeners[i].waits = !l->listeners[i].service->accept(&l->listeners[i]);
	EACH_LINK(l, k, next) {
		if (k->tls && !k->closing)
			link__tls_tick(k, now);
		k->ops->tick(k, now);
	}
}

static void on_alarm(uv_timer_t *t)
{
	struct net_loop *l = t->data;
	uint64_t now = uv_now(&l->uv);
	l->alarm_ms = 0;
	for (uint32_t i = 0; i < l->net->n_services; i++) {
		struct listener *p = &l->listeners[i];
		uint64_t next = p->service->alarm ? p->service->alarm(p, now) : 0;
		if (next)
			loop__alarm(l, next);
	}
}

void loop__alarm(struct net_loop *l, uint64_t at)
{
	uint64_t now = uv_now(&l->uv);
	if (l->stopped || (l->alarm_ms && l->alarm_ms <= at))
		return;
	l->alarm_ms = at;
	uv_timer_start(&l->alarm, on_alarm, at > now ? at - now : 0, 0);
}

static void on_leave(void *arg)
{
	struct net_loop *l = arg;
	l->leaving = true;
	EACH_LINK(l, k, next)
		if (k->ops->leave)
			k->ops->leave(k);
}

static void on_drain(void *arg)
{
	struct net_loop *l = arg;
	l->draining = true;
	for (uint32_t i = 0; i < l->net->n_services; i++)
		close_listener(&l->listeners[i]);
	EACH_LINK(l, k, next)
		k->ops->drain(k);
}

/* A stopping loop ends with its last connection: requests in hand still answer through it. */
static void end_if_done(struct net_loop *l)
{
	if (!l->stopping || l->stopped || l->busy)
		return;
	for (uint32_t i = 0; i < l->net->n_services; i++)
		if (l->listeners[i].links)
			return;
	l->stopped = true;
	uv_close((uv_handle_t *)&l->tick, 0);
	uv_close((uv_handle_t *)&l->alarm, 0);
	uv_close((uv_handle_t *)&l->wake, 0);
	uv_close((uv_handle_t *)&l->prepare, 0);
	uv_close((uv_handle_t *)&l->check, 0);
	uv_close((uv_handle_t *)&l->awake.idle, 0);
}

void loop__closed(struct listener *p)
{
	atomic_fetch_sub(&p->open, 1);
	end_if_done(p->loop);
}

void loop__busy(struct net_loop *l, bool begins)
{
	CHECK(begins || l->busy > 0);
	l->busy += begins ? 1 : -1u;
	if (!l->busy)
		end_if_done(l);
}

static void on_stop(void *arg)
{
	struct net_loop *l = arg;
	for (uint32_t i = 0; i < l->net->n_services; i++)
		close_listener(&l->listeners[i]);
	EACH_LINK(l, k, next)
		k->ops->stop(k);
	l->stopping = true;
	end_if_done(l);
}

static void *loop_main(void *arg)
{
	struct net_loop *l = arg;
	uv_run(&l->uv, UV_RUN_DEFAULT);
	return 0;
}

/* ---- sockets ---- */

static const char *unix_path(const struct service *s)
{
	return strncmp(s->host, "unix:", 5) ? 0 : s->host + 5;
}

/* Bound; -1 with errno. */
static int tcp_socket(const struct service *s, bool shared)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(struct sockaddr_in);
	int one = 1;
	memset(&a, 0, sizeof a);
	if (uv_ip4_addr(s->host, s->at.port, (struct sockaddr_in *)&a)) {
		if (uv_ip6_addr(s->host, s->at.port, (struct sockaddr_in6 *)&a)) {
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

static struct status cannot_bind(const struct service *s)
{
	int e = errno;
	if (unix_path(s))
		return FAIL(UNAVAILABLE, "cannot listen to %s requests at '%s': %s", s->at.name, s->host,
		            strerror(e));
	if (e == EADDRINUSE)
		return FAIL(UNAVAILABLE, "Socket '%s:%u' already in use", s->host, s->at.port);
	return FAIL(UNAVAILABLE, "cannot listen to %s requests at '%s:%u': %s", s->at.name, s->host,
	            s->at.port, strerror(e));
}

static struct status probe(const struct service *s)
{
	int fd = tcp_socket(s, false);
	if (fd < 0)
		return cannot_bind(s);
	/* binding alone succeeds beside a socket that does not listen; this does not */
	bool taken = listen(fd, 1) != 0;
	struct status st = taken ? cannot_bind(s) : STATUS_GOOD;
	close(fd);
	return st;
}

/* Whether a socket file is left over from a program that is gone. */
static bool is_stale(const struct sockaddr_un *a)
{
	struct stat file;
	if (lstat(a->sun_path, &file) || !S_ISSOCK(file.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) &&
	             errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return stale;
}

static struct status unix_socket(struct service *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *path = unix_path(s);
	if (!*path || strlen(path) >= sizeof a.sun_path)
		return FAIL(INVALID_ARG, "the path of a Unix socket has 1 to %zu bytes: '%s'",
		            sizeof a.sun_path - 1, path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (is_stale(&a))
		unlink(a.sun_path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return cannot_bind(s);
	if (bind(s->fd, (struct sockaddr *)&a, sizeof a)) {
		struct status st = cannot_bind(s);
		close(s->fd);
		s->fd = -1;
		return st;
	}
	return STATUS_GOOD;
}

/* The loop's own socket, or its share of the Unix socket. */
static struct status listener_start(struct listener *p)
{
	struct service *s = p->service;
	int fd, e;
	if (unix_path(s)) {
		e = uv_pipe_init(&p->loop->uv, &p->pipe, 0);
		p->listening = true;
		fd = dup(s->fd);
		e = fd < 0 ? -1 : uv_pipe_open(&p->pipe, fd);
	} else {
		e = uv_tcp_init(&p->loop->uv, &p->tcp);
		p->listening = true;
		fd = tcp_socket(s, true);
		e = fd < 0 ? -1 : uv_tcp_open(&p->tcp, fd);
	}
	p->handle.data = p;
	if (e && fd >= 0)
		close(fd);
	if (e || uv_listen(&p->stream, BACKLOG, on_connection))
		return cannot_bind(s);
	return STATUS_GOOD;
}

struct status net__serve(struct net *n, const struct service *given)
{
	struct status st = STATUS_GOOD;
	CHECK(n->n_services < NET_SERVICES_MAX && !n->n_started);
	struct service *s = &n->services[n->n_services];

	*s = *given;
	s->net = n;
	s->fd = -1;
	snprintf(s->host, sizeof s->host, "%s", s->at.host);
	n->n_services++; /* from here on net_free takes it apart */
	if (s->at.tls) {
		struct tls_options o = *s->at.tls;
		o.alpn = s->alpn;
		s->at.tls = 0;
		GO_MSG(tls_context_new(&o, &s->tls), "%s", s->at.name);
	}
	if (unix_path(s))
		GO(unix_socket(s));
	else if (!s->at.reuse_port)
		GO(probe(s));
	for (uint32_t i = 0; i < n->n_loops; i++) {
		struct listener *p = &n->loops[i].listeners[s - n->services];
		p->service = s;
		p->loop = &n->loops[i];
		GO(listener_start(p));
	}
out:
	return st;
}

/* ---- life ---- */

struct status net_new(uint32_t threads, struct net **out)
{
	CHECK(threads > 0 && threads <= NET_THREADS_MAX);
	struct net *n = mem_zero(sizeof *n);
	if (!n)
		return FAIL(NO_MEMORY, "no memory for the network");
	n->loops = mem_zero(threads * sizeof *n->loops);
	if (!n->loops) {
		mem_free(n);
		return FAIL(NO_MEMORY, "no memory for %u event loops", threads);
	}
	for (; n->n_loops < threads; n->n_loops++) {
		struct net_loop *l = &n->loops[n->n_loops];
		l->net = n;
		l->index = n->n_loops;
		int e = uv_loop_init(&l->uv);
		if (e) {
			net_free(n);
			return FAIL(UNAVAILABLE, "cannot start event loop %u: %s", l->index, uv_strerror(e));
		}
		uv_async_init(&l->uv, &l->wake, on_wake);
		uv_timer_init(&l->uv, &l->tick);
		uv_timer_init(&l->uv, &l->alarm);
		uv_prepare_init(&l->uv, &l->prepare);
		uv_check_init(&l->uv, &l->check);
		awake_init(&l->awake, &l->uv);
		l->wake.data = l->tick.data = l->alarm.data = l->prepare.data = l->check.data = l;
		uv_prepare_start(&l->prepare, on_prepare);
		uv_check_start(&l->check, on_check);
		l->leave = (struct net_post){0, on_leave, l};
		l->drain = (struct net_post){0, on_drain, l};
		l->stop = (struct net_post){0, on_stop, l};
		uv_timer_start(&l->tick, on_tick, TICK_MS, TICK_MS);
	}
	*out = n;
	return STATUS_GOOD;
}

struct status net_start(struct net *n)
{
	CHECK(!n->n_started);
	for (; n->n_started < n->n_loops; n->n_started++)
		if (pthread_create(&n->loops[n->n_started].thread, 0, loop_main,
		                   &n->loops[n->n_started]))
			return FAIL(UNAVAILABLE, "cannot start the thread of event loop %u", n->n_started);
	return STATUS_GOOD;
}

void net_busy_poll(struct net *n, uint32_t us)
{
	CHECK(!n->n_started);
	for (uint32_t i = 0; i < n->n_loops; i++)
		n->loops[i].awake.limit_ns = us * UINT64_C(1000);
}

uint64_t net_busy_polled(const struct net *n)
{
	uint64_t ns = 0;
	for (uint32_t i = 0; i < n->n_loops; i++)
		ns += atomic_load_explicit(&n->loops[i].awake.spent_ns, memory_order_relaxed);
	return ns;
}

void net_leave(struct net *n)
{
	for (uint32_t i = 0; i < n->n_started; i++)
		net_post(&n->loops[i], &n->loops[i].leave);
}

void net_drain(struct net *n)
{
	for (uint32_t i = 0; i < n->n_started; i++)
		net_post(&n->loops[i], &n->loops[i].drain);
}

uint32_t net_services(const struct net *n)
{
	return n->n_services;
}

const char *net_service_name(const struct net *n, uint32_t service)
{
	CHECK(service < n->n_services);
	return n->services[service].at.name;
}

uint32_t net_service_open(const struct net *n, uint32_t service)
{
	uint32_t open = 0;
	CHECK(service < n->n_services);
	for (uint32_t i = 0; i < n->n_loops; i++)
		open += atomic_load(&n->loops[i].listeners[service].open);
	return open;
}

uint32_t net_open(const struct net *n)
{
	uint32_t open = 0;
	for (uint32_t k = 0; k < n->n_services; k++)
		open += net_service_open(n, k);
	return open;
}

static void service_release(struct service *s)
{
	if (s->fd >= 0) {
		unlink(unix_path(s));
		close(s->fd);
	}
	tls_context_free(s->tls);
	mem_free(s->options);
}

void net_free(struct net *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; i < n->n_started; i++)
		net_post(&n->loops[i], &n->loops[i].stop);
	for (uint32_t i = 0; i < n->n_loops; i++) {
		struct net_loop *l = &n->loops[i];
		if (i < n->n_started) {
			pthread_join(l->thread, 0);
		} else {
			on_stop(l);
			uv_run(&l->uv, UV_RUN_DEFAULT);
		}
		for (uint32_t k = 0; k < n->n_services; k++)
			if (l->listeners[k].service && n->services[k].release)
				n->services[k].release(&l->listeners[k]);
		int e = uv_loop_close(&l->uv);
		CHECK(e == 0);
		mem_free(l->tls_read);
	}
	for (uint32_t k = 0; k < n->n_services; k++)
		service_release(&n->services[k]);
	mem_free(n->loops);
	mem_free(n);
}
