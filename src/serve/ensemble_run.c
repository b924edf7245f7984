/* Running an ensemble: one step after another, each a request of its own to the step's model.
 *
 * Steps come in an order in which their tensors are there (ensemble.c); those that no wanted
 * output needs are left out. A step's request is made, checked and run by the same functions as a
 * client's, so that its model counts it and complains about it in the same words. Tensors are
 * handed from step to step by pointer; all of it lies in the arena of the ensemble's request.
 * Nothing waits: where a model has a queue, the thread that ran the step goes on with the next.
 */
#include "serve/ensemble.h"

#include "base/panic.h"

struct ensemble_run {
	struct infer_request *parent;
	const struct ensemble *e;
	struct infer_input *tensors;         /* by tensor; data NULL: not there */
	bool *need;                          /* by step */
	uint32_t next;                       /* step */
	uint32_t thread;                     /* whose executions are ours to use */
	struct infer_request child;
	bool bare;                           /* the step batches and we do not: a batch of one */
};

/* The ensemble's own counters; its steps are counted by their models. */
static void count(struct ensemble_run *run)
{
	struct infer_request *r = run->parent;
	struct ensemble *e = r->version->owner->ensemble;
	struct stats *stats = &r->version->stats;
	enum status_code code = r->job.status.code;
	bool guest = run->thread == RUNNER_GUEST;
	uint32_t shard = guest ? e->callers : run->thread;
	r->job.times.total = e->clock.now_ns() - r->job.started_ns;
	if (guest)
		pthread_mutex_lock(&e->lock);
	if (!code)
		stats_success(stats, shard, r->job.batch, &r->job.times, e->clock.unix_ns() / 1000000);
	else
		stats_failure(stats, shard, code == STATUS_UNAVAILABLE ? FAILURE_REJECTED :
		              code == STATUS_CANCELLED ? FAILURE_CANCELED : FAILURE_OTHER,
		              r->job.times.total);
	if (guest)
		pthread_mutex_unlock(&e->lock);
}

/* Hands the outputs, or what went wrong, to who asked. run is gone afterwards. */
static void finish(struct ensemble_run *run, struct status st)
{
	struct infer_request *r = run->parent;
	const struct served *m = r->version->owner;
	if (!st.code)
		for (uint32_t i = 0; i < m->n_outputs; i++) {
			const struct infer_input *t = &run->tensors[run->e->outputs[i]];
			if (!r->job.want[i])
				continue;
			CHECK(t->data);
			struct tensor *out = &r->job.out[i];
			*out = (struct tensor){.dtype = t->dtype, .rank = t->rank, .data = t->data,
				.bytes = t->bytes};
			memcpy(out->dims, t->dims, sizeof out->dims);
		}
	else
		st.msg = arena_printf(r->job.arena, "in ensemble '%s', %s", m->name, st.msg);
	if (st.code && !st.msg)
		st.msg = "a step of the ensemble failed, and there is no memory to say why";
	r->job.status = st;
	count(run);
	r->job.done(&r->job);
}

static const struct served_io *input_io(const struct served *m, struct str name)
{
	for (uint32_t i = 0; i < m->n_inputs; i++)
		if (str_eq(m->inputs[i].name, name))
			return &m->inputs[i];
	UNREACHABLE();
}

/* A tensor without the batch that the step's model wants gets one of 1. */
static void add_batch(struct ensemble_run *run, const struct served_io *io, struct infer_input *in)
{
	if (run->child.version->owner->max_batch <= 0 || run->parent->version->owner->max_batch > 0 ||
	    in->rank != io->rank || in->rank >= TENSOR_RANK_MAX)
		return;
	memmove(in->dims + 1, in->dims, in->rank * sizeof *in->dims);
	in->dims[0] = 1;
	in->rank++;
	run->bare = true;
}

/* The step's inputs that are there; what is missing its model's check will say. */
static struct status give_inputs(struct ensemble_run *run, const struct ensemble_step *s)
{
	for (uint32_t i = 0; i < s->n_in; i++) {
		const struct infer_input *t = &run->tensors[s->in[i].tensor];
		struct infer_input *in;
		if (!t->data)
			continue;
		in = infer_add_input(&run->child);
		if (!in)
			return FAIL(NO_MEMORY, "no memory for the request");
		*in = *t;
		in->name = s->in[i].name;
		add_batch(run, input_io(s->model, in->name), in);
	}
	return STATUS_GOOD;
}

static void step_done(struct runner_job *j);
/* Of steps that run inline: go_on looks at the job itself. */
static void step_done_here(struct runner_job *j)
{
	(void)j;
}

/* here: the step is done when this returns. Otherwise run may be gone by then, unless this
 * failed. */
