/* Connections of HTTP/2: a link on one side, an nghttp2 session on the other.
 *
 * What comes is fed to the session, whose callbacks lead to calls (grpc.c); what the session has
 * to send is collected in one buffer and written at once after each read, and no more is taken
 * from it while the socket is full. nghttp2 does frames, HPACK and flow control. Ours are the
 * limits: control frames a second (resets, pings, settings), bytes of a header block, pings too
 * often as Triton's options say; a peer over one of them is told ENHANCE_YOUR_CALM and closed.
 * Owned by the loop's thread.
 */
#include "net/h2_priv.h"

#include "base/mem.h"
#include "base/panic.h"
#include "base/refused.h"

enum { WINDOW_STREAM = 1 << 20, WINDOW_CONN = 16 << 20, IDLE_MS = 400 };

static struct h2_conn *conn_of(struct link *l)
{
	struct h2_conn *c = (struct h2_conn *)l;
	CHECK_MAGIC(c, H2_MAGIC);
	return c;
}

static uint64_t now_ms(const struct h2_conn *c)
{
	return uv_now(&c->link.loop->uv);
}

const struct grpc_options *h2__options(const struct h2_conn *c)
{
	return c->link.listener->service->options;
}

struct h2_state *h2__state(const struct h2_conn *c)
{
	return c->link.listener->state;
}

/* Says goodbye, and closes once that is written. */
void h2__doom(struct h2_conn *c, uint32_t error, const char *why)
{
	if (c->doomed)
		return;
	c->doomed = true;
	refused(error == NGHTTP2_ENHANCE_YOUR_CALM ? REFUSED_FLOOD : REFUSED_MALFORMED);
	nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE,
	                      nghttp2_session_get_last_proc_stream_id(c->session), error,
	                      (const uint8_t *)why, strlen(why));
}

/* ---- writing ---- */

/* What the session has to send, up to H2_WRITE_BYTES, into c->out. */
static void collect(struct h2_conn *c)
{
	const uint8_t *p;
	ssize_t n = 0;
	buf_reset(&c->out);
	c->in_session = true;
	while (c->out.n < H2_WRITE_BYTES && (n = nghttp2_session_mem_send(c->session, &p)) > 0)
		buf_add(&c->out, p, (size_t)n);
	c->in_session = false;
	if (n < 0 || c->out.bad)
		link_close(&c->link);
}

/* Writes until the socket is full or nothing is left; closes when that was all. Not from within
 * the session's callbacks: came() does it after them. */
void h2__flush(struct h2_conn *c)
{
	while (!c->writing && !c->in_session && !c->link.closing) {
		collect(c);
		if (c->link.closing)
			return;
		if (!c->out.n)
			break;
		c->part = uv_buf_init((char *)c->out.p, (unsigned)c->out.n);
		enum link_sent sent = link_write(&c->link, &c->part, 1);
		if (sent == LINK_FAILED)
			link_close(&c->link);
		c->writing = sent == LINK_LATER;
	}
	if (c->writing || c->in_session || c->link.closing)
		return;
	bool over = !nghttp2_session_want_read(c->session) && !nghttp2_session_want_write(c->session);
	if (c->doomed || over)
		link_close(&c->link);
}

static void flush_now(void *arg)
{
	struct h2_conn *c = arg;
	c->flush_waits = false;
	h2__flush(c);
}

void h2__flush_soon(struct h2_conn *c)
{
	if (!c->link.loop->in_soon) {
		h2__flush(c);
	} else if (!c->flush_waits) {
		c->flush_waits = true;
		c->flush = (struct net_post){0, flush_now, c};
		net_soon(c->link.loop, &c->flush);
	}
}

static void written(struct link *l, bool good)
{
	struct h2_conn *c = conn_of(l);
	c->writing = false;
	if (good)
		h2__flush(c);
	else
		link_close(l);
}

/* ---- reading ---- */

/* All connections of a loop read into one buffer, as the session takes all at once. */
static void *room(struct link *l, size_t *n)
{
	*n = H2_READ_BYTES;
	return h2__state(conn_of(l))->read;
}

