/* Whether a project can end by a target, in layers: what rcpsp_layers.py does.
 *
 * Both make the same states in the same order, so answers and counts are equal; read that file for
 * the method. There are at most 64 tasks, in the order of their latest ends. The caller sees to it
 * that no sum or product of times, units and capacities reaches 2^62.
 *
 * A search can be paused between two states. All it owns hangs on one struct; a failed allocation
 * makes it return NO_MEMORY, after which it may only be freed.
 */

#ifndef RCPSP_LAYERS_H
#define RCPSP_LAYERS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PAUSED = 0, MET = 1, REFUTED = 2, NO_MEMORY = -1 };
enum { MOST_TASKS = 64, FIRST_SLOTS = 1 << 6, NONE = -1 };

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
    uint64_t tasks;
    int64_t units[MOST_TASKS];
} Pool;

/* A partial schedule: what has been started, the next moment, what runs then (in Layer.runs). */
typedef struct {
    uint64_t started;
    int64_t moment;
    size_t runs;
    int32_t count;               /* of what runs */
    int32_t left_out;            /* whether a better one came later */
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
    uint64_t predecessors[MOST_TASKS], partners[MOST_TASKS];
    int64_t *demands;            /* resources a task */
    Pool *pools;                 /* the resources first */
    Span *spans;                 /* all downtimes */
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

static uint64_t all_tasks(const Search *s)
{
    return s->tasks == MOST_TASKS ? ~UINT64_C(0) : (UINT64_C(1) << s->tasks) - 1;
}

static int32_t lowest(uint64_t bits) { return __builtin_ctzll(bits); }

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
    uint64_t apart = s->predecessors[task] | s->partners[task];
    for (int32_t k = 0; k < d->state.count; k++)
        if (apart >> d->runs[k].task & 1 && d->runs[k].end > start)
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

/* Whether some pool has too little room for the work before a latest end. */
static int is_overfull(const Search *s, const Draft *d)
{
    int64_t rest[MOST_TASKS];
    uint64_t unstarted = all_tasks(s) & ~d->state.started, working = unstarted;
    for (uint64_t bits = unstarted; bits; bits &= bits - 1) {
        int32_t i = lowest(bits);
        rest[i] = s->duration[i];
    }
    for (int32_t k = 0; k < d->state.count; k++) {
        rest[d->runs[k].task] = d->runs[k].end - d->state.moment;
        working |= UINT64_C(1) << d->runs[k].task;
    }
    for (int32_t p = 0; p < s->pool_count; p++) {
        const Pool *pool = &s->pools[p];
        int64_t work = 0;
        for (uint64_t bits = working & pool->tasks; bits; bits &= bits - 1) {
            int32_t i = lowest(bits);
            work += pool->units[i] * rest[i];
            if (work > pool->capacity * open_time(s, pool, d->state.moment, s->latest[i]))
                return 1;
        }
    }
    return 0;
}

/* Give a state its next moment; 0 if it does not meet the target. */
static int settle(const Search *s, Draft *d)
{
    uint64_t unstarted = all_tasks(s) & ~d->state.started;
    int64_t moment = INT64_MAX;
    if (!unstarted)
        return 1;
    for (uint64_t bits = unstarted; bits; bits &= bits - 1) {
        int32_t i = lowest(bits);
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
    return !is_overfull(s, d);
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

/* Layers ---------------------------------------------------------------------------------- */

static size_t slot_of(const Layer *l, uint64_t set)
{
    set ^= set >> 31;
    set *= UINT64_C(0x9E3779B97F4A7C15);
    set ^= set >> 29;
    set *= UINT64_C(0xBF58476D1CE4E5B9);
    return (size_t)(set ^ set >> 32) & (l->slots - 1);
}

static int grow(void **array, size_t *room, size_t wanted, size_t size)
{
    if (wanted <= *room)
        return 1;
    size_t more = *room ? 2 * *room : 64;
    while (more < wanted)
        more *= 2;
    void *larger = realloc(*array, more * size);
    if (!larger)
        return 0;
    *array = larger;
    *room = more;
    return 1;
}

/* Make the table twice as large, or the first one. */
static int rehash(Layer *l)
{
    size_t slots = l->slots ? 2 * l->slots : FIRST_SLOTS;
    int64_t *table = realloc(l->table, slots * sizeof *table);
    if (!table)
        return 0;
    l->table = table;
    l->slots = slots;
    memset(table, 0xff, slots * sizeof *table);
    for (size_t k = 0; k < l->count; k++)
        if (!l->states[k].left_out) {
            size_t slot = slot_of(l, l->states[k].started);
            l->states[k].next = table[slot];
            table[slot] = (int64_t)k;
        }
    return 1;
}

/* Leave out the states of the layer that a draft dominates; 0 if it is dominated itself. */
static int outdo(Layer *l, const Draft *d)
{
    int64_t *from = &l->table[slot_of(l, d->state.started)];
    while (*from != NONE) {
        State *rival = &l->states[*from];
        if (rival->started == d->state.started) {
            const Run *runs = l->runs + rival->runs;
            if (dominates(rival, runs, &d->state, d->runs))
                return 0;
            if (dominates(&d->state, d->runs, rival, runs)) {
                rival->left_out = 1;
                *from = rival->next;
                continue;
            }
        }
        from = &rival->next;
    }
    return 1;
}

/* Put a draft into the next layer, unless a state there is as good. */
static int insert(Search *s, Draft *d, int64_t before, int64_t start, int32_t task)
{
    Layer *l = &s->next;
    if (2 * l->count >= l->slots && !rehash(l))
        return 0;
    if (!outdo(l, d))
        return 1;
    size_t runs = l->run_count + (size_t)d->state.count;
    if (!grow((void **)&l->states, &l->room, l->count + 1, sizeof *l->states)
        || !grow((void **)&l->runs, &l->run_room, runs, sizeof *l->runs)
        || !grow((void **)&s->links, &s->link_room, s->link_count + 1, sizeof *s->links))
        return 0;
    size_t slot = slot_of(l, d->state.started);
    s->links[s->link_count] = (Link){before, start, task};
    d->state.link = (int64_t)s->link_count++;
    d->state.runs = l->run_count;
    d->state.left_out = 0;
    d->state.next = l->table[slot];
    if (d->state.count)
        memcpy(l->runs + l->run_count, d->runs, (size_t)d->state.count * sizeof *d->runs);
    l->run_count = runs;
    l->table[slot] = (int64_t)l->count;
    l->states[l->count++] = d->state;
    return 1;
}

/* The search ------------------------------------------------------------------------------ */

/* What a state becomes as a task starts. */
static void start_task(const Search *s, const Draft *from, int32_t task, int64_t start, Draft *to)
{
    int64_t end = start + s->duration[task];
    int32_t count = 0, is_put = !s->duration[task];
    for (int32_t k = 0; k < from->state.count; k++) {
        const Run *run = &from->runs[k];
        if (run->end <= start)
            continue;
        if (!is_put && (end < run->end || (end == run->end && task < run->task))) {
            to->runs[count++] = (Run){end, task};
            is_put = 1;
        }
        to->runs[count++] = *run;
    }
    if (!is_put)
        to->runs[count++] = (Run){end, task};
    memset(&to->state, 0, sizeof to->state);
    to->state.started = from->state.started | UINT64_C(1) << task;
    to->state.moment = start;
    to->state.count = count;
}

/* Make the states with one more task. */
static int expand(Search *s, const State *state)
{
    Draft from, child;
    int64_t starts[MOST_TASKS], first_end = INT64_MAX;
    uint64_t ready = 0;
    from.state = *state;
    if (state->count)
        memcpy(from.runs, s->layer.runs + state->runs, (size_t)state->count * sizeof *from.runs);
    for (uint64_t bits = all_tasks(s) & ~state->started; bits; bits &= bits - 1) {
        int32_t i = lowest(bits);
        if (s->predecessors[i] & ~state->started)
            continue;
        ready |= UINT64_C(1) << i;
        starts[i] = earliest(s, &from, i);
        if (starts[i] + s->duration[i] < first_end)
            first_end = starts[i] + s->duration[i];
    }
    for (; ready; ready &= ready - 1) {
        int32_t i = lowest(ready);
        if (starts[i] > first_end || (starts[i] == first_end && s->duration[i]))
            continue;
        s->children++;
        start_task(s, &from, i, starts[i], &child);
        if (settle(s, &child) && !insert(s, &child, state->link, starts[i], i))
            return 0;
    }
    return 1;
}

/* Go on to the next layer. */
static void descend(Search *s)
{
    Layer done = s->layer;
    s->layer = s->next;
    s->next = done;
    s->next.count = s->next.run_count = 0;
    if (s->next.slots)
        memset(s->next.table, 0xff, s->next.slots * sizeof *s->next.table);
    s->place = 0;
    s->depth++;
}

static void free_search(Search *s)
{
    if (!s)
        return;
    Layer layers[2] = {s->layer, s->next};
    for (int k = 0; k < 2; k++) {
        free(layers[k].states);
        free(layers[k].runs);
        free(layers[k].table);
    }
    free(s->demands);
    free(s->pools);
    free(s->spans);
    free(s->links);
    free(s);
}

/* A search whose numbers are all to be set yet; NULL if there is no memory. */
static Search *new_search(int32_t tasks, int32_t resources, int32_t pool_count, int64_t span_count)
{
    Search *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->tasks = tasks;
    s->resources = resources;
    s->pool_count = pool_count;
    s->demands = calloc((size_t)tasks * (size_t)resources + 1, sizeof *s->demands);
    s->pools = calloc((size_t)pool_count + 1, sizeof *s->pools);
    s->spans = calloc((size_t)span_count + 1, sizeof *s->spans);
    if (!s->demands || !s->pools || !s->spans || !rehash(&s->next)) {
        free_search(s);
        return NULL;
    }
    return s;
}

/* Make the first state, in which nothing is started; 0 if there is no memory. */
static int begin_search(Search *s)
{
    Draft first;
    memset(&first.state, 0, sizeof first.state);
    if (settle(s, &first) && !insert(s, &first, NONE, 0, NONE))
        return 0;
    descend(s);
    s->depth = 0;
    return 1;
}

/* Make at least so many states more; MET or REFUTED at the end. */
static int run_search(Search *s, int64_t children)
{
    int64_t last = s->children + children;
    while (s->layer.count && s->depth < s->tasks) {
        while (s->place < s->layer.count) {
            const State *state = &s->layer.states[s->place];
            if (!state->left_out) {
                if (s->children >= last)
                    return PAUSED;
                if (!expand(s, state))
                    return NO_MEMORY;
            }
            s->place++;
        }
        descend(s);
    }
    return s->layer.count ? MET : REFUTED;
}

#endif
