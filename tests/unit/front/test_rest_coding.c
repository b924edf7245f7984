/* Compression of bodies: which form an answer takes, and what a packed request may be. */
#include "codec/gzip.h"
#include "front/rest_priv.h"
#include "unit/test.h"

static struct http1_request with(const char *name, const char *value)
{
	struct http1_request r = {.n_headers = value ? 1 : 0};
	r.headers[0] = (struct http1_header){str_from(name), str_from(value)};
	return r;
}

static enum rest_coding accepted(const char *value)
{
	struct http1_request r = with("accept-encoding", value);
	return rest__accepted(&r);
}

TEST(rest_coding_takes_the_heaviest_and_the_first_of_equals)
{
	assert_int_equal(accepted(0), CODING_IDENTITY);
	assert_int_equal(accepted(""), CODING_IDENTITY);
	assert_int_equal(accepted("gzip"), CODING_GZIP);
	assert_int_equal(accepted("deflate, gzip"), CODING_DEFLATE);
	assert_int_equal(accepted("gzip, deflate"), CODING_GZIP);
	assert_int_equal(accepted("gzip;q=0.5, deflate;q=0.7"), CODING_DEFLATE);
	assert_int_equal(accepted("identity, gzip"), CODING_IDENTITY);
	assert_int_equal(accepted("gzip, identity"), CODING_GZIP);
	assert_int_equal(accepted("br;q=1.0, gzip;q=0.8, *;q=0.1"), CODING_GZIP);
	assert_int_equal(accepted(",gzip"), CODING_GZIP);
	assert_int_equal(accepted("gzip,,deflate;q=3"), CODING_DEFLATE);
	assert_int_equal(accepted("gzip;q=0.5;foo=1"), CODING_GZIP);
}

TEST(rest_coding_reads_weights_and_names_to_the_letter)
{
	static const char *const nothing[] = {
		"br", "*", "GZIP", "gzip;q=0", "gzip;q=abc", "gzip; q=1", "gzip;", "gzip ;q=1", "gzip ",
		"deflate\t", "gzip;Q=0.5", "gzip;q=-1", "gzip;q=", "x-gzip", "gzip;level=1", "gzip;q=nan",
	};
	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
		assert_int_equal(accepted(nothing[i]), CODING_IDENTITY);
	assert_int_equal(accepted("gzip;q= 0.5"), CODING_GZIP);
	assert_int_equal(accepted("gzip;q=0.00000000000000000000000000000000000000000001"),
	                 CODING_IDENTITY);
}

struct place {
	struct rest rest;
	struct http1_request request;
	struct http_exchange x;
	struct arena arena;
	struct rest_call call;
};

static void place_init(struct place *p, const char *coding)
{
	rest_init(&p->rest, 0, "test");
	p->rest.max_json_bytes = 1000;
	arena_init(&p->arena, 1 << 20);
	p->request = with("Content-Encoding", coding);
	p->x = (struct http_exchange){.request = &p->request, .arena = &p->arena};
	p->call = (struct rest_call){.rest = &p->rest, .x = &p->x};
}

static void place_release(struct place *p)
{
	arena_release(&p->arena);
	rest_release(&p->rest);
}

/* n blanks there and back, in one form. */
static enum status_code round_trip(const char *coding, enum rest_coding how, size_t n)
{
	static struct place p;
	static const uint8_t zeros[2000];
	place_init(&p, coding);
	struct span parts[2] = {{zeros, n / 2}, {zeros, n - n / 2}}, body;
	uint32_t count = 2;
	assert_int_equal(rest__encode(&p.call, how, parts, &count).code, STATUS_OK);
	assert_int_equal(count, 1);
	body = parts[0];
	struct status st = rest__decode(&p.call, &body);
	if (!st.code) {
		assert_int_equal(body.n, n);
		assert_memory_equal(body.p, zeros, n);
		assert_int_equal((uintptr_t)body.p % 64, 0);
	}
	place_release(&p);
	return st.code;
}

TEST(rest_coding_goes_there_and_back_up_to_the_limit)
{
	assert_int_equal(round_trip("gzip", CODING_GZIP, 1000), STATUS_OK);
	assert_int_equal(round_trip("deflate", CODING_DEFLATE, 1000), STATUS_OK);
	assert_int_equal(round_trip("deflate", CODING_GZIP, 7), STATUS_OK);
	assert_int_equal(round_trip("gzip", CODING_GZIP, 1001), STATUS_INVALID_ARG);
	assert_int_equal(round_trip("deflate", CODING_DEFLATE, 1001), STATUS_INVALID_ARG);
}

TEST(rest_coding_refuses_what_it_cannot_read)
{
	static struct place p;
	static const struct { const char *coding; struct str body; enum status_code code; } cases[] = {
		{"br", {"x", 1}, STATUS_UNSUPPORTED}, {"GZIP", {"x", 1}, STATUS_UNSUPPORTED},
		{"gzip", {"", 0}, STATUS_INVALID_ARG},
		{"gzip", {"{\"inputs\":[]}", 13}, STATUS_INVALID_ARG},
		{"identity", {"x", 1}, STATUS_OK}, {"", {"x", 1}, STATUS_OK},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct span body = {(const uint8_t *)cases[i].body.p, cases[i].body.n};
		place_init(&p, cases[i].coding);
		assert_int_equal(rest__decode(&p.call, &body).code, cases[i].code);
		place_release(&p);
	}
}
