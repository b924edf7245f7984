/* Inside the REST front. */
#ifndef NEREID_FRONT_REST_PRIV_H
#define NEREID_FRONT_REST_PRIV_H

#include "codec/json.h"
#include "front/rest.h"
#include "serve/infer.h"

/* A request on its way: the exchange, and what its path named. */
struct rest_call { struct rest *rest; struct http_exchange *x; struct str model, version; };
typedef void rest_fn(struct rest_call *c);
#define X(method, pattern, fn) rest_fn fn;
#include "front/routes.def"
#undef X

/* The loop's scratch buffer, emptied. */
struct buf *rest__scratch(struct rest_call *c);
/* Answers with the scratch buffer's text as JSON; with an error where the buffer failed. */
void rest__reply_json(struct rest_call *c);
void rest__reply_status(struct rest_call *c, struct status st);
void rest__reply_error(struct rest_call *c, int code, const char *text);
void rest__reply_empty(struct rest_call *c, int code);
/* Model and version of the path. */
struct status rest__find(struct rest_call *c, struct served **m,
                         struct served_version **v) MUST_CHECK;
struct status rest__version(struct rest_call *c, int64_t *number) MUST_CHECK;
int rest__http_code(enum status_code code);

/* A JSON inference request into r; BYTES and numbers go to the arena, binary tensors stay in
 * body. */
struct rest_infer;
struct status rest__parse_infer(struct rest_infer *q, struct span body) MUST_CHECK;
/* The object "parameters" of a request. */
struct status rest__parse_parameters(struct rest_infer *q, struct json v) MUST_CHECK;
/* One parameter that means nothing to the server. */
struct status rest__add_parameter(struct rest_infer *q, struct str key, struct json v) MUST_CHECK;
/* What Triton says of JSON of the wrong type. */
#define REST_NOT_STRING "attempt to access JSON non-string as string"
#define REST_NOT_BOOL "attempt to access JSON non-boolean as boolean"
#define REST_NOT_UNSIGNED "attempt to access JSON non-unsigned-integer as unsigned-integer"
struct status rest__json_bad(const char *field, const char *text) MUST_CHECK;

struct rest_output { bool binary; };
struct rest_infer {
	struct rest_call call;
	struct infer_request infer;
	struct rest_output outputs[MODEL_IO_MAX];
	bool binary_default;
	struct net_post post;
	uint64_t begun_ns;
};

#endif
