/* REST: registering shared memory, system and CUDA.
 *
 * All rules are in serve/shm.h; this file only translates. Members are checked in Triton's order.
 */
#include "front/rest_priv.h"

#include <inttypes.h>

/* Members of a registration, checked one after another as Triton does. */
static struct status parse(struct rest_call *c, struct json *root)
{
	struct span body = c->x->body;
	TRY(rest__decode(c, &body));
	struct status st = json_check((struct str){(const char *)body.p, body.n}, root);
	if (st.code)
		return FAIL(INTERNAL, "failed to parse the request JSON buffer: %s", st.msg);
	return st;
}

static struct status need(struct json root, const char *field, struct json *v)
{
	if (!json_member(root, field, v))
		return FAIL(INVALID_ARG, "Shared memory register request has no '%s' field", field);
	return STATUS_GOOD;
}

static void reply(struct rest_call *c, struct status st)
{
	if (st.code)
		rest__reply_status(c, st);
	else
		http_reply(c->x, 200, "application/json", STR_NONE, 0, 0);
}

static void put_region(struct buf *b, enum shm_kind kind, const struct shm_info *r)
{
	buf_z(b, "{\"name\":");
	json_put_str(b, r->name);
	if (kind == SHM_CUDA) {
		buf_printf(b, ",\"device_id\":%" PRIu64, r->gpu);
	} else {
		buf_z(b, ",\"key\":");
		json_put_str(b, r->key);
		buf_printf(b, ",\"offset\":%" PRIu64, r->offset);
	}
	buf_printf(b, ",\"byte_size\":%" PRIu64 "}", r->bytes);
}

static void reply_regions(struct rest_call *c, enum shm_kind kind)
{
	struct shm_info *list;
	uint32_t n;
	struct status st = shm_status(c->rest->shm, kind, c->name, c->x->arena, &list, &n);
	if (st.code) {
		rest__reply_status(c, st);
		return;
	}
	struct buf *b = rest__scratch(c);
	buf_byte(b, '[');
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_byte(b, ',');
		put_region(b, kind, &list[i]);
	}
	buf_byte(b, ']');
	rest__reply_json(c);
}

/* Over HTTP a name that is taken is a bad request. */
static struct status registered(struct status st)
{
	return st.code == STATUS_ALREADY_EXISTS ? FAIL(INVALID_ARG, "%s", st.msg) : st;
}

/* ---- system ---- */

void rest__shm_status(struct rest_call *c)
{
	reply_regions(c, SHM_SYSTEM);
}

static struct status do_register(struct rest_call *c)
{
	struct json root, v;
	struct str key;
	uint64_t offset = 0, bytes;
	if (!c->name.n)
		return FAIL(INVALID_ARG, "'region name' is necessary to register system shared memory "
		            "region");
	TRY(parse(c, &root));
	TRY(need(root, "key", &v));
	if (!json_str(v, c->x->arena, &key))
		return FAIL(INTERNAL, REST_NOT_STRING);
	if (json_member(root, "offset", &v) && !json_u64(v, &offset))
		return FAIL(INTERNAL, REST_NOT_UNSIGNED);
	TRY(need(root, "byte_size", &v));
	if (!json_u64(v, &bytes))
		return FAIL(INTERNAL, REST_NOT_UNSIGNED);
	return registered(shm_register(c->rest->shm, c->name, key, offset, bytes));
}

void rest__shm_register(struct rest_call *c)
{
	reply(c, do_register(c));
}

void rest__shm_unregister(struct rest_call *c)
{
	reply(c, shm_unregister(c->rest->shm, SHM_SYSTEM, c->name));
}

/* ---- CUDA ---- */

void rest__cuda_shm_status(struct rest_call *c)
{
	reply_regions(c, SHM_CUDA);
}

/* -1: no digit of base64. */
static int digit(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26
		: c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base64 of exactly a handle, as RFC 4648 has it. */
static bool read_handle(struct str s, struct cuda_handle *out)
{
	enum { DIGITS = (CUDA_HANDLE_BYTES * 8 + 5) / 6, TEXT = (CUDA_HANDLE_BYTES + 2) / 3 * 4 };
	uint32_t bits = 0, n = 0;
	if (s.n != TEXT || !str_ends(s, STR("==")))
		return false;
	for (uint32_t i = 0; i < DIGITS; i++) {
		int d = digit(s.p[i]);
		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		if (i % 4 == 0)
			continue;
		uint32_t left = 6 - i % 4 * 2; /* bits that belong to the next byte */
		out->bytes[n++] = (unsigned char)(bits >> left);
	}
	return n == CUDA_HANDLE_BYTES;
}

static struct status register_cuda(struct rest_call *c)
{
	static const char *const numbers[] = {"byte_size", "device_id"};
	struct json root, v;
	struct str text;
	struct cuda_handle handle;
	uint64_t values[2];
	if (!c->name.n)
		return FAIL(INVALID_ARG, "'region name' is necessary to register cuda shared memory "
		            "region");
	TRY(parse(c, &root));
	TRY(need(root, "raw_handle", &v));
	if (!json_member(v, "b64", &v))
		return FAIL(INTERNAL, "attempt to access non-existing object member 'b64'");
	if (!json_str(v, c->x->arena, &text))
		return FAIL(INTERNAL, REST_NOT_STRING);
	for (int i = 0; i < 2; i++) {
		if (!json_member(root, numbers[i], &v))
			return FAIL(INTERNAL, "attempt to access non-existing object member '%s'", numbers[i]);
		if (!json_u64(v, &values[i]))
			return FAIL(INTERNAL, REST_NOT_UNSIGNED);
	}
	if (!read_handle(text, &handle))
		return FAIL(INVALID_ARG, "'raw_handle' must be a valid base64 encoded cudaIpcMemHandle_t");
	return registered(shm_register_cuda(c->rest->shm, c->name, &handle, values[1], values[0]));
}

void rest__cuda_shm_register(struct rest_call *c)
{
	reply(c, register_cuda(c));
}

void rest__cuda_shm_unregister(struct rest_call *c)
{
	reply(c, shm_unregister(c->rest->shm, SHM_CUDA, c->name));
}
