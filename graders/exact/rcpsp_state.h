/* A state of rcpsp_layers.h: when a task can start in it, and what room it leaves for the rest.
 *
 * There are at most MOST_TASKS tasks, in the order of their latest ends.
 */

#ifndef RCPSP_STATE_H
#define RCPSP_STATE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Of strains, see rcpsp_layers.py. */
enum { RESOURCE_STRAIN = 1 << 16, TASK_STRAIN = 1 << 12 };
enum { GRAINS = 5, RESOURCE_GRAIN = 2, TASK_GRAIN = 15 };

#define NONE_AT_WORK INT64_MAX

/* A set of tasks, as bits: of one word, which is a quarter faster, or of two if WIDE is defined. */
#if defined WIDE && defined __SIZEOF_INT128__
__extension__ typedef unsigned __int128 Set;
enum { MOST_TASKS = 128 };
#else
typedef uint64_t Set;
enum { MOST_TASKS = 64 };
#endif
enum { SET_WORDS = sizeof(Set) / sizeof(uint64_t) };

/* A span of time, or of a list. */
typedef struct {
    int64_t from, to;
} Span;

/* A task that runs. */
typedef struct {
    int64_t end;
    int32_t task;
} Run;

/* A pool: capacity, downtimes in Search.spans, and for each task the units that it holds. */
typedef struct {
    int64_t capacity;
    Span downtimes;
    Set tasks;
    int64_t units[MOST_TASKS];
    int64_t open[MOST_TASKS];    /* the time outside downtimes in [0, latest end) of each task */
} Pool;

/* A partial schedule: what has been started, the next moment, what runs then (in Layer.runs). */
typedef struct {
    Set started;
    int64_t moment;
    size_t runs;
    int32_t count;               /* of what runs */
    int32_t left_out;            /* whether a better one came later, or the layer is too wide */
    int64_t strain;              /* how hard the rest is to fit in, if layers have a width */
    int64_t link;                /* its last start, in Search.links */
    int64_t next;                /* one more state with the same hash */
} State;

/* States with as many started tasks. */
typedef struct {
    State *states;
    size_t count, room;
    Run *runs;
    size_t run_count, run_room;
    int64_t *table;              /* the last state of a hash, or NONE */
    size_t slots;
} Layer;

/* A start, and the one before it. */
typedef struct {
    int64_t before, start;
    int32_t task;
} Link;

typedef struct {
    int32_t tasks, resources, pool_count;
    int64_t duration[MOST_TASKS], head[MOST_TASKS], latest[MOST_TASKS];
    Set predecessors[MOST_TASKS], partners[MOST_TASKS];
    int64_t *demands;            /* resources a task */
    Pool *pools;                 /* the resources first */
    Span *spans;                 /* all downtimes */
    int64_t *rooms;              /* of each pool, in the state that is settled */
    int64_t width;               /* the most states of a layer that are gone on from, 0 for all */
    int64_t total;               /* of all durations */
    int32_t is_narrowed;         /* whether states were left out for the width */
    Layer layer, next;
    Link *links;
    size_t link_count, link_room;
    size_t place;                /* the next state of the layer to expand */
    int32_t depth;
    int64_t children;
} Search;

/* A state that is being made, with its runs. */
typedef struct {
    State state;
    Run runs[MOST_TASKS];
} Draft;

static Set only(int64_t task) { return (Set)1 << task; }

static int has(Set set, int64_t task) { return (int)(set >> task) & 1; }

static Set all_tasks(const Search *s)
{
    return s->tasks == MOST_TASKS ? ~(Set)0 : only(s->tasks) - 1;
}

/* Go over the words of a set, and over the bits of a word: task_at is the task of the lowest. */
#define FOR_BITS(set) \
    for (int32_t word = 0; word < SET_WORDS; word++) \
        for (uint64_t bits = (uint64_t)((set) >> 64 * word); bits; bits &= bits - 1)

static int32_t task_at(int32_t word, uint64_t bits) { return 64 * word + __builtin_ctzll(bits); }

/* When a task can start ------------------------------------------------------------------- */

/* When a resource has room for so many units, 0 if at once. */
static int64_t room_from(const Search *s, const Draft *d, int32_t resource, int64_t amount)
{
    int64_t free = s->pools[resource].capacity;
    for (int32_t k = d->state.count - 1; k >= 0; k--) {
        free -= s->demands[d->runs[k].task * s->resources + resource];
        if (free < amount)
            return d->runs[k].end;
    }
    return 0;
}

static int64_t past_downtimes(const Search *s, int32_t task, int64_t start)
{
    int64_t tried = start - 1;
    while (start != tried) {
        tried = start;
        for (int32_t r = 0; r < s->resources; r++) {
            if (!s->demands[task * s->resources + r])
                continue;
            for (int64_t k = s->pools[r].downtimes.from; k < s->pools[r].downtimes.to; k++)
                if (s->spans[k].from < start + s->duration[task] && start < s->spans[k].to)
                    start = s->spans[k].to;
        }
    }
    return start;
}

static int64_t earliest(const Search *s, const Draft *d, int32_t task)
{
    int64_t start = d->state.moment > s->head[task] ? d->state.moment : s->head[task];
    Set apart = s->predecessors[task] | s->partners[task];
    for (int32_t k = 0; k < d->state.count; k++)
        if (has(apart, d->runs[k].task) && d->runs[k].end > start)
            start = d->runs[k].end;
    for (int32_t r = 0; r < s->resources; r++) {
        int64_t amount = s->demands[task * s->resources + r];
        int64_t since = amount ? room_from(s, d, r, amount) : 0;
        if (since > start)
            start = since;
    }
    return past_downtimes(s, task, start);
}

