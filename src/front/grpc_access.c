/* Access to methods of gRPC.
 *
 * Checks come before a message is decoded, so the name of its model, which some keys depend on, is
 * looked up in the bytes: of a field that comes twice the last one counts, as it does for the
 * decoder. A message whose fields cannot be followed is refused where that matters. Runs on the
 * loops' threads; what is checked lies in access.c.
 */
#include "front/grpc_priv.h"

#include "base/refused.h"

/* A varint at *at; false: none ends within n or 10 bytes. */
static bool varint(const uint8_t *p, size_t n, size_t *at, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 70 && *at < n; shift += 7) {
		uint8_t c = p[(*at)++];
		if (shift < 64)
			*out |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

bool grpc__find_string(const uint8_t *p, size_t n, uint32_t field, struct str *out)
{
	uint64_t tag, size;
	for (size_t at = 0; at < n;) {
		if (!varint(p, n, &at, &tag))
			return false;
		switch (tag & 7) {
		case 0:
			if (!varint(p, n, &at, &size))
				return false;
			size = 0;
			break;
		case 1:
			size = 8;
			break;
		case 2:
			if (!varint(p, n, &at, &size))
				return false;
			break;
		case 5:
			size = 4;
			break;
		default: /* groups: no message of ours has any */
			return false;
		}
		if (size > n - at)
			return false;
		if (tag >> 3 == field && (tag & 7) == 2)
			*out = (struct str){(const char *)p + at, (size_t)size};
		at += (size_t)size;
	}
	return true;
}

static struct str find_metadata(const void *request, struct str name)
{
	uint32_t n;
	const struct http1_header *headers = grpc_metadata(request, &n);
	for (uint32_t i = 0; i < n; i++)
		if (str_eq_nocase(headers[i].name, name))
			return headers[i].value;
	return STR_NONE;
}

bool grpc__may_pass(const struct access *a, struct grpc_message *m, enum access_group group,
                    uint32_t model)
{
	static const enum grpc_code codes[] = {
		[ACCESS_GOOD] = GRPC_OK, [ACCESS_RESTRICTED] = GRPC_UNAVAILABLE,
		[ACCESS_UNKNOWN] = GRPC_UNAUTHENTICATED, [ACCESS_DENIED] = GRPC_PERMISSION_DENIED,
	};
	char text[ACCESS_TEXT_BYTES];
	struct str name = STR_NONE;
	if (a->keys && model && !grpc__find_string(m->data, m->bytes, model, &name)) {
		grpc_fail(m, GRPC_INTERNAL, "the request is not a message of the method");
		return false;
	}
	enum access_result r = access_check(a, group, name, find_metadata, m, text);
	if (r != ACCESS_GOOD) {
		refused(r == ACCESS_RESTRICTED ? REFUSED_RESTRICTED : REFUSED_UNKNOWN_KEY);
		grpc_fail(m, codes[r], text);
	}
	return r == ACCESS_GOOD;
}
