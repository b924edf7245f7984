/* A connection: reading requests, handing them over, writing replies.
 *
 * Bytes are read into a buffer of fixed size; a body that does not fit there gets memory of its own, into which the kernel then reads directly, and which is kept for the next one. While a
 * request is in hand nothing of its bytes moves. Replies are written with one writev where the socket takes it all, else the rest follows when it can. A peer that is
 * too slow is closed by the loop's tick. Owned by the loop's thread.
 */
#include "net/http_priv.h"

#include "base/mem.h"
#include "base/panic.h"

#include <stdio.h>
#include <string.h>

#define ARENA_BYTES_MAX ((size_t)1 << 31)

static void advance(struct conn *c);

static struct conn *conn_of(const void *handle)
{
	struct conn *c = ((const uv_handle_t *)handle)->data;
	CHECK_MAGIC(c, CONN_MAGIC);
	return c;
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
	struct conn *c = conn_of(h);
	(void)hint;
	if (c->state == CONN_BODY) {
		*out = uv_buf_init((char *)c->body + c->body_at, (unsigned)(c->request.length - c->body_at < (1u << 30)
		                   ? c->request.length - c->body_at : 1u << 30));
		return;
	}
	if (!c->buf)
		c->buf = mem_alloc(CONN_BUFFER);
	*out = uv_buf_init(c->buf ? (char *)c->buf + c->n : 0, c->buf ? (unsigned)(CONN_BUFFER - c->n) : 0);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = conn_of(s);
	(void)b;
	if (n == 0)
		return;
	if (n < 0) {
		conn__close(c);
		return;
	}
	c->touched_ms = uv_now(&c->loop->loop);
	if (c->state == CONN_BODY)
		c->body_at += (size_t)n;
	else
		c->n += (size_t)n;
	advance(c);
}

static void on_closed(uv_handle_t *h)
{
	struct conn *c = conn_of(h);
	struct http_loop *l = c->loop;
	*(c->prev ? &c->prev->next : &l->conns) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	atomic_fetch_sub(&l->open, 1);
	mem_free(c->buf);
	mem_free(c->body);
	buf_release(&c->chunk_body);
	c->buf = c->body = 0;
	c->body_cap = 0;
	c->next = l->spare;
	l->spare = c;
}

void conn__close(struct conn *c)
{
	CHECK_MAGIC(c, CONN_MAGIC);
	if (c->closed)
		return;
	/* a request in hand still refers to our memory: the reply closes */
	if (c->state == CONN_HANDLING) {
		c->keep_alive = false;
		uv_read_stop((uv_stream_t *)&c->tcp);
		return;
	}
	c->closed = true;
	c->state = CONN_CLOSING;
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void conn__drain(struct conn *c)
{
	if (c->state == CONN_HEAD && c->at == c->n)
		conn__close(c);
	else
		c->keep_alive = false;
}

static struct conn *conn_new(struct http_loop *l)
{
	struct conn *c = l->spare;
	if (c) {
		l->spare = c->next;
		struct arena keep = c->arena;
		memset(c, 0, sizeof *c);
		c->arena = keep;
		arena_reset(&c->arena);
	} else {
		c = mem_zero(sizeof *c);
		if (!c)
			return 0;
		arena_init(&c->arena, ARENA_BYTES_MAX);
	}
	c->magic = CONN_MAGIC;
	c->loop = l;
	buf_init(&c->chunk_body, (size_t)LIMIT_HTTP_BODY_MIB << 20);
	return c;
}

void conn__accept(struct http_loop *l)
{
	struct conn *c = conn_new(l);
	if (!c)
		return;
	uv_tcp_init(&l->loop, &c->tcp);
	c->tcp.data = c;
	c->next = l->conns;
	if (l->conns)
		l->conns->prev = c;
	l->conns = c;
	uint32_t open = atomic_fetch_add(&l->open, 1) + 1;
	c->touched_ms = uv_now(&l->loop);
	bool good = uv_accept((uv_stream_t *)&l->listener, (uv_stream_t *)&c->tcp) == 0;
	if (!good || open > LIMIT_HTTP_CONNECTIONS || uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read)) {
		conn__close(c);
		return;
	}
	uv_tcp_nodelay(&c->tcp, 1);
}

void conn__free_all(struct http_loop *l)
{
	CHECK(!l->conns);
	while (l->spare) {
		struct conn *c = l->spare;
		l->spare = c->next;
		arena_release(&c->arena);
		mem_free(c);
	}
}

