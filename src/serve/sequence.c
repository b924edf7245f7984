/* Sequences of one version of a model: slots, a backlog, and the turn of each request.
 *
 * A sequence opens with a request that says so, holds a slot until one says that it ends or it is
 * idle for too long, and has one request in the runner at a time: that keeps its requests in order
 * on whichever instance they run, and lets its state be handed on without a copy in between. A
 * sequence that finds no slot waits in the backlog, in order of arrival, and its requests with it.
 * Requests come from any thread and end on instances' threads, so everything here is under one
 * lock; jobs are given to the runner after it is released. A thread of its own watches for idle
 * sequences while others wait for their slots.
 */
#include "serve/sequence.h"

#include "base/mem.h"
#include "base/panic.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

enum { SEQUENCER_MAGIC = 0x5e9c, TEXT_MAX = SEQUENCE_TEXT_MAX };

enum sequence_place { SEQUENCE_FREE, SEQUENCE_SLOT, SEQUENCE_BACKLOG };
struct sequence {
	enum sequence_place place;
	bool is_text;                        /* which of id and text is its name */
	bool busy;                           /* a request is in the runner */
	bool ended;                          /* the last request that came ends it */
	uint8_t n_text;
	char text[TEXT_MAX];
	uint64_t id;
	struct runner_job *first, **last;    /* requests that wait for their turn */
	uint64_t last_ns;                    /* when it was last heard of */
	struct tensor *state;                /* by state of the plan; of the busy request, if any */
	size_t *room;                        /* bytes of memory behind each that is ours, or 0 */
	void **memory;
	struct sequence *next;               /* in the backlog */
};

struct sequencer {
	uint32_t magic;
	const struct sequence_plan *plan;
	struct runner *runner;
	struct serve_clock clock;
	pthread_mutex_t lock;                /* of the fields below */
	pthread_cond_t changed;
	struct sequence *all;                /* LIMIT_SEQUENCES */
	uint32_t used;                       /* those behind it were never used */
	uint32_t open;                       /* slots taken */
	uint32_t waiting;                    /* requests that wait for their turn */
	struct sequence *backlog, **backlog_last;
	bool stopping, started;
	pthread_t watcher;
	struct tensor *states;               /* of all sequences */
	size_t *rooms;
	void **memories;
};

static struct infer_request *request_of(struct runner_job *j)
{
	return (struct infer_request *)((char *)j - offsetof(struct infer_request, job));
}

/* ---- slots; the lock is held ---- */

static bool named(const struct sequence *q, const struct infer_sequence *want)
{
	if (q->place == SEQUENCE_FREE || q->is_text != want->is_text)
		return false;
	return want->is_text ? str_eq((struct str){q->text, q->n_text}, want->text)
		: q->id == want->id;
}

/* Takes the first request whose turn it is and puts it in front of *go. */
static void next_turn(struct sequencer *s, struct sequence *q, struct runner_job **go)
{
	struct runner_job *j = q->first;
	if (q->place != SEQUENCE_SLOT || q->busy || !j)
		return;
	CHECK(s->waiting > 0);
	q->first = j->next;
	if (!q->first)
		q->last = &q->first;
	q->busy = true;
	s->waiting--;
	j->next = *go;
	*go = j;
}

/* Gives up q's slot, to the sequence that waits longest. */
static void end_sequence(struct sequencer *s, struct sequence *q, struct runner_job **go)
{
	struct sequence *w = s->backlog;
	CHECK(q->place == SEQUENCE_SLOT && !q->busy && !q->first && s->open > 0);
	q->place = SEQUENCE_FREE;
	s->open--;
	if (!w)
		return;
	s->backlog = w->next;
	if (!s->backlog)
		s->backlog_last = &s->backlog;
	w->place = SEQUENCE_SLOT;
	s->open++;
	next_turn(s, w, go);
}

static bool is_idle(const struct sequence *q)
{
	return q->place == SEQUENCE_SLOT && !q->busy && !q->first;
}

