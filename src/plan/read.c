/* Mapping a plan and reading graphs from it, as hostile input.
 *
 * The header and the table are checked when the plan is opened; a section's checksum when it is
 * first used, with positional reads, so that checking a hundred megabytes of weights leaves no
 * page of the mapping resident. Every offset is tested against the file. Graphs point into the
 * mapping, which lives as long as the plan. One thread opens and reads; the mapping is then
 * shared.
 */
#include "plan/plan.h"
#include "plan/stream.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/panic.h"

enum { CHUNK = 1 << 18 };

bool plan_is(struct span bytes)
{
	return bytes.n >= 8 && !memcmp(bytes.p, PLAN_MAGIC, 8);
}

bool plan_is_tensorrt(struct span bytes)
{
	return bytes.n >= 4 && (!memcmp(bytes.p, "ftrt", 4) || !memcmp(bytes.p, "ptrt", 4));
}

static struct status header_check(const struct plan *p, struct plan_header *h)
{
	struct span b = p->map.bytes;
	if (plan_is_tensorrt(b))
		return FAIL(UNSUPPORTED, "%s is an engine made by TensorRT, which only TensorRT can run; make a plan from the "
		            "ONNX file that it came from: nereid compile MODEL.onnx -o %s", p->path, p->path);
	if (!plan_is(b))
		return FAIL(CORRUPT, "%s is not a plan: it does not begin with %s", p->path, PLAN_MAGIC);
	if (b.n < sizeof *h)
		return FAIL(CORRUPT, "%s: the header ends after %zu bytes", p->path, b.n);
	memcpy(h, b.p, sizeof *h);
	if (h->version != PLAN_VERSION)
		return FAIL(UNSUPPORTED, "%s is a plan of version %u; this program reads version %d: compile the model again",
		            p->path, h->version, PLAN_VERSION);
	struct plan_header zeroed = *h;
	zeroed.header_crc = 0;
	if (crc32c(0, &zeroed, sizeof zeroed) != h->header_crc)
		return FAIL(CORRUPT, "%s: the header's checksum is wrong", p->path);
	if (h->file_bytes != b.n)
		return FAIL(CORRUPT, "%s has %zu bytes where its header says %llu: it is cut or not written to its end",
		            p->path, b.n, (unsigned long long)h->file_bytes);
	if (h->n_sections > PLAN_SECTIONS_MAX || h->n_sections * sizeof(struct plan_section) > b.n - sizeof *h)
		return FAIL(CORRUPT, "%s: %u sections do not fit", p->path, h->n_sections);
	return STATUS_GOOD;
}

static struct status table_check(struct plan *p, const struct plan_header *h)
{
	const uint8_t *table = p->map.bytes.p + sizeof *h;
	size_t bytes = h->n_sections * sizeof(struct plan_section);
	if (crc32c(0, table, bytes) != h->table_crc)
		return FAIL(CORRUPT, "%s: the section table's checksum is wrong", p->path);
	memcpy(p->sections, table, bytes);
	p->n_sections = h->n_sections;
	for (uint32_t i = 0; i < p->n_sections; i++) {
		const struct plan_section *s = &p->sections[i];
		if (s->offset > p->map.bytes.n || s->bytes > p->map.bytes.n - s->offset || s->offset % PLAN_ALIGN)
			return FAIL(CORRUPT, "%s: section %u lies outside the file", p->path, i);
		if (s->kind < PLAN_PORTABLE || s->kind > PLAN_INFO || s->key[PLAN_KEY_BYTES - 1] || s->batch_max < 0)
			return FAIL(CORRUPT, "%s: section %u is of no known kind", p->path, i);
	}
	return STATUS_GOOD;
}

struct status plan_open(const char *path, struct plan *out)
{
	struct status st = STATUS_GOOD;
	struct plan_header h;

