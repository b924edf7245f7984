/* Calls of gRPC: headers, messages in, answers out, deadlines.
 *
 * A call belongs to a stream of its connection until that closes, and lives on while handlers have
 * messages of it. The bytes of a message are collected so that its end is aligned. Answers are
 * parts that lie in the message's arena; nghttp2 asks for their bytes when flow control lets them
 * leave, always for the first message of the call, so the order is kept. A streaming call that
 * has too many messages unanswered gets no more window. Calls with a deadline are in a list of
 * their loop, which an alarm goes through. Owned by the loop's thread, but for `cancelled`.
 */
#include "net/h2_priv.h"

#include "base/mem.h"
#include "base/panic.h"
#include "base/refused.h"
#include "codec/gzip.h"

#include <stdio.h>

#define CALL_ARENA_BYTES ((size_t)256 << 10)
#define MESSAGE_ARENA_BYTES ((size_t)1 << 32)

#define NV(name, value) {(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), \
	sizeof(name) - 1, sizeof(value) - 1, \
	NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE}

static void unlink_timed(struct h2_state *s, struct grpc_call *k);

/* ---- memory ---- */

/* From the spare ones, or new; empty, in state READING. NULL: no memory. */
static struct message *message_new(struct grpc_call *k)
{
	struct h2_state *s = h2__state(k->conn);
	struct message *m = s->spare_messages;
	if (m) {
		s->spare_messages = m->next;
	} else {
		m = mem_zero(sizeof *m);
		if (!m)
			return 0;
		m->magic = MESSAGE_MAGIC;
		arena_init(&m->public.arena, MESSAGE_ARENA_BYTES);
	}
	m->state = MESSAGE_READING;
	m->next = 0;
	m->n_parts = m->part = 0;
	m->at = 0;
	m->failed = m->compressed = m->packed = m->dropped = false;
	m->public.bytes = 0;
	m->public.call = k;
	m->public.loop = k->conn->link.loop;
	m->public.thread = m->public.loop->index;
	m->public.user = 0;
	atomic_store_explicit(&m->public.cancelled, false, memory_order_relaxed);
	return m;
}

/* Keeps it for the next one, but not memory of rare size. */
static void message_free(struct h2_state *s, struct message *m)
{
	arena_reset(&m->public.arena);
	if (m->cap > MESSAGE_KEEP_BYTES) {
		mem_free(m->memory);
		m->memory = 0;
		m->cap = 0;
	}
	m->next = s->spare_messages;
	s->spare_messages = m;
}

/* Memory for n bytes that end before a multiple of MESSAGE_ALIGN. */
static bool message_room(struct message *m, size_t n)
{
	size_t need = (n + 2 * MESSAGE_ALIGN - 1) & ~(size_t)(MESSAGE_ALIGN - 1);
	if (need > m->cap) {
		mem_free(m->memory);
		m->memory = mem_aligned(MESSAGE_ALIGN, need);
		m->cap = m->memory ? need : 0;
		if (!m->memory)
			return false;
	}
	m->public.data = (uint8_t *)m->memory + (-n & (MESSAGE_ALIGN - 1));
	m->public.bytes = n;
	return true;
}

/* Headers are not cleared: n_headers says how many there are. */
struct grpc_call *call__new(struct h2_conn *c, int32_t stream)
{
	struct h2_state *s = h2__state(c);
	struct grpc_call *k = s->spare_calls;
	if (k) {
		struct arena arena = k->arena;
		s->spare_calls = k->next;
		memset(k, 0, offsetof(struct grpc_call, headers));
		memset((char *)k + offsetof(struct grpc_call, n_headers), 0,
		       sizeof *k - offsetof(struct grpc_call, n_headers));
		k->arena = arena;
	} else {
		k = mem_zero(sizeof *k);
		if (!k)
			return 0;
		arena_init(&k->arena, CALL_ARENA_BYTES);
	}
	k->magic = CALL_MAGIC;
	k->conn = c;
	k->stream = stream;
	k->last = &k->first;
	k->next = c->calls;
	if (c->calls)
		c->calls->prev = k;
	c->calls = k;
	c->n_calls++;
	return k;
}

