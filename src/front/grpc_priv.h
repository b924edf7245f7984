/* Inside the gRPC front. */
#ifndef NEREID_FRONT_GRPC_PRIV_H
#define NEREID_FRONT_GRPC_PRIV_H

#include "codec/grpc_service.h"
#include "front/grpc.h"
#include "serve/infer_shm.h"

typedef void grpc_fn(struct grpc_front *f, struct grpc_message *m);
#define X(package, service, method, streams, i, input, o, output, fn, group, model) grpc_fn fn;
#include "front/grpc_rpcs.def"
#undef X

/* Whether m may go on; else it is answered. model: the number of the field that names a model, or
 * 0. */
bool grpc__may_pass(const struct access *a, struct grpc_message *m, enum access_group group,
                    uint32_t model);
/* The last string with that number at the top of a message, which may end nowhere but at its end;
 * false: it is no message. Without one *out stays. */
bool grpc__find_string(const uint8_t *p, size_t n, uint32_t field, struct str *out);
/* m as a message of that type; false: it was answered with what is wrong. */
bool grpc__decode(struct grpc_message *m, const struct pb_msg *type, void *out);
/* Answers with x. */
void grpc__answer(struct grpc_front *f, struct grpc_message *m, const struct pb_msg *type,
                  const void *x);
void grpc__fail(struct grpc_message *m, struct status st);
/* The loop's scratch buffer, emptied. */
struct buf *grpc__scratch(struct grpc_front *f, const struct grpc_message *m);
/* Model and version by name; the version's text may be empty. */
struct status grpc__find(struct grpc_front *f, struct str model, struct str version,
                         struct served **m, struct served_version **v) MUST_CHECK;
struct status grpc__version(struct str version, int64_t *number) MUST_CHECK;

/* The request's parameters into r, in Triton's words where they are wrong. */
struct status grpc__parameters(struct infer_request *r, const struct gs_infer *x) MUST_CHECK;
/* The one of that name; NULL: there is none. */
const struct gs_parameter *grpc__parameter(const struct gs_parameter_entry *list, uint32_t n,
                                           const char *name);
/* Where a tensor lies by its parameters; *there false: not in shared memory. */
struct status grpc__place(const struct gs_parameter_entry *list, uint32_t n, struct str tensor,
                          struct infer_place *out, bool *there) MUST_CHECK;
/* How many classes an output is asked for; left as it is when it is not. */
struct status grpc__classes(const struct gs_wanted *w, uint32_t *classes) MUST_CHECK;

#endif
