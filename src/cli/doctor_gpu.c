/* NVIDIA's driver and GPUs, for `nereid doctor`.
 *
 * Three things must be there: the kernel's module, the driver's libraries (they come with the
 * driver; in a container the toolkit brings them in), and a GPU that answers. Nothing of NVIDIA's
 * is linked: libraries are opened, asked and closed. One thread.
 */
#include "base/dylib.h"
#include "base/file.h"
#include "base/nvml.h"
#include "base/panic.h"
#include "cli/doctor_priv.h"

#include <stdio.h>
#include <stdlib.h>

static const char install[] =
	"install NVIDIA's driver (Debian: nvidia-driver; Ubuntu: `ubuntu-drivers "
	"install`); in a container, start it with the GPU (docker run --gpus all; nvidia.com/gpu in "
	"the pod)";

/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue ...": the word that is a
 * version. */
static struct str version_of(struct str line)
{
	size_t i = 0;
	while (i < line.n) {
		size_t from = i, dots = 0, digits = 0;
		while (i < line.n && line.p[i] != ' ') {
			dots += line.p[i] == '.';
			digits += line.p[i] >= '0' && line.p[i] <= '9';
			i++;
		}
		if (dots && digits && dots + digits == i - from)
			return (struct str){line.p + from, i - from};
		while (i < line.n && line.p[i] == ' ')
			i++;
	}
	return STR_NONE;
}

void doctor__driver(struct doctor *d)
{
	const char *line = doctor__line(d, "/proc/driver/nvidia/version");
	if (!line) {
		doctor__add(d, DOCTOR_MISSING, install,
		            "NVIDIA's driver is not loaded in the kernel: there is "
		            "no /proc/driver/nvidia/version");
		return;
	}
	struct str version = version_of(str_from(line));
	if (version.n)
		doctor__add(d, DOCTOR_OK, 0, "NVIDIA's driver %.*s is loaded", STR_ARG(version));
	else
		doctor__add(d, DOCTOR_WARN, "see `nvidia-smi`",
		            "NVIDIA's driver is loaded, its version cannot "
		            "be told from \"%s\"",
		            line);
}

void doctor__cuda(struct doctor *d)
{
	static const char *const names[] = {"libcuda.so.1", 0};
	struct dylib lib = {0};
	int version = 0, (*ask)(int *) = 0;
	struct status st = dylib_open(names, &lib);
	if (st.code) {
		doctor__add(d, DOCTOR_MISSING, install, "the driver's library for CUDA is not there: %s",
		            doctor__text(d, "%s", st.msg));
		return;
	}
	void *at = dylib_symbol(&lib, "cuDriverGetVersion");
	memcpy(&ask, &at, sizeof at);
	int e = ask ? ask(&version) : -1;
	if (!ask)
		doctor__add(d, DOCTOR_FAIL,
		            "reinstall NVIDIA's driver: this is another library of that name",
		            "%s opens, but has no cuDriverGetVersion", names[0]);
	else if (e)
		doctor__add(d, DOCTOR_FAIL, "reinstall NVIDIA's driver and restart",
		            "%s opens, but does not tell its version (code %d)", names[0], e);
	else
		doctor__add(d, DOCTOR_OK, 0, "%s opens; it runs CUDA up to %d.%d", names[0],
		            version / 1000, version % 1000 / 10);
	dylib_close(&lib);
}

static void tell_gpu(struct doctor *d, const struct nvml *n, uint32_t i)
{
	const struct nvml_gpu *g = nvml_gpu(n, i);
	struct nvml_figures f = {0};
	const char *memory = "of unknown memory", *level = "";
	nvml_read(n, i, &f);
	if (f.known & NVML_MEMORY)
		memory = doctor__text(d, "with %s of memory, %s of it in use",
		                      doctor__bytes(d, f.memory_total_bytes),
		                      doctor__bytes(d, f.memory_used_bytes));
	if (g->major)
		level = doctor__text(d, ", compute capability %d.%d", g->major, g->minor);
	if ((f.known & NVML_MEMORY) && f.memory_used_bytes > f.memory_total_bytes / 10 * 9)
		doctor__add(d, DOCTOR_WARN, "see who uses it with `nvidia-smi`, or choose another GPU",
		            "GPU %u is %s %s%s: hardly any is free", i, g->name, memory, level);
	else
		doctor__add(d, DOCTOR_OK, 0, "GPU %u is %s %s%s", i,
		            g->name[0] ? g->name : "without a name", memory, level);
}

void doctor__gpus(struct doctor *d)
{
	struct nvml *n = 0;
	struct status st = nvml_open(0, &n);
	if (st.code) {
		bool there = doctor__line(d, "/proc/driver/nvidia/version") != 0;
		doctor__add(d, there ? DOCTOR_FAIL : DOCTOR_MISSING,
		            there ? "see what `nvidia-smi` says; "
		                    "reinstall the driver and restart, or give the container the GPU"
		                  : install,
		            "no GPU can be asked: %s", doctor__text(d, "%s", st.msg));
		return;
	}
	uint32_t cuda = nvml_cuda(n), count = nvml_count(n);
	const char *highest =
		cuda ? doctor__text(d, " (CUDA up to %u.%u)", cuda / 1000, cuda % 1000 / 10) : "";
	if (!count)
		doctor__add(d, DOCTOR_MISSING,
		            "put a GPU in, or give the container or virtual machine one "
		            "(docker run --gpus all)",
		            "NVIDIA's driver %s%s answers, but sees no GPU", nvml_driver(n), highest);
	else
		doctor__add(d, DOCTOR_OK, 0, "NVIDIA's driver %s%s sees %u GPU%s", nvml_driver(n),
		            highest, count, count == 1 ? "" : "s");
	for (uint32_t i = 0; i < count; i++)
		tell_gpu(d, n, i);
	nvml_close(n);
}
