/* The gRPC front: inference.GRPCInferenceService as Triton has it, and grpc.health.v1. */
#ifndef NEREID_FRONT_GRPC_H
#define NEREID_FRONT_GRPC_H

#include "front/rest.h"
#include "net/grpc.h"
#include "serve/forward.h"

struct grpc_front {
	struct repo *repo;
	struct access access;                 /* who may ask what */
	struct shm *shm;
	struct forward forward;               /* metadata that become parameters */
	const char *id;                       /* of the server, in its metadata */
	bool strict_ready;
	struct settings *settings;
	/* one a loop: answers are written there, then copied to the message's arena */
	struct buf scratch[FRONT_THREADS_MAX];
};
void grpc_front_init(struct grpc_front *f, struct repo *repo, const char *id);
void grpc_front_release(struct grpc_front *f);
/* For struct grpc_options; ctx: struct grpc_front. */
grpc_handler grpc_front_handle;
bool grpc_front_streams(void *ctx, struct str path);

#endif
