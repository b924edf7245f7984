/* A connection: reading requests, handing them over, writing replies.
 *
 * Bytes are read into a buffer of fixed size; a body that does not fit there gets memory of its
 * own, into which the kernel then reads directly, and which is kept for the next one. While a
 * request is in hand nothing of its bytes moves, and nothing more is read, so replies keep the
 * order of requests. Replies are written with one writev where the socket takes it all, else the
 * rest follows when it can. After an answer to what could not be read the connection lingers: it
 * sends its end of stream and reads on for a moment, because closing with unread bytes would make
 * the kernel take the answer back. A peer that is too slow is told so and closed by the loop's
 * tick, which also takes the memory of idle connections. Owned by the loop's thread.
 */
#include "net/http_priv.h"

#include "base/mem.h"
#include "base/panic.h"

#include <stdio.h>
#include <string.h>

#define ARENA_BYTES_MAX ((size_t)1 << 31)
enum { LINGER_MS = 2000, TRIM_MS = 1000, BODY_ALIGN = 64 };

static void advance(struct conn *c);
static void refuse(struct conn *c, int code, const char *why);

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
		size_t left = c->request.length - c->body_at, most = 1u << 30;
		*out = uv_buf_init((char *)c->body + c->body_at, (unsigned)(left < most ? left : most));
		return;
	}
	if (!c->buf)
		c->buf = mem_alloc(CONN_BUFFER);
	if (c->buf)
		*out = uv_buf_init((char *)c->buf + c->n, (unsigned)(CONN_BUFFER - c->n));
	else
		*out = uv_buf_init(0, 0);
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
	if (c->state == CONN_LINGER)
		return; /* read over */
	c->touched_ms = uv_now(&c->loop->loop);
	if (c->state == CONN_BODY)
		c->body_at += (size_t)n;
	else
		c->n += (size_t)n;
	advance(c);
}

/* Gives back all memory but the connection itself. */
static void trim(struct conn *c)
{
	mem_free(c->buf);
	mem_free(c->body_memory);
	buf_release(&c->chunk_body);
	arena_release(&c->arena);
	c->buf = c->body = c->body_memory = 0;
	c->body_cap = 0;
}

static void on_closed(uv_handle_t *h)
{
	struct conn *c = conn_of(h);
	struct http_loop *l = c->loop;
	*(c->prev ? &c->prev->next : &l->conns) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	trim(c);
	c->next = l->spare;
	l->spare = c;
	atomic_fetch_sub(&l->open, 1);
	loop__closed(l);
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

/* Whether c waits for a request of which nothing has come. */
static bool idle(const struct conn *c)
{
	return c->state == CONN_HEAD && c->at == c->n;
}

void conn__drain(struct conn *c)
{
	if (idle(c))
		conn__close(c);
	else
		c->keep_alive = false;
}

static struct conn *conn_new(struct http_loop *l)
{
	struct conn *c = l->spare;
	if (c) {
		l->spare = c->next;
		memset(c, 0, sizeof *c);
	} else {
		c = mem_zero(sizeof *c);
		if (!c)
			return 0;
	}
	arena_init(&c->arena, ARENA_BYTES_MAX);
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
	if (!good || open > LIMIT_HTTP_CONNECTIONS || uv_read_start((uv_stream_t *)&c->tcp, on_alloc,
	                                                            on_read)) {
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
		mem_free(c);
	}
}

/* A reply that its peer takes in, however slowly, is not given up. */
static void note_progress(struct conn *c, uint64_t now)
{
	size_t unsent = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
	if (unsent != c->unsent)
		c->touched_ms = now;
	c->unsent = unsent;
}

static void expire(struct conn *c, uint64_t now)
{
	if (c->state == CONN_WRITING)
		note_progress(c, now);
	uint64_t quiet = now - c->touched_ms, age = c->begun_ms ? now - c->begun_ms : 0;
	switch (c->state) {
	case CONN_HEAD:
		if (idle(c) && quiet > (uint64_t)LIMIT_HTTP_IDLE_SECONDS * 1000)
			conn__close(c);
		else if (idle(c) && quiet > TRIM_MS && (c->buf || c->body_memory))
			trim(c);
		/* a head that drips in byte by byte is timed from its first byte */
		else if (!idle(c) && age > (uint64_t)LIMIT_HTTP_HEAD_SECONDS * 1000)
			refuse(c, 408, "the head of the request did not come in time");
		break;
	case CONN_BODY:
	case CONN_CHUNKS:
		if (quiet > (uint64_t)LIMIT_HTTP_BODY_SECONDS * 1000 ||
		    age > (uint64_t)LIMIT_HTTP_REQUEST_SECONDS * 1000)
			refuse(c, 408, "the body of the request did not come in time");
		break;
	case CONN_WRITING:
		if (quiet > (uint64_t)LIMIT_HTTP_BODY_SECONDS * 1000)
			conn__close(c);
		break;
	case CONN_LINGER:
		if (quiet > LINGER_MS)
			conn__close(c);
		break;
	case CONN_HANDLING:
	case CONN_CLOSING:
		break;
	}
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

/* Ends our side and reads on until the peer ends its own or LINGER_MS are over. */
static void linger(struct conn *c)
{
	c->state = CONN_LINGER;
	c->at = c->n = 0;
	if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, 0) ||
	    (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) &&
	     !uv_is_active((uv_handle_t *)&c->tcp)))
		conn__close(c);
}

