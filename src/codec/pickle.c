/* The machine of the pickle reader: a stack of values, a stack of marks, and a memo.
 *
 * Opcodes fall into three groups, each with its function: plain values, containers, and names,
 * calls and the memo. Whatever is not among them is refused. Every opcode makes at most one
 * value beyond what it takes from the stack, so memory is a small multiple of the pickle's
 * length. The memo is dense, as every writer makes it. Containers that hold themselves are
 * harmless: nothing here walks down. Pure; memory is the caller's arena.
 */
#include "base/limits.h"
#include "base/panic.h"
#include "codec/pickle_priv.h"

#include <inttypes.h>

struct machine {
	const uint8_t *begin, *p, *end;
	struct arena *a;
	pickle_storage_fn *storage;
	void *ctx;
	struct pickle *stack, *memo;
	uint32_t n, cap, memo_n, memo_cap;
	uint32_t marks[LIMIT_PICKLE_DEPTH], n_marks;
	bool known, done;
};

static struct status push(struct machine *m, struct pickle v)
{
	if (!ARENA_GROW(m->a, m->stack, m->n, m->cap, LIMIT_PICKLE_STACK))
		return FAIL(LIMIT, "over %u values are on its stack, or memory ran out", m->n);
	m->stack[m->n++] = v;
	return STATUS_GOOD;
}

/* Values above the last mark. */
static uint32_t above(const struct machine *m)
{
	return m->n - (m->n_marks ? m->marks[m->n_marks - 1] : 0);
}

static struct status need(const struct machine *m, uint32_t n)
{
	return above(m) >= n ? STATUS_GOOD : FAIL(CORRUPT, "its stack is too short for this");
}

/* n bytes of the pickle. */
static struct status take(struct machine *m, uint64_t n, const uint8_t **p)
{
	if (n > (uint64_t)(m->end - m->p))
		return FAIL(CORRUPT, "it ends inside a value");
	*p = m->p;
	m->p += n;
	return STATUS_GOOD;
}

/* A little-endian number of n <= 8 bytes, unsigned. */
static struct status take_number(struct machine *m, uint32_t n, uint64_t *out)
{
	const uint8_t *p;
	TRY(take(m, n, &p));
	*out = 0;
	for (uint32_t i = 0; i < n; i++)
		*out |= (uint64_t)p[i] << 8 * i;
	return STATUS_GOOD;
}

static struct status take_int(struct machine *m, uint64_t n, bool sign)
{
	uint64_t v;
	if (n > 8)
		return FAIL(UNSUPPORTED, "it holds a whole number of %" PRIu64 " bytes; 8 are read", n);
	TRY(take_number(m, (uint32_t)n, &v));
	if (sign && n && n < 8 && v >> (8 * n - 1))
		v |= UINT64_MAX << 8 * n;
	return push(m, (struct pickle){.kind = PICKLE_INT, .i = (int64_t)v});
}

/* Text whose length takes `wide` bytes. */
static struct status take_text(struct machine *m, uint32_t wide)
{
	const uint8_t *p;
	uint64_t n;
	TRY(take_number(m, wide, &n));
	TRY(take(m, n, &p));
	return push(m, (struct pickle){.kind = PICKLE_STR, .s = {(const char *)p, (size_t)n}});
}

static struct status take_float(struct machine *m)
{
	const uint8_t *p;
	uint64_t bits = 0;
	struct pickle v = {.kind = PICKLE_FLOAT};
	TRY(take(m, 8, &p));
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | p[i];
	memcpy(&v.f, &bits, sizeof v.f);
	return push(m, v);
}

static struct status plain(struct machine *m, uint8_t op)
{
	uint64_t n;
	switch (op) {
	case 'N':
		return push(m, (struct pickle){.kind = PICKLE_NONE});
	case 0x88:
	case 0x89:
		return push(m, (struct pickle){.kind = PICKLE_BOOL, .i = op == 0x88});
	case 'K':
		return take_int(m, 1, false);
	case 'M':
		return take_int(m, 2, false);
	case 'J':
		return take_int(m, 4, true);
	case 0x8a:
		TRY(take_number(m, 1, &n));
		return take_int(m, n, true);
	case 'G':
		return take_float(m);
	case 'U': /* strings of Python 2 */
	case 0x8c:
		return take_text(m, 1);
	case 'T':
	case 'X':
		return take_text(m, 4);
	case 0x8d:
		return take_text(m, 8);
	default:
		m->known = false;
		return STATUS_GOOD;
	}
}