/* Ends sequences that were idle for too long. The time at which the next one will be: 0, none. */
static uint64_t end_idle(struct sequencer *s, uint64_t now, struct runner_job **go)
{
	uint64_t next = 0;
	for (uint32_t i = 0; i < s->used; i++) {
		struct sequence *q = &s->all[i];
		uint64_t at = q->last_ns + s->plan->idle_ns;
		if (!is_idle(q))
			continue;
		if (at <= now)
			end_sequence(s, q, go);
		else if (!next || at < next)
			next = at;
	}
	return next;
}

static struct sequence *find(struct sequencer *s, const struct infer_sequence *want)
{
	for (uint32_t i = 0; i < s->used; i++)
		if (named(&s->all[i], want))
			return &s->all[i];
	return 0;
}

/* A new sequence, in a slot or in the backlog; NULL: there are LIMIT_SEQUENCES. */
static struct sequence *open_sequence(struct sequencer *s, const struct infer_sequence *name)
{
	uint32_t i = 0;
	while (i < s->used && s->all[i].place != SEQUENCE_FREE)
		i++;
	if (i == LIMIT_SEQUENCES)
		return 0;
	s->used = i < s->used ? s->used : i + 1;
	struct sequence *q = &s->all[i];
	CHECK(!q->busy && name->text.n <= TEXT_MAX);
	q->is_text = name->is_text;
	q->id = name->id;
	q->n_text = name->is_text ? (uint8_t)name->text.n : 0;
	if (q->n_text)
		memcpy(q->text, name->text.p, q->n_text);
	q->first = 0;
	q->last = &q->first;
	q->next = 0;
	if (s->open < s->plan->slots) {
		q->place = SEQUENCE_SLOT;
		s->open++;
		return q;
	}
	q->place = SEQUENCE_BACKLOG;
	*s->backlog_last = q;
	s->backlog_last = &q->next;
	pthread_cond_signal(&s->changed);
	return q;
}

/* ---- requests ---- */

/* What a request gets from those before it. */
static void give_state(const struct sequencer *s, const struct infer_request *r)
{
	struct sequence *q = r->slot;
	for (uint32_t i = 0; i < s->plan->n_states; i++) {
		if (r->sequence.start)
			q->state[i] = s->plan->states[i].initial;
		r->job.in[s->plan->states[i].input] = q->state[i];
	}
}

/* What it leaves to those after it. Nobody else looks at q meanwhile, since it is busy. */
static struct status keep_state(const struct sequencer *s, const struct infer_request *r)
{
	struct sequence *q = r->slot;
	for (uint32_t i = 0; i < s->plan->n_states; i++) {
		const struct tensor *t = &r->job.out[s->plan->states[i].output];
		if (t->bytes > q->room[i]) {
			void *more = mem_alloc(t->bytes);
			if (!more)
				return FAIL(NO_MEMORY, "no memory for the state of the sequence");
			mem_free(q->memory[i]);
			q->memory[i] = more;
			q->room[i] = t->bytes;
		}
		q->state[i] = *t;
		q->state[i].data = q->memory[i] ? q->memory[i] : (void *)"";
		if (t->bytes)
			memcpy(q->memory[i], t->data, t->bytes);
	}
	return STATUS_GOOD;
}

static void job_done(struct runner_job *j);

static void launch(struct sequencer *s, struct runner_job *go)
{
	while (go) {
		struct runner_job *j = go;
		go = j->next;
		give_state(s, request_of(j));
		j->done = job_done;
		j->admitted = true;
		struct status st = runner_submit(s->runner, j, s->clock.now_ns());
		CHECK(!st.code);
	}
}

/* On the instance's thread. */
static void job_done(struct runner_job *j)
{
	struct infer_request *r = request_of(j);
	struct sequencer *s = r->version->sequencer;
	struct sequence *q = r->slot;
	struct runner_job *go = 0;
	CHECK(s->magic == SEQUENCER_MAGIC);
	struct status st = j->status.code ? STATUS_GOOD : keep_state(s, r);
	if (st.code)
		j->status = st;
	pthread_mutex_lock(&s->lock);
	q->busy = false;
	q->last_ns = s->clock.now_ns();
	if (q->first)
		next_turn(s, q, &go);
	else if (q->ended)
		end_sequence(s, q, &go);
	else if (s->backlog)
		pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	launch(s, go);
	r->after(j);
}

