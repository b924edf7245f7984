/* The zip format, read from its central directory.
 *
 * Everything is hostile until checked: the directory and every member lie inside the file,
 * names are unique, the local header agrees with the directory, and all packed members together
 * are no longer than the file, so that many entries for the same bytes cannot make much work of
 * a small file. A deflated member is refused before memory is taken when its size is more than
 * deflate can reach (1032:1). Data before the archive and split archives are not read. Owns
 * nothing; memory is the caller's arena.
 */
#include "codec/zip.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/panic.h"

#include <inttypes.h>
#include <zlib.h>

enum {
	END_BYTES = 22, LOCATOR_BYTES = 20, END64_BYTES = 56, ENTRY_BYTES = 46, LOCAL_BYTES = 30,
	COMMENT_MAX = 65535, DEFLATE_RATIO_MAX = 1032,
};
struct directory { uint64_t at, bytes, count; };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

bool zip_is(struct span bytes)
{
	return bytes.n >= 4 && get32(bytes.p) == 0x04034b50;
}

/* The record of zip64, whose locator stands before the end record at `end`. */
static struct status find_directory64(struct span bytes, size_t end, struct directory *d)
{
	uint64_t at = get64(bytes.p + end - LOCATOR_BYTES + 8);
	if (at > end - LOCATOR_BYTES || end - LOCATOR_BYTES - at < END64_BYTES || get32(bytes.p + at) != 0x06064b50)
		return FAIL(CORRUPT, "the zip64 end record is not at byte %" PRIu64 ", where its locator points", at);
	const uint8_t *p = bytes.p + at;
	if (get32(p + 16) || get32(p + 20) || get64(p + 24) != get64(p + 32))
		return FAIL(UNSUPPORTED, "the zip file is split over several; join them first");
	*d = (struct directory){get64(p + 48), get64(p + 40), get64(p + 32)};
	return STATUS_GOOD;
}

static struct status find_directory(struct span bytes, struct directory *d)
{
	size_t end = bytes.n, lowest;
	if (bytes.n < END_BYTES)
		return FAIL(CORRUPT, "a zip file of %zu bytes; its end record alone takes %d", bytes.n, END_BYTES);
	lowest = bytes.n > END_BYTES + COMMENT_MAX ? bytes.n - END_BYTES - COMMENT_MAX : 0;
	for (size_t i = bytes.n - END_BYTES + 1; i-- > lowest && end == bytes.n;)
		if (get32(bytes.p + i) == 0x06054b50 && i + END_BYTES + get16(bytes.p + i + 20) == bytes.n)
			end = i;
	if (end == bytes.n)
		return FAIL(CORRUPT, "the zip file has no end record: it is cut; fetch it again");
	const uint8_t *p = bytes.p + end;
	if (end >= LOCATOR_BYTES && get32(p - LOCATOR_BYTES) == 0x07064b50)
		TRY(find_directory64(bytes, end, d));
	else if (get16(p + 4) || get16(p + 6) || get16(p + 8) != get16(p + 10))
		return FAIL(UNSUPPORTED, "the zip file is split over several; join them first");
	else
		*d = (struct directory){get32(p + 16), get32(p + 12), get16(p + 10)};
	if (d->at > end || d->bytes > end - d->at || d->count > d->bytes / ENTRY_BYTES)
		return FAIL(CORRUPT, "the zip directory of %" PRIu64 " entries in %" PRIu64 " bytes at byte %" PRIu64
		            " does not fit the file", d->count, d->bytes, d->at);
	if (d->count > LIMIT_ZIP_MEMBERS)
		return FAIL(LIMIT, "the zip file has %" PRIu64 " members; %d are read", d->count, LIMIT_ZIP_MEMBERS);
	return STATUS_GOOD;
}

