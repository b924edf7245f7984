/* Writing a plan: weights first collected, then every section in one forward pass, the header
 * last.
 *
 * Constants of the targets go to one weights section and those that only the portable graph has
 * to another, so a host that has its own section reads and checks nothing of the latter. Equal
 * contents are stored once, found by checksum and length and then compared. The file appears whole
 * or not at all: it is written beside its place and renamed. Compile time, one thread.
 */
#include "plan/plan.h"
#include "plan/stream.h"

#include "base/crc32c.h"
#include "base/map.h"
#include "base/panic.h"

#define STREAM_BYTES_MAX ((size_t)1 << 30)
#define INDEX_BYTES_MAX ((size_t)1 << 30)

struct blob { const void *data; size_t bytes; struct stream_place at; struct blob *next; };
struct key { uint32_t crc; uint64_t bytes; };

struct writer {
	struct arena arena;
	struct map blobs;                 /* struct key to struct blob, a list where checksums collide */
	struct blob **order[2];           /* to be written: of the targets, of the portable graph only */
	uint32_t n[2], cap[2];
	uint64_t bytes[2];
	struct plan_section table[PLAN_SECTIONS_MAX];
	uint32_t n_sections;
	struct file_writer file;
};

static uint64_t aligned(uint64_t n)
{
	return (n + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
}

static struct blob *find_blob(const struct blob *list, const struct ir_value *v)
{
	for (; list; list = list->next)
		if (list->bytes == v->data_bytes &&
		    (list->data == v->data || !memcmp(list->data, v->data, v->data_bytes)))
			return (struct blob *)list;
	return 0;
}

static bool key_make(struct writer *w, const struct ir_value *v, struct str *out)
{
	struct key *k = ARENA_NEW(&w->arena, struct key);
	if (!k)
		return false;
	k->crc = crc32c(0, v->data, v->data_bytes);
	k->bytes = v->data_bytes;
	*out = (struct str){(const char *)k, sizeof *k};
	return true;
}

static struct status add_constant(struct writer *w, const struct ir_value *v, uint32_t section)
{
	struct str key;
	if (!v->data)
		return STATUS_GOOD;
	if (!key_make(w, v, &key))
		return FAIL(NO_MEMORY, "no memory to list weights");
	struct blob *have = map_get(&w->blobs, key);
	if (find_blob(have, v))
		return STATUS_GOOD;
	struct blob *b = ARENA_NEW(&w->arena, struct blob);
	if (!b || !ARENA_GROW(&w->arena, w->order[section], w->n[section], w->cap[section], 1u << 24))
		return FAIL(NO_MEMORY, "no memory to list weights");
	*b = (struct blob){v->data, v->data_bytes, {section, w->bytes[section]}, have};
	w->order[section][w->n[section]++] = b;
	w->bytes[section] = aligned(w->bytes[section] + v->data_bytes);
	return map_put(&w->blobs, key, b) ? STATUS_GOOD : FAIL(NO_MEMORY, "no memory to list weights");
}

static struct status add_constants(struct writer *w, const struct ir_graph *g, uint32_t section)
{
	for (uint32_t i = 0; i < g->n_values; i++)
		TRY(add_constant(w, g->values[i], section));
	for (uint32_t i = 0; i < g->n_nodes; i++)
		for (uint32_t k = 0; k < g->nodes[i]->n_attrs; k++)
			if (attr_kind(g->nodes[i]->attrs[k].id) == ATTR_TENSOR)
				TRY(add_constant(w, g->nodes[i]->attrs[k].t, section));
	return STATUS_GOOD;
}

static bool place(void *ctx, const struct ir_value *v, struct stream_place *out)
{
	struct writer *w = ctx;
	struct str key;
	struct blob *b = key_make(w, v, &key) ? find_blob(map_get(&w->blobs, key), v) : 0;
	if (b)
		*out = b->at;
	return b != 0;
}

static struct status pad(struct writer *w)
{
	static const uint8_t zeros[PLAN_ALIGN];
	return file_writer_add(&w->file, zeros, aligned(w->file.offset) - w->file.offset);
}

/* Opens the next section of the table. */
static struct status section(struct writer *w, enum plan_kind kind, const char *key, struct plan_section **out)
{
	if (w->n_sections == PLAN_SECTIONS_MAX)
		return FAIL(LIMIT, "a plan holds at most %d sections", PLAN_SECTIONS_MAX);
	TRY(pad(w));
	struct plan_section *s = &w->table[w->n_sections++];
	s->kind = kind;
	s->offset = w->file.offset;
	if (key) {
		CHECK(strlen(key) < PLAN_KEY_BYTES);
		memcpy(s->key, key, strlen(key));
	}
	*out = s;
	return STATUS_GOOD;
}

static struct status write_weights(struct writer *w, uint32_t which)
{
	static const uint8_t zeros[PLAN_ALIGN];
	struct plan_section *s;
	TRY(section(w, PLAN_WEIGHTS, which ? "portable" : "target", &s));
	for (uint32_t i = 0; i < w->n[which]; i++) {
		const struct blob *b = w->order[which][i];
		size_t more = aligned(b->bytes) - b->bytes;
		CHECK(w->file.offset - s->offset == b->at.offset);
		TRY(file_writer_add(&w->file, b->data, b->bytes));
		TRY(file_writer_add(&w->file, zeros, more));
		s->crc = crc32c(crc32c(s->crc, b->data, b->bytes), zeros, more);
	}
	s->bytes = w->file.offset - s->offset;
	return STATUS_GOOD;
}

static struct status write_bytes(struct writer *w, struct plan_section *s, struct span bytes)
{
	s->bytes = bytes.n;
	s->crc = crc32c(0, bytes.p, bytes.n);
	return file_writer_add(&w->file, bytes.p, bytes.n);
}

static struct status write_graph(struct writer *w, const struct plan_part *part)
{
	struct status st = STATUS_GOOD;
	struct plan_section *s;
	struct buf b;

	buf_init(&b, STREAM_BYTES_MAX);
	GO(section(w, part->kind, part->key, &s));
	s->batch_max = part->batch_max;
	s->cost_ns = part->cost_ns;
	if (!stream_write(part->graph, place, w, &b))
		GO(FAIL(NO_MEMORY, "no memory to write a graph"));
	GO(buf_status(&b));
	GO(write_bytes(w, s, buf_span(&b)));
out:
	buf_release(&b);
	return st;
}

static struct status write_header(struct writer *w)
{
	struct plan_header h = {.version = PLAN_VERSION, .n_sections = w->n_sections, .file_bytes = w->file.offset};
	memcpy(h.magic, PLAN_MAGIC, sizeof h.magic);
	h.table_crc = crc32c(0, w->table, w->n_sections * sizeof *w->table);
	h.header_crc = crc32c(0, &h, sizeof h);
	TRY(file_writer_at(&w->file, 0, &h, sizeof h));
	return file_writer_at(&w->file, sizeof h, w->table, w->n_sections * sizeof *w->table);
}

struct status plan_write(const char *path, const struct plan_part *parts, uint32_t n, struct str info)
{
	struct status st = STATUS_GOOD;
	struct writer w = {.file = {.fd = -1}};
	struct plan_section *s;
	/* room for the header and the table: two weights, the parts, the log */
	size_t front = sizeof(struct plan_header) + (n + 3) * sizeof(struct plan_section);
	static const uint8_t zeros[sizeof(struct plan_header) + PLAN_SECTIONS_MAX * sizeof(struct plan_section)];

	arena_init(&w.arena, INDEX_BYTES_MAX);
	map_init(&w.blobs, &w.arena);
	CHECK(front <= sizeof zeros);
	for (uint32_t i = 0; i < n; i++)
		if (parts[i].kind == PLAN_TARGET)
			GO(add_constants(&w, parts[i].graph, 0));
	for (uint32_t i = 0; i < n; i++)
		if (parts[i].kind == PLAN_PORTABLE)
			GO(add_constants(&w, parts[i].graph, 1));
	GO(file_writer_open(&w.file, path));
	GO(file_writer_add(&w.file, zeros, front));
	GO(write_weights(&w, 0));
	GO(write_weights(&w, 1));
	for (uint32_t i = 0; i < n; i++)
		GO(write_graph(&w, &parts[i]));
	GO(section(&w, PLAN_INFO, 0, &s));
	GO(write_bytes(&w, s, (struct span){(const uint8_t *)info.p, info.n}));
	GO(write_header(&w));
	GO(file_writer_commit(&w.file));
out:
	file_writer_release(&w.file);
	arena_release(&w.arena);
	return st;
}