	memset(out, 0, sizeof *out);
	out->path = mem_strdup(path);
	if (!out->path)
		return FAIL(NO_MEMORY, "no memory to open %s", path);
	GO(file_map(path, &out->map));
	GO(header_check(out, &h));
	GO(table_check(out, &h));
out:
	if (st.code)
		plan_release(out);
	return st;
}

void plan_release(struct plan *p)
{
	file_unmap(&p->map);
	mem_free(p->path);
	memset(p, 0, sizeof *p);
}

uint32_t plan_find(const struct plan *p, enum plan_kind kind, const char *key)
{
	for (uint32_t i = 0; i < p->n_sections; i++)
		if (p->sections[i].kind == kind && (!key || !strcmp(p->sections[i].key, key)))
			return i;
	return PLAN_SECTIONS_MAX;
}

static struct status section_check(struct plan *p, uint32_t i)
{
	struct status st = STATUS_GOOD;
	struct file_reader r = {.fd = -1};
	uint8_t *chunk = 0;
	uint32_t crc = 0;

	CHECK(i < p->n_sections);
	if (p->checked[i])
		return STATUS_GOOD;
	chunk = mem_alloc(CHUNK);
	if (!chunk)
		GO(FAIL(NO_MEMORY, "no memory to check %s", p->path));
	GO(file_reader_open(&r, p->path));
	for (uint64_t at = 0; at < p->sections[i].bytes;) {
		uint64_t left = p->sections[i].bytes - at;
		size_t n = left < CHUNK ? (size_t)left : CHUNK;
		GO(file_reader_at(&r, p->sections[i].offset + at, chunk, n));
		crc = crc32c(crc, chunk, n);
		at += n;
	}
	if (crc != p->sections[i].crc)
		GO(FAIL(CORRUPT, "%s: the checksum of section %u is wrong; copy the file again or compile the model again",
		        p->path, i));
	p->checked[i] = true;
out:
	file_reader_release(&r);
	mem_free(chunk);
	return st;
}

static const void *bytes_of(void *ctx, struct stream_place at, uint64_t bytes)
{
	struct plan *p = ctx;
	uint32_t i = 0;
	if (at.section > 1)
		return 0;
	i = plan_find(p, PLAN_WEIGHTS, at.section ? "portable" : "target");
	if (i == PLAN_SECTIONS_MAX || !p->checked[i] || at.offset % PLAN_ALIGN || at.offset > p->sections[i].bytes ||
	    bytes > p->sections[i].bytes - at.offset)
		return 0;
	return p->map.bytes.p + p->sections[i].offset + at.offset;
}

struct status plan_graph(struct plan *p, uint32_t section, struct arena *a, struct ir_graph **out)
{
	CHECK(section < p->n_sections);
	const struct plan_section *s = &p->sections[section];
	uint32_t target = plan_find(p, PLAN_WEIGHTS, "target"), portable = plan_find(p, PLAN_WEIGHTS, "portable");
	if (s->kind != PLAN_PORTABLE && s->kind != PLAN_TARGET)
		return FAIL(CORRUPT, "%s: section %u holds no graph", p->path, section);
	TRY(section_check(p, section));
	if (target < PLAN_SECTIONS_MAX)
		TRY(section_check(p, target));
	if (s->kind == PLAN_PORTABLE && portable < PLAN_SECTIONS_MAX)
		TRY(section_check(p, portable));
	TRY_MSG(stream_read((struct span){p->map.bytes.p + s->offset, s->bytes}, bytes_of, p, a, out), "%s", p->path);
	return STATUS_GOOD;
}

struct status plan_info(struct plan *p, struct str *out)
{
	uint32_t i = plan_find(p, PLAN_INFO, 0);
	*out = STR_NONE;
	if (i == PLAN_SECTIONS_MAX)
		return STATUS_GOOD;
	TRY(section_check(p, i));
	*out = (struct str){(const char *)p->map.bytes.p + p->sections[i].offset, p->sections[i].bytes};
	return STATUS_GOOD;
}
