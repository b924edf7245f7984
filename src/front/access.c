/* Access rules and API keys.
 *
 * Values and keys are compared as SHA-256 hashes with CRYPTO_memcmp, each with all there are, so
 * that time tells neither lengths nor how much of a key was right; only hashes are kept in memory.
 * Keys of a file lie in an arena that is replaced as a whole when the file changes, looked for at
 * most once a second by whichever request comes then. The lock is held for the look through the
 * keys and for the swap; hashing and reading the file happen outside it. Any thread. It knows no
 * protocol: fronts bring a function that finds headers, and turn results into answers.
 */
#include "front/access.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { KEYS_MAGIC = 0x6e72d90b, HASH_BYTES = 32 };
#define LOOK_NS 1000000000u
#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define ALL_GROUPS ((1u << ACCESS_GROUPS) - 1)

static const char *const group_names[] = {
#define X(name, text) text,
#include "front/access.def"
#undef X
};

struct key {
	uint8_t hash[HASH_BYTES];
	struct str *models;                  /* NULL: all */
	uint32_t n_models, line;
	uint32_t groups;                     /* a bit each */
	bool chosen;                         /* groups= was given */
};

struct key_set {
	struct arena arena;
	struct key *keys;
	uint32_t n, cap;
	struct key anonymous;                /* line 0: none */
};

struct access_keys {
	uint32_t magic;
	char *path;                          /* owned */
	pthread_mutex_t lock;                /* of set */
	struct key_set set;
	pthread_mutex_t reload;              /* of mtime_ns; taken before lock */
	uint64_t mtime_ns;                   /* of the file that was tried last */
	_Atomic uint64_t next_ns;            /* of the next look at it */
};

static void hash_of(struct str s, uint8_t out[HASH_BYTES])
{
	SHA256((const unsigned char *)(s.p ? s.p : ""), s.n, out);
}

static bool group_of(struct str name, enum access_group *out)
{
	for (int i = 0; i < ACCESS_GROUPS; i++)
		if (str_is(name, group_names[i])) {
			*out = (enum access_group)i;
			return true;
		}
	return false;
}

/* Up to the next `end`, which is taken off s too. */
static struct str cut(struct str *s, char end)
{
	const char *at = s->n ? memchr(s->p, end, s->n) : 0;
	struct str part = {s->p, at ? (size_t)(at - s->p) : s->n};
	size_t used = part.n + (at ? 1 : 0);
	*s = (struct str){s->p + used, s->n - used};
	return part;
}

/* ---- restricted groups ---- */

void access_init_http(struct access *a)
{
	*a = (struct access){.what = "API", .prefix = ""};
}

void access_init_grpc(struct access *a)
{
	*a = (struct access){.what = "protocol", .prefix = "triton-grpc-protocol-"};
}

struct status access_restrict(struct access *a, const char *option, const char *text)
{
	const char *kind = *a->prefix ? "protocol" : "api";
	struct str value = str_from(text), groups = cut(&value, ':'), key = cut(&value, '=');
	enum access_group g;
	if (!groups.n || !key.n || !value.n)
		return FAIL(INVALID_ARG, "Bad option: \"--%s\".\n--%s option format is "
		            "'<config name>:<setting>=<value>'. Got %s", option, option, text);
	if (strlen(a->prefix) + key.n >= ACCESS_HEADER_BYTES)
		return FAIL(LIMIT, "--%s: the name of the header has over %d bytes", option,
		            ACCESS_HEADER_BYTES - 1);
	/* as in Triton, where "a," names a group without name too */
	for (bool more = true; more;) {
		more = groups.n && memchr(groups.p, ',', groups.n);
		struct str name = cut(&groups, ',');
		if (!group_of(name, &g))
			return FAIL(INVALID_ARG, "Bad option: \"--%s\".\nunknown restricted %s '%.*s' ", option,
			            kind, STR_ARG(name));
		if (*a->rules[g].header)
			return FAIL(INVALID_ARG, "Bad option: \"--%s\".\nrestricted %s '%.*s' can not be "
			            "specified in multiple config groups", option, kind, STR_ARG(name));
		snprintf(a->rules[g].header, ACCESS_HEADER_BYTES, "%s%.*s", a->prefix, STR_ARG(key));
		hash_of(value, a->rules[g].hash);
	}
	return STATUS_GOOD;
}

/* ---- the file of keys ---- */

static struct status list_groups(const char *path, uint32_t line, struct str value, struct key *k)
{
	k->groups = 0;
	while (value.n) {
		struct str name = cut(&value, ',');
		enum access_group g;
		if (!group_of(name, &g))
			return FAIL(INVALID_ARG, "%s, line %u: '%.*s' is no group of endpoints; there are "
			            "health, metadata, inference, shared-memory, model-config, "
			            "model-repository, statistics, trace and logging", path, line,
			            STR_ARG(name));
		k->groups |= 1u << g;
	}
	return STATUS_GOOD;
}