/* A tuple or list of the last n values. */
static struct status gather(struct machine *m, enum pickle_kind kind, uint32_t n)
{
	struct pickle v;
	TRY(need(m, n));
	if (!pickle__seq(m->a, kind, n, &v))
		return FAIL(NO_MEMORY, "no memory for a pickle");
	if (n)
		memcpy(v.seq->at, m->stack + m->n - n, n * sizeof *v.seq->at);
	v.seq->n = n;
	m->n -= n;
	return push(m, v);
}

/* Moves the last n values into the container of this kind below them. */
static struct status add(struct machine *m, enum pickle_kind kind, uint32_t n)
{
	TRY(need(m, n + 1));
	struct pickle v = m->stack[m->n - n - 1];
	if (v.kind != kind || (kind == PICKLE_DICT && n % 2))
		return FAIL(CORRUPT, "it adds items to what is not a %s", kind == PICKLE_DICT ? "dict" : "list");
	for (uint32_t i = 0; i < n; i++) {
		if (!ARENA_GROW(m->a, v.seq->at, v.seq->n, v.seq->cap, LIMIT_PICKLE_STACK))
			return FAIL(LIMIT, "a container has over %u items, or memory ran out", v.seq->n);
		v.seq->at[v.seq->n++] = m->stack[m->n - n + i];
	}
	m->n -= n;
	return STATUS_GOOD;
}

/* Takes the last mark away; *n: the values above it. */
static struct status unmark(struct machine *m, uint32_t *n)
{
	if (!m->n_marks)
		return FAIL(CORRUPT, "it closes a container that it never opened");
	*n = above(m);
	m->n_marks--;
	return STATUS_GOOD;
}

static struct status container(struct machine *m, uint8_t op)
{
	uint32_t n = 0;
	switch (op) {
	case '(':
		if (m->n_marks == LIMIT_PICKLE_DEPTH)
			return FAIL(LIMIT, "over %u containers are open at once", m->n_marks);
		m->marks[m->n_marks++] = m->n;
		return STATUS_GOOD;
	case '}':
		return gather(m, PICKLE_DICT, 0);
	case ']':
		return gather(m, PICKLE_LIST, 0);
	case ')':
		return gather(m, PICKLE_TUPLE, 0);
	case 0x85:
	case 0x86:
	case 0x87:
		return gather(m, PICKLE_TUPLE, op - 0x84u);
	case 't':
		TRY(unmark(m, &n));
		return gather(m, PICKLE_TUPLE, n);
	case 'a':
		return add(m, PICKLE_LIST, 1);
	case 's':
		return add(m, PICKLE_DICT, 2);
	case 'e':
		TRY(unmark(m, &n));
		return add(m, PICKLE_LIST, n);
	case 'u':
		TRY(unmark(m, &n));
		return add(m, PICKLE_DICT, n);
	default:
		m->known = false;
		return STATUS_GOOD;
	}
}

static struct status memo_put(struct machine *m, uint64_t at)
{
	TRY(need(m, 1));
	if (at > m->memo_n)
		return FAIL(UNSUPPORTED, "it remembers a value as %" PRIu64 ", out of order", at);
	if (at == m->memo_n) {
		if (!ARENA_GROW(m->a, m->memo, m->memo_n, m->memo_cap, LIMIT_PICKLE_MEMO))
			return FAIL(LIMIT, "it remembers over %u values, or memory ran out", m->memo_n);
		m->memo_n++;
	}
	m->memo[at] = m->stack[m->n - 1];
	return STATUS_GOOD;
}

static struct status memo_get(struct machine *m, uint64_t at)
{
	if (at >= m->memo_n)
		return FAIL(CORRUPT, "it asks for the value %" PRIu64 ", which it never remembered", at);
	return push(m, m->memo[at]);
}

