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
enum { FIRST_TURN = 100 }; /* states that a search makes before the other has its turn */

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

/* What some constraints mean for tasks, and the downtimes among them. */
typedef struct {
    int64_t heads[MOST_TASKS], latest[MOST_TASKS];
    Set predecessors[MOST_TASKS], successors[MOST_TASKS], partners[MOST_TASKS];
    Span *spans;                 /* of resource r from first[r] to first[r + 1] */
    int64_t *first;
} Sense;

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t sooner(int64_t a, int64_t b) { return a < b ? a : b; }

/* Constraints ----------------------------------------------------------------------------- */

static void constrain(const Project *p, Sense *m, const Constraint *c)
{
    if (c->kind == PRECEDENCE) {
        m->predecessors[c->b] |= only(c->a);
        m->successors[c->a] |= only(c->b);
    } else if (c->kind == WINDOW) {
        m->heads[c->a] = later(m->heads[c->a], c->b);
        m->latest[c->a] = sooner(m->latest[c->a], c->c);
    } else if (c->kind == DISJUNCTION && p->durations[c->a] && p->durations[c->b]) {
        m->partners[c->a] |= only(c->b); /* else one of them runs at no moment */
        m->partners[c->b] |= only(c->a);
    }
}

/* Sort the downtimes that are kept by resource. */
static void close_resources(const Project *p, const char *kept, Sense *m)
{
    int64_t count = 0;
    for (int64_t r = 0; r < p->resources; r++) {
        m->first[r] = count;
        for (int64_t k = 0; k < p->constraint_count; k++) {
            const Constraint *c = &p->constraints[k];
            if (kept[k] && c->kind == DOWNTIME && c->a == r)
                m->spans[count++] = (Span){c->b, c->c};
        }
    }
    m->first[p->resources] = count;
}

static int64_t demand(const Project *p, int32_t task, int64_t resource)
{
    return p->demands[task * p->resources + resource];
}

/* The first moment from `start` on at which no downtime meets a task alone. */
static int64_t open_from(const Project *p, const Sense *m, int32_t task, int64_t start)
{
    int64_t tried = start - 1;
    while (start != tried) {
        tried = start;
        for (int64_t r = 0; r < p->resources; r++)
            for (int64_t k = m->first[r]; demand(p, task, r) && k < m->first[r + 1]; k++)
                if (m->spans[k].from < start + p->durations[task] && start < m->spans[k].to)
                    start = m->spans[k].to;
    }
    return start;
}

/* The last moment up to `end` by which a task alone can end. */
static int64_t open_until(const Project *p, const Sense *m, int32_t task, int64_t end)
{
    int64_t tried = end + 1;
    while (end != tried) {
        tried = end;
        for (int64_t r = 0; r < p->resources; r++)
            for (int64_t k = m->first[r]; demand(p, task, r) && k < m->first[r + 1]; k++)
                if (m->spans[k].from < end && end - p->durations[task] < m->spans[k].to)
                    end = m->spans[k].from;
    }
    return end;
}

/* Pass heads and latest ends on along precedences; 0 if a task has too little time then. */
static int propagate(const Project *p, Sense *m)
{
    for (int32_t i = 0; i < p->tasks; i++) {
        FOR_BITS(m->predecessors[i]) {
            int32_t j = task_at(word, bits);
            m->heads[i] = later(m->heads[i], m->heads[j] + p->durations[j]);
        }
        m->heads[i] = open_from(p, m, i, m->heads[i]);
    }
    for (int32_t i = (int32_t)p->tasks - 1; i >= 0; i--) {
        FOR_BITS(m->successors[i]) {
            int32_t j = task_at(word, bits);
            m->latest[i] = sooner(m->latest[i], m->latest[j] - p->durations[j]);
        }
        m->latest[i] = open_until(p, m, i, m->latest[i]);
        if (m->heads[i] + p->durations[i] > m->latest[i])
            return 0;
    }
    return 1;
}