static void expire(struct conn *c, uint64_t now)
{
	uint64_t quiet = now - c->touched_ms, limit = (uint64_t)LIMIT_HTTP_BODY_SECONDS * 1000;
	bool idle = c->state == CONN_HEAD && c->at == c->n;
	if (idle)
		limit = (uint64_t)LIMIT_HTTP_IDLE_SECONDS * 1000;
	/* a head that drips in byte by byte is timed from its first byte */
	if (c->state == CONN_HEAD && !idle) {
		limit = (uint64_t)LIMIT_HTTP_HEAD_SECONDS * 1000;
		quiet = now - c->begun_ms;
	}
	if (c->state != CONN_HANDLING && c->state != CONN_CLOSING && quiet > limit)
		conn__close(c);
}

void conn__expire(struct http_loop *l)
{
	uint64_t now = uv_now(&l->loop);
	for (struct conn *c = l->conns, *next; c; c = next) {
		next = c->next;
		expire(c, now);
	}
}

/* ---- replying ---- */

static void reply_done(struct conn *c)
{
	arena_reset(&c->arena);
	c->at += c->used;
	c->used = 0;
	buf_reset(&c->chunk_body);
	if (c->body_cap > CONN_BODY_KEEP) {
		mem_free(c->body);
		c->body = 0;
		c->body_cap = 0;
	}
	c->state = CONN_HEAD;
	c->begun_ms = 0;
	c->touched_ms = uv_now(&c->loop->loop);
	if (!c->keep_alive || c->loop->draining) {
		conn__close(c);
		return;
	}
	if (!c->advancing) {
		uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
		advance(c);
	}
}

static void on_written(uv_write_t *w, int status)
{
	struct conn *c = w->data;
	CHECK_MAGIC(c, CONN_MAGIC);
	if (c->closed)
		return;
	c->state = CONN_HEAD;
	if (status)
		conn__close(c);
	else
		reply_done(c);
}

/* Writes parts[0..n): at once what the socket takes, the rest later. */
static void send_parts(struct conn *c, unsigned n)
{
	uv_buf_t *p = c->parts;
	int sent = uv_try_write((uv_stream_t *)&c->tcp, p, n);
	size_t left = sent > 0 ? (size_t)sent : 0;
	if (sent < 0 && sent != UV_EAGAIN) {
		c->keep_alive = false;
		reply_done(c);
		return;
	}
	while (n && left >= p->len) {
		left -= p->len;
		p++;
		n--;
	}
	if (!n) {
		reply_done(c);
		return;
	}
	p->base += left;
	p->len -= left;
	c->state = CONN_WRITING;
	c->write.data = c;
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, p, n, on_written)) {
		c->keep_alive = false;
		reply_done(c);
	}
}

void http_reply(struct http_exchange *x, int code, const char *type, struct str headers, const struct span *parts, uint32_t n)
{
	struct conn *c = (struct conn *)((char *)x - offsetof(struct conn, exchange));
	size_t bytes = 0;
	CHECK_MAGIC(c, CONN_MAGIC);
	CHECK(c->state == CONN_HANDLING && n <= HTTP_PARTS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		bytes += parts[i].n;
		c->parts[i + 1] = uv_buf_init((char *)(uintptr_t)parts[i].p, (unsigned)parts[i].n);
	}
	bool close = !c->keep_alive || c->loop->draining;
	int head = snprintf(c->head, sizeof c->head, "HTTP/1.1 %d %s\r\n%s%s%s%.*s%sContent-Length: %zu\r\n\r\n", code,
	                    http1_reason(code), type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "",
	                    STR_ARG(headers), close ? "Connection: close\r\n" : "", bytes);
	CHECK(head > 0 && (size_t)head < sizeof c->head);
	c->parts[0] = uv_buf_init(c->head, (unsigned)head);
	send_parts(c, n + 1);
}

/* ---- reading ---- */

static void refuse(struct conn *c, int code, const char *why)
{
	char text[512];
	int n = snprintf(text, sizeof text, "{\"error\":\"%s\"}", why);
	char *copy = n > 0 ? arena_text(&c->arena, (struct str){text, (size_t)n}) : 0;
	struct span part = {(const uint8_t *)copy, copy ? (size_t)n : 0};
	c->state = CONN_HANDLING;
	c->keep_alive = false;
	c->exchange.arena = &c->arena;
	http_reply(&c->exchange, code, "application/json", STR_NONE, &part, 1);
}

static void dispatch(struct conn *c, struct span body)
{
	struct http_loop *l = c->loop;
	c->state = CONN_HANDLING;
	c->keep_alive = c->request.keep_alive;
	c->exchange = (struct http_exchange){.request = &c->request, .body = body, .arena = &c->arena, .loop = l,
	                                     .thread = l->index};
	l->server->o.handler(l->server->o.ctx, &c->exchange);
	if (c->state == CONN_HANDLING)
		uv_read_stop((uv_stream_t *)&c->tcp);
}

