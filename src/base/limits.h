/* Limits of the program, from the table src/tables/limits.def: LIMIT_PB_DEPTH and so on. */
#ifndef NEREID_BASE_LIMITS_H
#define NEREID_BASE_LIMITS_H

#ifdef NEREID_TINY
#define LIMIT_PICK(value, tiny) (tiny)
#else
#define LIMIT_PICK(value, tiny) (value)
#endif
enum limit_value {
#define X(name, value, tiny, text) LIMIT_##name = LIMIT_PICK(value, tiny),
#include "tables/limits.def"
#undef X
};

#endif
