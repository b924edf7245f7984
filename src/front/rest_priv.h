/* Inside the REST front. */
#ifndef NEREID_FRONT_REST_PRIV_H
#define NEREID_FRONT_REST_PRIV_H

#include "codec/json.h"
#include "front/rest.h"
#include "serve/infer_shm.h"

/* A request on its way: the exchange, and what its path named. */
struct rest_call { struct rest *rest; struct http_exchange *x; struct str model, version, name; };
typedef void rest_fn(struct rest_call *c);
#define X(method, pattern, fn, group) rest_fn fn;
#include "front/routes.def"
#undef X

/* How many bytes of a body are JSON. */
#define REST_LENGTH_HEADER "Inference-Header-Content-Length"

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

/* ---- compression of bodies ---- */
enum rest_coding { CODING_IDENTITY, CODING_GZIP, CODING_DEFLATE };
/* The request's body, unpacked into its arena where it is packed. */
struct status rest__decode(struct rest_call *c, struct span *body) MUST_CHECK;
/* What an answer is packed with, by the request's Accept-Encoding. */
enum rest_coding rest__accepted(const struct http1_request *r);
/* Packs parts[0..*n) into one in the arena. */
struct status rest__encode(struct rest_call *c, enum rest_coding coding, struct span *parts,
                           uint32_t *n) MUST_CHECK;
/* A line for the answer's head, or empty. */
const char *rest__coding_header(enum rest_coding coding);

/* A JSON inference request into r; BYTES and numbers go to the arena, binary tensors stay in
 * body. */
struct rest_infer;
struct status rest__parse_infer(struct rest_infer *q, struct span body) MUST_CHECK;
/* The object "parameters" of a request. */
struct status rest__parse_parameters(struct rest_infer *q, struct json v) MUST_CHECK;
/* One parameter that means nothing to the server. */
struct status rest__add_parameter(struct rest_infer *q, struct str name,
                                  struct json v) MUST_CHECK;
/* A key as the string that it is in the document. */
static inline struct json rest__quoted(struct str key)
{
	return (struct json){key.p - 1, key.p + key.n + 1};
}
/* What Triton says of JSON of the wrong type. */
#define REST_NOT_STRING "attempt to access JSON non-string as string"
#define REST_NOT_BOOL "attempt to access JSON non-boolean as boolean"
#define REST_NOT_UNSIGNED "attempt to access JSON non-unsigned-integer as unsigned-integer"
struct status rest__json_bad(const char *field, const char *text) MUST_CHECK;

struct rest_output { bool binary; };
typedef struct status rest_parse_fn(struct rest_infer *q);
typedef void rest_answer_fn(void *q);            /* struct rest_infer, when its job is done */
struct rest_infer {
	struct rest_call call;
	struct infer_request infer;
	struct rest_output outputs[MODEL_IO_MAX];
	bool binary_default;
	bool unlike;                         /* its head says what rest_memo.c does not keep */
	rest_answer_fn *answer;
	struct net_post post;
	uint64_t begun_ns;
};
/* Finds the model, parses the request, runs it, and answers, on the loop's thread; what goes
 * wrong until then is answered here. */
void rest__serve(struct rest_call *c, rest_parse_fn *parse, rest_answer_fn *reply);
/* A tensor of that name as a JSON array, and how many elements it has. */
struct status rest__put_values(struct buf *b, struct str name, const struct tensor *t,
                               int64_t *count) MUST_CHECK;
/* Numbers or texts, one or an array of them, as the data of an input with its type and shape. */
struct status rest__read_values(struct rest_infer *q, struct infer_input *in,
                                struct json v) MUST_CHECK;
/* The next size bytes of tail are in's data, which stay where they are. */
struct status rest__read_binary(struct rest_infer *q, struct infer_input *in, uint64_t size,
                                struct span *tail) MUST_CHECK;
/* INVALID_ARG where bytes are left that no input asked for. */
struct status rest__no_more(const struct rest_infer *q, struct span tail) MUST_CHECK;
/* Fills q with what a head of the same bytes said before; false: none did. Else *st is what
 * parsing it would have given. */
bool rest__memo_find(struct rest_infer *q, struct str text, struct span tail,
                     struct status *st) MUST_CHECK;
/* Keeps what the head of q said, where it can be kept. */
void rest__memo_keep(struct rest_infer *q, struct str text);
void rest__memo_free(struct rest_memo *m);
/* INVALID_ARG where an earlier input has in's name. */
struct status rest__check_new(const struct infer_request *r, const struct infer_input *in)
	MUST_CHECK;

#endif