/* Replaces sizes and offset that are all ones by those of the zip64 extra field. */
static bool widen(struct span extra, uint64_t *size, uint64_t *packed, uint64_t *at)
{
	uint64_t *fields[] = {size, packed, at};
	bool wide = *size == UINT32_MAX || *packed == UINT32_MAX || *at == UINT32_MAX;
	size_t i = 0, n = 0;
	if (!wide)
		return true;
	for (; extra.n - i >= 4; i += 4 + n) {
		n = get16(extra.p + i + 2);
		if (n > extra.n - i - 4)
			return false;
		if (get16(extra.p + i) == 1)
			break;
	}
	if (extra.n - i < 4)
		return false;
	const uint8_t *p = extra.p + i + 4, *end = p + n;
	for (int k = 0; k < 3; k++)
		if (*fields[k] == UINT32_MAX) {
			if (end - p < 8)
				return false;
			*fields[k] = get64(p);
			p += 8;
		}
	return true;
}

/* Finds the member's bytes behind its local header at `at`; limit: where the directory begins. */
static struct status locate(struct span bytes, uint64_t at, uint64_t limit, uint64_t packed, struct zip_member *m)
{
	/* `at` is any number: it becomes a pointer only once it lies inside */
	const uint8_t *p = at <= limit ? bytes.p + at : 0;
	if (!p || limit - at < LOCAL_BYTES || get32(p) != 0x04034b50)
		return FAIL(CORRUPT, "zip member '%.*s': no local header at byte %" PRIu64, STR_ARG(m->name), at);
	uint64_t data = at + LOCAL_BYTES + get16(p + 26) + get16(p + 28);
	if (data > limit || packed > limit - data)
		return FAIL(CORRUPT, "zip member '%.*s': its %" PRIu64 " bytes go past the directory", STR_ARG(m->name), packed);
	struct str name = {(const char *)p + LOCAL_BYTES, get16(p + 26)};
	if (!str_eq(name, m->name) || get16(p + 8) != (m->deflated ? 8 : 0))
		return FAIL(CORRUPT, "zip member '%.*s': its local header disagrees with the directory", STR_ARG(m->name));
	m->packed = (struct span){bytes.p + data, (size_t)packed};
	return STATUS_GOOD;
}

/* One entry at p of at most n bytes; *used: its length. */
static struct status read_entry(struct span bytes, uint64_t limit, const uint8_t *p, size_t n, struct zip_member *m,
                                size_t *used)
{
	if (n < ENTRY_BYTES || get32(p) != 0x02014b50)
		return FAIL(CORRUPT, "the zip directory is damaged at byte %zu", (size_t)(p - bytes.p));
	size_t name = get16(p + 28), extra = get16(p + 30), comment = get16(p + 32);
	unsigned method = get16(p + 10);
	uint64_t packed = get32(p + 20), size = get32(p + 24), at = get32(p + 42);
	*used = ENTRY_BYTES + name + extra + comment;
	if (*used > n)
		return FAIL(CORRUPT, "the zip directory ends inside its entry at byte %zu", (size_t)(p - bytes.p));
	*m = (struct zip_member){.name = {(const char *)p + ENTRY_BYTES, name}, .crc = get32(p + 16), .deflated = method == 8};
	if (get16(p + 8) & 1)
		return FAIL(UNSUPPORTED, "zip member '%.*s' is encrypted", STR_ARG(m->name));
	if (method != 0 && method != 8)
		return FAIL(UNSUPPORTED, "zip member '%.*s' is packed by method %u; stored and deflate are read",
		            STR_ARG(m->name), method);
	if (!widen((struct span){p + ENTRY_BYTES + name, extra}, &size, &packed, &at))
		return FAIL(CORRUPT, "zip member '%.*s': its zip64 sizes are missing", STR_ARG(m->name));
	if (!m->deflated && size != packed)
		return FAIL(CORRUPT, "zip member '%.*s' is stored, but its two sizes differ", STR_ARG(m->name));
	m->bytes = size;
	return locate(bytes, at, limit, packed, m);
}

