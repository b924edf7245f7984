/* The registry of shared memory regions.
 *
 * A sorted list under one lock, which is held for lookups and changes, not while bytes are
 * moved: whoever moves them holds a reference. A region that was unregistered leaves the list at
 * once and is closed with its last reference. Keys are names of objects, never paths: a slash but
 * the first, or a name of dots, is refused before the system is asked. The lock is listed in
 * docs/internals/threads.md.
 */
#include "serve/shm.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/panic.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 1024, REGION_MAGIC = 0x6e72d90a };

struct shm_region {
	uint32_t magic;
	struct shm_region *next;
	uint32_t refs;               /* one is the list's */
	int fd;
	uint64_t offset, bytes;
	size_t n_name, n_key;
	char text[];                 /* name and key */
};

static struct str name_of(const struct shm_region *r)
{
	return (struct str){r->text, r->n_name};
}

static struct str key_of(const struct shm_region *r)
{
	return (struct str){r->text + r->n_name, r->n_key};
}

void shm_init(struct shm *s, bool allowed)
{
	*s = (struct shm){.allowed = allowed};
	pthread_mutex_init(&s->lock, 0);
}

/* Under the lock. */
static void drop(struct shm_region *r)
{
	CHECK_MAGIC(r, REGION_MAGIC);
	CHECK(r->refs > 0);
	if (--r->refs)
		return;
	close(r->fd);
	r->magic = 0;
	mem_free(r);
}

void shm_release(struct shm *s)
{
	while (s->regions) {
		struct shm_region *r = s->regions;
		CHECK(r->refs == 1);
		s->regions = r->next;
		drop(r);
	}
	pthread_mutex_destroy(&s->lock);
}

/* ---- registering ---- */

/* The object's descriptor; -1: there is none of that name. */
static int open_object(struct str key)
{
	char name[NAME_BYTES];
	struct str plain = key;
	if (plain.n && *plain.p == '/') {
		plain.p++;
		plain.n--;
	}
	if (!plain.n || plain.n + 2 > sizeof name || memchr(plain.p, '/', plain.n) ||
	    memchr(plain.p, 0, plain.n) || str_is(plain, ".") || str_is(plain, ".."))
		return -1;
	name[0] = '/';
	memcpy(name + 1, plain.p, plain.n);
	name[plain.n + 1] = 0;
	return shm_open(name, O_RDWR | O_CLOEXEC, 0);
}

/* Whether the range lies in the object. */
static bool fits(int fd, uint64_t offset, uint64_t bytes)
{
	struct stat st;
	uint64_t end;
	return !fstat(fd, &st) && st.st_size >= 0 && bytes > 0 &&
	       !__builtin_add_overflow(offset, bytes, &end) && end <= (uint64_t)st.st_size;
}

/* The link to the first region whose name is not before `name`. */
static struct shm_region **find(struct shm *s, struct str name)
{
	struct shm_region **at = &s->regions;
	while (*at && str_cmp(name_of(*at), name) < 0)
		at = &(*at)->next;
	return at;
}

static bool is_there(struct shm_region **at, struct str name)
{
	return *at && str_eq(name_of(*at), name);
}

static struct status make(struct str name, struct str key, uint64_t offset, uint64_t bytes,
                          struct shm_region **out)
{
	struct shm_region *r = mem_zero(sizeof *r + name.n + key.n);
	if (!r)
		return FAIL(NO_MEMORY, "no memory for shared memory region '%.*s'", STR_ARG(name));
	r->fd = open_object(key);
	if (r->fd < 0) {
		mem_free(r);
		return FAIL(INTERNAL, "Unable to open shared memory region: '%.*s'", STR_ARG(key));
	}
	r->magic = REGION_MAGIC;
	r->refs = 1;
	r->offset = offset;
	r->bytes = bytes;
	r->n_name = name.n;
	r->n_key = key.n;
	memcpy(r->text, name.p, name.n);
	memcpy(r->text + name.n, key.p, key.n);
	*out = r;
	return STATUS_GOOD;
}

static struct status insert(struct shm *s, struct shm_region *r)
{
	struct str name = name_of(r);
	struct shm_region **at = find(s, name);
	if (is_there(at, name))
		return FAIL(ALREADY_EXISTS, "shared memory region '%.*s' already in manager",
		            STR_ARG(name));
	if (s->n >= LIMIT_SHM_REGIONS)
		return FAIL(UNAVAILABLE, "there are %d shared memory regions; unregister some before "
		            "'%.*s'", LIMIT_SHM_REGIONS, STR_ARG(name));
	if (!fits(r->fd, r->offset, r->bytes))
		return FAIL(INVALID_ARG, "failed to register shared memory region '%.*s': invalid args",
		            STR_ARG(name));
	r->next = *at;
	*at = r;
	s->n++;
	return STATUS_GOOD;
}