static struct status start_step(struct ensemble_run *run, const struct ensemble_step *s,
                                bool *here)
{
	const struct infer_request *r = run->parent;
	struct infer_request *c = &run->child;
	struct served_version *v;
	uint64_t now = run->e->clock.now_ns();
	run->bare = false;
	TRY(served_find(s->model, s->model_name, s->version, &v));
	TRY(infer_init(c, v, r->job.arena));
	c->id = r->id;
	c->priority = r->priority;
	/* what is left of the client's time */
	uint64_t gone_us = (now - r->job.started_ns) / 1000;
	c->timeout_us = r->timeout_us > gone_us ? r->timeout_us - gone_us : r->timeout_us > 0;
	c->job.cancelled = r->job.cancelled;
	c->sequence = r->sequence;
	c->parameters = r->parameters;
	c->n_parameters = c->cap_parameters = r->n_parameters;
	c->user = run;
	TRY(give_inputs(run, s));
	for (uint32_t i = 0; i < s->n_out; i++)
		for (uint32_t k = 0; k < s->model->n_outputs; k++)
			if (str_eq(s->model->outputs[k].name, s->out[i].name))
				c->want[k] = true;
	TRY(infer_check(c));
	c->job.thread = run->thread;
	c->job.started_ns = now;
	*here = runner_inline(v->runner);
	c->job.done = *here ? step_done_here : step_done;
	return infer_start(c, now);
}

/* Takes over what the step made. */
static struct status end_step(struct ensemble_run *run, const struct ensemble_step *s)
{
	struct infer_request *c = &run->child;
	if (c->job.status.code)
		return c->job.status;
	for (uint32_t i = 0; i < s->n_out; i++)
		for (uint32_t k = 0; k < s->model->n_outputs; k++) {
			struct tensor out;
			struct infer_input *t = &run->tensors[s->out[i].tensor];
			if (!str_eq(s->model->outputs[k].name, s->out[i].name))
				continue;
			TRY(infer_output(c, k, &out));
			bool strip = run->bare && out.rank > 0 && out.dims[0] == 1;
			*t = (struct infer_input){.dtype = out.dtype, .rank = out.rank - strip,
				.data = out.data, .bytes = out.bytes};
			memcpy(t->dims, out.dims + strip, t->rank * sizeof *t->dims);
			CHECK(t->data);
		}
	return STATUS_GOOD;
}

/* Goes on until a step waits in a queue, or the end. */
static void go_on(struct ensemble_run *run)
{
	struct status st = STATUS_GOOD;
	bool here;
	while (!st.code && run->next < run->e->n_steps) {
		const struct ensemble_step *s = &run->e->steps[run->next];
		if (!run->need[run->next]) {
			run->next++;
			continue;
		}
		st = start_step(run, s, &here);
		if (st.code)
			break;
		if (!here)
			return;
		st = end_step(run, s);
		run->next++;
	}
	finish(run, st);
}

/* On the thread that ran the step. */
static void step_done(struct runner_job *j)
{
	struct infer_request *c = (struct infer_request *)((char *)j - offsetof(struct infer_request,
	                                                                        job));
	struct ensemble_run *run = c->user;
	run->thread = RUNNER_GUEST;
	struct status st = end_step(run, &run->e->steps[run->next]);
	run->next++;
	if (st.code)
		finish(run, st);
	else
		go_on(run);
}

/* Steps whose tensors lead to a wanted output. */
static bool mark_needed(struct ensemble_run *run, struct arena *a)
{
	const struct ensemble *e = run->e;
	const struct infer_request *r = run->parent;
	bool *wanted = ARENA_ARRAY(a, e->n_tensors, bool);
	if (!wanted)
		return false;
	for (uint32_t i = 0; i < r->version->owner->n_outputs; i++)
		if (r->job.want[i])
			wanted[e->outputs[i]] = true;
	for (uint32_t i = e->n_steps; i-- > 0;) {
		const struct ensemble_step *s = &e->steps[i];
		for (uint32_t k = 0; k < s->n_out; k++)
			run->need[i] = run->need[i] || wanted[s->out[k].tensor];
		for (uint32_t k = 0; k < s->n_in && run->need[i]; k++)
			wanted[s->in[k].tensor] = true;
	}
	return true;
}

void ensemble_start(struct infer_request *r)
{
	struct arena *a = r->job.arena;
	const struct served *m = r->version->owner;
	struct ensemble_run *run = ARENA_NEW(a, struct ensemble_run), spare = {0};
	bool good = run != 0;
	CHECK(m->ensemble && m->ensemble->linked);
	run = good ? run : &spare;
	run->parent = r;
	run->e = m->ensemble;
	run->thread = r->job.thread;
	if (good) {
		run->tensors = ARENA_ARRAY(a, run->e->n_tensors, struct infer_input);
		run->need = ARENA_ARRAY(a, run->e->n_steps, bool);
		good = run->tensors && run->need && mark_needed(run, a);
	}
	if (!good) {
		finish(run, FAIL(NO_MEMORY, "no memory for the request"));
		return;
	}
	for (uint32_t i = 0; i < r->n_inputs; i++)
		for (uint32_t k = 0; k < m->n_inputs; k++)
			if (str_eq(r->inputs[i].name, m->inputs[k].name)) {
				run->tensors[k] = r->inputs[i];
				if (!run->tensors[k].data)
					run->tensors[k].data = (void *)"";
			}
	go_on(run);
}
