/* Message prefixes, timeouts and status texts of gRPC (PROTOCOL-HTTP2 of the gRPC project).
 *
 * All that gRPC adds to HTTP/2 but the messages themselves. Pure functions; called by net for
 * every call. Not here: HTTP/2, compression, the service.
 */
#include "codec/grpc.h"

enum grpc_code grpc_code(enum status_code code)
{
	switch (code) {
	case STATUS_OK:
		return GRPC_OK;
	case STATUS_INVALID_ARG:
		return GRPC_INVALID_ARGUMENT;
	case STATUS_NOT_FOUND:
		return GRPC_NOT_FOUND;
	case STATUS_UNAVAILABLE:
		return GRPC_UNAVAILABLE;
	case STATUS_UNSUPPORTED:
		return GRPC_UNIMPLEMENTED;
	case STATUS_ALREADY_EXISTS:
		return GRPC_ALREADY_EXISTS;
	case STATUS_CANCELLED:
		return GRPC_CANCELLED;
	case STATUS_TIMEOUT:
		return GRPC_DEADLINE_EXCEEDED;
	case STATUS_LIMIT:
	case STATUS_NO_MEMORY:
		return GRPC_RESOURCE_EXHAUSTED;
	case STATUS_UNKNOWN:
		return GRPC_UNKNOWN;
	default:
		return GRPC_INTERNAL;
	}
}

bool grpc_prefix_read(const uint8_t p[GRPC_PREFIX], struct grpc_prefix *out)
{
	out->compressed = p[0] == 1;
	out->bytes = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
	return p[0] <= 1;
}

void grpc_prefix_write(uint8_t p[GRPC_PREFIX], struct grpc_prefix x)
{
	p[0] = x.compressed;
	p[1] = (uint8_t)(x.bytes >> 24);
	p[2] = (uint8_t)(x.bytes >> 16);
	p[3] = (uint8_t)(x.bytes >> 8);
	p[4] = (uint8_t)x.bytes;
}

bool grpc_timeout(struct str s, uint64_t *ns)
{
	static const struct { char unit; uint64_t ns; } units[] = {
		{'H', 3600000000000u}, {'M', 60000000000u}, {'S', 1000000000u}, {'m', 1000000u},
		{'u', 1000u}, {'n', 1u},
	};
	uint64_t value;
	/* at most eight digits, says the protocol */
	if (s.n < 2 || s.n > 9 || !str_u64((struct str){s.p, s.n - 1}, &value))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (units[i].unit == s.p[s.n - 1]) {
			if (__builtin_mul_overflow(value, units[i].ns, ns))
				*ns = UINT64_MAX;
			return true;
		}
	return false;
}

size_t grpc_message_escape(struct str text, char *out, size_t cap)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool plain = c >= 0x20 && c <= 0x7e && c != '%';
		if (n + (plain ? 1 : 3) > cap)
			break;
		if (plain) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	return n;
}
