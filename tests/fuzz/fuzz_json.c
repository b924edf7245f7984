/* Any text as JSON. What passes the check is walked whole, by every function that trusts the
 * check. */
#include "base/panic.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void tensors(struct json v)
{
	static const enum dtype types[] = {DTYPE_FP32, DTYPE_FP64, DTYPE_BOOL, DTYPE_INT8, DTYPE_UINT16, DTYPE_INT64, DTYPE_UINT64};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		uint64_t out[8];
		int64_t count = -1;
		if (!json_numbers(v, types[i], out, 8, &count).code)
			CHECK(count >= 0 && count <= v.end - v.p);
	}
}

static void walk(struct json v, struct arena *a)
{
	struct str s;
	struct json found;
	double d;
	int64_t i;
	uint64_t u;
	bool b, has_name = false;
	uint32_t n = 0;
	enum json_kind kind = json_kind(v);
	CHECK(v.p < v.end && json_text(v).n == (size_t)(v.end - v.p));
	CHECK(json_bool(v, &b) == (kind == JSON_BOOL));
	CHECK(json_f64(v, &d) == (kind == JSON_NUMBER));
	CHECK(!json_i64(v, &i) || kind == JSON_NUMBER);
	CHECK(!json_u64(v, &u) || kind == JSON_NUMBER);
	CHECK(json_str(v, a, &s) == (kind == JSON_STRING) || !s.p);
	for (struct json_walk w = json_walk(v); json_next(&w); n++) {
		CHECK(w.value.p >= v.p && w.value.end <= v.end);
		if (w.object)
			CHECK(w.key.p > v.p && w.key.p + w.key.n < v.end);
		has_name = has_name || (w.object && json_key_is(w.key, "name"));
		walk(w.value, a);
	}
	CHECK(n == json_count(v));
	CHECK(json_member(v, "name", &found) == has_name);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct buf b;
	struct json root;
	int64_t count;
	arena_init(&a, 4 << 20);
	buf_init(&b, 1 << 20);
	if (!json_check((struct str){(const char *)p, n}, &root).code) {
		CHECK((const uint8_t *)root.p >= p && (const uint8_t *)root.end <= p + n);
		walk(root, &a);
		tensors(root);
		if (!json_bytes(root, &a, &b, &count).code)
			CHECK(b.n >= (size_t)count * 4);
	}
	/* what the writer makes of any bytes is a string that reads back */
	buf_reset(&b);
	json_put_str(&b, (struct str){(const char *)p, n});
	if (!buf_status(&b).code) {
		struct str s;
		CHECK(!json_check(buf_text(&b), &root).code);
		if (json_str(root, &a, &s))
			CHECK(s.n == n && (!n || !memcmp(s.p, p, n)));
	}
	buf_release(&b);
	arena_release(&a);
	return 0;
}