struct status zip_open(struct span bytes, struct arena *a, struct zip *out)
{
	struct directory d = {0};
	uint64_t packed = 0;
	TRY(find_directory(bytes, &d));
	struct zip z = {.members = ARENA_ARRAY(a, d.count + 1, struct zip_member)};
	if (!z.members)
		return FAIL(NO_MEMORY, "no memory for a zip directory of %" PRIu64 " entries", d.count);
	map_init(&z.by_name, a);
	for (size_t at = 0, used; z.n < d.count; at += used) {
		struct zip_member *m = &z.members[z.n];
		CHECK(at <= d.bytes);
		TRY(read_entry(bytes, d.at, bytes.p + d.at + at, d.bytes - at, m, &used));
		if (map_get(&z.by_name, m->name))
			return FAIL(CORRUPT, "the zip file has the member '%.*s' twice", STR_ARG(m->name));
		if (!map_put(&z.by_name, m->name, m))
			return FAIL(NO_MEMORY, "no memory for a zip directory of %" PRIu64 " entries", d.count);
		CHECK(m->packed.n <= bytes.n);
		packed += m->packed.n;
		if (packed > bytes.n)
			return FAIL(CORRUPT, "zip member '%.*s': members overlap", STR_ARG(m->name));
		z.n++;
	}
	*out = z;
	return STATUS_GOOD;
}

const struct zip_member *zip_find(const struct zip *z, struct str name)
{
	return map_get(&z->by_name, name);
}

/* to: room for m->bytes. zlib counts in 32 bits, so both sides are fed in pieces. */
static bool unpack(const struct zip_member *m, uint8_t *to)
{
	z_stream z = {0};
	size_t fed = 0, made = 0, step = (size_t)1 << 30;
	int r = Z_OK;
	if (inflateInit2(&z, -15) != Z_OK)
		return false;
	while (r == Z_OK) {
		size_t in = m->packed.n - fed < step ? m->packed.n - fed : step;
		size_t room = m->bytes - made < step ? m->bytes - made : step;
		z.next_in = (Bytef *)(uintptr_t)(m->packed.p + fed);
		z.avail_in = (uInt)in;
		z.next_out = to + made;
		z.avail_out = (uInt)room;
		r = inflate(&z, Z_NO_FLUSH);
		fed += in - z.avail_in;
		made += room - z.avail_out;
	}
	inflateEnd(&z);
	CHECK(fed <= m->packed.n && made <= m->bytes);
	return r == Z_STREAM_END && fed == m->packed.n && made == m->bytes;
}

static uint32_t crc_of(struct span s)
{
	uLong crc = crc32(0, 0, 0);
	for (size_t at = 0, n; at < s.n; at += n) {
		n = s.n - at < (size_t)1 << 30 ? s.n - at : (size_t)1 << 30;
		crc = crc32(crc, s.p + at, (uInt)n);
	}
	return (uint32_t)crc;
}

struct status zip_content(const struct zip_member *m, size_t limit_bytes, struct arena *a, struct span *out)
{
	struct span s = m->packed;
	if (m->bytes > limit_bytes)
		return FAIL(LIMIT, "zip member '%.*s' has %" PRIu64 " bytes; up to %zu are read", STR_ARG(m->name), m->bytes,
		            limit_bytes);
	if (m->deflated) {
		if (m->bytes / DEFLATE_RATIO_MAX > m->packed.n)
			return FAIL(CORRUPT, "zip member '%.*s': %zu deflated bytes cannot hold %" PRIu64, STR_ARG(m->name),
			            m->packed.n, m->bytes);
		uint8_t *p = arena_alloc(a, m->bytes + 1, 64);
		if (!p)
			return FAIL(NO_MEMORY, "no memory for the zip member '%.*s'", STR_ARG(m->name));
		if (!unpack(m, p))
			return FAIL(CORRUPT, "zip member '%.*s': its deflated data is damaged", STR_ARG(m->name));
		s = (struct span){p, (size_t)m->bytes};
	}
	if (crc_of(s) != m->crc)
		return FAIL(CORRUPT, "zip member '%.*s': its checksum is wrong; fetch the file again", STR_ARG(m->name));
	*out = s;
	return STATUS_GOOD;
}
