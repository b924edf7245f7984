/* Zip files (PKWARE's APPNOTE): the directory, zip64, members stored or deflated. Stored members
 * are read without a copy. */
#ifndef NEREID_CODEC_ZIP_H
#define NEREID_CODEC_ZIP_H

#include "base/arena.h"
#include "base/map.h"

struct zip_member {
	struct str name;      /* in the file's bytes */
	struct span packed;   /* in the file's bytes */
	uint64_t bytes;       /* of the content */
	uint32_t crc;
	bool deflated;
};
struct zip { struct zip_member *members; uint32_t n; struct map by_name; };

bool zip_is(struct span bytes);
/* Reads and checks the whole directory into the arena. CORRUPT, LIMIT, or UNSUPPORTED
 * (encrypted, split, other methods). Members never overlap in size: together they are no longer
 * than the file. */
struct status zip_open(struct span bytes, struct arena *a, struct zip *out) MUST_CHECK;
const struct zip_member *zip_find(const struct zip *z, struct str name);   /* NULL when absent */
/* The content, its CRC-32 checked: in the file's bytes where stored, else unpacked into the
 * arena. LIMIT over limit_bytes. */
struct status zip_content(const struct zip_member *m, size_t limit_bytes, struct arena *a, struct span *out) MUST_CHECK;

#endif
