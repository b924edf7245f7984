/* Files: mapping, whole reads, atomic writes, listings. Every failure is a sentence with the path and the system's reason. */
#ifndef NEREID_BASE_FILE_H
#define NEREID_BASE_FILE_H

#include "base/arena.h"
#include "base/buf.h"

struct file_map { struct span bytes; void *base; size_t length; };
struct status file_map(const char *path, struct file_map *out) MUST_CHECK;      /* read-only, private; an empty file maps to n = 0 */
void file_unmap(struct file_map *m);                                            /* idempotent */
struct status file_read(const char *path, size_t limit_bytes, struct buf *out) MUST_CHECK;   /* out: initialised by this call; released by it on failure */
/* Same, for files without a size, such as those of /proc. */
struct status file_read_stream(const char *path, size_t limit_bytes, struct buf *out) MUST_CHECK;
struct status file_write(const char *path, struct span bytes) MUST_CHECK;       /* atomic: temporary file, fsync, rename */
struct status file_mkdirs(const char *path) MUST_CHECK;
bool file_exists(const char *path);
bool file_is_dir(const char *path);
struct status file_size(const char *path, uint64_t *out) MUST_CHECK;
struct status file_mtime_ns(const char *path, uint64_t *out) MUST_CHECK;
struct status file_remove(const char *path) MUST_CHECK;
/* Names in a directory without . and .., sorted by byte order, in the arena. */
struct status file_list(const char *dir, struct arena *a, char ***names, uint32_t *n) MUST_CHECK;

/* A writer for large files: parts in order, then commit renames it into place; release without commit removes it. */
struct file_writer { int fd; char *path, *temporary; uint64_t offset; };
struct status file_writer_open(struct file_writer *w, const char *path) MUST_CHECK;
struct status file_writer_add(struct file_writer *w, const void *p, size_t n) MUST_CHECK;
struct status file_writer_at(struct file_writer *w, uint64_t offset, const void *p, size_t n) MUST_CHECK;  /* does not move offset */
struct status file_writer_commit(struct file_writer *w) MUST_CHECK;
void file_writer_release(struct file_writer *w);

/* Positional read of exactly n bytes, without mapping (so that checksums leave no resident pages). */
struct file_reader { int fd; uint64_t size; const char *path; };
struct status file_reader_open(struct file_reader *r, const char *path) MUST_CHECK;   /* path is kept, not copied */
struct status file_reader_at(struct file_reader *r, uint64_t offset, void *p, size_t n) MUST_CHECK;
void file_reader_release(struct file_reader *r);

#endif
