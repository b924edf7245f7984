/* A connection: reading requests, handing them over, writing replies.
 *
 * Bytes are read into a buffer of fixed size; a body that does not fit there gets memory of its
 * own, into which the kernel then reads directly, and which is kept for the next one. While a
 * request is in hand nothing of its bytes moves, and nothing more is looked at, so replies keep
 * the order of requests; unless its answer comes soon, nothing more is read either. Replies are
 * written with one writev where the socket takes it all, else the rest follows when it can. After
 * an answer to what could not be read the connection lingers: it sends its end of stream and reads
 * on for a moment, because closing with unread bytes would make the kernel take the answer back. A
 * peer that is too slow is told so and closed by the loop's tick, which also takes the memory of
 * idle connections. Owned by the loop's thread.
 */
#include "net/http_priv.h"

#include "base/mem.h"
#include "base/panic.h"
#include "base/refused.h"

#include <stdio.h>
#include <string.h>

#define ARENA_BYTES_MAX ((size_t)1 << 31)
enum { LINGER_MS = 2000, BODY_ALIGN = 64, DESKS_KEEP = 16, DESK_KEEP_BYTES = 16 << 20 };

static void advance(struct conn *c);
static void refuse(struct conn *c, int code, const char *why);

static const struct http_options *options_of(const struct conn *c)
{
	return c->link.listener->service->options;
}

static struct conn *conn_of(struct link *l)
{
	struct conn *c = (struct conn *)l;
	CHECK_MAGIC(c, CONN_MAGIC);
	return c;
}

static uint64_t now_ms(const struct conn *c)
{
	return uv_now(&c->link.loop->uv);
}

static bool closed(const struct conn *c)
{
	return c->link.closing;
}

/* The desk for what comes now: a spare one, or a new one. */
static bool take_desk(struct conn *c)
{
	struct http_state *h = c->link.listener->state;
	struct http_desk *w = h->desks;
	if (w) {
		h->desks = w->next;
		h->n_desks--;
	} else {
		w = mem_alloc(sizeof *w);
		if (!w)
			return false;
		memset(w, 0, offsetof(struct http_desk, buf));
		arena_init(&w->arena, ARENA_BYTES_MAX);
		buf_init(&w->chunk_body, (size_t)LIMIT_HTTP_BODY_MIB << 20);
	}
	w->conn = c;
	c->w = w;
	return true;
}

static void free_desk(struct http_desk *w)
{
	mem_free(w->body_memory);
	buf_release(&w->chunk_body);
	arena_release(&w->arena);
	mem_free(w);
}

/* Gives the desk to the next connection that needs one. */
static void put_desk(struct conn *c)
{
	struct http_state *h = c->link.listener->state;
	struct http_desk *w = c->w;
	c->w = 0;
	if (!w)
		return;
	arena_reset(&w->arena);
	buf_reset(&w->chunk_body);
	if (h->n_desks >= DESKS_KEEP) {
		free_desk(w);
		return;
	}
	w->next = h->desks;
	h->desks = w;
	h->n_desks++;
}

static void *room(struct link *l, size_t *n)
{
	struct conn *c = conn_of(l);
	if (c->state == CONN_BODY) {
		*n = c->w->request.length - c->body_at;
		return c->w->body + c->body_at;
	}
	if (!c->w && !take_desk(c))
		return 0;
	*n = CONN_BUFFER - c->n;
	return c->w->buf + c->n;
}

static void came(struct link *l, size_t n)
{
	struct conn *c = conn_of(l);
	if (c->state == CONN_LINGER)
		return; /* read over */
	c->touched_ms = now_ms(c);
	if (c->state == CONN_BODY)
		c->body_at += n;
	else
		c->n += n;
	/* of a request that is answered soon more may come, and stays where it is */
	if (c->state == CONN_HANDLING && c->n == CONN_BUFFER)
		link_read_stop(&c->link);
	advance(c);
}

static void on_closed(struct link *l)
{
	struct conn *c = conn_of(l);
	struct http_state *h = l->listener->state;
	put_desk(c);
	c->spare = h->spare;
	h->spare = c;
}

/* A request in hand still refers to our memory: then its reply closes. */
static void stop(struct link *l)
{
	struct conn *c = conn_of(l);
	if (c->state == CONN_HANDLING) {
		c->keep_alive = false;
		link_read_stop(l);
		return;
	}
	c->state = CONN_CLOSING;
	link_close(l);
}

