/* NVML through dlopen: which GPUs there are and what they do.
 *
 * The few functions that are used are declared here after the library's published ABI, and found
 * by name in nvml.def; a driver that lacks one of the newer ones only lacks that figure. Everything
 * that stays the same (versions, names, handles) is asked once by nvml_open; nvml_read asks for the
 * figures and never fails as a whole, since one sensor that is absent or a GPU that is lost
 * must not hide the others. Owned by one thread; nothing here is cached between reads.
 */
#include "base/nvml.h"

#include "base/dylib.h"
#include "base/mem.h"
#include "base/panic.h"

#include <string.h>

struct nvml_rates { unsigned gpu, memory; };
struct nvml_memory_1 { unsigned long long total, free, used; };
struct nvml_memory_2 { unsigned version; unsigned long long total, reserved, free, used; };
#define MEMORY_2_VERSION ((unsigned)sizeof(struct nvml_memory_2) | 2u << 24)

/* Codes that get a sentence of their own. */
enum { NVML_OK = 0, NVML_NO_PERMISSION = 4, NVML_DRIVER_NOT_LOADED = 9, NVML_MISMATCH = 18 };

struct functions {
#define X(field, symbol, need, arguments) int (*field) arguments;
#include "base/nvml.def"
#undef X
};

struct nvml {
	struct dylib library;
	struct functions call;
	const char *(*error)(int code);    /* NULL: codes are told as numbers */
	bool begun;                        /* shutdown is due */
	char driver[NVML_TEXT];
	uint32_t cuda, n;
	void *devices[NVML_GPUS_MAX];
	struct nvml_gpu gpus[NVML_GPUS_MAX];
};

static struct status find_functions(struct nvml *n)
{
	enum { MAY, NEED };
	void *at;
#define X(field, symbol, need, arguments)                                                         \
	at = dylib_symbol(&n->library, symbol);                                                   \
	if (!at && need)                                                                          \
		return FAIL(UNAVAILABLE, "the NVIDIA driver's library has no function %s: install a " \
		            "driver of version 450 or newer", symbol);                            \
	memcpy(&n->call.field, &at, sizeof at);
#include "base/nvml.def"
#undef X
	at = dylib_symbol(&n->library, "nvmlErrorString");
	memcpy(&n->error, &at, sizeof at);
	return STATUS_GOOD;
}

static struct status failed(const struct nvml *n, const char *what, int code)
{
	const char *text = n->error ? n->error(code) : 0;
	const char *advice = "";
	if (code == NVML_DRIVER_NOT_LOADED)
		advice = "; load the kernel's NVIDIA driver, or give the container the GPU's devices";
	else if (code == NVML_MISMATCH)
		advice = "; the library and the kernel's driver differ in version, restart the machine";
	else if (code == NVML_NO_PERMISSION)
		advice = "; let this user open /dev/nvidiactl and /dev/nvidia0";
	return FAIL(UNAVAILABLE, "the NVIDIA driver cannot %s: %s (code %d)%s", what,
	            text ? text : "no reason given", code, advice);
}

/* Text that the library wrote, ended even if the library did not. */
static void ended(char text[NVML_TEXT])
{
	text[NVML_TEXT - 1] = 0;
}

/* Fills entry i with the driver's device of that number. */
static struct status ask_gpu(struct nvml *n, uint32_t number, uint32_t i)
{
	struct nvml_gpu *g = &n->gpus[i];
	*g = (struct nvml_gpu){0};
	int e = n->call.device(number, &n->devices[i]);
	if (e != NVML_OK)
		return failed(n, "open a GPU", e);
	e = n->call.uuid(n->devices[i], g->uuid, NVML_TEXT);
	if (e != NVML_OK)
		return failed(n, "tell a GPU's UUID", e);
	if (n->call.name(n->devices[i], g->name, NVML_TEXT) != NVML_OK)
		g->name[0] = 0;
	ended(g->uuid);
	ended(g->name);
	if (!n->call.capability ||
	    n->call.capability(n->devices[i], &g->major, &g->minor) != NVML_OK)
		g->major = g->minor = 0;
	return STATUS_GOOD;
}