/* What is left out ------------------------------------------------------------------------ */

/* The time in [moment, until) outside downtimes, less than 0 if it is past. */
static int64_t open_time(const Search *s, const Pool *pool, int64_t moment, int64_t until)
{
    int64_t open = until - moment;
    for (int64_t k = pool->downtimes.from; k < pool->downtimes.to; k++) {
        int64_t down = s->spans[k].from > moment ? s->spans[k].from : moment;
        int64_t up = s->spans[k].to < until ? s->spans[k].to : until;
        if (up > down)
            open -= up - down;
    }
    return open;
}

/* The least room that a pool leaves before a latest end of a task with work to do: units times
 * time, less than 0 if there is too little, NONE_AT_WORK if there is no such task. */
static int64_t least_room(const Search *s, const Pool *pool, const Draft *d, Set working,
                          const int64_t *rest)
{
    int64_t work = 0, least = NONE_AT_WORK, past = open_time(s, pool, 0, d->state.moment);
    FOR_BITS(working & pool->tasks) {
        int32_t i = task_at(word, bits);
        work += pool->units[i] * rest[i];
        int64_t room = pool->capacity * (pool->open[i] - past) - work;
        if (room < 0)
            return room;
        if (room < least)
            least = room;
    }
    return least;
}

/* Measure the room of all pools; 0 if one has too little. */
static int has_room(const Search *s, const Draft *d)
{
    int64_t rest[MOST_TASKS];
    Set working = all_tasks(s) & ~d->state.started;
    FOR_BITS(working)
        rest[task_at(word, bits)] = s->duration[task_at(word, bits)];
    for (int32_t k = 0; k < d->state.count; k++) {
        rest[d->runs[k].task] = d->runs[k].end - d->state.moment;
        working |= only(d->runs[k].task);
    }
    for (int32_t p = 0; p < s->pool_count; p++)
        if ((s->rooms[p] = least_room(s, &s->pools[p], d, working, rest)) < 0)
            return 0;
    return 1;
}

/* The latest end of some tasks, or a moment that is later. */
static int64_t latest_of(const int64_t *ends, Set tasks, int64_t moment)
{
    FOR_BITS(tasks)
        if (ends[task_at(word, bits)] > moment)
            moment = ends[task_at(word, bits)];
    return moment;
}

/* The least moments at which unstarted tasks end, as far as those before them in the order tell;
 * 0 if one is past its latest. */
static int first_ends(const Search *s, const Draft *d, int64_t *ends)
{
    Set running = 0;
    memset(ends, 0, (size_t)s->tasks * sizeof *ends);
    for (int32_t k = 0; k < d->state.count; k++) {
        running |= only(d->runs[k].task);
        ends[d->runs[k].task] = d->runs[k].end;
    }
    FOR_BITS(all_tasks(s) & ~d->state.started) {
        int32_t i = task_at(word, bits);
        int64_t start = d->state.moment > s->head[i] ? d->state.moment : s->head[i];
        Set apart = s->predecessors[i] & ~(d->state.started & ~running);
        start = latest_of(ends, apart | (s->partners[i] & running), start);
        ends[i] = start + s->duration[i];
        if (ends[i] > s->latest[i])
            return 0;
    }
    return 1;
}

/* Sum what little room resources and tasks have left; 0 if some task has less than none. */
static int strain(const Search *s, Draft *d)
{
    int64_t ends[MOST_TASKS], sum = 0;
    if (!first_ends(s, d, ends))
        return 0;
    for (int32_t r = 0; r < s->resources; r++) {
        int64_t share = RESOURCE_GRAIN * s->total * s->pools[r].capacity;
        if (s->rooms[r] != NONE_AT_WORK && share)
            sum += RESOURCE_STRAIN * share / (share + GRAINS * s->tasks * s->rooms[r]);
    }
    int64_t grain = TASK_GRAIN * s->total;
    FOR_BITS(grain ? all_tasks(s) & ~d->state.started : 0) {
        int32_t i = task_at(word, bits);
        sum += TASK_STRAIN * grain / (grain + GRAINS * s->tasks * (s->latest[i] - ends[i]));
    }
    d->state.strain = sum;
    return 1;
}

/* Give a state its next moment; 0 if it does not meet the target. */
static int settle(const Search *s, Draft *d)
{
    Set unstarted = all_tasks(s) & ~d->state.started;
    int64_t moment = INT64_MAX;
    if (!unstarted)
        return 1;
    FOR_BITS(unstarted) {
        int32_t i = task_at(word, bits);
        if (s->predecessors[i] & ~d->state.started)
            continue;
        int64_t start = earliest(s, d, i);
        if (start + s->duration[i] > s->latest[i])
            return 0;
        if (start < moment)
            moment = start;
    }
    int32_t past = 0;
    while (past < d->state.count && d->runs[past].end <= moment)
        past++;
    d->state.moment = moment;
    d->state.count -= past;
    memmove(d->runs, d->runs + past, (size_t)d->state.count * sizeof *d->runs);
    return has_room(s, d) && (!s->width || strain(s, d));
}

/* Whether a state with the same set leaves at least as much room as another. */
static int dominates(const State *a, const Run *runs, const State *b, const Run *others)
{
    if (a->moment > b->moment)
        return 0;
    for (int32_t k = 0; k < a->count; k++) {
        int64_t end = b->moment;
        for (int32_t j = 0; j < b->count; j++)
            if (others[j].task == runs[k].task && others[j].end > end)
                end = others[j].end;
        if (runs[k].end > end)
            return 0;
    }
    return 1;
}

#endif