/* Once the stream is gone and no handler has a message. */
static void free_if_done(struct h2_state *s, struct grpc_call *k)
{
	CHECK_MAGIC(k, CALL_MAGIC);
	if (k->conn || k->n_waiting)
		return;
	CHECK(!k->first && !k->reading);
	arena_reset(&k->arena);
	k->magic = 0;
	k->next = s->spare_calls;
	s->spare_calls = k;
}

void call__free_spare(struct h2_state *s)
{
	while (s->spare_calls) {
		struct grpc_call *k = s->spare_calls;
		s->spare_calls = k->next;
		arena_release(&k->arena);
		mem_free(k);
	}
	while (s->spare_messages) {
		struct message *m = s->spare_messages;
		s->spare_messages = m->next;
		arena_release(&m->public.arena);
		mem_free(m->memory);
		mem_free(m);
	}
}

/* ---- sending ---- */

/* The bytes of the first answer; the end of the call once nothing is left of it. */
static ssize_t source(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room,
                      uint32_t *flags, nghttp2_data_source *from, void *user)
{
	struct grpc_call *k = from->ptr;
	struct h2_conn *c = user;
	size_t n = 0;
	CHECK_MAGIC(k, CALL_MAGIC);
	while (n < room && k->first && k->first->state == MESSAGE_ANSWERED) {
		struct message *m = k->first;
		struct span part = m->parts[m->part];
		size_t take = part.n - m->at < room - n ? part.n - m->at : room - n;
		memcpy(to + n, part.p + m->at, take);
		n += take;
		m->at += take;
		if (m->at < part.n)
			continue;
		m->at = 0;
		if (++m->part < m->n_parts)
			continue;
		k->first = m->next;
		if (!k->first)
			k->last = &k->first;
		message_free(h2__state(c), m);
	}
	if (k->ended && !k->first) {
		char code[4];
		int digits = snprintf(code, sizeof code, "%d", (int)k->code);
		nghttp2_nv trailers[2] = {
			{(uint8_t *)(uintptr_t)"grpc-status", (uint8_t *)code, 11, (size_t)digits,
			 NGHTTP2_NV_FLAG_NO_COPY_NAME},
			{(uint8_t *)(uintptr_t)"grpc-message", (uint8_t *)k->text, 12, k->n_text,
			 NGHTTP2_NV_FLAG_NO_COPY_NAME},
		};
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(session, stream, trailers, k->n_text ? 2 : 1);
		return (ssize_t)n;
	}
	if (n)
		return (ssize_t)n;
	k->deferred = true;
	return NGHTTP2_ERR_DEFERRED;
}

/* Lets the call's answers leave: opens the response, or wakes it. */
static void push(struct grpc_call *k)
{
	static const nghttp2_nv head[] = {
		NV(":status", "200"), NV("content-type", "application/grpc"),
		NV("grpc-accept-encoding", "identity,deflate,gzip"), NV("grpc-encoding", "gzip"),
	};
	struct h2_conn *c = k->conn;
	if (!k->responded && (k->first || !k->ended)) {
		nghttp2_data_provider from = {{.ptr = k}, source};
		k->responded = true;
		nghttp2_submit_response(c->session, k->stream, head, k->packs ? 4 : 3, &from);
	} else if (!k->responded) { /* a status alone: trailers only */
		char code[4];
		int digits = snprintf(code, sizeof code, "%d", (int)k->code);
		nghttp2_nv all[] = {
			head[0], head[1],
			{(uint8_t *)(uintptr_t)"grpc-status", (uint8_t *)code, 11, (size_t)digits,
			 NGHTTP2_NV_FLAG_NO_COPY_NAME},
			{(uint8_t *)(uintptr_t)"grpc-message", (uint8_t *)k->text, 12, k->n_text,
			 NGHTTP2_NV_FLAG_NO_COPY_NAME},
		};
		k->responded = true;
		nghttp2_submit_response(c->session, k->stream, all, k->n_text ? 4 : 3, 0);
	} else if (k->deferred) {
		k->deferred = false;
		nghttp2_session_resume_data(c->session, k->stream);
	}
	if (!c->in_session)
		h2__flush_soon(c);
}

