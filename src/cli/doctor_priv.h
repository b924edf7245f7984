/* What the checks of `nereid doctor` share. Each check adds findings; how they are told and what
 * they mean for the exit status is doctor.c's. */
#ifndef NEREID_CLI_DOCTOR_PRIV_H
#define NEREID_CLI_DOCTOR_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"

enum doctor_check {
#define X(name, text, need, function, help) DOCTOR_##name,
#include "cli/doctor.def"
#undef X
	DOCTOR_CHECKS
};
/* X(NAME, text): ok; works, with something to mind; is not there; is there and does not do. */
#define DOCTOR_STATES(X) X(OK, "ok") X(WARN, "warn") X(MISSING, "missing") X(FAIL, "fail")
enum doctor_state {
#define X(name, text) DOCTOR_##name,
	DOCTOR_STATES(X)
#undef X
	DOCTOR_STATES_N
};
/* X(NAME, bit, text): what the person wants to do. */
#define DOCTOR_GOALS(X) X(CPU, 0, "cpu") X(GPU, 1, "gpu") X(KUBERNETES, 2, "kubernetes")
enum doctor_goal {
#define X(name, bit, text) DOCTOR_FOR_##name = 1 << (bit),
	DOCTOR_GOALS(X)
#undef X
};

struct doctor_finding {
	enum doctor_check check;
	enum doctor_state state;
	bool needed;             /* for what the person wants to do */
	const char *text;        /* what was found; in the arena */
	const char *advice;      /* what to do; NULL: nothing */
};
enum { DOCTOR_FINDINGS_MAX = 512, DOCTOR_PORTS_N = 3, DOCTOR_REPOSITORIES_MAX = 32 };
enum doctor_cluster { DOCTOR_UNASKED, DOCTOR_REACHED, DOCTOR_UNREACHED };

/* Owned by the one thread that runs the checks. */
struct doctor {
	struct arena arena;
	const char *root;        /* in front of /proc, /sys and /dev; "" but in tests */
	uint32_t goals;          /* of enum doctor_goal */
	bool chosen[DOCTOR_CHECKS], only;    /* only: by name, and so each is needed */
	uint64_t timeout_ns;     /* of each program that is asked */
	struct { const char *name, *option; uint64_t number; } port[DOCTOR_PORTS_N];
	const char *repository[DOCTOR_REPOSITORIES_MAX];
	uint32_t n_repositories;
	enum doctor_check now;   /* whose findings are added */
	struct doctor_finding *findings;
	uint32_t n, cap;
	bool full;               /* findings did not fit into memory */
	enum doctor_cluster cluster;
	struct json nodes;       /* kubectl's list, in the arena; p NULL: not asked yet */
};

void doctor_init(struct doctor *d);
void doctor_release(struct doctor *d);
/* Makes the chosen checks. */
void doctor_examine(struct doctor *d);
/* Whether something that is needed is missing or does not do. */
bool doctor_lacks(const struct doctor *d);
void doctor_print(const struct doctor *d, bool json, struct buf *out);

/* A finding of d->now. The advice is kept, not copied. */
void doctor__add(struct doctor *d, enum doctor_state state, const char *advice,
                 const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Text in the arena; "" where there is no memory, and then the findings are noted as not whole. */
const char *doctor__text(struct doctor *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The first line of a file under the root, without its end; NULL: there is none. */
const char *doctor__line(struct doctor *d, const char *path);
const char *doctor__bytes(struct doctor *d, uint64_t bytes);     /* "1.5 GiB" */

/* A program's answer. text and error are in the arena and end in NUL. */
struct doctor_answer { struct status st; int code; struct str text; const char *error; };
/* Asks a program; `megabytes` bounds its output. True: it ran to its end with status 0. error is
 * then "", else the first line of what it said, or why it could not be asked. */
bool doctor__ask(struct doctor *d, uint32_t megabytes, struct doctor_answer *out,
                 const char *const *argv);
#define DOCTOR_ASK(d, mb, out, ...) doctor__ask(d, mb, out, (const char *const[]){__VA_ARGS__, 0})
/* The first line of a text. */
struct str doctor__first(struct str text);

/* What a control group allows; 0: as much as there is. The smallest on the way from the process's
 * own group up to the root counts. version NULL: there are no control groups. */
struct doctor_group { double cpus; uint64_t memory_bytes; const char *version; };
void doctor__group(struct doctor *d, struct doctor_group *out);
/* Inodes of sockets that listen on the port, from the text of /proc/net/tcp or tcp6. */
uint32_t doctor__listeners(struct str text, uint32_t port, uint64_t *inodes, uint32_t max);
/* "nginx (process 12)", or NULL where /proc does not say. */
const char *doctor__holder(struct doctor *d, uint32_t port);

/* Nodes of kubectl's list: how many, how many Ready, names of the others, and their GPUs. */
struct doctor_nodes {
	uint32_t n, ready, closed;   /* closed: to new pods */
	uint64_t gpus;               /* of nodes that are Ready and open */
	uint32_t gpu_nodes;
	const char *bad;             /* in the arena */
};
struct status doctor__count_nodes(struct doctor *d, struct json list,
                                   struct doctor_nodes *out) MUST_CHECK;
/* Daemon sets of the device plugin in kubectl's list. */
struct doctor_plugin { uint32_t found; uint64_t wanted, ready; const char *name; };
struct status doctor__find_plugin(struct doctor *d, struct json list,
                                  struct doctor_plugin *out) MUST_CHECK;

#define X(name, text, need, function, help) void function(struct doctor *d);
#include "cli/doctor.def"
#undef X

#endif
