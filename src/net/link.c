/* Links: reading, writing, ending and closing a stream on its loop.
 *
 * A thin layer over uv and, where the listener has it, TLS, so that protocols see neither the kind
 * of socket nor uv's callbacks.
 * Writes try the socket first and queue only what it did not take. A link is in its listener's
 * list from accept until `closed`. Owned by the loop's thread.
 */
#include "net/link_tls.h"

#include "base/panic.h"
#include "base/refused.h"

static struct link *link_of(const void *handle)
{
	struct link *l = ((const uv_handle_t *)handle)->data;
	CHECK_MAGIC(l, LINK_MAGIC);
	return l;
}

void link__closed(struct link *l)
{
	struct listener *p = l->listener;
	if (l->tls && !link__tls_release(l))
		return;
	*(l->prev ? &l->prev->next : &p->links) = l->next;
	if (l->next)
		l->next->prev = l->prev;
	l->ops->closed(l);
	loop__closed(p);
}

static void on_closed(uv_handle_t *h)
{
	link__closed(link_of(h));
}

void link_close(struct link *l)
{
	CHECK_MAGIC(l, LINK_MAGIC);
	if (l->closing)
		return;
	if (l->tls)
		link__tls_farewell(l);
	l->closing = true;
	l->reading = false;
	uv_close(&l->handle, on_closed);
}

void link_accept(struct link *l, struct listener *p, const struct link_ops *ops)
{
	l->magic = LINK_MAGIC;
	l->ops = ops;
	l->listener = p;
	l->loop = p->loop;
	bool local = p->handle.type == UV_NAMED_PIPE;
	if (local)
		uv_pipe_init(&p->loop->uv, &l->pipe, 0);
	else
		uv_tcp_init(&p->loop->uv, &l->tcp);
	l->handle.data = l;
	l->next = p->links;
	if (p->links)
		p->links->prev = l;
	p->links = l;
	uint32_t open = atomic_fetch_add(&p->open, 1) + 1;
	if (open > LIMIT_HTTP_CONNECTIONS)
		refused(REFUSED_CONNECTIONS);
	if (uv_accept(&p->stream, &l->stream) || open > LIMIT_HTTP_CONNECTIONS ||
	    (p->service->tls && !link__tls_begin(l))) {
		link_close(l);
		return;
	}
	if (!local)
		uv_tcp_nodelay(&l->tcp, 1);
	link_read_start(l);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
	struct link *l = link_of(h);
	size_t n = 0, most = 1u << 30;
	(void)hint;
	char *p = l->tls ? link__tls_room(l, &n) : l->ops->room(l, &n);
	*out = uv_buf_init(p, (unsigned)(!p ? 0 : n < most ? n : most));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct link *l = link_of(s);
	(void)b;
	awake_came(&l->loop->awake);
	if (n > 0 && l->tls)
		link__tls_came(l, (size_t)n);
	else if (n > 0)
		l->ops->came(l, (size_t)n);
	else if (n < 0 && l->tls)
		link__tls_ended(l);
	else if (n < 0)
		l->ops->ended(l);
}

void link_read_start(struct link *l)
{
	if (l->reading || l->closing)
		return;
	l->reading = true;
	if (uv_read_start(&l->stream, on_alloc, on_read))
		link_close(l);
	else if (l->tls)
		link__tls_resume(l);
}

void link_read_stop(struct link *l)
{
	if (l->reading)
		uv_read_stop(&l->stream);
	l->reading = false;
}

static void on_written(uv_write_t *w, int status)
{
	struct link *l = w->data;
	CHECK_MAGIC(l, LINK_MAGIC);
	if (!l->closing)
		l->ops->written(l, status == 0);
}

enum link_sent link_write(struct link *l, uv_buf_t *p, unsigned n)
{
	if (l->tls)
		return link__tls_write(l, p, n);
	int sent = uv_try_write(&l->stream, p, n);
	size_t left = sent > 0 ? (size_t)sent : 0;
	if (sent < 0 && sent != UV_EAGAIN)
		return LINK_FAILED;
	while (n && left >= p->len) {
		left -= p->len;
		p++;
		n--;
	}
	if (!n)
		return LINK_ALL;
	p->base += left;
	p->len -= left;
	l->write.data = l;
	return uv_write(&l->write, &l->stream, p, n, on_written) ? LINK_FAILED : LINK_LATER;
}

void link_try(struct link *l, const char *p, size_t n)
{
	uv_buf_t b = uv_buf_init((char *)(uintptr_t)p, (unsigned)n);
	if (l->tls)
		link__tls_try(l, p, n);
	else
		uv_try_write(&l->stream, &b, 1);
}

size_t link_unsent(const struct link *l)
{
	return uv_stream_get_write_queue_size(&l->stream) + (l->tls ? link__tls_unsent(l) : 0);
}

bool link_end(struct link *l)
{
	if (l->tls)
		link__tls_farewell(l);
	return uv_shutdown(&l->end, &l->stream, 0) == 0;
}