static struct status wrong_type(const struct infer_request *r, const struct sequence_control *c,
                                const char *have)
{
	uint32_t n;
	const struct model_io *io = model_inputs(r->version->engine, &n);
	CHECK(c->input < n);
	return FAIL(INVALID_ARG, "sequence batching control '%.*s' data-type is '%s', but model '%s' "
	            "expects '%s'", STR_ARG(io[c->input].name), have, r->version->owner->name,
	            dtype_wire(c->dtype));
}

/* The correlation id as the model wants it; a number that does not fit is cut, as in Triton. */
static struct status put_id(const struct infer_request *r, const struct sequence_control *c,
                            struct tensor *t)
{
	const struct infer_sequence *q = &r->sequence;
	bool text = c->dtype == DTYPE_BYTES;
	uint32_t n = (uint32_t)q->text.n;
	uint8_t *p;
	if (q->is_text != text)
		return wrong_type(r, c, text ? "UINT64" : "BYTES");
	t->bytes = text ? 4 + (size_t)n : dtype_bytes(c->dtype);
	t->data = p = arena_alloc(r->job.arena, t->bytes, 8);
	if (!p)
		return FAIL(NO_MEMORY, "no memory for the request");
	if (!text) {
		memcpy(p, &q->id, t->bytes);
		return STATUS_GOOD;
	}
	memcpy(p, &n, 4);
	memcpy(p + 4, q->text.p, n);
	return STATUS_GOOD;
}

/* Sets the inputs that say where in its sequence the request stands. */
static struct status put_controls(const struct sequencer *s, struct infer_request *r)
{
	for (uint32_t i = 0; i < s->plan->n_controls; i++) {
		const struct sequence_control *c = &s->plan->controls[i];
		struct tensor *t = &r->job.in[c->input];
		bool on = c->kind == MC_CONTROL_SEQUENCE_START ? r->sequence.start
			: c->kind == MC_CONTROL_SEQUENCE_END ? r->sequence.end : true;
		*t = (struct tensor){.dtype = c->dtype, .rank = c->rank};
		for (uint32_t k = 0; k < c->rank; k++)
			t->dims[k] = 1;
		if (c->kind == MC_CONTROL_SEQUENCE_CORRID) {
			TRY(put_id(r, c, t));
			continue;
		}
		t->bytes = dtype_bytes(c->dtype);
		t->data = (void *)(on ? c->on : c->off);
	}
	return STATUS_GOOD;
}

struct status sequencer_check(const struct sequencer *s, const struct infer_request *r)
{
	const struct infer_sequence *q = &r->sequence;
	const char *model = r->version->owner->name;
	CHECK(s->magic == SEQUENCER_MAGIC);
	if (r->job.batch > 1)
		return FAIL(INVALID_ARG, "inference request to model '%s' must specify batch-size 1 due to "
		            "requirements of sequence batcher", model);
	if (q->is_text ? !q->text.n : !q->id)
		return FAIL(INVALID_ARG, "inference request to model '%s' must specify a non-zero or "
		            "non-empty correlation ID", model);
	return STATUS_GOOD;
}

static struct status not_started(const struct infer_request *r)
{
	char number[24];
	const struct infer_sequence *q = &r->sequence;
	snprintf(number, sizeof number, "%" PRIu64, q->id);
	struct str name = q->is_text ? q->text : str_from(number);
	return FAIL(INVALID_ARG, "inference request for sequence %.*s to model '%s' must specify the "
	            "START flag on the first request of the sequence", STR_ARG(name),
	            r->version->owner->name);
}

/* With the lock: the sequence that r belongs to. */
static struct status place(struct sequencer *s, struct infer_request *r, uint64_t now,
                           struct runner_job **go)
{
	end_idle(s, now, go);
	struct sequence *q = find(s, &r->sequence);
	if ((!q || q->ended) && !r->sequence.start)
		return not_started(r);
	if (s->waiting >= LIMIT_INFER_QUEUE)
		return FAIL(UNAVAILABLE, "Exceeds maximum queue size");
	if (!q)
		q = open_sequence(s, &r->sequence);
	if (!q)
		return FAIL(UNAVAILABLE, "Exceeds maximum queue size");
	r->slot = q;
	q->ended = r->sequence.end;
	q->last_ns = now;
	r->job.next = 0;
	*q->last = &r->job;
	q->last = &r->job.next;
	s->waiting++;
	next_turn(s, q, go);
	return STATUS_GOOD;
}

