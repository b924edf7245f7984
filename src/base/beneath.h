/* Mapping a file that an untrusted name picks inside a trusted directory. */
#ifndef NEREID_BASE_BENEATH_H
#define NEREID_BASE_BENEATH_H

#include "base/file.h"

/* Maps dir/name read-only. The name must be relative, without "..", and after following links the file must still lie
 * inside dir: INVALID_ARG otherwise, with a sentence. Other failures are those of file_map. */
struct status file_map_beneath(const char *dir, struct str name, struct file_map *out) MUST_CHECK;

#endif
