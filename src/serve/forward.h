/* Headers and metadata that become parameters of the request: --http-header-forward-pattern and
 * --grpc-header-forward-pattern. */
#ifndef NEREID_SERVE_FORWARD_H
#define NEREID_SERVE_FORWARD_H

#include "serve/infer.h"

#include <regex.h>

struct forward { regex_t pattern; bool on; };
/* A pattern for whole names in any case, in RE2's language as far as POSIX has it; NULL or empty:
 * nothing is forwarded. INVALID_ARG with what is wrong. */
struct status forward_init(struct forward *f, const char *pattern) MUST_CHECK;
void forward_release(struct forward *f);
/* Adds name and value to r's parameters where the name matches. Any thread. */
struct status forward_header(const struct forward *f, struct infer_request *r, struct str name,
                             struct str value) MUST_CHECK;

#endif