struct status sequencer_start(struct sequencer *s, struct infer_request *r, uint64_t now)
{
	struct runner_job *go = 0;
	TRY(sequencer_check(s, r));
	TRY(put_controls(s, r));
	r->after = r->job.done;
	r->job.queued_ns = now;
	pthread_mutex_lock(&s->lock);
	struct status st = place(s, r, now, &go);
	pthread_mutex_unlock(&s->lock);
	launch(s, go);
	if (st.code)
		runner_count_refusal(s->runner, &r->job);
	return st;
}

/* ---- life ---- */

/* Frees slots of idle sequences while others wait for them. The clock is the monotonic one, as
 * the condition's is. */
static void *watch(void *arg)
{
	struct sequencer *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		struct runner_job *go = 0;
		uint64_t now = s->clock.now_ns(), next = s->backlog ? end_idle(s, now, &go) : 0;
		if (go) {
			pthread_mutex_unlock(&s->lock);
			launch(s, go);
			pthread_mutex_lock(&s->lock);
		} else if (next) {
			struct timespec until = {(time_t)(next / 1000000000), (long)(next % 1000000000)};
			pthread_cond_timedwait(&s->changed, &s->lock, &until);
		} else {
			pthread_cond_wait(&s->changed, &s->lock);
		}
	}
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static struct status give_room(struct sequencer *s)
{
	size_t n = (size_t)LIMIT_SEQUENCES * s->plan->n_states + 1;
	s->all = mem_zero(LIMIT_SEQUENCES * sizeof *s->all);
	s->states = mem_zero(n * sizeof *s->states);
	s->rooms = mem_zero(n * sizeof *s->rooms);
	s->memories = mem_zero(n * sizeof *s->memories);
	if (!s->all || !s->states || !s->rooms || !s->memories)
		return FAIL(NO_MEMORY, "no memory for sequences");
	for (size_t i = 0; i < LIMIT_SEQUENCES; i++) {
		s->all[i].state = s->states + i * s->plan->n_states;
		s->all[i].room = s->rooms + i * s->plan->n_states;
		s->all[i].memory = s->memories + i * s->plan->n_states;
	}
	return STATUS_GOOD;
}

struct status sequencer_new(const struct sequence_plan *plan, struct runner *runner,
                            const struct serve_clock *clock, struct sequencer **out)
{
	struct status st = STATUS_GOOD;
	struct sequencer *s = mem_zero(sizeof *s);
	pthread_condattr_t attr;

	CHECK(!runner_inline(runner) && plan->slots > 0 && plan->slots <= LIMIT_SEQUENCES);
	if (!s)
		return FAIL(NO_MEMORY, "no memory for sequences");
	s->magic = SEQUENCER_MAGIC;
	s->plan = plan;
	s->runner = runner;
	s->clock = *clock;
	s->backlog_last = &s->backlog;
	pthread_mutex_init(&s->lock, 0);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	GO(give_room(s));
	if (pthread_create(&s->watcher, 0, watch, s))
		GO(FAIL(UNAVAILABLE, "cannot start the thread that watches sequences"));
	s->started = true;
	*out = s;
	s = 0;
out:
	sequencer_free(s);
	return st;
}

void sequencer_stop(struct sequencer *s)
{
	if (!s || !s->started)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->watcher, 0);
	s->started = false;
}

void sequencer_free(struct sequencer *s)
{
	if (!s)
		return;
	CHECK(s->magic == SEQUENCER_MAGIC && !s->started);
	for (size_t i = 0; s->memories && i < (size_t)LIMIT_SEQUENCES * s->plan->n_states; i++)
		mem_free(s->memories[i]);
	mem_free(s->memories);
	mem_free(s->rooms);
	mem_free(s->states);
	mem_free(s->all);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	s->magic = 0;
	mem_free(s);
}
