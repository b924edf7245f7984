/* Triton's model configuration as C structs (struct mc_config and its parts). The descriptor
 * mc_config_pb is what pb_text_parse, pb_decode and pb_json_print take. What the values mean, and which
 * are valid, is told in serve/. */
#ifndef NEREID_CODEC_MODEL_CONFIG_H
#define NEREID_CODEC_MODEL_CONFIG_H

#define PB_SET_FILE "codec/model_config.def"
#include "codec/pb_structs.h"
#undef PB_SET_FILE

#endif
