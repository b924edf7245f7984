/* The registry of shared memory regions.
 *
 * A sorted list under one lock, which is held for lookups and changes, not while bytes are
 * moved or the driver works: whoever moves them holds a reference. A region that was unregistered
 * leaves the list at once and is closed with its last reference. Keys are names of objects, never
 * paths: a slash but the first, or a name of dots, is refused before the system is asked. CUDA's
 * driver is opened by the first region that needs it. The locks are listed in
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
	enum shm_kind kind;
	int fd;                      /* SHM_SYSTEM: the object, from offset on */
	uint64_t offset, bytes;
	struct cuda_memory *memory;  /* SHM_CUDA: of this GPU */
	uint64_t gpu;
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
	pthread_mutex_init(&s->cuda_lock, 0);
}

/* Under the lock. What nobody needs any more joins the list `dead`. */
static void drop(struct shm_region *r, struct shm_region **dead)
{
	CHECK_MAGIC(r, REGION_MAGIC);
	CHECK(r->refs > 0);
	if (--r->refs)
		return;
	r->next = *dead;
	*dead = r;
}

/* Without the lock: closing a GPU's memory takes its time. */
static void bury(struct shm_region *dead)
{
	while (dead) {
		struct shm_region *r = dead;
		dead = r->next;
		CHECK(r->refs == 0);
		if (r->memory)
			cuda_memory_close(r->memory);
		else if (r->kind == SHM_SYSTEM)
			close(r->fd);
		r->magic = 0;
		mem_free(r);
	}
}