static void came(struct link *l, size_t n)
{
	struct h2_conn *c = conn_of(l);
	c->touched_ms = now_ms(c);
	if (c->doomed)
		return;
	uint32_t blocks = c->header_blocks;
	c->in_session = true;
	ssize_t used = nghttp2_session_mem_recv(c->session, h2__state(c)->read, n);
	c->in_session = false;
	/* header blocks end in their time, however many frames they come in; this one began earlier */
	c->header_bytes = c->in_headers && blocks == c->header_blocks ? c->header_bytes + n : 0;
	if (used == NGHTTP2_ERR_FLOODED) /* its answers pile up unread */
		h2__doom(c, NGHTTP2_ENHANCE_YOUR_CALM, "too many frames that want an answer");
	else if (used < 0)
		h2__doom(c, NGHTTP2_PROTOCOL_ERROR, "the bytes are not HTTP/2");
	else if (c->header_bytes > 2 * H2_READ_BYTES)
		h2__doom(c, NGHTTP2_ENHANCE_YOUR_CALM, "header block too long");
	h2__flush(c);
}

static void ended(struct link *l)
{
	link_close(l);
}

/* One control frame more; false when there were too many. */
static bool spend(struct h2_conn *c)
{
	uint64_t now = now_ms(c), passed = now - c->refilled_ms;
	if (passed >= 1000) {
		c->tokens = LIMIT_H2_CONTROL_FRAMES;
		c->refilled_ms = now;
	}
	if (!c->tokens)
		return false;
	c->tokens--;
	return true;
}

/* As gRPC's servers count: strikes are forgotten with the next frame that we send. */
static void on_ping(struct h2_conn *c, uint64_t now)
{
	const struct grpc_options *o = h2__options(c);
	if (c->last_ping_ms && now - c->last_ping_ms < o->ping_interval_ms)
		c->strikes++;
	c->last_ping_ms = now;
	if (o->max_ping_strikes && c->strikes > o->max_ping_strikes)
		h2__doom(c, NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
}

/* A frame is complete: requests and their ends go to calls; the others cost a token. */
static int on_frame_recv(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
	struct h2_conn *c = user;
	struct grpc_call *k;
	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
		c->in_headers = false;
		k = nghttp2_session_get_stream_user_data(s, f->hd.stream_id);
		if (k && !k->headers_done)
			call__begin(k);
		if (k && f->hd.flags & NGHTTP2_FLAG_END_STREAM)
			call__half_closed(k);
		return 0;
	case NGHTTP2_DATA:
		k = nghttp2_session_get_stream_user_data(s, f->hd.stream_id);
		if (k && f->hd.flags & NGHTTP2_FLAG_END_STREAM)
			call__half_closed(k);
		else if (f->hd.length == 0 && !spend(c))
			h2__doom(c, NGHTTP2_ENHANCE_YOUR_CALM, "too many empty frames");
		return 0;
	case NGHTTP2_PING:
		if (f->hd.flags & NGHTTP2_FLAG_ACK)
			c->pinged_ms = 0;
		else
			on_ping(c, now_ms(c));
		break;
	case NGHTTP2_WINDOW_UPDATE:
		return 0;
	}
	if (!spend(c))
		h2__doom(c, NGHTTP2_ENHANCE_YOUR_CALM, "too many control frames");
	return 0;
}

/* A new stream is a call; other header blocks are trailers, which mean nothing in requests. */
static int on_begin_headers(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
	struct h2_conn *c = user;
	c->in_headers = true;
	c->header_blocks++;
	if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct grpc_call *k = call__new(c, f->hd.stream_id);
	if (!k)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(s, f->hd.stream_id, k);
	return 0;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t n_name,
                     const uint8_t *value, size_t n_value, uint8_t flags, void *user)
{
	struct grpc_call *k = nghttp2_session_get_stream_user_data(s, f->hd.stream_id);
	(void)flags;
	(void)user;
	if (k && !k->headers_done)
		call__header(k, (struct str){(const char *)name, n_name},
		             (struct str){(const char *)value, n_value});
	return 0;
}

/* Bytes of a message. The connection's window is given back at once, the stream's by the call. */
static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *p, size_t n,
                   void *user)
{
	struct grpc_call *k = nghttp2_session_get_stream_user_data(s, stream);
	(void)flags;
	(void)user;
	nghttp2_session_consume_connection(s, n);
	if (!k || !k->headers_done)
		return 0;
	if (!call__data(k, p, n))
		nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
	return 0;
}