static int make_sense(const Project *p, const char *kept, Sense *m)
{
    for (int32_t i = 0; i < p->tasks; i++)
        m->latest[i] = p->horizon;
    for (int64_t k = 0; k < p->constraint_count; k++)
        if (kept[k])
            constrain(p, m, &p->constraints[k]);
    close_resources(p, kept, m);
    return propagate(p, m);
}

/* Searches -------------------------------------------------------------------------------- */

/* Put the tasks into an order by latest end; with time turned around, by head, the last first. */
static void sort_tasks(const Project *p, const Sense *m, int is_turned, int32_t *order)
{
    for (int32_t i = 0; i < p->tasks; i++) {
        int32_t k = i;
        for (; k > 0; k--) {
            int32_t j = order[k - 1];
            if (is_turned ? m->heads[j] >= m->heads[i] : m->latest[j] <= m->latest[i])
                break;
            order[k] = j;
        }
        order[k] = i;
    }
}

/* A list schedule that is being made: tasks that are placed, and their starts and ends. */
typedef struct {
    Set placed;
    int64_t starts[MOST_TASKS], ends[MOST_TASKS];
} Schedule;

/* The first end of what runs at a moment, if that leaves a task too few units; else the moment. */
static int64_t until_room(const Project *p, const Schedule *s, int32_t task, int64_t moment)
{
    for (int64_t r = 0; r < p->resources; r++) {
        int64_t free = p->capacities[r] - demand(p, task, r), first_end = INT64_MAX;
        if (!demand(p, task, r))
            continue;
        FOR_BITS(s->placed) {
            int32_t j = task_at(word, bits);
            if (!demand(p, j, r) || s->starts[j] > moment || s->ends[j] <= moment)
                continue;
            free -= demand(p, j, r);
            first_end = sooner(first_end, s->ends[j]);
        }
        if (free < 0)
            return first_end;
    }
    return moment;
}

/* The first moment from `start` on at which a task fits between those that are placed. */
static int64_t first_fit(const Project *p, const Sense *m, const Schedule *s, int32_t task,
                         int64_t start)
{
    int64_t tried = start - 1;
    while (start != tried) {
        tried = start = open_from(p, m, task, start);
        start = until_room(p, s, task, start);
        FOR_BITS(s->placed) {
            int32_t j = task_at(word, bits);
            if (start != tried)
                break;
            if (s->ends[j] <= start || s->starts[j] >= start + p->durations[task])
                continue;
            if (has(m->partners[task], j))
                start = s->ends[j];
            else if (s->starts[j] > start && until_room(p, s, task, s->starts[j]) > s->starts[j])
                start = until_room(p, s, task, s->starts[j]);
        }
    }
    return start;
}

/* Whether the tasks, by latest end, each as early as it fits, all end in time. */
static int has_list_schedule(const Project *p, const Sense *m)
{
    int32_t order[MOST_TASKS];
    Schedule s = {.placed = 0};
    sort_tasks(p, m, 0, order);
    for (int32_t n = 0; n < p->tasks; n++) {
        int32_t i = order[n];
        int64_t start = m->heads[i];
        FOR_BITS(m->predecessors[i])
            start = later(start, s.ends[task_at(word, bits)]);
        s.starts[i] = first_fit(p, m, &s, i, start);
        s.ends[i] = s.starts[i] + p->durations[i];
        if (s.ends[i] > m->latest[i])
            return 0;
        s.placed |= only(i);
    }
    return 1;
}

/* The tasks of a set by their places in an order. */
static Set renumbered(const int32_t *order, int64_t tasks, Set set)
{
    Set places = 0;
    for (int32_t k = 0; k < tasks; k++)
        places |= (set >> order[k] & 1) << k;
    return places;
}

