/* SHA-256: the vectors of FIPS 180-4, at once and in pieces. */
#include "unit/test.h"

#include "base/sha256.h"
#include "unit/base/dies.h"

static void assert_hash(const char *text, size_t piece, const char *want)
{
	struct sha256 s;
	char hex[65];
	ASSERT_GOOD(sha256_init(&s));
	for (size_t n = strlen(text), at = 0; at < n; at += piece)
		sha256_add(&s, text + at, n - at < piece ? n - at : piece);
	sha256_hex(&s, hex);
	assert_string_equal(hex, want);
	sha256_release(&s);
}

TEST(vectors)
{
	for (size_t piece = 1; piece < 70; piece += 23) {
		assert_hash("", piece, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
		assert_hash("abc", piece,
		            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		assert_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", piece,
		            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	}
}

TEST(a_million)
{
	struct sha256 s;
	char hex[65], a[1000];
	memset(a, 'a', sizeof a);
	ASSERT_GOOD(sha256_init(&s));
	for (int i = 0; i < 1000; i++)
		sha256_add(&s, a, sizeof a);
	sha256_hex(&s, hex);
	assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void add_after_the_end(void)
{
	struct sha256 s;
	char hex[65];
	if (sha256_init(&s).code)
		return;
	sha256_hex(&s, hex);
	sha256_add(&s, "x", 1);
}

TEST(release_and_misuse)
{
	struct sha256 s;
	ASSERT_GOOD(sha256_init(&s));
	sha256_add(&s, "abc", 3);
	sha256_release(&s);
	sha256_release(&s);
	assert_true(dies(add_after_the_end, "ctx"));
}
