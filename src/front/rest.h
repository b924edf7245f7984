/* The REST front: KServe's v2 protocol with Triton's extensions, on the HTTP server of net. */
#ifndef NEREID_FRONT_REST_H
#define NEREID_FRONT_REST_H

#include "front/access.h"
#include "net/http.h"
#include "serve/forward.h"
#include "serve/repo.h"
#include "serve/shm.h"

enum { FRONT_THREADS_MAX = 256 };
struct settings;
struct rest_memo;
struct rest {
	struct repo *repo;
	struct shm *shm;
	struct settings *settings;            /* shared with other fronts */
	struct access access;                 /* who may ask what */
	struct forward forward;               /* headers that become parameters */
	const char *id;                       /* of the server, in its metadata */
	bool strict_ready;
	uint64_t max_json_bytes;              /* --http-max-input-size */
	/* one a loop: replies are written there, then copied to the request's arena */
	struct buf scratch[FRONT_THREADS_MAX];
	struct rest_memo *memos[FRONT_THREADS_MAX]; /* likewise: heads that came before; or NULL */
};
void rest_init(struct rest *r, struct repo *repo, const char *id);
void rest_release(struct rest *r);
/* For struct http_options: how many bytes of JSON a body begins with, before its tensors. */
size_t rest_lead(const struct http1_request *r);
http_handler rest_handle;                     /* ctx: struct rest */

/* What GET /v2 lists, separated by blanks. */
const char *rest_extensions(void);

#endif
