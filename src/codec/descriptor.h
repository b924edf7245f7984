/* Descriptions of services (google.protobuf.FileDescriptorProto) from the tables of pb.h, for
 * server reflection. */
#ifndef NEREID_CODEC_DESCRIPTOR_H
#define NEREID_CODEC_DESCRIPTOR_H

#include "codec/pb.h"

/* One method. Messages with the same fields may share a descriptor, so each has its name here. */
struct descriptor_method {
	const char *service, *name;
	const char *input_name, *output_name;
	const struct pb_msg *input, *output;
	bool streams;                /* both ways */
};
/* Appends the file `name` of `package`: the methods whose service is `service`, given without its
 * package, and all messages and enums that they need. LIMIT when those are too many. */
struct status descriptor_write(const char *name, const char *package, const char *service,
                               const struct descriptor_method *methods, uint32_t n,
                               struct buf *out) MUST_CHECK;

#endif
