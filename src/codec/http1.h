/* HTTP/1.1 requests (RFC 9112), strictly: what could be read in two ways is refused. Pure; zero-copy; allocates nothing. */
#ifndef NEREID_CODEC_HTTP1_H
#define NEREID_CODEC_HTTP1_H

#include "base/limits.h"
#include "base/span.h"

struct http1_header { struct str name, value; };
struct http1_request {
	struct str method, target;          /* into the input */
	struct http1_header headers[LIMIT_HTTP_HEADERS];
	uint32_t n_headers;
	bool keep_alive, chunked, expects_continue, has_length;
	bool old;                           /* HTTP/1.0 */
	uint64_t length;                    /* of the body, where has_length */
	size_t head_bytes;                  /* the body begins here */
};
enum http1_result { HTTP1_MORE, HTTP1_DONE, HTTP1_BAD };
/* Reads the head of a request at the beginning of `in`. MORE: it has not ended yet and is within its limit. BAD: *code is the status to answer with
 * before closing, *why a sentence. */
enum http1_result http1_head(struct span in, struct http1_request *out, int *code, const char **why);
/* The header of that name, any case; .p NULL when absent. */
struct str http1_find(const struct http1_request *r, const char *name);

/* Chunked bodies, piece by piece. */
struct http1_chunks { int state; uint64_t left; uint32_t count, line; bool digits; };
/* Consumes some of `in`: *used bytes; *data is the part of them that is body. DONE after the last chunk and the trailers. */
enum http1_result http1_chunk(struct http1_chunks *c, struct span in, size_t *used, struct span *data, const char **why);

/* "HTTP/1.1 200 OK\r\n" and so on: the reason of a status code. */
const char *http1_reason(int code);

#endif
