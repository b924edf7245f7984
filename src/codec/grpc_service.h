/* The messages of inference.GRPCInferenceService and grpc.health.v1. */
#ifndef NEREID_CODEC_GRPC_SERVICE_H
#define NEREID_CODEC_GRPC_SERVICE_H

#include "codec/model_config.h"

#undef PB_SET_FILE
#define PB_SET_FILE "codec/grpc_service.def"
#include "codec/pb_structs.h"
#undef PB_SET_FILE

#endif
