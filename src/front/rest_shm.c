/* REST: registering shared memory, system and CUDA.
 *
 * All rules of system regions are in serve/shm.h; this file only translates. CUDA regions need a
 * GPU backend: their lists are empty, and registering is refused as Triton refuses it where it
 * has no GPU.
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

static void put_region(struct buf *b, const struct shm_info *r)
{
	buf_z(b, "{\"name\":");
	json_put_str(b, r->name);
	buf_z(b, ",\"key\":");
	json_put_str(b, r->key);
	buf_printf(b, ",\"offset\":%" PRIu64 ",\"byte_size\":%" PRIu64 "}", r->offset, r->bytes);
}

void rest__shm_status(struct rest_call *c)
{
	struct shm_info *list;
	uint32_t n;
	struct status st = shm_status(c->rest->shm, c->name, c->x->arena, &list, &n);
	if (st.code) {
		rest__reply_status(c, st);
		return;
	}
	struct buf *b = rest__scratch(c);
	buf_byte(b, '[');
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_byte(b, ',');
		put_region(b, &list[i]);
	}
	buf_byte(b, ']');
	rest__reply_json(c);
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
	struct status st = shm_register(c->rest->shm, c->name, key, offset, bytes);
	/* over HTTP a name that is taken is a bad request */
	return st.code == STATUS_ALREADY_EXISTS ? FAIL(INVALID_ARG, "%s", st.msg) : st;
}

void rest__shm_register(struct rest_call *c)
{
	reply(c, do_register(c));
}

void rest__shm_unregister(struct rest_call *c)
{
	reply(c, shm_unregister(c->rest->shm, c->name));
}

/* ---- CUDA ---- */

void rest__cuda_shm_status(struct rest_call *c)
{
	if (c->name.n) {
		rest__reply_status(c, FAIL(NOT_FOUND, "Unable to find cuda shared memory region: '%.*s'",
		                           STR_ARG(c->name)));
		return;
	}
	buf_z(rest__scratch(c), "[]");
	rest__reply_json(c);
}

/* 64 bytes in base64. */
static bool is_handle(struct str s)
{
	if (s.n != 88 || !str_ends(s, STR("==")))
		return false;
	for (size_t i = 0; i < s.n - 2; i++) {
		char k = s.p[i];
		if (!((k >= 'A' && k <= 'Z') || (k >= 'a' && k <= 'z') || (k >= '0' && k <= '9') ||
		      k == '+' || k == '/'))
			return false;
	}
	return true;
}

static struct status register_cuda(struct rest_call *c)
{
	static const char *const numbers[] = {"byte_size", "device_id"};
	struct json root, v;
	struct str handle;
	uint64_t number;
	if (!c->name.n)
		return FAIL(INVALID_ARG, "'region name' is necessary to register cuda shared memory "
		            "region");
	TRY(parse(c, &root));
	TRY(need(root, "raw_handle", &v));
	if (!json_member(v, "b64", &v))
		return FAIL(INTERNAL, "attempt to access non-existing object member 'b64'");
	if (!json_str(v, c->x->arena, &handle))
		return FAIL(INTERNAL, REST_NOT_STRING);
	for (int i = 0; i < 2; i++) {
		if (!json_member(root, numbers[i], &v))
			return FAIL(INTERNAL, "attempt to access non-existing object member '%s'", numbers[i]);
		if (!json_u64(v, &number))
			return FAIL(INTERNAL, REST_NOT_UNSIGNED);
	}
	if (!is_handle(handle))
		return FAIL(INVALID_ARG, "'raw_handle' must be a valid base64 encoded cudaIpcMemHandle_t");
	return FAIL(INVALID_ARG, "failed to register CUDA shared memory region: '%.*s', GPUs not "
	            "supported", STR_ARG(c->name));
}

void rest__cuda_shm_register(struct rest_call *c)
{
	reply(c, register_cuda(c));
}

void rest__cuda_shm_unregister(struct rest_call *c)
{
	reply(c, STATUS_GOOD);
}
