/* The backend that defines every op: plain loops over plain layout, slow, obvious. */
#ifndef NEREID_BACKEND_REF_H
#define NEREID_BACKEND_REF_H

#include "backend/registry.h"

extern const struct backend backend_ref;

#endif
