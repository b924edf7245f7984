/* TLS on a link: what the protocol reads and writes is plaintext, what the socket sees is not.
 *
 * Ciphertext is read into a buffer of the loop, fed to struct tls, and its plaintext goes straight
 * into the protocol's room, as it would from a socket. What the protocol writes is encrypted in
 * steps, each after the socket has taken the one before, so a large reply costs no memory of its
 * size. What TLS itself has to say (handshake, alerts) goes out the same way, between the
 * protocol's bytes. Plaintext that waits because the protocol stopped reading is delivered by a
 * post once it reads again, never from within its own call. Owned by the loop's thread.
 */
#include "net/link_tls.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"
#include "base/refused.h"

enum { READ_BYTES = 32 << 10, OUT_BYTES = 64 << 10, PLAIN_BYTES = 56 << 10, FAREWELL_BYTES = 512,
	PENDING_BYTES = 4 * OUT_BYTES, TRIM_MS = 1000 };

struct link_tls {
	struct tls *tls;
	uint64_t born_ms, touched_ms;        /* loop time */
	uint8_t *out;                        /* OUT_BYTES, or NULL while idle; owned */
	uv_buf_t *parts;                     /* of link_write: what is not encrypted yet */
	unsigned n;
	bool later;                          /* link_write gave LINK_LATER */
	bool writing;                        /* uv has `out` */
	bool trimmed;
	bool posted, gone;                   /* gone: closed, but for the post */
	struct net_post post;
};

static uint64_t now_ms(const struct link *l)
{
	return uv_now(&l->loop->uv);
}

static void on_post(void *arg);

bool link__tls_begin(struct link *l)
{
	struct link_tls *k = mem_zero(sizeof *k);
	struct status st = k ? tls_new(l->listener->service->tls, &k->tls)
		: FAIL(NO_MEMORY, "no memory for a TLS connection");
	if (!st.code && !l->loop->tls_read)
		l->loop->tls_read = mem_alloc(READ_BYTES);
	if (st.code || !l->loop->tls_read) {
		if (k)
			tls_free(k->tls);
		mem_free(k);
		return false;
	}
	k->born_ms = k->touched_ms = now_ms(l);
	k->post = (struct net_post){0, on_post, l};
	l->tls = k;
	return true;
}

void *link__tls_room(struct link *l, size_t *n)
{
	*n = READ_BYTES;
	return l->loop->tls_read;
}

/* ---- writing ---- */

static void on_written(uv_write_t *w, int status);

/* Up to PLAIN_BYTES of parts. False: it failed. */
static bool encrypt(struct link_tls *k)
{
	size_t left = PLAIN_BYTES;
	while (k->n && left) {
		size_t n = k->parts->len < left ? k->parts->len : left;
		struct status st = tls_write(k->tls, (struct span){(uint8_t *)k->parts->base, n});
		if (st.code)
			return false;
		k->parts->base += n;
		k->parts->len -= n;
		left -= n;
		if (!k->parts->len) {
			k->parts++;
			k->n--;
		}
	}
	return true;
}

/* Writes what TLS has pending until the socket is full. */
static enum link_sent flush(struct link *l)
{
	struct link_tls *k = l->tls;
	size_t n;
	if (!k->out && tls_pending(k->tls))
		k->out = mem_alloc(OUT_BYTES);
	if (!k->out && tls_pending(k->tls))
		return LINK_FAILED;
	while ((n = tls_take(k->tls, k->out, OUT_BYTES)) > 0) {
		uv_buf_t b = uv_buf_init((char *)k->out, (unsigned)n);
		int sent = uv_try_write(&l->stream, &b, 1);
		if (sent < 0 && sent != UV_EAGAIN)
			return LINK_FAILED;
		if (sent == (int)n)
			continue;
		b.base += sent > 0 ? sent : 0;
		b.len -= sent > 0 ? (size_t)sent : 0;
		l->write.data = l;
		if (uv_write(&l->write, &l->stream, &b, 1, on_written))
			return LINK_FAILED;
		k->writing = true;
		return LINK_LATER;
	}
	return LINK_ALL;
}

/* Goes on with all there is to write. LINK_LATER: the socket is full, or hands are not shaken. */
static enum link_sent pump(struct link *l)
{
	struct link_tls *k = l->tls;
	k->trimmed = false;
	k->touched_ms = now_ms(l);
	while (!k->writing) {
		enum link_sent sent = flush(l);
		if (sent != LINK_ALL)
			return sent;
		if (!k->n)
			return LINK_ALL;
		if (tls_state(k->tls) == TLS_HANDSHAKING)
			return LINK_LATER;
		if (!encrypt(k))
			return LINK_FAILED;
	}
	return LINK_LATER;
}

/* Tells the protocol what came of it, where it waits for that. */
static void settle(struct link *l, enum link_sent sent)
{
	struct link_tls *k = l->tls;
	if (sent == LINK_LATER || l->closing)
		return;
	if (k->later) {
		k->later = false;
		k->n = 0;
		l->ops->written(l, sent == LINK_ALL);
	} else if (sent == LINK_FAILED) {
		l->ops->ended(l);
	}
}

