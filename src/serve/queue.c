/* Levels of priority, each a list in order of arrival and a list of those who are late.
 *
 * The highest level that has a job goes first. A job's deadline is looked at when it could run:
 * Triton either refuses a late one or lets it run behind all that are in time, which is what the
 * second list is for. A client's own timeout counts only where the policy allows it and it is
 * shorter than the policy's. Pure: the time is an argument, jobs belong to the caller.
 */
#include "serve/queue.h"

#include "base/panic.h"
#include "serve/runner.h"

void queue_init(struct queue *q, const struct queue_options *o)
{
	CHECK(o->levels <= LIMIT_PRIORITIES && o->default_level <= o->levels);
	*q = (struct queue){.options = *o};
	for (uint32_t i = 0; i < LIMIT_PRIORITIES; i++) {
		q->level[i].last = &q->level[i].first;
		q->level[i].late_last = &q->level[i].late;
	}
}

/* Where j belongs, from 0. A priority that the model does not have is the default one. */
static uint32_t level_of(const struct queue_options *o, const struct runner_job *j)
{
	if (!o->levels)
		return 0;
	CHECK(o->default_level > 0);
	return (j->priority && j->priority <= o->levels ? (uint32_t)j->priority : o->default_level) - 1;
}

void queue_set_deadline(const struct queue_options *o, struct runner_job *j)
{
	const struct queue_policy *p = &o->policy[level_of(o, j)];
	uint64_t from = j->queued_ns, us = p->timeout_us;
	if (p->may_override && j->timeout_us && j->timeout_us < us) {
		/* the client's time runs since its request came */
		us = j->timeout_us;
		from = j->started_ns;
	}
	j->deadline_ns = us && us < UINT64_MAX / 2000 ? from + us * 1000 : 0;
}

bool queue_delays(const struct queue_options *o, const struct runner_job *j)
{
	return o->policy[level_of(o, j)].delays;
}

struct status queue_put(struct queue *q, struct runner_job *j)
{
	uint32_t k = level_of(&q->options, j);
	struct queue_level *l = &q->level[k];
	uint32_t max = q->options.policy[k].jobs_max;
	if (!j->admitted && (l->n >= (max ? max : LIMIT_INFER_QUEUE) || q->n >= LIMIT_INFER_QUEUE))
		return FAIL(UNAVAILABLE, "Exceeds maximum queue size");
	queue_set_deadline(&q->options, j);
	j->next = 0;
	*l->last = j;
	l->last = &j->next;
	l->n++;
	q->n++;
	return STATUS_GOOD;
}

static struct runner_job *pop(struct runner_job **first, struct runner_job ***last)
{
	struct runner_job *j = *first;
	*first = j->next;
	if (!*first)
		*last = first;
	j->next = 0;
	return j;
}

static void removed(struct queue *q, struct queue_level *l)
{
	CHECK(q->n > 0 && l->n > 0);
	l->n--;
	q->n--;
}

struct runner_job *queue_take(struct queue *q, uint64_t now, struct runner_job **expired)
{
	*expired = 0;
	for (uint32_t i = 0; i < LIMIT_PRIORITIES && q->n; i++) {
		struct queue_level *l = &q->level[i];
		while (l->first) {
			struct runner_job *j = pop(&l->first, &l->last);
			if (!j->deadline_ns || j->deadline_ns > now) {
				removed(q, l);
				return j;
			}
			if (q->options.policy[i].delays) {
				*l->late_last = j;
				l->late_last = &j->next;
				continue;
			}
			removed(q, l);
			j->next = *expired;
			*expired = j;
		}
	}
	for (uint32_t i = 0; i < LIMIT_PRIORITIES && q->n; i++)
		if (q->level[i].late) {
			removed(q, &q->level[i]);
			return pop(&q->level[i].late, &q->level[i].late_last);
		}
	return 0;
}