static struct status begin(struct nvml *n)
{
	unsigned count = 0;
	int cuda = 0;
	int e = n->call.init();
	if (e != NVML_OK)
		return failed(n, "be asked about GPUs", e);
	n->begun = true;
	e = n->call.driver(n->driver, sizeof n->driver);
	if (e != NVML_OK)
		return failed(n, "tell its version", e);
	ended(n->driver);
	if (n->call.cuda && n->call.cuda(&cuda) == NVML_OK && cuda > 0)
		n->cuda = (uint32_t)cuda;
	e = n->call.count(&count);
	if (e != NVML_OK)
		return failed(n, "count GPUs", e);
	count = count < NVML_GPUS_MAX ? count : NVML_GPUS_MAX;
	/* one that cannot be opened, as of another container or broken, is left out unless all are */
	struct status why = STATUS_GOOD;
	for (uint32_t device = 0; device < count; device++) {
		struct status st = ask_gpu(n, device, n->n);
		if (st.code)
			why = st;
		else
			n->n++;
	}
	return n->n ? STATUS_GOOD : why;
}

struct status nvml_open(const char *path, struct nvml **out)
{
	static const char *const usual[] = {"libnvidia-ml.so.1", 0};
	const char *const given[] = {path, 0};
	struct status st = STATUS_GOOD;
	struct nvml *n = mem_zero(sizeof *n);
	if (!n)
		return FAIL(NO_MEMORY, "no memory for the list of GPUs");

	st = dylib_open(path ? given : usual, &n->library);
	if (st.code)
		GO(FAIL(NOT_FOUND, "no NVIDIA driver is installed: %s", st.msg));
	GO(find_functions(n));
	GO(begin(n));
	*out = n;
	n = 0;
out:
	nvml_close(n);
	return st;
}

void nvml_close(struct nvml *n)
{
	if (!n)
		return;
	if (n->begun)
		n->call.shutdown();
	dylib_close(&n->library);
	mem_free(n);
}

const char *nvml_driver(const struct nvml *n)
{
	return n->driver;
}

uint32_t nvml_cuda(const struct nvml *n)
{
	return n->cuda;
}

uint32_t nvml_count(const struct nvml *n)
{
	return n->n;
}

const struct nvml_gpu *nvml_gpu(const struct nvml *n, uint32_t i)
{
	CHECK(i < n->n);
	return &n->gpus[i];
}

/* The newer function tells what the driver keeps for itself apart from what is used. */
static bool read_memory(const struct functions *f, void *device, struct nvml_figures *out)
{
	struct nvml_memory_2 m = {.version = MEMORY_2_VERSION};
	struct nvml_memory_1 old = {0};
	if (f->memory && f->memory(device, &m) == NVML_OK) {
		out->memory_total_bytes = m.total;
		out->memory_used_bytes = m.used;
		return true;
	}
	if (!f->memory_1 || f->memory_1(device, &old) != NVML_OK)
		return false;
	out->memory_total_bytes = old.total;
	out->memory_used_bytes = old.used;
	return true;
}

void nvml_read(const struct nvml *n, uint32_t i, struct nvml_figures *out)
{
	CHECK(i < n->n);
	const struct functions *f = &n->call;
	void *device = n->devices[i];
	struct nvml_rates rates = {0};
	unsigned milliwatts = 0;
	unsigned long long millijoules = 0;
	*out = (struct nvml_figures){0};
	if (f->utilization && f->utilization(device, &rates) == NVML_OK) {
		out->utilization = rates.gpu / 100.0;
		out->known |= NVML_UTILIZATION;
	}
	if (read_memory(f, device, out))
		out->known |= NVML_MEMORY;
	if (f->power && f->power(device, &milliwatts) == NVML_OK) {
		out->power_watts = milliwatts / 1000.0;
		out->known |= NVML_POWER;
	}
	if (f->limit && f->limit(device, &milliwatts) == NVML_OK) {
		out->limit_watts = milliwatts / 1000.0;
		out->known |= NVML_LIMIT;
	}
	if (f->energy && f->energy(device, &millijoules) == NVML_OK) {
		out->energy_joules = (double)millijoules / 1000.0;
		out->known |= NVML_ENERGY;
	}
}