static int on_stream_close(nghttp2_session *s, int32_t stream, uint32_t error, void *user)
{
	struct grpc_call *k = nghttp2_session_get_stream_user_data(s, stream);
	(void)user;
	(void)error;
	if (k)
		call__closed(k);
	return 0;
}

/* The session says goodbye by itself: for frames against the protocol, or, as an internal error,
 * for streams that were reset faster than it allows in the long run. */
static void given_up(struct h2_conn *c, uint32_t error)
{
	if (!c->doomed)
		refused(error == NGHTTP2_INTERNAL_ERROR ? REFUSED_FLOOD : REFUSED_MALFORMED);
	c->doomed = true;
}

/* What is sent shows that the peer's pings have a reason. */
static int on_frame_send(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
	struct h2_conn *c = user;
	/* a peer that makes us reset its streams pays for that too */
	bool reset = f->hd.type == NGHTTP2_RST_STREAM && f->rst_stream.error_code != NGHTTP2_NO_ERROR;
	if (reset && !spend(c))
		h2__doom(c, NGHTTP2_ENHANCE_YOUR_CALM, "too many streams had to be reset");
	if (f->hd.type == NGHTTP2_GOAWAY && f->goaway.error_code != NGHTTP2_NO_ERROR)
		given_up(c, f->goaway.error_code);
	if (f->hd.type != NGHTTP2_DATA && f->hd.type != NGHTTP2_HEADERS)
		return 0;
	c->strikes = 0;
	c->last_ping_ms = 0;
	/* answered before the client had said all: what is left need not come */
	struct grpc_call *k = nghttp2_session_get_stream_user_data(s, f->hd.stream_id);
	if (k && !k->half_closed && f->hd.flags & NGHTTP2_FLAG_END_STREAM)
		nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, f->hd.stream_id, NGHTTP2_NO_ERROR);
	return 0;
}

static void on_memory_free(void *p, void *user)
{
	(void)user;
	mem_free(p);
}

static void *on_memory(size_t n, void *user)
{
	(void)user;
	return mem_alloc(n);
}

static void *on_memory_zero(size_t n, size_t size, void *user)
{
	size_t bytes;
	(void)user;
	return mem_mul(n, size, &bytes) ? mem_zero(bytes) : 0;
}

static void *on_memory_resize(void *p, size_t n, void *user)
{
	(void)user;
	return mem_resize(p, n);
}

/* ---- time ---- */

/* No new calls; those in hand end. */
static void say_goodbye(struct h2_conn *c)
{
	if (c->shutting)
		return;
	c->shutting = true;
	/* streams in hand end; nghttp2 wants nothing more once they have */
	nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE,
	                      nghttp2_session_get_last_proc_stream_id(c->session),
	                      NGHTTP2_NO_ERROR, 0, 0);
	h2__flush(c);
}

/* Keep-alive, age, and header blocks that drip in. */
static void tick(struct link *l, uint64_t now)
{
	struct h2_conn *c = conn_of(l);
	const struct grpc_options *o = h2__options(c);
	if (c->pinged_ms && now - c->pinged_ms > o->keepalive_timeout_ms) {
		link_close(l);
		return;
	}
	if (c->grace_ms && now > c->grace_ms) {
		link_close(l);
		return;
	}
	if (!c->shutting && o->max_age_ms && now - c->born_ms > o->max_age_ms) {
		c->grace_ms = o->max_age_grace_ms ? now + o->max_age_grace_ms : 0;
		say_goodbye(c);
		return;
	}
	bool mayping = c->n_calls || o->keepalive_without_calls;
	if (o->keepalive_ms && !c->pinged_ms && mayping && now - c->touched_ms > o->keepalive_ms) {
		c->pinged_ms = now;
		nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, 0);
		h2__flush(c);
	} else if (c->in_headers && now - c->touched_ms > (uint64_t)LIMIT_HTTP_HEAD_SECONDS * 1000) {
		link_close(l);
	}
	if (!c->writing && c->out.cap && now - c->touched_ms > IDLE_MS)
		buf_release(&c->out);
}