/* Whether c waits for a request of which nothing has come. */
static bool idle(const struct conn *c)
{
	return c->state == CONN_HEAD && c->at == c->n;
}

static void drain(struct link *l)
{
	struct conn *c = conn_of(l);
	if (idle(c))
		stop(l);
	else
		c->keep_alive = false;
}

/* A reply that its peer takes in, however slowly, is not given up. */
static void note_progress(struct conn *c, uint64_t now)
{
	size_t unsent = link_unsent(&c->link);
	if (unsent != c->unsent)
		c->touched_ms = now;
	c->unsent = unsent;
}

static void tick(struct link *l, uint64_t now)
{
	struct conn *c = conn_of(l);
	if (c->state == CONN_WRITING)
		note_progress(c, now);
	uint64_t quiet = now - c->touched_ms, age = c->begun_ms ? now - c->begun_ms : 0;
	switch (c->state) {
	case CONN_HEAD:
		if (idle(c) && quiet > (uint64_t)LIMIT_HTTP_IDLE_SECONDS * 1000)
			stop(&c->link);
		else if (idle(c) && c->w)
			put_desk(c); /* a read that found nothing */
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
			stop(&c->link);
		break;
	case CONN_LINGER:
		if (quiet > LINGER_MS)
			stop(&c->link);
		break;
	case CONN_HANDLING:
	case CONN_CLOSING:
		break;
	}
}

/* ---- replying ---- */

/* Ends our side and reads on until the peer ends its own or LINGER_MS are over. */
static void linger(struct conn *c)
{
	c->state = CONN_LINGER;
	c->at = c->n = 0;
	if (link_end(&c->link))
		link_read_start(&c->link);
	else
		stop(&c->link);
}

static void reply_done(struct conn *c)
{
	if (c->w->arena.used_bytes > DESK_KEEP_BYTES)
		arena_release(&c->w->arena);
	arena_reset(&c->w->arena);
	c->at += c->used;
	c->used = 0;
	buf_reset(&c->w->chunk_body);
	if (c->w->body_cap > DESK_KEEP_BYTES) {
		mem_free(c->w->body_memory);
		c->w->body = c->w->body_memory = 0;
		c->w->body_cap = 0;
	}
	c->state = CONN_HEAD;
	c->begun_ms = 0;
	c->w->request.method = STR_NONE;
	c->touched_ms = now_ms(c);
	if (c->refused) {
		linger(c);
		return;
	}
	if (!c->keep_alive || loop__leaving(c->link.loop)) {
		stop(&c->link);
		return;
	}
	if (!c->advancing) {
		link_read_start(&c->link);
		advance(c);
	}
}

static void written(struct link *l, bool good)
{
	struct conn *c = conn_of(l);
	c->state = CONN_HEAD;
	if (good)
		reply_done(c);
	else
		stop(l);
}

