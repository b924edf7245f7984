/* Text to pointer, in an arena: open addressing, grows by doubling, no removal. Keys are not copied. */
#ifndef NEREID_BASE_MAP_H
#define NEREID_BASE_MAP_H

#include "base/arena.h"

struct map_slot { struct str key; void *value; };
struct map { struct map_slot *slots; uint32_t n, cap; struct arena *arena; };

void map_init(struct map *m, struct arena *a);
bool map_put(struct map *m, struct str key, void *value) MUST_CHECK;  /* replaces; false: out of memory. value != NULL */
void *map_get(const struct map *m, struct str key);                   /* NULL when absent */

#endif
