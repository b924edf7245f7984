/* The model repository: all models of one or more folders, loaded at start. */
#ifndef NEREID_SERVE_REPO_H
#define NEREID_SERVE_REPO_H

#include "base/map.h"
#include "serve/model.h"
#include "serve/table.h"

struct repo {
	struct arena arena;
	struct served **models;      /* by name */
	uint32_t n_models, cap_models;
	struct map by_name;
	_Atomic int ready;           /* 0 before loading ended and once draining began */
};
/* Loads every model of the folders. Fails only when a folder cannot be read; what is wrong with a
 * model is in the model. */
struct status repo_open(struct repo *r, const char *const *dirs, uint32_t n,
                        const struct served_options *o) MUST_CHECK;
void repo_release(struct repo *r);
struct served *repo_find(const struct repo *r, struct str name);   /* NULL */
/* Whether every model has a version and every version is ready (strict), and the server is up. */
bool repo_ready(const struct repo *r, bool strict);
bool repo_all_loaded(const struct repo *r);
/* Triton's table of models with their states. */
void repo_table(const struct repo *r, struct table *out);

#endif
