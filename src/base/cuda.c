/* CUDA's driver through dlopen: what is needed to reach memory that another process shares.
 *
 * The functions are declared after the driver's published ABI and found by name in cuda.def. Each
 * use makes the GPU's primary context current for its own time only, so that any thread may come
 * and none keeps one. Where one call of several fails, what was done before is undone, and the
 * driver's own text is told. Stateless but for what callers hold.
 */
#include "base/cuda.h"

#include "base/dylib.h"
#include "base/mem.h"
#include "base/panic.h"

#include <string.h>

typedef unsigned long long cuda_address;

enum { CUDA_OK = 0, LAZY_PEER_ACCESS = 1 };

struct functions {
#define X(field, symbol, arguments) int (*field) arguments;
#include "base/cuda.def"
#undef X
};

struct cuda {
	struct dylib library;
	struct functions call;
	int n;
};

struct cuda_memory {
	const struct functions *call;
	void *context;
	int device;
	cuda_address at;
	size_t bytes;
};

static struct status failed(const struct functions *f, enum status_code code, const char *what,
                            int error)
{
	const char *text = 0;
	if (f->error(error, &text) != CUDA_OK || !text)
		text = "no reason given";
	return status_make(code, __FILE__, __LINE__, "CUDA cannot %s: %s (code %d)", what, text, error);
}

static struct status find_functions(struct cuda *c)
{
	void *at;
#define X(field, symbol, arguments)                                                               \
	at = dylib_symbol(&c->library, symbol);                                                   \
	if (!at)                                                                                  \
		return FAIL(UNAVAILABLE, "the NVIDIA driver's library has no function %s: install a " \
		            "driver of version 450 or newer", symbol);                            \
	memcpy(&c->call.field, &at, sizeof at);
#include "base/cuda.def"
#undef X
	return STATUS_GOOD;
}

struct status cuda_open(const char *path, struct cuda **out)
{
	static const char *const usual[] = {"libcuda.so.1", 0};
	const char *const given[] = {path, 0};
	struct status st = STATUS_GOOD;
	int error;
	struct cuda *c = mem_zero(sizeof *c);
	if (!c)
		return FAIL(NO_MEMORY, "no memory for CUDA's functions");

	st = dylib_open(path ? given : usual, &c->library);
	if (st.code)
		GO(FAIL(NOT_FOUND, "no NVIDIA driver is installed: %s", st.msg));
	GO(find_functions(c));
	error = c->call.init(0);
	if (error == CUDA_OK)
		error = c->call.count(&c->n);
	if (error != CUDA_OK)
		GO(failed(&c->call, STATUS_UNAVAILABLE, "find GPUs", error));
	if (c->n <= 0)
		GO(FAIL(UNAVAILABLE, "the NVIDIA driver finds no GPU"));
	*out = c;
	c = 0;
out:
	cuda_close(c);
	return st;
}

void cuda_close(struct cuda *c)
{
	if (!c)
		return;
	dylib_close(&c->library);
	mem_free(c);
}

uint32_t cuda_count(const struct cuda *c)
{
	return (uint32_t)c->n;
}

/* The context is current from here until leave(). */
static struct status enter(const struct cuda_memory *m)
{
	int error = m->call->push(m->context);
	return error == CUDA_OK ? STATUS_GOOD
		: failed(m->call, STATUS_INTERNAL, "use a GPU", error);
}

static void leave(const struct cuda_memory *m)
{
	void *context;
	int error = m->call->pop(&context);
	CHECK(error != CUDA_OK || context == m->context);
}

static struct status open_handle(struct cuda_memory *m, const struct cuda_handle *handle)
{
	cuda_address base = 0;
	size_t bytes = 0;
	int error = m->call->open(&m->at, *handle, LAZY_PEER_ACCESS);
	if (error != CUDA_OK)
		return failed(m->call, STATUS_INVALID_ARG, "open the memory of that handle", error);
	error = m->call->range(&base, &bytes, m->at);
	if (error == CUDA_OK && base <= m->at && m->at - base < bytes) {
		m->bytes = bytes - (size_t)(m->at - base);
		return STATUS_GOOD;
	}
	m->call->close(m->at);
	return failed(m->call, STATUS_INVALID_ARG, "tell the size of that memory", error);
}

struct status cuda_memory_open(const struct cuda *c, uint64_t gpu, const struct cuda_handle *handle,
                               struct cuda_memory **out)
{
	struct status st = STATUS_GOOD;
	int error;
	if (gpu >= (uint64_t)c->n)
		return FAIL(INVALID_ARG, "there is no GPU %llu: there are %d, counted from 0",
		            (unsigned long long)gpu, c->n);
	struct cuda_memory *m = mem_zero(sizeof *m);
	if (!m)
		return FAIL(NO_MEMORY, "no memory for a range of a GPU's memory");

	m->call = &c->call;
	error = c->call.device(&m->device, (int)gpu);
	if (error == CUDA_OK)
		error = c->call.retain(&m->context, m->device);
	if (error != CUDA_OK) {
		m->context = 0;
		GO(failed(m->call, STATUS_INTERNAL, "use that GPU", error));
	}
	GO(enter(m));
	st = open_handle(m, handle);
	leave(m);
	GO(st);
	*out = m;
	m = 0;
out:
	if (m && m->context)
		c->call.release(m->device);
	mem_free(m);
	return st;
}

void cuda_memory_close(struct cuda_memory *m)
{
	struct status st = enter(m);
	if (!st.code) { /* a GPU that is lost has nothing to close */
		m->call->close(m->at);
		leave(m);
	}
	m->call->release(m->device);
	mem_free(m);
}

size_t cuda_memory_bytes(const struct cuda_memory *m)
{
	return m->bytes;
}

struct status cuda_memory_read(const struct cuda_memory *m, uint64_t offset, void *to, size_t bytes)
{
	CHECK(offset <= m->bytes && bytes <= m->bytes - offset);
	TRY(enter(m));
	int error = bytes ? m->call->read(to, m->at + offset, bytes) : CUDA_OK;
	leave(m);
	return error == CUDA_OK ? STATUS_GOOD
		: failed(m->call, STATUS_INTERNAL, "read a GPU's memory", error);
}

struct status cuda_memory_write(const struct cuda_memory *m, uint64_t offset, const void *from,
                                size_t bytes)
{
	CHECK(offset <= m->bytes && bytes <= m->bytes - offset);
	TRY(enter(m));
	int error = bytes ? m->call->write(m->at + offset, from, bytes) : CUDA_OK;
	leave(m);
	return error == CUDA_OK ? STATUS_GOOD
		: failed(m->call, STATUS_INTERNAL, "write a GPU's memory", error);
}