static struct status list_models(struct arena *a, const char *path, uint32_t line, struct str value,
                                 struct key *k)
{
	uint32_t cap = 0;
	while (value.n) {
		struct str name = cut(&value, ',');
		if (!name.n)
			return FAIL(INVALID_ARG, "%s, line %u: the list of models has an empty name", path,
			            line);
		if (!ARENA_GROW(a, k->models, k->n_models, cap, LIMIT_API_KEY_MODELS))
			return FAIL(LIMIT, "%s, line %u: over %d models", path, line, LIMIT_API_KEY_MODELS);
		struct str copy = arena_str(a, name);
		if (!copy.p)
			return FAIL(NO_MEMORY, "%s: no memory for the keys", path);
		k->models[k->n_models++] = copy;
	}
	return STATUS_GOOD;
}

/* One word behind the key. */
static struct status one_right(struct arena *a, const char *path, uint32_t line, struct str word,
                               struct key *k)
{
	struct str value = word, name = cut(&value, '=');
	bool groups = str_is(name, "groups"), models = str_is(name, "models");
	if ((!groups && !models) || !value.n)
		return FAIL(INVALID_ARG, "%s, line %u: a key may be followed by models=... and groups=..., "
		            "not by '%.*s'", path, line, STR_ARG(word));
	if ((groups && k->chosen) || (models && k->models))
		return FAIL(INVALID_ARG, "%s, line %u: %.*s= is given twice", path, line, STR_ARG(name));
	k->chosen = k->chosen || groups;
	return groups ? list_groups(path, line, value, k) : list_models(a, path, line, value, k);
}

static struct str next_word(struct str *s)
{
	*s = str_trim(*s);
	size_t n = 0;
	while (n < s->n && s->p[n] != ' ' && s->p[n] != '\t')
		n++;
	struct str word = {s->p, n};
	*s = (struct str){s->p + n, s->n - n};
	return word;
}

static struct status add_key(struct key_set *set, const char *path, uint32_t line, struct str text,
                             struct key *k)
{
	if (str_is(text, "*")) {
		if (set->anonymous.line)
			return FAIL(INVALID_ARG, "%s, line %u: * stands in line %u already", path, line,
			            set->anonymous.line);
		set->anonymous = *k;
		return STATUS_GOOD;
	}
	if (text.n > LIMIT_API_KEY_BYTES)
		return FAIL(LIMIT, "%s, line %u: a key has at most %d bytes", path, line,
		            LIMIT_API_KEY_BYTES);
	hash_of(text, k->hash);
	for (uint32_t i = 0; i < set->n; i++)
		if (!memcmp(set->keys[i].hash, k->hash, HASH_BYTES))
			return FAIL(INVALID_ARG, "%s, line %u: the key stands in line %u already", path, line,
			            set->keys[i].line);
	if (!ARENA_GROW(&set->arena, set->keys, set->n, set->cap, LIMIT_API_KEYS))
		return FAIL(LIMIT, "%s, line %u: over %d keys", path, line, LIMIT_API_KEYS);
	set->keys[set->n++] = *k;
	return STATUS_GOOD;
}

static struct status parse(const char *path, struct str text, struct key_set *set)
{
	for (uint32_t line = 1; text.n; line++) {
		struct str rest = cut(&text, '\n'), key, word;
		struct key k = {.line = line, .groups = ALL_GROUPS};
		if (str_ends(rest, STR("\r")))
			rest.n--;
		rest = cut(&rest, '#');
		key = next_word(&rest);
		if (!key.n)
			continue;
		while ((word = next_word(&rest)).n)
			TRY(one_right(&set->arena, path, line, word, &k));
		TRY(add_key(set, path, line, key, &k));
	}
	/* more likely a file that is being written than a wish to refuse everyone */
	if (!set->n)
		return FAIL(INVALID_ARG, "%s has no keys", path);
	return STATUS_GOOD;
}

/* *set is written only on success. */
static struct status load(const char *path, struct key_set *set)
{
	struct status st = STATUS_GOOD;
	struct key_set fresh = {.n = 0};
	struct buf b = {0};
	arena_init(&fresh.arena, ARENA_BYTES_MAX);
	GO(file_read(path, LIMIT_API_KEY_FILE_BYTES, &b));
	GO(parse(path, buf_text(&b), &fresh));
	*set = fresh;
	arena_init(&fresh.arena, ARENA_BYTES_MAX);
out:
	if (b.p)
		OPENSSL_cleanse(b.p, b.n);
	buf_release(&b);
	arena_release(&fresh.arena);
	return st;
}

struct status access_keys_open(const char *path, struct access_keys **out)
{
	struct status st = STATUS_GOOD;
	struct access_keys *k = mem_zero(sizeof *k);
	if (!k)
		return FAIL(NO_MEMORY, "%s: no memory for the keys", path);
	k->magic = KEYS_MAGIC;
	pthread_mutex_init(&k->lock, 0);
	pthread_mutex_init(&k->reload, 0);
	arena_init(&k->set.arena, ARENA_BYTES_MAX);
	k->path = mem_strdup(path);
	if (!k->path)
		GO(FAIL(NO_MEMORY, "%s: no memory for the keys", path));
	GO(file_mtime_ns(path, &k->mtime_ns));
	GO(load(path, &k->set));
	*out = k;
	k = 0;
out:
	access_keys_free(k);
	return st;
}

