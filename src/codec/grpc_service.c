/* The descriptors of the gRPC service's messages, made from grpc_service.def.
 *
 * Nothing but tables, as in model_config.c. Messages that have the same fields share one struct;
 * the name of the first of them stands in errors. Constant data, shared by all threads.
 */
#include "codec/grpc_service.h"

#define PB_SET_FILE "codec/grpc_service.def"
#include "codec/pb_tables.h"
