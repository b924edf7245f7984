/* Plans compiled for this host on the spot, kept for the next start. */
#ifndef NEREID_ENGINE_CACHE_PRIV_H
#define NEREID_ENGINE_CACHE_PRIV_H

#include "plan/plan.h"

/* The key of this host's target sections, as "cpu-avx512". */
void cache__host_key(char key[PLAN_KEY_BYTES]);
/* Replaces *p, a plan without a section for this host, by one of the same content that has it: from the cache, or compiled and put there. On any trouble
 * with the cache a warning is logged and *p stays as it is. dir: as model_options.cache_dir. */
void cache__exchange(struct plan *p, const char *dir);

#endif
