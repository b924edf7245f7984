/* Configurations of models: reading config.pbtxt, completing it from the model, checking it.
 * Messages are Triton's. */
#ifndef NEREID_SERVE_CONFIG_H
#define NEREID_SERVE_CONFIG_H

#include "serve/model.h"

/* Reads dir/config.pbtxt (or configs/<config_name>.pbtxt) into m->config; an absent file leaves
 * it empty. */
struct status config_read(struct served *m, const struct served_options *o) MUST_CHECK;
/* Names, platform, file name and version policy: what must be known before a version can be
 * opened. */
struct status config_identify(struct served *m) MUST_CHECK;
bool config_is_ensemble(const struct served *m);
/* Fills in what the configuration leaves out from the engine's model, and checks the
 * whole; engine NULL: of an ensemble. Then
 * m's inputs, outputs and config_json are made. */
struct status config_complete(struct served *m, const struct served_options *o,
                              const struct model *engine) MUST_CHECK;

#endif