/* Two lines of text: module and name. */
static struct status global(struct machine *m)
{
	struct str part[2];
	struct pickle v;
	for (int i = 0; i < 2; i++) {
		const uint8_t *end = memchr(m->p, '\n', (size_t)(m->end - m->p));
		if (!end)
			return FAIL(CORRUPT, "it ends inside a name");
		part[i] = (struct str){(const char *)m->p, (size_t)(end - m->p)};
		m->p = end + 1;
	}
	TRY(pickle__name(part[0], part[1], &v));
	return push(m, v);
}

static struct status stack_global(struct machine *m)
{
	struct pickle v;
	TRY(need(m, 2));
	const struct pickle *module = &m->stack[m->n - 2], *name = &m->stack[m->n - 1];
	if (module->kind != PICKLE_STR || name->kind != PICKLE_STR)
		return FAIL(CORRUPT, "it names a global by what is not text");
	TRY(pickle__name(module->s, name->s, &v));
	m->n -= 2;
	return push(m, v);
}

static struct status call(struct machine *m)
{
	struct pickle v;
	TRY(need(m, 2));
	TRY(pickle__call(m->stack[m->n - 2], m->stack[m->n - 1], m->a, &v));
	m->n -= 2;
	return push(m, v);
}

/* Attributes of an OrderedDict (torch keeps versions there) say nothing about tensors. */
static struct status build(struct machine *m)
{
	TRY(need(m, 2));
	if (m->stack[m->n - 2].kind != PICKLE_DICT || m->stack[m->n - 1].kind != PICKLE_DICT)
		return FAIL(UNSUPPORTED, "it sets the state of an object; only that of OrderedDict is passed over");
	m->n--;
	return STATUS_GOOD;
}

static struct status object(struct machine *m, uint8_t op)
{
	struct pickle v;
	uint64_t at = 0;
	switch (op) {
	case 'q':
	case 'r':
		TRY(take_number(m, op == 'q' ? 1 : 4, &at));
		return memo_put(m, at);
	case 0x94:
		return memo_put(m, m->memo_n);
	case 'h':
	case 'j':
		TRY(take_number(m, op == 'h' ? 1 : 4, &at));
		return memo_get(m, at);
	case 'c':
		return global(m);
	case 0x93:
		return stack_global(m);
	case 'R':
		return call(m);
	case 'b':
		return build(m);
	case 'Q':
		TRY(need(m, 1));
		TRY(pickle__persistent(m->stack[m->n - 1], m->a, m->storage, m->ctx, &v));
		m->n--;
		return push(m, v);
	case 0x95: /* a frame: its length is of no use here */
		return take_number(m, 8, &at);
	case 0x80:
		TRY(take_number(m, 1, &at));
		return at <= 4 ? STATUS_GOOD : FAIL(UNSUPPORTED, "it is of protocol %u; 2 to 4 are read", (unsigned)at);
	case '.':
		m->done = true;
		return need(m, 1);
	default:
		m->known = false;
		return STATUS_GOOD;
	}
}

static struct status step(struct machine *m)
{
	static struct status (*const groups[])(struct machine *, uint8_t) = {plain, container, object};
	uint8_t op = *m->p++;
	for (int i = 0; i < 3; i++) {
		m->known = true;
		struct status st = groups[i](m, op);
		if (m->known)
			return st;
	}
	return FAIL(UNSUPPORTED, "its opcode 0x%02x is not run: save plain tensors, as torch.save(model.state_dict(), path)",
	            op);
}

struct status pickle_read(struct span bytes, struct arena *a, pickle_storage_fn *storage, void *ctx, struct pickle *out)
{
	struct machine m = {.begin = bytes.p, .p = bytes.p, .end = bytes.p + bytes.n, .a = a, .storage = storage, .ctx = ctx};
	if (bytes.n > LIMIT_PICKLE_BYTES)
		return FAIL(LIMIT, "the pickle has %zu bytes; %d are read", bytes.n, LIMIT_PICKLE_BYTES);
	while (!m.done) {
		size_t at = (size_t)(m.p - m.begin);
		if (m.p == m.end)
			return FAIL(CORRUPT, "the pickle has no end: it is cut");
		TRY_MSG(step(&m), "the pickle at byte %zu", at);
		CHECK(m.p > m.begin && m.p <= m.end && m.n <= m.cap);
	}
	CHECK(m.n > 0);
	*out = m.stack[m.n - 1];
	return STATUS_GOOD;
}