struct status shm_register(struct shm *s, struct str name, struct str key, uint64_t offset,
                           uint64_t bytes)
{
	struct shm_region *r;
	if (!s->allowed)
		return FAIL(UNSUPPORTED, "Client shared memory is disabled. Start the server with "
		            "'--allow-client-shm=true' to enable.");
	if (!name.n || name.n > NAME_BYTES || key.n > NAME_BYTES)
		return FAIL(INVALID_ARG, "the names of a shared memory region have 1 to %d bytes",
		            NAME_BYTES);
	pthread_mutex_lock(&s->lock);
	bool taken = is_there(find(s, name), name);
	pthread_mutex_unlock(&s->lock);
	if (taken)
		return FAIL(ALREADY_EXISTS, "shared memory region '%.*s' already in manager",
		            STR_ARG(name));
	TRY(make(name, key, offset, bytes, &r));
	pthread_mutex_lock(&s->lock);
	struct status st = insert(s, r);
	if (st.code)
		drop(r);
	pthread_mutex_unlock(&s->lock);
	return st;
}

struct status shm_unregister(struct shm *s, struct str name)
{
	if (!s->allowed)
		return FAIL(UNSUPPORTED, "Client shared memory is disabled. Start the server with "
		            "'--allow-client-shm=true' to enable.");
	pthread_mutex_lock(&s->lock);
	struct shm_region **at = name.n ? find(s, name) : &s->regions;
	while (*at && (!name.n || is_there(at, name))) {
		struct shm_region *r = *at;
		*at = r->next;
		s->n--;
		drop(r);
	}
	pthread_mutex_unlock(&s->lock);
	return STATUS_GOOD;
}

/* Copies of what r says, so that it may go. */
static bool describe(const struct shm_region *r, struct arena *a, struct shm_info *out)
{
	*out = (struct shm_info){arena_str(a, name_of(r)), arena_str(a, key_of(r)), r->offset,
	                         r->bytes};
	return out->name.p && out->key.p;
}

struct status shm_status(struct shm *s, struct str name, struct arena *a, struct shm_info **out,
                         uint32_t *n)
{
	struct status st = STATUS_GOOD;
	*n = 0;
	pthread_mutex_lock(&s->lock);
	struct shm_region **at = name.n ? find(s, name) : &s->regions;
	*out = ARENA_ARRAY(a, (name.n ? 1 : s->n) + 1, struct shm_info);
	for (; *out && *at && (!name.n || is_there(at, name)) && !st.code; at = &(*at)->next)
		if (!describe(*at, a, &(*out)[(*n)++]))
			st = FAIL(NO_MEMORY, "no memory for the list of shared memory regions");
	pthread_mutex_unlock(&s->lock);
	if (!*out)
		return FAIL(NO_MEMORY, "no memory for the list of shared memory regions");
	if (name.n && !*n)
		return FAIL(NOT_FOUND, "Unable to find system shared memory region: '%.*s'", STR_ARG(name));
	return st;
}

/* ---- tensors ---- */

struct status shm_hold(struct shm *s, struct str name, uint64_t offset, uint64_t bytes,
                       struct shm_region **out)
{
	struct status st = STATUS_GOOD;
	pthread_mutex_lock(&s->lock);
	struct shm_region **at = find(s, name);
	if (!is_there(at, name))
		GO(FAIL(NOT_FOUND, "Unable to find shared memory region: '%.*s'", STR_ARG(name)));
	struct shm_region *r = *at;
	if (offset >= r->bytes)
		GO(FAIL(INVALID_ARG, "Invalid offset for shared memory region: '%.*s'", STR_ARG(name)));
	/* Triton takes a request without a size for one past the end */
	if (!bytes || bytes > r->bytes - offset)
		GO(FAIL(INVALID_ARG, "Invalid offset + byte size for shared memory region: '%.*s'",
		        STR_ARG(name)));
	r->refs++;
	*out = r;
out:
	pthread_mutex_unlock(&s->lock);
	return st;
}

void shm_drop(struct shm *s, struct shm_region *r)
{
	pthread_mutex_lock(&s->lock);
	drop(r);
	pthread_mutex_unlock(&s->lock);
}

static struct status cut(const struct shm_region *r)
{
	return FAIL(INVALID_ARG, "shared memory region '%.*s' is shorter than when it was registered",
	            STR_ARG(name_of(r)));
}

static struct status read_all(const struct shm_region *r, uint64_t at, uint64_t bytes, uint8_t *to)
{
	while (bytes) {
		ssize_t n = pread(r->fd, to, bytes, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cut(r);
		to += n;
		at += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return STATUS_GOOD;
}

struct status shm_read(struct shm *s, struct str name, uint64_t offset, uint64_t bytes, void *to)
{
	struct shm_region *r;
	TRY(shm_hold(s, name, offset, bytes, &r));
	struct status st = read_all(r, r->offset + offset, bytes, to);
	shm_drop(s, r);
	return st;
}

struct status shm_write(const struct shm_region *r, uint64_t offset, const void *from,
                        uint64_t bytes)
{
	const uint8_t *p = from;
	uint64_t at = r->offset + offset;
	CHECK(offset <= r->bytes && bytes <= r->bytes - offset);
	/* writing past the end would make the object longer */
	if (bytes && !fits(r->fd, at, bytes))
		return cut(r);
	while (bytes) {
		ssize_t n = pwrite(r->fd, p, bytes, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return FAIL(INTERNAL, "shared memory region '%.*s' cannot be written: %s",
			            STR_ARG(name_of(r)), n < 0 ? strerror(errno) : "no room");
		p += n;
		at += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return STATUS_GOOD;
}