/* Writes parts[0..n): at once what the socket takes, the rest later. */
static void send_parts(struct conn *c, unsigned n)
{
	/* if not all is taken now, what a peer sends meanwhile, its end of stream too, waits in the
	 * kernel */
	switch (link_write(&c->link, c->w->parts, n)) {
	case LINK_ALL:
		reply_done(c);
		break;
	case LINK_LATER:
		c->state = CONN_WRITING;
		c->unsent = 0;
		link_read_stop(&c->link);
		break;
	case LINK_FAILED:
		c->keep_alive = false;
		reply_done(c);
		break;
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

/* The head of the reply into c->w->head; returns its length. Put together by hand, as it is on the
 * way of every request. */
static size_t write_head(struct conn *c, int code, const char *type, struct str headers,
                         size_t bytes)
{
	struct str reason = str_from(http1_reason(code)), kind = str_from(type);
	char *p = c->w->head;
	CHECK(code >= 100 && code <= 999 && kind.n + headers.n + reason.n + 160 < sizeof c->w->head);
	p = put_number(put(p, STR("HTTP/1.1 ")), (size_t)code);
	*p++ = ' ';
	p = put(put(p, reason), STR("\r\n"));
	if (kind.n)
		p = put(put(put(p, STR("Content-Type: ")), kind), STR("\r\n"));
	if (headers.n)
		p = put(p, headers);
	if (!c->keep_alive || loop__leaving(c->link.loop))
		p = put(p, STR("Connection: close\r\n"));
	else if (c->w->request.old)
		p = put(p, STR("Connection: keep-alive\r\n"));
	p = put_number(put(p, STR("Content-Length: ")), bytes);
	p = put(p, STR("\r\n\r\n"));
	return (size_t)(p - c->w->head);
}

void http_reply(struct http_exchange *x, int code, const char *type, struct str headers,
                const struct span *parts, uint32_t n)
{
	struct conn *c = ((struct http_desk *)((char *)x - offsetof(struct http_desk, exchange)))->conn;
	size_t bytes = 0;
	CHECK_MAGIC(c, CONN_MAGIC);
	CHECK(c->state == CONN_HANDLING && n <= HTTP_PARTS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		bytes += parts[i].n;
		c->w->parts[i + 1] = uv_buf_init((char *)(uintptr_t)parts[i].p, (unsigned)parts[i].n);
	}
	c->w->parts[0] = uv_buf_init(c->w->head, (unsigned)write_head(c, code, type, headers, bytes));
	/* an answer to HEAD is all head */
	send_parts(c, str_is(c->w->request.method, "HEAD") ? 1 : n + 1);
}

/* ---- reading ---- */

static void refuse(struct conn *c, int code, const char *why)
{
	char text[512];
	int n = snprintf(text, sizeof text, "{\"error\":\"%s\"}", why);
	char *copy = n > 0 ? arena_text(&c->w->arena, (struct str){text, (size_t)n}) : 0;
	struct span part = {(const uint8_t *)copy, copy ? (size_t)n : 0};
	c->state = CONN_HANDLING;
	c->keep_alive = false;
	c->refused = true;
	refused(code == 408 ? REFUSED_TIMEOUT : code == 413 ? REFUSED_BODY : code == 431 ? REFUSED_HEAD
	        : code == 503 ? REFUSED_MEMORY : REFUSED_MALFORMED);
	c->w->exchange.arena = &c->w->arena;
	http_reply(&c->w->exchange, code, "application/json", STR_NONE, &part, 1);
}

static void dispatch(struct conn *c, struct span body)
{
	const struct http_options *o = options_of(c);
	bool in_buffer = c->state == CONN_HEAD;
	c->state = CONN_HANDLING;
	c->keep_alive = c->w->request.keep_alive;
	c->w->exchange = (struct http_exchange){.request = &c->w->request, .body = body,
	                                        .arena = &c->w->arena,
	                                     .loop = c->link.loop, .thread = c->link.loop->index};
	o->handler(o->ctx, &c->w->exchange);
	bool goes_on = c->w && c->w->exchange.soon && in_buffer && c->n < CONN_BUFFER && !c->link.tls;
	if (c->state == CONN_HANDLING && !goes_on)
		link_read_stop(&c->link);
}

/* Memory for a body that does not fit the buffer, such that what lies behind its lead is aligned;
 * what is there already is moved. */
static bool begin_body(struct conn *c, size_t have)
{
	const struct http_options *o = options_of(c);
	size_t need = c->w->request.length, lead = o->lead ? o->lead(&c->w->request) : 0;
	if (need > (uint64_t)LIMIT_HTTP_BODY_MIB << 20) {
		refuse(c, 413, "the body of the request is over the server's limit");
		return false;
	}
	if (need + BODY_ALIGN > c->w->body_cap) {
		mem_free(c->w->body_memory);
		c->w->body_memory = mem_aligned(BODY_ALIGN, need + BODY_ALIGN);
		c->w->body_cap = c->w->body_memory ? need + BODY_ALIGN : 0;
	}
	if (!c->w->body_memory) {
		refuse(c, 503, "no memory for the body of the request");
		return false;
	}
	c->w->body = c->w->body_memory + (-lead & (BODY_ALIGN - 1));
	memcpy(c->w->body, c->w->buf + c->at + c->w->request.head_bytes, have);
	c->body_at = have;
	c->used = c->n - c->at;
	c->state = CONN_BODY;
	return true;
}

static void continue_100(struct conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	if (c->w->request.expects_continue && (c->w->request.chunked || c->w->request.length))
		link_try(&c->link, text, sizeof text - 1);
}

/* The head is read; decides how the body comes. false: nothing more can be done now. */
static bool after_head(struct conn *c)
{
	size_t have = c->n - c->at - c->w->request.head_bytes;
	c->keep_alive = c->w->request.keep_alive;
	c->w->exchange.arena = &c->w->arena;
	if (c->w->request.chunked) {
		continue_100(c);
		c->w->chunks = (struct http1_chunks){0};
		c->used = c->w->request.head_bytes;
		c->state = CONN_CHUNKS;
		return true;
	}
	if (c->w->request.length <= have) {
		c->used = c->w->request.head_bytes + (size_t)c->w->request.length;
		dispatch(c, (struct span){c->w->buf + c->at + c->w->request.head_bytes,
			(size_t)c->w->request.length});
		return c->state == CONN_HEAD;
	}
	if (!have)
		continue_100(c);
	if (c->w->request.length <= CONN_BUFFER - c->at - c->w->request.head_bytes) {
		c->state = CONN_HEAD; /* it will fit: wait, and read the head again */
		return false;
	}
	return begin_body(c, have) && c->body_at == c->w->request.length;
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
		c->begun_ms = now_ms(c);
	if (c->at && CONN_BUFFER - c->at < LIMIT_HTTP_HEAD_BYTES + 4096) {
		memmove(c->w->buf, c->w->buf + c->at, c->n - c->at);
		c->n -= c->at;
		c->at = 0;
	}
	struct span in = {c->w->buf + c->at, c->n - c->at};
	switch (http1_head(in, &c->w->request, &code, &why)) {
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
		struct span in = {c->w->buf + c->at + c->used, c->n - c->at - c->used};
		enum http1_result r = http1_chunk(&c->w->chunks, in, &used, &data, &why);
		c->used += used;
		buf_add(&c->w->chunk_body, data.p, data.n);
		if (r == HTTP1_BAD || c->w->chunk_body.bad) {
			refuse(c, r == HTTP1_BAD ? 400 : 413, r == HTTP1_BAD ? why : "the body of the request "
			       "is over the server's limit");
			return false;
		}
		if (r == HTTP1_DONE) {
			dispatch(c, buf_span(&c->w->chunk_body));
			return c->state == CONN_HEAD;
		}
	}
	/* keep the head, which the request points into, and make room behind it */
	c->n = c->at + c->w->request.head_bytes;
	c->used = c->w->request.head_bytes;
	return false;
}

/* Goes on as far as the bytes that are there allow. */
static void advance(struct conn *c)
{
	bool more = true;
	if (c->advancing)
		return;
	c->advancing = true;
	while (more && !closed(c)) {
		switch (c->state) {
		case CONN_HEAD:
			more = step_head(c);
			break;
		case CONN_CHUNKS:
			more = step_chunks(c);
			break;
		case CONN_BODY:
			more = c->body_at == c->w->request.length;
			if (more)
				dispatch(c, (struct span){c->w->body, c->body_at});
			more = more && c->state == CONN_HEAD;
			break;
		default:
			more = false;
		}
	}
	c->advancing = false;
	if (closed(c) || !idle(c) || !c->w)
		return;
	c->at = c->n = 0;
	put_desk(c);
	if (loop__draining(c->link.loop))
		stop(&c->link);
}

/* ---- the service ---- */

static const struct link_ops conn_ops = {
	.room = room, .came = came, .ended = stop, .written = written, .tick = tick, .drain = drain,
	.stop = stop, .closed = on_closed,
};

static struct conn *conn_new(struct http_state *h)
{
	struct conn *c = h->spare;
	if (c) {
		h->spare = c->spare;
		memset(c, 0, sizeof *c);
	} else {
		c = mem_zero(sizeof *c);
		if (!c)
			return 0;
	}
	c->magic = CONN_MAGIC;
	return c;
}

static bool accept_conn(struct listener *p)
{
	if (!p->state)
		p->state = mem_zero(sizeof(struct http_state));
	struct conn *c = p->state ? conn_new(p->state) : 0;
	if (!c)
		return false;
	c->touched_ms = uv_now(&p->loop->uv);
	link_accept(&c->link, p, &conn_ops);
	return true;
}

static void free_spare(struct listener *p)
{
	struct http_state *h = p->state;
	CHECK(!p->links);
	while (h && h->spare) {
		struct conn *c = h->spare;
		h->spare = c->spare;
		mem_free(c);
	}
	while (h && h->desks) {
		struct http_desk *w = h->desks;
		h->desks = w->next;
		free_desk(w);
	}
	mem_free(h);
}

struct status http_listen(struct net *n, const struct net_address *at,
                          const struct http_options *o)
{
	struct http_options *copy = mem_zero(sizeof *copy);
	if (!copy)
		return FAIL(NO_MEMORY, "no memory for the %s service", at->name);
	*copy = *o;
	return net__serve(n, &(struct service){.at = *at, .accept = accept_conn, .release = free_spare,
	                                       .alpn = "http/1.1",
	                                       .options = copy});
}