void shm_release(struct shm *s)
{
	struct shm_region *dead = 0;
	while (s->regions) {
		struct shm_region *r = s->regions;
		CHECK(r->refs == 1);
		s->regions = r->next;
		drop(r, &dead);
	}
	bury(dead);
	cuda_close(s->cuda);
	pthread_mutex_destroy(&s->cuda_lock);
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

static struct status make(enum shm_kind kind, struct str name, struct str key,
                          struct shm_region **out)
{
	struct shm_region *r = mem_zero(sizeof *r + name.n + key.n);
	if (!r)
		return FAIL(NO_MEMORY, "no memory for shared memory region '%.*s'", STR_ARG(name));
	r->magic = REGION_MAGIC;
	r->refs = 1;
	r->kind = kind;
	r->fd = -1;
	r->n_name = name.n;
	r->n_key = key.n;
	if (name.n)
		memcpy(r->text, name.p, name.n);
	if (key.n)
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
	if (r->kind == SHM_SYSTEM ? !fits(r->fd, r->offset, r->bytes)
	    : !r->bytes || r->bytes > cuda_memory_bytes(r->memory))
		return FAIL(INVALID_ARG, "failed to register shared memory region '%.*s': invalid args",
		            STR_ARG(name));
	r->next = *at;
	*at = r;
	s->n++;
	return STATUS_GOOD;
}

static struct status allowed(const struct shm *s)
{
	return s->allowed ? STATUS_GOOD
		: FAIL(UNSUPPORTED, "Client shared memory is disabled. Start the server with "
		       "'--allow-client-shm=true' to enable.");
}

/* What is known before anything is opened. */
static struct status may_register(struct shm *s, struct str name, struct str key)
{
	TRY(allowed(s));
	if (!name.n || name.n > NAME_BYTES || key.n > NAME_BYTES)
		return FAIL(INVALID_ARG, "the names of a shared memory region have 1 to %d bytes",
		            NAME_BYTES);
	pthread_mutex_lock(&s->lock);
	bool taken = is_there(find(s, name), name);
	pthread_mutex_unlock(&s->lock);
	return !taken ? STATUS_GOOD
		: FAIL(ALREADY_EXISTS, "shared memory region '%.*s' already in manager", STR_ARG(name));
}

/* Takes r over, also where it fails. */
static struct status add(struct shm *s, struct shm_region *r)
{
	struct shm_region *dead = 0;
	CHECK(r->refs == 1 && (r->kind == SHM_CUDA ? r->memory != 0 : r->fd >= 0));
	pthread_mutex_lock(&s->lock);
	struct status st = insert(s, r);
	if (st.code)
		drop(r, &dead);
	pthread_mutex_unlock(&s->lock);
	bury(dead);
	return st;
}

struct status shm_register(struct shm *s, struct str name, struct str key, uint64_t offset,
                           uint64_t bytes)
{
	struct shm_region *r;
	TRY(may_register(s, name, key));
	TRY(make(SHM_SYSTEM, name, key, &r));
	r->offset = offset;
	r->bytes = bytes;
	r->fd = open_object(key);
	if (r->fd >= 0)
		return add(s, r);
	mem_free(r);
	return FAIL(INTERNAL, "Unable to open shared memory region: '%.*s'", STR_ARG(key));
}

/* The driver, opened once. */
static struct status driver(struct shm *s, const struct cuda **out)
{
	struct status st = STATUS_GOOD;
	pthread_mutex_lock(&s->cuda_lock);
	if (!s->cuda)
		st = cuda_open(0, &s->cuda);
	*out = s->cuda;
	pthread_mutex_unlock(&s->cuda_lock);
	return st;
}

struct status shm_register_cuda(struct shm *s, struct str name, const struct cuda_handle *handle,
                                uint64_t gpu, uint64_t bytes)
{
	const struct cuda *cuda;
	struct shm_region *r;
	CHECK(handle);
	TRY(may_register(s, name, STR_NONE));
	struct status st = driver(s, &cuda);
	if (st.code) /* the first half as Triton says it where it was built without GPUs */
		return FAIL(INVALID_ARG, "failed to register CUDA shared memory region: '%.*s', GPUs not "
		            "supported: %s", STR_ARG(name), st.msg);
	TRY(make(SHM_CUDA, name, STR_NONE, &r));
	r->gpu = gpu;
	r->bytes = bytes;
	st = cuda_memory_open(cuda, gpu, handle, &r->memory);
	if (!st.code)
		return add(s, r);
	mem_free(r);
	return FAIL(INVALID_ARG, "failed to register CUDA shared memory region: '%.*s': %s",
	            STR_ARG(name), st.msg);
}

struct status shm_unregister(struct shm *s, enum shm_kind kind, struct str name)
{
	struct shm_region *dead = 0;
	TRY(allowed(s));
	pthread_mutex_lock(&s->lock);
	struct shm_region **at = name.n ? find(s, name) : &s->regions;
	while (*at && (!name.n || is_there(at, name))) {
		struct shm_region *r = *at;
		if (r->kind != kind) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		s->n--;
		drop(r, &dead);
	}
	pthread_mutex_unlock(&s->lock);
	bury(dead);
	return STATUS_GOOD;
}

/* Copies of what r says, so that it may go. */
static bool describe(const struct shm_region *r, struct arena *a, struct shm_info *out)
{
	*out = (struct shm_info){arena_str(a, name_of(r)), arena_str(a, key_of(r)), r->offset,
	                         r->bytes, r->gpu};
	return out->name.p && (out->key.p || !r->n_key);
}

static struct status not_there(struct shm_region *r, enum shm_kind kind, struct str name)
{
	static const char *const kinds[] = {"system", "CUDA"};
	if (r)
		return FAIL(NOT_FOUND, "The region named '%.*s' is registered as %s shared memory, not %s "
		            "shared memory", STR_ARG(name), kinds[r->kind], kinds[kind]);
	return FAIL(NOT_FOUND, "Unable to find %s shared memory region: '%.*s'",
	            kind == SHM_CUDA ? "cuda" : "system", STR_ARG(name));
}

/* Under the lock. */
static struct status list(struct shm *s, enum shm_kind kind, struct arena *a, struct shm_info **out,
                          uint32_t *n)
{
	*out = ARENA_ARRAY(a, s->n + 1, struct shm_info);
	for (struct shm_region *r = s->regions; *out && r; r = r->next)
		if (r->kind == kind && !describe(r, a, &(*out)[(*n)++]))
			*out = 0;
	return *out ? STATUS_GOOD : FAIL(NO_MEMORY, "no memory for the list of shared memory regions");
}

static struct status one(struct shm *s, enum shm_kind kind, struct str name, struct arena *a,
                         struct shm_info **out, uint32_t *n)
{
	struct shm_region **at = find(s, name);
	if (!is_there(at, name) || (*at)->kind != kind)
		return not_there(is_there(at, name) ? *at : 0, kind, name);
	*out = ARENA_NEW(a, struct shm_info);
	*n = 1;
	return *out && describe(*at, a, *out) ? STATUS_GOOD
		: FAIL(NO_MEMORY, "no memory for the list of shared memory regions");
}

struct status shm_status(struct shm *s, enum shm_kind kind, struct str name, struct arena *a,
                         struct shm_info **out, uint32_t *n)
{
	CHECK(out && n);
	*n = 0;
	pthread_mutex_lock(&s->lock);
	struct status st = name.n ? one(s, kind, name, a, out, n) : list(s, kind, a, out, n);
	pthread_mutex_unlock(&s->lock);
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
	/* Triton looks at the last byte, which a range of none at the start has before the region */
	if ((!bytes && !offset) || bytes > r->bytes - offset)
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
	struct shm_region *dead = 0;
	pthread_mutex_lock(&s->lock);
	drop(r, &dead);
	pthread_mutex_unlock(&s->lock);
	bury(dead);
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
	struct status st = r->kind == SHM_CUDA ? cuda_memory_read(r->memory, offset, to, bytes)
		: read_all(r, r->offset + offset, bytes, to);
	shm_drop(s, r);
	return st;
}

struct status shm_write(const struct shm_region *r, uint64_t offset, const void *from,
                        uint64_t bytes)
{
	const uint8_t *p = from;
	uint64_t at = r->offset + offset;
	CHECK(offset <= r->bytes && bytes <= r->bytes - offset);
	if (r->kind == SHM_CUDA)
		return cuda_memory_write(r->memory, offset, from, bytes);
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