static void reply_done(struct conn *c)
{
	arena_reset(&c->arena);
	c->at += c->used;
	c->used = 0;
	buf_reset(&c->chunk_body);
	if (c->body_cap > CONN_BODY_KEEP) {
		mem_free(c->body_memory);
		c->body = c->body_memory = 0;
		c->body_cap = 0;
	}
	c->state = CONN_HEAD;
	c->begun_ms = 0;
	c->request.method = STR_NONE;
	c->touched_ms = uv_now(&c->loop->loop);
	if (c->refused) {
		linger(c);
		return;
	}
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
	c->unsent = 0;
	c->write.data = c;
	/* what a peer sends meanwhile, its end of stream too, waits in the kernel */
	uv_read_stop((uv_stream_t *)&c->tcp);
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, p, n, on_written)) {
		c->keep_alive = false;
		reply_done(c);
	}
}

static char *put(char *to, struct str s)
{
	memcpy(to, s.p, s.n);
	return to + s.n;
}

static char *put_number(char *to, size_t v)
{
	char digits[20];
	size_t n = 0;
	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*to++ = digits[--n];
	return to;
}

/* The head of the reply into c->head; returns its length. Put together by hand, as it is on the
 * way of every request. */
static size_t write_head(struct conn *c, int code, const char *type, struct str headers,
                         size_t bytes)
{
	struct str reason = str_from(http1_reason(code)), kind = str_from(type);
	char *p = c->head;
	CHECK(code >= 100 && code <= 999 && kind.n + headers.n + reason.n + 160 < sizeof c->head);
	p = put_number(put(p, STR("HTTP/1.1 ")), (size_t)code);
	*p++ = ' ';
	p = put(put(p, reason), STR("\r\n"));
	if (kind.n)
		p = put(put(put(p, STR("Content-Type: ")), kind), STR("\r\n"));
	if (headers.n)
		p = put(p, headers);
	if (!c->keep_alive || c->loop->draining)
		p = put(p, STR("Connection: close\r\n"));
	else if (c->request.old)
		p = put(p, STR("Connection: keep-alive\r\n"));
	p = put_number(put(p, STR("Content-Length: ")), bytes);
	p = put(p, STR("\r\n\r\n"));
	return (size_t)(p - c->head);
}

void http_reply(struct http_exchange *x, int code, const char *type, struct str headers,
                const struct span *parts, uint32_t n)
{
	struct conn *c = (struct conn *)((char *)x - offsetof(struct conn, exchange));
	size_t bytes = 0;
	CHECK_MAGIC(c, CONN_MAGIC);
	CHECK(c->state == CONN_HANDLING && n <= HTTP_PARTS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		bytes += parts[i].n;
		c->parts[i + 1] = uv_buf_init((char *)(uintptr_t)parts[i].p, (unsigned)parts[i].n);
	}
	c->parts[0] = uv_buf_init(c->head, (unsigned)write_head(c, code, type, headers, bytes));
	/* an answer to HEAD is all head */
	send_parts(c, str_is(c->request.method, "HEAD") ? 1 : n + 1);
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
	c->refused = true;
	c->exchange.arena = &c->arena;
	http_reply(&c->exchange, code, "application/json", STR_NONE, &part, 1);
}

static void dispatch(struct conn *c, struct span body)
{
	struct http_loop *l = c->loop;
	c->state = CONN_HANDLING;
	c->keep_alive = c->request.keep_alive;
	c->exchange = (struct http_exchange){.request = &c->request, .body = body, .arena = &c->arena,
		.loop = l,
	                                     .thread = l->index};
	l->server->o.handler(l->server->o.ctx, &c->exchange);
	if (c->state == CONN_HANDLING)
		uv_read_stop((uv_stream_t *)&c->tcp);
}

/* Memory for a body that does not fit the buffer, such that what lies behind its lead is aligned;
 * what is there already is moved. */
static bool begin_body(struct conn *c, size_t have)
{
	const struct http_options *o = &c->loop->server->o;
	size_t need = c->request.length, lead = o->lead ? o->lead(&c->request) : 0;
	if (need > (uint64_t)LIMIT_HTTP_BODY_MIB << 20) {
		refuse(c, 413, "the body of the request is over the server's limit");
		return false;
	}
	if (need + BODY_ALIGN > c->body_cap) {
		mem_free(c->body_memory);
		c->body_memory = mem_aligned(BODY_ALIGN, need + BODY_ALIGN);
		c->body_cap = c->body_memory ? need + BODY_ALIGN : 0;
	}
	if (!c->body_memory) {
		refuse(c, 503, "no memory for the body of the request");
		return false;
	}
	c->body = c->body_memory + (-lead & (BODY_ALIGN - 1));
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
		dispatch(c, (struct span){c->buf + c->at + c->request.head_bytes,
			(size_t)c->request.length});
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
			refuse(c, r == HTTP1_BAD ? 400 : 413, r == HTTP1_BAD ? why : "the body of the request "
			       "is over the server's limit");
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
