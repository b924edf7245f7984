/* The descriptors of Triton's model configuration, made from model_config.def.
 *
 * Nothing but tables: the structs are in model_config.h, reading and printing in pb*.c. The
 * order of the fields in the .def file is that of Triton's own description, because its JSON form
 * prints in that order. Constant data, shared by all threads. Not here: defaults and validation.
 */
#include "codec/model_config.h"

#define PB_SET_FILE "codec/model_config.def"
#include "codec/pb_tables.h"