/* Memory for a body that does not fit the buffer; what is there already is moved. */
static bool begin_body(struct conn *c, size_t have)
{
	size_t need = c->request.length;
	if (need > (uint64_t)LIMIT_HTTP_BODY_MIB << 20) {
		refuse(c, 413, "the body of the request is over the server's limit");
		return false;
	}
	if (need > c->body_cap) {
		mem_free(c->body);
		c->body = mem_aligned(64, need);
		c->body_cap = c->body ? need : 0;
	}
	if (!c->body) {
		refuse(c, 503, "no memory for the body of the request");
		return false;
	}
	memcpy(c->body, c->buf + c->at + c->request.head_bytes, have);
	c->body_at = have;
	c->used = c->n - c->at;
	c->state = CONN_BODY;
	return true;
}

static void continue_100(struct conn *c)
{
	static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	uv_buf_t b = uv_buf_init(text, sizeof text - 1);
	if (c->request.expects_continue && (c->request.chunked || c->request.length))
		uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
}

/* The head is read; decides how the body comes. false: nothing more can be done now. */
static bool after_head(struct conn *c)
{
	size_t have = c->n - c->at - c->request.head_bytes;
	c->keep_alive = c->request.keep_alive;
	c->exchange.arena = &c->arena;
	if (c->request.chunked) {
		continue_100(c);
		c->chunks = (struct http1_chunks){0};
		c->used = c->request.head_bytes;
		c->state = CONN_CHUNKS;
		return true;
	}
	if (c->request.length <= have) {
		c->used = c->request.head_bytes + (size_t)c->request.length;
		dispatch(c, (struct span){c->buf + c->at + c->request.head_bytes, (size_t)c->request.length});
		return c->state == CONN_HEAD;
	}
	if (!have)
		continue_100(c);
	if (c->request.length <= CONN_BUFFER - c->at - c->request.head_bytes) {
		c->state = CONN_HEAD; /* it will fit: wait, and read the head again */
		return false;
	}
	return begin_body(c, have) && c->body_at == c->request.length;
}

static bool step_head(struct conn *c)
{
	int code;
	const char *why;
	if (c->at == c->n) {
		c->at = c->n = 0;
		c->begun_ms = 0;
		return false;
	}
	if (!c->begun_ms)
		c->begun_ms = uv_now(&c->loop->loop);
	if (c->at && CONN_BUFFER - c->at < LIMIT_HTTP_HEAD_BYTES + 4096) {
		memmove(c->buf, c->buf + c->at, c->n - c->at);
		c->n -= c->at;
		c->at = 0;
	}
	switch (http1_head((struct span){c->buf + c->at, c->n - c->at}, &c->request, &code, &why)) {
	case HTTP1_MORE:
		return false;
	case HTTP1_BAD:
		refuse(c, code, why);
		return false;
	case HTTP1_DONE:
		return after_head(c);
	}
	UNREACHABLE();
}

static bool step_chunks(struct conn *c)
{
	struct span data;
	size_t used;
	const char *why = "";
	while (c->at + c->used < c->n) {
		struct span in = {c->buf + c->at + c->used, c->n - c->at - c->used};
		enum http1_result r = http1_chunk(&c->chunks, in, &used, &data, &why);
		c->used += used;
		buf_add(&c->chunk_body, data.p, data.n);
		if (r == HTTP1_BAD || c->chunk_body.bad) {
			refuse(c, r == HTTP1_BAD ? 400 : 413, r == HTTP1_BAD ? why : "the body of the request is over the server's limit");
			return false;
		}
		if (r == HTTP1_DONE) {
			dispatch(c, buf_span(&c->chunk_body));
			return c->state == CONN_HEAD;
		}
	}
	/* keep the head, which the request points into, and make room behind it */
	c->n = c->at + c->request.head_bytes;
	c->used = c->request.head_bytes;
	return false;
}

/* Goes on as far as the bytes that are there allow. */
static void advance(struct conn *c)
{
	bool more = true;
	if (c->advancing)
		return;
	c->advancing = true;
	while (more && !c->closed) {
		switch (c->state) {
		case CONN_HEAD:
			more = step_head(c);
			break;
		case CONN_CHUNKS:
			more = step_chunks(c);
			break;
		case CONN_BODY:
			more = c->body_at == c->request.length;
			if (more)
				dispatch(c, (struct span){c->body, c->body_at});
			more = more && c->state == CONN_HEAD;
			break;
		default:
			more = false;
		}
	}
	c->advancing = false;
	if (!c->closed && c->state == CONN_HEAD && c->at == c->n && c->buf && c->loop->draining)
		conn__close(c);
}
