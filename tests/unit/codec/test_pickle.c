/* The pickle machine, opcode by opcode, and what it must refuse. */
#include "base/limits.h"
#include "codec/pickle.h"
#include "unit/test.h"

#include <stdlib.h>

static struct arena arena;

static struct status storage(void *ctx, struct str key, size_t bytes, struct span *out)
{
	static const uint8_t data[64];
	if (ctx || !str_is(key, "0") || bytes > sizeof data)
		return FAIL(CORRUPT, "no storage of %zu bytes", bytes);
	*out = (struct span){data, bytes};
	return STATUS_GOOD;
}

static struct status read_bytes(const void *p, size_t n, struct pickle *out)
{
	arena_release(&arena);
	arena_init(&arena, 64 << 20);
	return pickle_read((struct span){p, n}, &arena, storage, 0, out);
}
#define READ(lit) read_bytes(lit, sizeof(lit) - 1, &v)

TEST(pickle_scalars)
{
	struct pickle v;
	ASSERT_GOOD(READ("\x80\x02K\xff."));
	assert_true(v.kind == PICKLE_INT && v.i == 255);
	ASSERT_GOOD(READ("M\x01\x02."));
	assert_true(v.i == 513);
	ASSERT_GOOD(READ("J\xfe\xff\xff\xff."));
	assert_true(v.i == -2);
	ASSERT_GOOD(READ("\x8a\x00."));
	assert_true(v.i == 0);
	ASSERT_GOOD(READ("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."));
	assert_true(v.i == INT64_MIN);
	ASSERT_GOOD(READ("G\xc0\x04\x00\x00\x00\x00\x00\x00."));
	assert_true(v.kind == PICKLE_FLOAT && v.f == -2.5);
	ASSERT_GOOD(READ("X\x02\x00\x00\x00hi."));
	assert_true(v.kind == PICKLE_STR && str_is(v.s, "hi"));
	ASSERT_GOOD(READ("\x88."));
	assert_true(v.kind == PICKLE_BOOL && v.i == 1);
	ASSERT_GOOD(READ("N."));
	assert_true(v.kind == PICKLE_NONE);
}

TEST(pickle_containers)
{
	struct pickle v;
	ASSERT_GOOD(READ("](K\x01K\x02" "eK\x03" "a."));
	assert_true(v.kind == PICKLE_LIST && v.seq->n == 3 && v.seq->at[2].i == 3);
	ASSERT_GOOD(READ("(K\x01(K\x02tK\x03t."));
	assert_true(v.kind == PICKLE_TUPLE && v.seq->n == 3 && v.seq->at[1].seq->at[0].i == 2);
	ASSERT_GOOD(READ("}(X\x01\x00\x00\x00" "aK\x01u."));
	assert_true(v.kind == PICKLE_DICT && v.seq->n == 2 && v.seq->at[1].i == 1);
	ASSERT_GOOD(READ("ccollections\nOrderedDict\n)R}b."));
	assert_true(v.kind == PICKLE_DICT && v.seq->n == 0);
	/* a list in itself */
	ASSERT_GOOD(READ("]q\x00h\x00" "a."));
	assert_ptr_equal(v.seq->at[0].seq, v.seq);
	ASSERT_GOOD(READ("\x95\x00\x00\x00\x00\x00\x00\x00\x00]\x94h\x00\x86."));
}

TEST(pickle_refuses_globals_and_objects)
{
	struct pickle v;
	ASSERT_FAILS(READ("cposix\nsystem\n."), UNSUPPORTED, "the pickle uses posix.system");
	ASSERT_FAILS(READ("\x8c\x08" "builtins\x8c\x04" "eval\x93."), UNSUPPORTED, "builtins.eval");
	ASSERT_FAILS(READ("ctorch\nLongStorage\n)R."), UNSUPPORTED, "calls torch.LongStorage");
	ASSERT_FAILS(READ("ccollections\nOrderedDict\n(]tR."), UNSUPPORTED, "OrderedDict is called with 1");
	ASSERT_FAILS(READ("ctorch._utils\n_rebuild_tensor_v2\n)R."), CORRUPT, "not called with a storage");
	ASSERT_FAILS(READ("ctorch._utils\n_rebuild_parameter\n)R."), CORRUPT, "not called with a tensor");
	ASSERT_FAILS(READ("K\x01)R."), CORRUPT, "not a function");
	ASSERT_FAILS(READ("K\x01K\x01" "b."), UNSUPPORTED, "state of an object");
	ASSERT_FAILS(READ("ccollections\nOrderedDict\n)\x81."), UNSUPPORTED, "opcode 0x81");
	ASSERT_FAILS(READ("\x80\x05N."), UNSUPPORTED, "protocol 5");
	ASSERT_FAILS(READ("i"), UNSUPPORTED, "at byte 0: its opcode 0x69");
}

TEST(pickle_damaged)
{
	struct pickle v;
	ASSERT_FAILS(READ(""), CORRUPT, "cut");
	ASSERT_FAILS(READ("."), CORRUPT, "stack is too short");
	ASSERT_FAILS(READ("K"), CORRUPT, "ends inside");
	ASSERT_FAILS(READ("X\xff\xff\xff\xff" "a."), CORRUPT, "ends inside");
	ASSERT_FAILS(READ("\x8d\xff\xff\xff\xff\xff\xff\xff\xff" "a."), CORRUPT, "ends inside");
	ASSERT_FAILS(READ("\x8a\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01."), UNSUPPORTED, "9 bytes");
	ASSERT_FAILS(READ("t."), CORRUPT, "never opened");
	ASSERT_FAILS(READ("K\x01(a."), CORRUPT, "too short");
	ASSERT_FAILS(READ("]K\x01K\x02s."), CORRUPT, "not a dict");
	ASSERT_FAILS(READ("}K\x01" "a."), CORRUPT, "not a list");
	ASSERT_FAILS(READ("}(K\x01u."), CORRUPT, "not a dict");
	ASSERT_FAILS(READ("h\x00."), CORRUPT, "never remembered");
	ASSERT_FAILS(READ("Nr\xff\xff\xff\xff."), UNSUPPORTED, "out of order");
	ASSERT_FAILS(READ("cposix"), CORRUPT, "inside a name");
	ASSERT_FAILS(READ("NQ."), CORRUPT, "persistent id");
}

TEST(pickle_limits)
{
	struct pickle v;
	size_t n = (size_t)LIMIT_PICKLE_STACK * 2;
	char *p = malloc(n);
	memset(p, '(', n);
	ASSERT_FAILS(read_bytes(p, n, &v), LIMIT, "open at once");
	memset(p, 'N', n);
	ASSERT_FAILS(read_bytes(p, n, &v), LIMIT, "on its stack");
	memset(p, 0x94, n);
	p[0] = 'N';
	ASSERT_FAILS(read_bytes(p, n, &v), LIMIT, "remembers over");
	/* empty tuples around one another, without marks */
	memset(p, 0x85, n);
	p[0] = 'N';
	p[n / 4] = '.';
	ASSERT_GOOD(read_bytes(p, n, &v));
	free(p);
	ASSERT_FAILS(read_bytes("N.", (size_t)LIMIT_PICKLE_BYTES + 1, &v), LIMIT, " bytes");
}
