/* Who may ask what, whatever the protocol: Triton's restricted groups of endpoints, and API keys
 * from a file.
 *
 * A file of keys has lines KEY [models=A,B] [groups=inference,health]; `#` begins a comment. A key
 * without models= is good for all of them, one without groups= for all groups. A key with models=
 * reaches, of the endpoints that name no model, those of health and metadata, and of shared memory
 * where groups= names it. The key `*` is what those who show none may do. */
#ifndef NEREID_FRONT_ACCESS_H
#define NEREID_FRONT_ACCESS_H

#include "base/span.h"
#include "base/status.h"

enum access_group {
#define X(name, text) ACCESS_##name,
#include "front/access.def"
#undef X
	ACCESS_GROUPS
};

/* The keys of a file, which is read again when it changes. Any thread. */
struct access_keys;
struct status access_keys_open(const char *path, struct access_keys **out) MUST_CHECK;
void access_keys_free(struct access_keys *k);
/* Reads the file again if it has changed; a bad one is logged and the keys stay. True: replaced. */
bool access_keys_reload(struct access_keys *k);

enum { ACCESS_HEADER_BYTES = 160, ACCESS_TEXT_BYTES = 256 };
/* The rules of one protocol; they do not change once it serves. */
struct access {
	const char *what;                        /* "API" or "protocol", as Triton calls it */
	const char *prefix;                      /* of header names in rules */
	/* header "": the group is open */
	struct { char header[ACCESS_HEADER_BYTES]; uint8_t hash[32]; } rules[ACCESS_GROUPS];
	struct access_keys *keys;                /* not owned; NULL: none are needed */
};
void access_init_http(struct access *a);
void access_init_grpc(struct access *a);
/* Adds "GROUP,GROUP:KEY=VALUE"; `option` is its name, for Triton's messages. */
struct status access_restrict(struct access *a, const char *option, const char *text) MUST_CHECK;

/* RESTRICTED: a rule's header is missing or wrong. UNKNOWN: no key, or none of ours. DENIED:
 * the key is good, but not for this. */
enum access_result { ACCESS_GOOD, ACCESS_RESTRICTED, ACCESS_UNKNOWN, ACCESS_DENIED };
/* Looks up a header of the request, any case; .p NULL when absent. */
typedef struct str access_find(const void *request, struct str name);
/* Whether a request for that group, and that model where it names one, may go on; else text is the
 * sentence to answer. */
enum access_result access_check(const struct access *a, enum access_group g, struct str model,
                                access_find *find, const void *request,
                                char text[ACCESS_TEXT_BYTES]);

#endif
