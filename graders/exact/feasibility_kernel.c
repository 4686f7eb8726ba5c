/* Whether some of a project's constraints leave a schedule: what feasibility.py asks for a core.
 *
 * Heads and latest ends by precedence and windows, then the search of rcpsp_layers.h. The caller
 * sees to it that no sum or product of times, units and capacities reaches 2^62.
 */

#include "rcpsp_layers.h"

#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

const char *const feasibility_digest = DIGEST;

enum { PRECEDENCE, DOWNTIME, WINDOW, DISJUNCTION };

/* A constraint: before and after; resource, start, end; task, release, deadline; or two tasks. */
typedef struct {
    int64_t kind, a, b, c;
} Constraint;

/* Tasks stand after those that precede them, downtimes of a resource in their order. */
typedef struct {
    int64_t tasks, resources, constraint_count, horizon;
    const int64_t *durations, *capacities, *demands; /* demands: resources a task */
    const Constraint *constraints;
} Project;

/* What some constraints mean for tasks. */
typedef struct {
    int64_t heads[MOST_TASKS], latest[MOST_TASKS];
    uint64_t predecessors[MOST_TASKS], partners[MOST_TASKS];
    int32_t order[MOST_TASKS];   /* tasks by latest end */
    int64_t downtimes;
} Sense;

static void constrain(const Project *p, Sense *m, const Constraint *c)
{
    if (c->kind == PRECEDENCE) {
        m->predecessors[c->b] |= UINT64_C(1) << c->a;
    } else if (c->kind == DOWNTIME) {
        m->downtimes++;
    } else if (c->kind == WINDOW) {
        m->heads[c->a] = c->b;
        if (c->c < m->latest[c->a])
            m->latest[c->a] = c->c;
    } else if (p->durations[c->a] && p->durations[c->b]) { /* else one runs at no moment */
        m->partners[c->a] |= UINT64_C(1) << c->b;
        m->partners[c->b] |= UINT64_C(1) << c->a;
    }
}

/* Pass heads and latest ends on along precedences. */
static void propagate(const Project *p, Sense *m)
{
    for (int32_t i = 0; i < p->tasks; i++)
        for (uint64_t bits = m->predecessors[i]; bits; bits &= bits - 1) {
            int32_t j = lowest(bits);
            if (m->heads[j] + p->durations[j] > m->heads[i])
                m->heads[i] = m->heads[j] + p->durations[j];
        }
    for (int32_t i = (int32_t)p->tasks - 1; i >= 0; i--)
        for (uint64_t bits = m->predecessors[i]; bits; bits &= bits - 1) {
            int32_t j = lowest(bits);
            if (m->latest[i] - p->durations[i] < m->latest[j])
                m->latest[j] = m->latest[i] - p->durations[i];
        }
}

static void make_sense(const Project *p, const char *kept, Sense *m)
{
    memset(m, 0, sizeof *m);
    for (int32_t i = 0; i < p->tasks; i++)
        m->latest[i] = p->horizon;
    for (int64_t k = 0; k < p->constraint_count; k++)
        if (kept[k])
            constrain(p, m, &p->constraints[k]);
    propagate(p, m);
    for (int32_t i = 0; i < p->tasks; i++) {
        int32_t k = i;
        for (; k > 0 && m->latest[m->order[k - 1]] > m->latest[i]; k--)
            m->order[k] = m->order[k - 1];
        m->order[k] = i;
    }
}

/* The tasks of a set by their places in the order. */
static uint64_t renumbered(const Sense *m, int64_t tasks, uint64_t set)
{
    uint64_t places = 0;
    for (int32_t k = 0; k < tasks; k++)
        if (set >> m->order[k] & 1)
            places |= UINT64_C(1) << k;
    return places;
}

static void set_tasks(const Project *p, const Sense *m, Search *s)
{
    for (int32_t k = 0; k < p->tasks; k++) {
        int32_t i = m->order[k];
        s->duration[k] = p->durations[i];
        s->head[k] = m->heads[i];
        s->latest[k] = m->latest[i];
        s->predecessors[k] = renumbered(m, p->tasks, m->predecessors[i]);
        s->partners[k] = renumbered(m, p->tasks, m->partners[i]);
        for (int32_t r = 0; r < p->resources; r++) {
            int64_t amount = p->demands[i * p->resources + r];
            s->demands[k * s->resources + r] = s->pools[r].units[k] = amount;
            if (amount)
                s->pools[r].tasks |= UINT64_C(1) << k;
        }
    }
}

static void set_resources(const Project *p, const char *kept, Search *s)
{
    int64_t count = 0;
    for (int32_t r = 0; r < p->resources; r++) {
        s->pools[r].capacity = p->capacities[r];
        s->pools[r].downtimes.from = count;
        for (int64_t k = 0; k < p->constraint_count; k++) {
            const Constraint *c = &p->constraints[k];
            if (kept[k] && c->kind == DOWNTIME && c->a == r)
                s->spans[count++] = (Span){c->b, c->c};
        }
        s->pools[r].downtimes.to = count;
    }
}

static Project read_project(const int64_t *numbers)
{
    Project p = {numbers[0], numbers[1], numbers[2], numbers[3], NULL, NULL, NULL, NULL};
    p.durations = numbers + 4;
    p.capacities = p.durations + p.tasks;
    p.demands = p.capacities + p.resources;
    p.constraints = (const Constraint *)(p.demands + p.tasks * p.resources);
    return p;
}

/* Whether the constraints that are kept leave a schedule: MET, REFUTED, or PAUSED after so many
 * states; NO_MEMORY.
 *
 * numbers: tasks, resources, constraints, horizon; durations, capacities, demands by task, and four
 * numbers for each constraint.
 */
int feasibility_decide(const int64_t *numbers, const char *kept, int64_t children)
{
    Project p = read_project(numbers);
    Sense sense;
    make_sense(&p, kept, &sense);
    for (int32_t i = 0; i < p.tasks; i++)
        if (sense.heads[i] + p.durations[i] > sense.latest[i])
            return REFUTED;
    Search *s = new_search((int32_t)p.tasks, (int32_t)p.resources, (int32_t)p.resources,
                           sense.downtimes);
    if (!s)
        return NO_MEMORY;
    set_resources(&p, kept, s);
    set_tasks(&p, &sense, s);
    int status = begin_search(s) ? run_search(s, children) : NO_MEMORY;
    free_search(s);
    return status;
}
