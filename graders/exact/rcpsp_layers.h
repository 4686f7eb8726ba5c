/* Whether a project can end by a target, in layers: what rcpsp_layers.py does.
 *
 * Both make the same states in the same order, so answers and counts are equal; read that file for
 * the method. There are at most MOST_TASKS tasks, in the order of their latest ends. The caller sees
 * to it that no sum or product of times, units and capacities reaches 2^62.
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
enum { FIRST_SLOTS = 1 << 6, NONE = -1 };
/* Of strains, see rcpsp_layers.py. */
enum { RESOURCE_STRAIN = 1 << 16, TASK_STRAIN = 1 << 12 };
enum { GRAINS = 5, RESOURCE_GRAIN = 2, TASK_GRAIN = 15 };

#define NONE_AT_WORK INT64_MAX

/* A set of tasks, as bits: of one word, which is a quarter faster, or of two where WIDE is defined. */
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

static Set only(int32_t task) { return (Set)1 << task; }

static int has(Set set, int32_t task) { return (int)(set >> task) & 1; }

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
        if (s->latest[i] < d->state.moment)
            return -1;
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
        int64_t grain = RESOURCE_GRAIN * s->total * s->pools[r].capacity;
        if (s->rooms[r] != NONE_AT_WORK && grain)
            sum += RESOURCE_STRAIN * grain / (grain + GRAINS * s->tasks * s->rooms[r]);
    }
    FOR_BITS(all_tasks(s) & ~d->state.started) {
        int64_t grain = TASK_GRAIN * s->total, slack = s->latest[task_at(word, bits)] - ends[task_at(word, bits)];
        if (grain)
            sum += TASK_STRAIN * grain / (grain + GRAINS * s->tasks * slack);
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

/* Layers ---------------------------------------------------------------------------------- */

static size_t slot_of(const Layer *l, Set set)
{
    uint64_t hash = 0;
    for (int32_t word = 0; word < SET_WORDS; word++) {
        hash ^= (uint64_t)(set >> 64 * word);
        hash ^= hash >> 31;
        hash *= UINT64_C(0x9E3779B97F4A7C15);
    }
    hash ^= hash >> 29;
    hash *= UINT64_C(0xBF58476D1CE4E5B9);
    return (size_t)(hash ^ hash >> 32) & (l->slots - 1);
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
    to->state.started = from->state.started | only(task);
    to->state.moment = start;
    to->state.count = count;
}

/* Make the states with one more task. */
static int expand(Search *s, const State *state)
{
    Draft from, child;
    int64_t starts[MOST_TASKS], first_end = INT64_MAX;
    Set ready = 0;
    from.state = *state;
    if (state->count)
        memcpy(from.runs, s->layer.runs + state->runs, (size_t)state->count * sizeof *from.runs);
    FOR_BITS(all_tasks(s) & ~state->started) {
        int32_t i = task_at(word, bits);
        if (s->predecessors[i] & ~state->started)
            continue;
        ready |= only(i);
        starts[i] = earliest(s, &from, i);
        if (starts[i] + s->duration[i] < first_end)
            first_end = starts[i] + s->duration[i];
    }
    FOR_BITS(ready) {
        int32_t i = task_at(word, bits);
        if (starts[i] > first_end || (starts[i] == first_end && s->duration[i]))
            continue;
        s->children++;
        start_task(s, &from, i, starts[i], &child);
        if (settle(s, &child) && !insert(s, &child, state->link, starts[i], i))
            return 0;
    }
    return 1;
}

static int by_size(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

/* Leave out the states of a layer past its width, those of most strain, of equals the last; 0 if
 * there is no memory. */
static int narrow(Search *s, Layer *l)
{
    int64_t count = 0, *strains = malloc((l->count + 1) * sizeof *strains);
    if (!strains)
        return 0;
    for (size_t k = 0; k < l->count; k++)
        if (!l->states[k].left_out)
            strains[count++] = l->states[k].strain;
    if (count > s->width) {
        qsort(strains, (size_t)count, sizeof *strains, by_size);
        int64_t most = strains[s->width - 1], equals = s->width;
        for (int64_t k = 0; k < s->width; k++)
            equals -= strains[k] < most;
        for (size_t k = 0; k < l->count; k++) {
            State *state = &l->states[k];
            if (!state->left_out && state->strain >= most)
                state->left_out = state->strain > most || equals-- <= 0;
        }
        s->is_narrowed = 1;
    }
    free(strains);
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
    free(s->rooms);
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
    s->rooms = calloc((size_t)pool_count + 1, sizeof *s->rooms);
    if (!s->demands || !s->pools || !s->spans || !s->rooms || !rehash(&s->next)) {
        free_search(s);
        return NULL;
    }
    return s;
}

/* Make the first state, in which nothing is started; 0 if there is no memory. */
static int begin_search(Search *s)
{
    Draft first;
    for (int32_t p = 0; p < s->pool_count; p++)
        for (int32_t i = 0; i < s->tasks; i++)
            s->pools[p].open[i] = open_time(s, &s->pools[p], 0, s->latest[i]);
    s->total = 0;
    for (int32_t i = 0; i < s->tasks; i++)
        s->total += s->duration[i];
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
        if (s->width && !narrow(s, &s->next))
            return NO_MEMORY;
        descend(s);
    }
    return s->layer.count ? MET : REFUTED;
}

#endif