/* The call's status is known; messages that have no answer yet are dropped as they come back. */
static void end_call(struct grpc_call *k, enum grpc_code code, struct str text)
{
	if (k->ended)
		return;
	k->ended = true;
	k->code = code;
	k->n_text = grpc_message_escape(text, k->text, sizeof k->text);
	unlink_timed(h2__state(k->conn), k);
}

/* Drops the messages from m on: those with the handler are cancelled and come back later. */
static void drop_from(struct grpc_call *k, struct message *m)
{
	struct message **at = &k->first;
	while (*at && *at != m)
		at = &(*at)->next;
	*at = 0;
	k->last = at;
	while (m) {
		struct message *next = m->next;
		m->next = 0;
		m->dropped = true;
		if (m->state == MESSAGE_HANDLING)
			atomic_store(&m->public.cancelled, true);
		else
			message_free(h2__state(k->conn), m);
		m = next;
	}
}

/* A failure counts once it is the first: what came before it was answered. */
static void settle(struct grpc_call *k)
{
	struct message *m = k->first;
	while (m && m->state == MESSAGE_ANSWERED && !m->failed)
		m = m->next;
	if (m && m->state == MESSAGE_ANSWERED) {
		end_call(k, m->code, str_from(m->text));
		drop_from(k, m);
	} else if (!m && k->half_closed && k->streams) {
		end_call(k, GRPC_OK, STR_NONE);
	}
}

/* m comes back from the handler. Whether its call can still be answered. */
static bool take_back(struct message *m)
{
	struct grpc_call *k = m->public.call;
	CHECK_MAGIC(m, MESSAGE_MAGIC);
	CHECK_MAGIC(k, CALL_MAGIC);
	CHECK(m->state == MESSAGE_HANDLING && k->n_waiting > 0);
	k->n_waiting--;
	CHECK(k->conn || m->dropped);
	return !m->dropped;
}

static struct h2_state *state_of(const struct message *m, const struct service *s)
{
	return m->public.loop->listeners[s - s->net->services].state;
}

/* m was answered, but nobody takes the answer. */
static void give_up(struct message *m)
{
	struct grpc_call *k = m->public.call;
	struct h2_state *s = state_of(m, k->service);
	struct net_loop *l = m->public.loop;
	message_free(s, m);
	free_if_done(s, k);
	loop__busy(l, false);
}

/* Gives window back that was held while too many messages waited. */
static void consume_more(struct grpc_call *k)
{
	if (!k->unconsumed || k->n_waiting >= LIMIT_GRPC_PENDING / 2)
		return;
	nghttp2_session_consume_stream(k->conn->session, k->stream, k->unconsumed);
	k->unconsumed = 0;
}