void access_keys_free(struct access_keys *k)
{
	if (!k)
		return;
	CHECK_MAGIC(k, KEYS_MAGIC);
	k->magic = 0;
	arena_release(&k->set.arena);
	pthread_mutex_destroy(&k->lock);
	pthread_mutex_destroy(&k->reload);
	mem_free(k->path);
	mem_free(k);
}

static bool reload(struct access_keys *k)
{
	uint64_t now_ns = 0;
	struct key_set fresh;
	struct status st = file_mtime_ns(k->path, &now_ns);
	if (st.code)
		now_ns = 0; /* loading it says why, once */
	if (now_ns == k->mtime_ns)
		return false;
	k->mtime_ns = now_ns;
	st = load(k->path, &fresh);
	if (st.code) {
		LOG_E("the API keys in use stay: %s", st.msg);
		return false;
	}
	pthread_mutex_lock(&k->lock);
	struct key_set old = k->set;
	k->set = fresh;
	pthread_mutex_unlock(&k->lock);
	arena_release(&old.arena);
	LOG_I("%u API keys were loaded again from '%s'", fresh.n, k->path);
	return true;
}

bool access_keys_reload(struct access_keys *k)
{
	CHECK_MAGIC(k, KEYS_MAGIC);
	if (pthread_mutex_trylock(&k->reload))
		return false; /* another thread is at it */
	bool replaced = reload(k);
	pthread_mutex_unlock(&k->reload);
	return replaced;
}

/* ---- checks ---- */

static bool may(const struct key *k, enum access_group g, struct str model)
{
	if (!(k->groups & 1u << g))
		return false;
	if (!k->models)
		return true;
	if (!model.n)
		return g == ACCESS_HEALTH || g == ACCESS_METADATA ||
		       (g == ACCESS_SHARED_MEMORY && k->chosen);
	for (uint32_t i = 0; i < k->n_models; i++)
		if (str_eq(k->models[i], model))
			return true;
	return false;
}

/* The key that the request shows; .p NULL: none. */
static struct str shown_key(access_find *find, const void *request)
{
	struct str authorization = find(request, STR("authorization"));
	struct str scheme = next_word(&authorization);
	if (str_eq_nocase(scheme, STR("Bearer")))
		return str_trim(authorization);
	return find(request, STR("x-api-key"));
}

static enum access_result check_keys(struct access_keys *keys, enum access_group g,
                                     struct str model, struct str shown)
{
	uint8_t hash[HASH_BYTES];
	const struct key *found = 0;
	uint64_t now = clock_ns(), next = atomic_load(&keys->next_ns);
	if (now >= next && atomic_compare_exchange_strong(&keys->next_ns, &next, now + LOOK_NS))
		access_keys_reload(keys);
	hash_of(shown, hash);
	pthread_mutex_lock(&keys->lock);
	for (uint32_t i = 0; i < keys->set.n; i++)
		if (!CRYPTO_memcmp(keys->set.keys[i].hash, hash, HASH_BYTES))
			found = &keys->set.keys[i];
	if (!shown.p && keys->set.anonymous.line && may(&keys->set.anonymous, g, model))
		found = &keys->set.anonymous;
	enum access_result r = !found ? ACCESS_UNKNOWN : may(found, g, model) ? ACCESS_GOOD
		: ACCESS_DENIED;
	pthread_mutex_unlock(&keys->lock);
	return r;
}

enum access_result access_check(const struct access *a, enum access_group g, struct str model,
                                access_find *find, const void *request,
                                char text[ACCESS_TEXT_BYTES])
{
	CHECK(g < ACCESS_GROUPS);
	if (*a->rules[g].header) {
		uint8_t hash[HASH_BYTES];
		struct str value = find(request, str_from(a->rules[g].header));
		hash_of(value, hash);
		if (!value.p || CRYPTO_memcmp(hash, a->rules[g].hash, HASH_BYTES)) {
			snprintf(text, ACCESS_TEXT_BYTES, "This %s is restricted, expecting header '%s'",
			         a->what, a->rules[g].header);
			return ACCESS_RESTRICTED;
		}
	}
	if (!a->keys)
		return ACCESS_GOOD;
	struct str shown = shown_key(find, request);
	enum access_result r = check_keys(a->keys, g, model, shown);
	if (r == ACCESS_UNKNOWN)
		snprintf(text, ACCESS_TEXT_BYTES, shown.p ? "the API key is not valid" :
		         "an API key is needed, as 'Authorization: Bearer KEY' or 'x-api-key: KEY'");
	else if (r == ACCESS_DENIED)
		snprintf(text, ACCESS_TEXT_BYTES, "the API key gives no access to %s%s%.*s", group_names[g],
		         model.n ? " of model " : "", model.n < 100 ? (int)model.n : 100,
		         model.n ? model.p : "");
	return r;
}