/* The client is told that the connection ends, without which calls are on their way and none is
 * refused: it makes new ones elsewhere. */
static void leave(struct link *l)
{
	struct h2_conn *c = conn_of(l);
	if (c->shutting || c->doomed)
		return;
	nghttp2_submit_shutdown_notice(c->session);
	h2__flush(c);
}

static void drain(struct link *l)
{
	say_goodbye(conn_of(l));
}

/* Calls whose messages are with handlers live on without us. */
static void on_closed(struct link *l)
{
	struct h2_conn *c = conn_of(l);
	struct h2_state *s = h2__state(c);
	while (c->calls)
		call__closed(c->calls);
	nghttp2_session_del(c->session);
	c->session = 0;
	buf_release(&c->out);
	c->spare = s->spare_conns;
	s->spare_conns = c;
}

static const struct link_ops h2_ops = {
	.room = room, .came = came, .ended = ended, .written = written, .tick = tick, .drain = drain,
	.stop = ended, .closed = on_closed, .leave = leave,
};

/* ---- the service ---- */

static struct h2_state *state_new(void)
{
	struct h2_state *s = mem_zero(sizeof *s);
	if (!s || nghttp2_session_callbacks_new(&s->callbacks)) {
		mem_free(s);
		return 0;
	}
	if (nghttp2_option_new(&s->option)) {
		nghttp2_session_callbacks_del(s->callbacks);
		mem_free(s);
		return 0;
	}
	nghttp2_option_set_no_auto_window_update(s->option, 1);
	nghttp2_option_set_max_send_header_block_length(s->option, 64 << 10);
	nghttp2_session_callbacks_set_on_frame_recv_callback(s->callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_begin_headers_callback(s->callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(s->callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(s->callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(s->callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(s->callbacks, on_frame_send);
	return s;
}

static struct h2_conn *conn_new(struct h2_state *s)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, LIMIT_H2_STREAMS},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_STREAM},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LIMIT_HTTP_HEAD_BYTES},
	};
	nghttp2_mem memory = {0, on_memory, on_memory_free, on_memory_zero, on_memory_resize};
	struct h2_conn *c = s->spare_conns;
	if (c)
		s->spare_conns = c->spare;
	else
		c = mem_alloc(sizeof *c);
	if (!c)
		return 0;
	memset(c, 0, sizeof *c);
	if (nghttp2_session_server_new3(&c->session, s->callbacks, c, s->option, &memory) ||
	    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
	                            sizeof settings / sizeof *settings) ||
	    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, WINDOW_CONN)) {
		nghttp2_session_del(c->session);
		c->spare = s->spare_conns;
		s->spare_conns = c;
		return 0;
	}
	c->magic = H2_MAGIC;
	c->tokens = LIMIT_H2_CONTROL_FRAMES;
	buf_init(&c->out, 64 << 20);
	return c;
}

/* The loop's state is made with the first connection. */
static bool accept_conn(struct listener *p)
{
	if (!p->state)
		p->state = state_new();
	struct h2_conn *c = p->state ? conn_new(p->state) : 0;
	if (!c)
		return false;
	c->born_ms = c->touched_ms = c->refilled_ms = uv_now(&p->loop->uv);
	link_accept(&c->link, p, &h2_ops);
	h2__flush(c);
	return true;
}

static void release(struct listener *p)
{
	struct h2_state *s = p->state;
	CHECK(!p->links);
	if (!s)
		return;
	while (s->spare_conns) {
		struct h2_conn *c = s->spare_conns;
		s->spare_conns = c->spare;
		mem_free(c);
	}
	call__free_spare(s);
	nghttp2_session_callbacks_del(s->callbacks);
	nghttp2_option_del(s->option);
	mem_free(s);
}

struct status grpc_listen(struct net *n, const struct net_address *at,
                          const struct grpc_options *o)
{
	struct grpc_options *copy = mem_zero(sizeof *copy);
	if (!copy)
		return FAIL(NO_MEMORY, "no memory for the %s service", at->name);
	*copy = *o;
	return net__serve(n, &(struct service){.at = *at, .accept = accept_conn, .release = release,
	                                       .alarm = call__expire, .alpn = "h2", .options = copy});
}