/* What is longer packed than plain, or cannot be packed, goes as it is. */
void grpc_reply_packed(struct grpc_message *public, const struct span *parts, uint32_t n)
{
	struct message *m = (struct message *)public;
	struct grpc_call *k = public->call;
	struct buf b;
	struct span whole = {0};
	size_t bytes = 0;
	if (!k->packs) {
		grpc_reply(public, parts, n);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		bytes += parts[i].n;
	buf_init(&b, bytes);
	struct status st = gzip_pack(parts, n, GZIP_GZIP, &public->arena, &b);
	struct str copy = st.code ? STR_NONE : arena_str(&public->arena, buf_text(&b));
	buf_release(&b);
	whole = (struct span){(const uint8_t *)copy.p, copy.n};
	m->packed = copy.p != 0;
	grpc_reply(public, m->packed ? &whole : parts, m->packed ? 1 : n);
}

/* The answer to a unary call is its end too. */
void grpc_reply(struct grpc_message *public, const struct span *parts, uint32_t n)
{
	struct message *m = (struct message *)public;
	struct grpc_call *k = public->call;
	struct net_loop *l = public->loop;
	uint64_t bytes = 0;
	CHECK(n <= GRPC_PARTS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		m->parts[i + 1] = parts[i];
		bytes += parts[i].n;
	}
	if (bytes > (uint64_t)LIMIT_GRPC_MESSAGE_MIB << 20) {
		grpc_fail(public, GRPC_RESOURCE_EXHAUSTED, "the answer is over the limit of a message");
		return;
	}
	if (!take_back(m)) {
		give_up(m);
		return;
	}
	grpc_prefix_write(m->prefix, (struct grpc_prefix){m->packed, (uint32_t)bytes});
	m->parts[0] = (struct span){m->prefix, GRPC_PREFIX};
	m->n_parts = n + 1;
	m->state = MESSAGE_ANSWERED;
	loop__busy(l, false);
	if (!k->streams)
		end_call(k, GRPC_OK, STR_NONE);
	settle(k);
	consume_more(k);
	push(k);
}

void grpc_fail(struct grpc_message *public, enum grpc_code code, const char *text)
{
	struct message *m = (struct message *)public;
	struct grpc_call *k = public->call;
	struct net_loop *l = public->loop;
	if (!take_back(m)) {
		give_up(m);
		return;
	}
	m->state = MESSAGE_ANSWERED;
	m->failed = true;
	m->code = code;
	m->text = arena_text(&public->arena, str_from(text));
	loop__busy(l, false);
	settle(k);
	if (k->ended)
		push(k);
}

/* ---- receiving ---- */

/* An answer of net's own; what the handlers have is cancelled. */
static void refuse(struct grpc_call *k, enum grpc_code code, const char *text)
{
	if (k->ended || !k->conn)
		return;
	refused(code == GRPC_RESOURCE_EXHAUSTED ? REFUSED_BODY : code == GRPC_DEADLINE_EXCEEDED
	        ? REFUSED_DEADLINE : REFUSED_MALFORMED);
	drop_from(k, k->first);
	end_call(k, code, str_from(text));
	push(k);
}

/* Only what calls need of the pseudo-headers is kept; metadata is kept whole, within limits. */
void call__header(struct grpc_call *k, struct str name, struct str value)
{
	k->header_bytes += name.n + value.n + 32;
	if (k->header_bytes > LIMIT_HTTP_HEAD_BYTES || k->n_headers == LIMIT_HTTP_HEADERS) {
		k->bad = 431;
		return;
	}
	struct http1_header h = {arena_str(&k->arena, name), arena_str(&k->arena, value)};
	if ((name.n && !h.name.p) || (value.n && !h.value.p)) {
		k->bad = 503;
		return;
	}
	uint64_t ns;
	if (str_is(name, ":path")) {
		k->path = h.value;
	} else if (str_is(name, ":method")) {
		k->bad = str_is(value, "POST") || k->bad ? k->bad : 405;
	} else if (str_is(name, "content-type")) {
		k->is_grpc = str_starts(value, STR("application/grpc"));
	} else if (str_is(name, "grpc-encoding")) {
		k->encoding = h.value;
	} else if (str_is(name, "grpc-accept-encoding")) {
		k->takes_gzip = value.n >= 4 && memmem(value.p, value.n, "gzip", 4);
	} else if (str_is(name, "grpc-timeout") && grpc_timeout(value, &ns)) {
		uint64_t ms = ns / 1000000 + 1, now = uv_now(&k->conn->link.loop->uv);
		k->deadline_ms = ms > UINT32_MAX ? 0 : now + ms;
	} else if (name.n && name.p[0] != ':') {
		k->headers[k->n_headers++] = h;
	}
}

/* What is no gRPC gets a status of HTTP, as the protocol wants it. */
static void answer_http(struct grpc_call *k, int code)
{
	char text[4];
	snprintf(text, sizeof text, "%d", code);
	nghttp2_nv status = {(uint8_t *)(uintptr_t)":status", (uint8_t *)text, 7, 3,
	                     NGHTTP2_NV_FLAG_NO_COPY_NAME};
	refused(code == 431 ? REFUSED_HEAD : code == 503 ? REFUSED_MEMORY : REFUSED_MALFORMED);
	k->responded = k->ended = true;
	nghttp2_submit_response(k->conn->session, k->stream, &status, 1, 0);
}

/* Into the list that the alarm goes through. */
static void link_timed(struct grpc_call *k)
{
	struct h2_state *s = h2__state(k->conn);
	k->timed_next = s->timed;
	if (s->timed)
		s->timed->timed_prev = k;
	s->timed = k;
	k->is_timed = true;
	loop__alarm(k->conn->link.loop, k->deadline_ms);
}

static void unlink_timed(struct h2_state *s, struct grpc_call *k)
{
	if (!k->is_timed)
		return;
	*(k->timed_prev ? &k->timed_prev->timed_next : &s->timed) = k->timed_next;
	if (k->timed_next)
		k->timed_next->timed_prev = k->timed_prev;
	k->timed_prev = k->timed_next = 0;
	k->is_timed = false;
}

void call__begin(struct grpc_call *k)
{
	const struct grpc_options *o = h2__options(k->conn);
	k->headers_done = true;
	k->service = k->conn->link.listener->service;
	if (k->bad || !k->is_grpc) {
		answer_http(k, k->bad ? k->bad : 415);
		return;
	}
	k->streams = o->streams && o->streams(o->ctx, k->path);
	k->packs = o->pack && k->takes_gzip;
	if (k->encoding.n && !str_is(k->encoding, "identity") && !str_is(k->encoding, "gzip") &&
	    !str_is(k->encoding, "deflate"))
		refuse(k, GRPC_UNIMPLEMENTED, "the compression of this call is none of gzip and deflate");
	else if (k->deadline_ms)
		link_timed(k);
}

/* Replaces m's bytes by what they were before the client compressed them. */
static struct status unpack(struct message *m, struct str encoding)
{
	struct status st = STATUS_GOOD;
	struct buf b;
	const size_t limit = (size_t)LIMIT_UNPACKED_MIB << 20;
	buf_init(&b, limit);
	struct span packed = {m->public.data, m->public.bytes};
	if (!str_is(encoding, "gzip") && !str_is(encoding, "deflate"))
		GO(FAIL(INTERNAL, "the message is compressed, but its call names no compression"));
	GO(gzip_unpack_any(packed, limit, &m->public.arena, &b));
	if (!message_room(m, b.n))
		GO(FAIL(NO_MEMORY, "no memory for the message"));
	memcpy(m->public.data, b.p, b.n);
out:
	buf_release(&b);
	return st;
}

/* The message in hand is whole: to the handler with it. */
static void dispatch(struct grpc_call *k)
{
	struct message *m = k->reading;
	const struct grpc_options *o = h2__options(k->conn);
	k->reading = 0;
	k->n_prefix = 0;
	k->n_seen++;
	if (!k->streams && k->n_seen > 1) {
		message_free(h2__state(k->conn), m);
		refuse(k, GRPC_INTERNAL, "a unary call has one message");
		return;
	}
	struct status st = m->compressed ? unpack(m, k->encoding) : STATUS_GOOD;
	if (st.code) {
		message_free(h2__state(k->conn), m);
		refuse(k, grpc_code(st.code), st.msg);
		return;
	}
	m->state = MESSAGE_HANDLING;
	*k->last = m;
	k->last = &m->next;
	k->n_waiting++;
	loop__busy(m->public.loop, true);
	o->handler(o->ctx, &m->public);
}

/* The prefix is there: memory for what follows. */
/* An empty message is whole with its prefix. */
static bool begin_message(struct grpc_call *k)
{
	struct grpc_prefix x;
	if (!grpc_prefix_read(k->prefix, &x)) {
		refuse(k, GRPC_INTERNAL, "a message begins with a byte that is neither 0 nor 1");
		return false;
	}
	if (x.bytes > (uint64_t)LIMIT_GRPC_MESSAGE_MIB << 20) {
		refuse(k, GRPC_RESOURCE_EXHAUSTED, "the message is over the server's limit");
		return false;
	}
	k->reading = message_new(k);
	if (!k->reading || !message_room(k->reading, x.bytes)) {
		if (k->reading)
			message_free(h2__state(k->conn), k->reading);
		k->reading = 0;
		refuse(k, GRPC_RESOURCE_EXHAUSTED, "no memory for the message");
		return false;
	}
	k->reading->compressed = x.compressed;
	k->got = 0;
	return true;
}

/* Prefix and message bytes in turn, as they come. What comes after the call's end is dropped. */
bool call__data(struct grpc_call *k, const uint8_t *p, size_t n)
{
	size_t all = n;
	while (n && !k->ended) {
		if (!k->reading) {
			size_t want = GRPC_PREFIX - k->n_prefix, take = n < want ? n : want;
			memcpy(k->prefix + k->n_prefix, p, take);
			k->n_prefix += (uint32_t)take;
			p += take;
			n -= take;
			if (k->n_prefix < GRPC_PREFIX || !begin_message(k))
				continue;
		} else {
			size_t left = k->reading->public.bytes - k->got, take = n < left ? n : left;
			memcpy(k->reading->public.data + k->got, p, take);
			k->got += take;
			p += take;
			n -= take;
		}
		if (k->reading && k->got == k->reading->public.bytes)
			dispatch(k);
	}
	if (!k->conn)
		return true;
	k->unconsumed += all;
	if (k->n_waiting < LIMIT_GRPC_PENDING) {
		nghttp2_session_consume_stream(k->conn->session, k->stream, k->unconsumed);
		k->unconsumed = 0;
	}
	return true;
}

void call__half_closed(struct grpc_call *k)
{
	k->half_closed = true;
	if (k->ended || !k->conn)
		return;
	if (k->reading || k->n_prefix)
		refuse(k, GRPC_INTERNAL, "the stream ended in the middle of a message");
	else if (!k->streams && !k->n_seen)
		refuse(k, GRPC_INTERNAL, "a unary call has one message, and none came");
	settle(k);
	if (k->ended && !k->first)
		push(k);
}

/* What handlers have is cancelled and comes back to give_up. */
void call__closed(struct grpc_call *k)
{
	struct h2_conn *c = k->conn;
	struct h2_state *s = h2__state(c);
	CHECK_MAGIC(k, CALL_MAGIC);
	unlink_timed(s, k);
	if (k->reading)
		message_free(s, k->reading);
	k->reading = 0;
	drop_from(k, k->first);
	*(k->prev ? &k->prev->next : &c->calls) = k->next;
	if (k->next)
		k->next->prev = k->prev;
	c->n_calls--;
	k->conn = 0;
	free_if_done(s, k);
}

/* Through all calls with a deadline; their number is bounded by connections and streams. */
uint64_t call__expire(struct listener *p, uint64_t now)
{
	struct h2_state *s = p->state;
	uint64_t first = 0;
	for (struct grpc_call *k = s ? s->timed : 0, *next; k; k = next) {
		next = k->timed_next;
		if (k->deadline_ms > now)
			first = first && first < k->deadline_ms ? first : k->deadline_ms;
		else
			refuse(k, GRPC_DEADLINE_EXCEEDED, "Deadline Exceeded");
	}
	return first;
}

struct str grpc_path(const struct grpc_message *m)
{
	return m->call->path;
}

const struct http1_header *grpc_metadata(const struct grpc_message *m, uint32_t *n)
{
	*n = m->call->n_headers;
	return m->call->headers;
}