static void set_tasks(const Project *p, const Sense *m, int is_turned, Search *s)
{
    int32_t order[MOST_TASKS];
    sort_tasks(p, m, is_turned, order);
    for (int32_t k = 0; k < p->tasks; k++) {
        int32_t i = order[k];
        Set before = is_turned ? m->successors[i] : m->predecessors[i];
        s->duration[k] = p->durations[i];
        s->head[k] = is_turned ? p->horizon - m->latest[i] : m->heads[i];
        s->latest[k] = is_turned ? p->horizon - m->heads[i] : m->latest[i];
        s->predecessors[k] = renumbered(order, p->tasks, before);
        s->partners[k] = renumbered(order, p->tasks, m->partners[i]);
        for (int32_t r = 0; r < p->resources; r++) {
            int64_t amount = demand(p, i, r);
            s->demands[k * s->resources + r] = s->pools[r].units[k] = amount;
            if (amount)
                s->pools[r].tasks |= only(k);
        }
    }
}

static void set_resources(const Project *p, const Sense *m, int is_turned, Search *s)
{
    for (int64_t r = 0; r < p->resources; r++) {
        int64_t first = m->first[r], last = m->first[r + 1] - 1, count = first;
        s->pools[r].capacity = p->capacities[r];
        s->pools[r].downtimes.from = first;
        for (int64_t k = first; k <= last; k++) {
            Span span = m->spans[is_turned ? last - (k - first) : k];
            if (is_turned)
                span = (Span){later(0, p->horizon - span.to), p->horizon - span.from};
            if (span.to > 0)
                s->spans[count++] = span;
        }
        s->pools[r].downtimes.to = count;
    }
}

/* A search from one end of time; NULL if there is no memory. */
static Search *begin(const Project *p, const Sense *m, int is_turned)
{
    Search *s = new_search((int32_t)p->tasks, (int32_t)p->resources, (int32_t)p->resources,
                           m->first[p->resources]);
    if (!s)
        return NULL;
    set_resources(p, m, is_turned, s);
    set_tasks(p, m, is_turned, s);
    if (begin_search(s))
        return s;
    free_search(s);
    return NULL;
}

/* Search from both ends in turn until one is done, or so many states are made. */
static int search(const Project *p, const Sense *m, int64_t children)
{
    Search *ways[2] = {NULL, NULL};
    int64_t made = 0;
    int status = PAUSED;
    if (has_list_schedule(p, m))
        return MET;
    for (int64_t turn = FIRST_TURN; status == PAUSED && made < children; turn *= 2)
        for (int way = 0; way < 2 && status == PAUSED; way++) {
            if (!ways[way] && !(ways[way] = begin(p, m, way))) {
                status = NO_MEMORY;
                break;
            }
            made -= ways[way]->children;
            status = run_search(ways[way], turn);
            made += ways[way]->children;
        }
    free_search(ways[0]);
    free_search(ways[1]);
    return status;
}

static Project read_project(const int64_t *numbers, int64_t horizon)
{
    Project p = {numbers[0], numbers[1], numbers[2], horizon, NULL, NULL, NULL, NULL};
    p.durations = numbers + 3;
    p.capacities = p.durations + p.tasks;
    p.demands = p.capacities + p.resources;
    p.constraints = (const Constraint *)(p.demands + p.tasks * p.resources);
    return p;
}

/* Whether the constraints that are kept leave a schedule that ends by the horizon: MET, REFUTED, or
 * PAUSED after so many states; NO_MEMORY.
 *
 * numbers: tasks, resources, constraints; durations, capacities, demands by task, and four
 * numbers for each constraint.
 */
int feasibility_decide(const int64_t *numbers, const char *kept, int64_t horizon, int64_t children)
{
    Project p = read_project(numbers, horizon);
    Sense m;
    memset(&m, 0, sizeof m);
    m.spans = malloc(((size_t)p.constraint_count + 1) * sizeof *m.spans);
    m.first = malloc(((size_t)p.resources + 1) * sizeof *m.first);
    int status = NO_MEMORY;
    if (m.spans && m.first)
        status = make_sense(&p, kept, &m) ? search(&p, &m, children) : REFUTED;
    free(m.spans);
    free(m.first);
    return status;
}