static void on_written(uv_write_t *w, int status)
{
	struct link *l = w->data;
	CHECK_MAGIC(l, LINK_MAGIC);
	l->tls->writing = false;
	if (!l->closing)
		settle(l, status ? LINK_FAILED : pump(l));
}

enum link_sent link__tls_write(struct link *l, uv_buf_t *parts, unsigned n)
{
	struct link_tls *k = l->tls;
	CHECK(!k->later);
	k->parts = parts;
	k->n = n;
	enum link_sent sent = pump(l);
	k->later = sent == LINK_LATER;
	if (!k->later)
		k->n = 0;
	return sent;
}

void link__tls_try(struct link *l, const char *p, size_t n)
{
	struct link_tls *k = l->tls;
	if (k->writing || k->n || tls_state(k->tls) != TLS_OPEN)
		return;
	struct status st = tls_write(k->tls, (struct span){(const uint8_t *)p, n});
	if (!st.code && pump(l) == LINK_FAILED)
		LOG_V(1, "a TLS connection broke");
}

size_t link__tls_unsent(const struct link *l)
{
	const struct link_tls *k = l->tls;
	size_t n = tls_pending(k->tls);
	for (unsigned i = 0; i < k->n; i++)
		n += k->parts[i].len;
	return n;
}

void link__tls_farewell(struct link *l)
{
	struct link_tls *k = l->tls;
	uint8_t bytes[FAREWELL_BYTES];
	if (k->writing || k->n)
		return; /* cut off in the middle, and so it should look */
	tls_close_notify(k->tls);
	uv_buf_t b = uv_buf_init((char *)bytes, (unsigned)tls_take(k->tls, bytes, sizeof bytes));
	if (b.len)
		uv_try_write(&l->stream, &b, 1);
}

/* ---- reading ---- */

/* Plaintext to the protocol for as long as it wants any; then what TLS answers. */
static void deliver(struct link *l)
{
	struct link_tls *k = l->tls;
	while (!l->closing && l->reading && tls_state(k->tls) == TLS_OPEN && tls_unread(k->tls)) {
		size_t n = 0;
		void *p = l->ops->room(l, &n);
		if (!p || !n) {
			l->ops->ended(l);
			return;
		}
		n = tls_read(k->tls, p, n);
		if (!n)
			break;
		l->ops->came(l, n);
	}
	if (l->closing)
		return;
	settle(l, pump(l));
	/* what TLS answers by itself, as to updates of keys, to a peer that does not read it */
	bool flood = tls_pending(k->tls) > PENDING_BYTES;
	if (flood)
		LOG_V(1, "a peer of a TLS connection asks much and reads nothing");
	if (flood)
		refused(REFUSED_FLOOD);
	if (tls_state(k->tls) == TLS_FAILED) {
		LOG_V(1, "%s", tls_error(k->tls));
		refused(REFUSED_TLS);
	}
	if (!l->closing && (flood || tls_state(k->tls) == TLS_FAILED ||
	                    tls_state(k->tls) == TLS_CLOSED))
		l->ops->ended(l);
}

void link__tls_came(struct link *l, size_t n)
{
	struct link_tls *k = l->tls;
	struct status st = tls_feed(k->tls, (struct span){l->loop->tls_read, n});
	if (st.code && tls_state(k->tls) != TLS_FAILED) {
		LOG_V(1, "%s", st.msg);
		refused(REFUSED_TLS);
		l->ops->ended(l);
		return;
	}
	deliver(l);
}

void link__tls_ended(struct link *l)
{
	tls_end(l->tls->tls);
	if (*tls_error(l->tls->tls))
		LOG_V(1, "%s", tls_error(l->tls->tls));
	l->ops->ended(l);
}

void link__tls_resume(struct link *l)
{
	struct link_tls *k = l->tls;
	if (k->posted || !tls_unread(k->tls))
		return;
	k->posted = true;
	net_post(l->loop, &k->post);
}

static void on_post(void *arg)
{
	struct link *l = arg;
	CHECK_MAGIC(l, LINK_MAGIC);
	l->tls->posted = false;
	if (l->tls->gone)
		link__closed(l);
	else if (!l->closing && l->reading)
		deliver(l);
}

/* ---- life ---- */

void link__tls_tick(struct link *l, uint64_t now)
{
	struct link_tls *k = l->tls;
	bool shaking = tls_state(k->tls) == TLS_HANDSHAKING;
	if (shaking && now - k->born_ms > (uint64_t)LIMIT_TLS_SECONDS * 1000) {
		refused(REFUSED_TLS);
		LOG_V(1, "a TLS handshake took over %d seconds", LIMIT_TLS_SECONDS);
		l->ops->ended(l);
	} else if (!k->trimmed && !k->writing && !k->n && now - k->touched_ms > TRIM_MS) {
		mem_free(k->out);
		k->out = 0;
		tls_trim(k->tls);
		k->trimmed = true;
	}
}

bool link__tls_release(struct link *l)
{
	struct link_tls *k = l->tls;
	k->gone = true;
	if (k->posted)
		return false;
	tls_free(k->tls);
	mem_free(k->out);
	mem_free(k);
	l->tls = 0;
	return true;
}
