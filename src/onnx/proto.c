/* The descriptors of the messages in an ONNX file, made from onnx_proto.def.
 *
 * Nothing but tables: the structs are declared through onnx_priv.h, decoding is
 * codec/pb_wire.c, meaning is read_*.c. Fields that nobody reads (documentation, metadata,
 * training, annotations, value_info) are left out of the table, so that the decoder checks and
 * skips them. Constant data, shared by all threads.
 */
#include "onnx/onnx_priv.h"

#define PB_SET_FILE "onnx/onnx_proto.def"
#include "codec/pb_tables.h"
