/* Whether calls of a few tools can end by a target: the compiled twin of tools_layers.py. */

#include "tools_memory.h"

#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

const char *const tools_layers_digest = DIGEST;

enum { MOST_CALLS = 64 * WORDS };
enum { NO_MEMORY = -1, PAUSED, MET, REFUTED };
#define START INT64_MAX          /* the link of the first state */

/* A partial schedule; its times are in Layer.times: when the places of each pool are free, then the
 * first moment at which each call can start. */
typedef struct {
    Mask started;
    int64_t link;                /* its last start, in Search.links */
    uint32_t next;               /* one more state with the same set, or NONE */
    int32_t left_out;            /* whether a better one came later */
} State;

/* The states with a set. */
typedef struct {
    Mask started;
    uint32_t last;
} Rivals;

/* States with as many started calls. */
typedef struct {
    List states, times;
    Index rivals;
} Layer;

/* A start, and the one before it. */
typedef struct {
    int64_t before;
    int32_t call, start;
} Link;

/* A call that another waits for, and the least time between their starts. */
typedef struct {
    int32_t call, time;
} Wait;

typedef struct {
    int32_t calls, pools, width; /* the width of a state's times */
    int32_t duration[MOST_CALLS], pool[MOST_CALLS], head[MOST_CALLS], latest[MOST_CALLS];
    int32_t *first_place;        /* of each pool among a state's times, and one past the last */
    int32_t *first_call;         /* of each pool in by_latest, and one past the last */
    int32_t by_latest[MOST_CALLS];
    int32_t first_wait[MOST_CALLS + 1];
    Wait *waits;
    Mask before[MOST_CALLS];
    Layer layer, next;
    List links;
    int32_t *draft;              /* the times of a state that is being made */
    uint32_t place;              /* the next state of the layer to expand */
    int32_t depth;
    int64_t children;
} Search;

static int32_t most(int32_t a, int32_t b) { return a > b ? a : b; }

/* Moments --------------------------------------------------------------------------------- */

/* Pass the moments on; mark the pools in which some are later now; 0 if one is too late. */
static int pass_on(const Search *s, const Mask *started, int32_t call, int32_t start,
                   unsigned char *is_changed)
{
    int32_t *moments = s->draft + s->first_place[s->pools];
    for (int32_t i = 0; i < s->calls; i++) {
        if (has(started, i)) {
            moments[i] = 0;
            continue;
        }
        int32_t moment = most(moments[i], s->draft[s->first_place[s->pool[i]]]);
        for (int32_t k = s->first_wait[i]; k < s->first_wait[i + 1]; k++) {
            int32_t j = s->waits[k].call;
            if (j == call)
                moment = most(moment, start + s->waits[k].time);
            else if (!has(started, j))
                moment = most(moment, moments[j] + s->waits[k].time);
        }
        if (moment + s->duration[i] > s->latest[i])
            return 0;
        is_changed[s->pool[i]] |= moment > moments[i];
        moments[i] = moment;
    }
    return 1;
}

/* Whether calls that start no sooner than a moment and end no later than some latest end fit. */
static int fits_from(const Search *s, int32_t pool, const int32_t *rest, int32_t count,
                     int32_t moment)
{
    const int32_t *moments = s->draft + s->first_place[s->pools];
    int64_t work = 0;
    for (int32_t k = 0; k < count; k++) {
        int32_t i = rest[k];
        if (moments[i] < moment)
            continue;
        work += s->duration[i];
        int64_t room = 0;
        for (int32_t p = s->first_place[pool]; p < s->first_place[pool + 1]; p++)
            room += most(0, s->latest[i] - most(moment, s->draft[p]));
        if (work > room)
            return 0;
    }
    return 1;
}

/* Let no place of a pool be free before a call can start; 0 if the pool has no room for its calls. */
static int settle_pool(const Search *s, const Mask *started, int32_t pool)
{
    const int32_t *moments = s->draft + s->first_place[s->pools];
    int32_t rest[MOST_CALLS], count = 0, least = INT32_MAX;
    for (int32_t k = s->first_call[pool]; k < s->first_call[pool + 1]; k++) {
        int32_t i = s->by_latest[k];
        if (!has(started, i)) {
            rest[count++] = i;
            least = moments[i] < least ? moments[i] : least;
        }
    }
    for (int32_t p = s->first_place[pool]; p < s->first_place[pool + 1]; p++)
        s->draft[p] = count ? most(s->draft[p], least) : 0;
    for (int32_t k = 0; k < count; k++)
        if (!fits_from(s, pool, rest, count, moments[rest[k]]))
            return 0;
    return 1;
}

/* Settle the draft once a call is started; 0 if it does not meet the target. */
static int settle(const Search *s, const Mask *started, int32_t call, int32_t start)
{
    unsigned char is_changed[MOST_CALLS] = {0};
    if (!pass_on(s, started, call, start, is_changed))
        return 0;
    for (int32_t pool = 0; pool < s->pools; pool++) {
        int is_own = call < 0 || s->pool[call] == pool;
        if ((is_own || is_changed[pool]) && !settle_pool(s, started, pool))
            return 0;
    }
    return 1;
}

/* States ---------------------------------------------------------------------------------- */

static State *state_at(const Layer *l, uint32_t k) { return (State *)l->states.items + k; }

static int32_t *times_at(const Search *s, const Layer *l, uint32_t k)
{
    return (int32_t *)l->times.items + (size_t)k * (size_t)s->width;
}

/* Whether of two states with the same set nothing is later in the first. */
static int leaves_as_much(const Search *s, const int32_t *times, const int32_t *others)
{
    for (int32_t k = 0; k < s->width; k++)
        if (times[k] > others[k])
            return 0;
    return 1;
}

/* Add the draft to the next layer unless a rival leaves as much; 0 if there is no memory. */
static int add(Search *s, const Mask *started, int64_t before, int32_t call, int32_t start)
{
    Layer *l = &s->next;
    uint32_t number = find(&l->rivals, started, mixed(sum_of(started)));
    Rivals *rivals = (Rivals *)l->rivals.list.items + number;
    if (number == NONE) {
        if (!(rivals = insert(&l->rivals, started)))
            return 0;
        rivals->last = NONE;
    }
    for (uint32_t k = rivals->last; k != NONE; k = state_at(l, k)->next)
        if (!state_at(l, k)->left_out && leaves_as_much(s, times_at(s, l, k), s->draft))
            return 1;
    for (uint32_t k = rivals->last; k != NONE; k = state_at(l, k)->next)
        state_at(l, k)->left_out |= leaves_as_much(s, s->draft, times_at(s, l, k));
    Link *link = append(&s->links);
    State *state = append(&l->states);
    int32_t *times = append(&l->times);
    if (!link || !state || !times)
        return 0;
    *link = (Link){before, call, start};
    *state = (State){*started, (int64_t)s->links.count - 1, rivals->last, 0};
    memcpy(times, s->draft, (size_t)s->width * sizeof *times);
    rivals->last = (uint32_t)(l->states.count - 1);
    return 1;
}

/* Start a call in the draft, on the place that is free first; return when. */
static int32_t start_call(const Search *s, int32_t call)
{
    int32_t start = s->draft[s->first_place[s->pools] + call];
    int32_t end = start + s->duration[call], p = s->first_place[s->pool[call]];
    for (; p + 1 < s->first_place[s->pool[call] + 1] && s->draft[p + 1] < end; p++)
        s->draft[p] = s->draft[p + 1];
    s->draft[p] = end;
    return start;
}

/* Add the states with one more call; 0 if there is no memory. */
static int expand(Search *s, uint32_t k)
{
    const State state = *state_at(&s->layer, k);
    const int32_t *times = times_at(s, &s->layer, k);
    const int32_t *moments = times + s->first_place[s->pools];
    int32_t ready[MOST_CALLS], count = 0, first_end = INT32_MAX, pool = 0;
    for (int32_t i = 0; i < s->calls; i++) {
        if (has(&state.started, i) || !within(&s->before[i], &state.started))
            continue;
        ready[count++] = i;
        if (moments[i] + s->duration[i] < first_end) {
            first_end = moments[i] + s->duration[i];
            pool = s->pool[i];
        }
    }
    for (int32_t r = 0; r < count; r++) {
        int32_t call = ready[r];
        if (s->pool[call] != pool || moments[call] >= first_end)
            continue;
        Mask started = state.started;
        put(&started, call);
        memcpy(s->draft, times, (size_t)s->width * sizeof *times);
        s->children++;
        int32_t start = start_call(s, call);
        if (settle(s, &started, call, start) && !add(s, &started, state.link, call, start))
            return 0;
    }
    return 1;
}

/* Searches -------------------------------------------------------------------------------- */

/* Forget the states of a layer. */
static void clear(Layer *l)
{
    l->states.count = l->times.count = l->rivals.list.count = 0;
    memset(l->rivals.table, 0, l->rivals.slots * sizeof *l->rivals.table);
}

/* Go on to the next layer. */
static void descend(Search *s)
{
    Layer done = s->layer;
    s->layer = s->next;
    s->next = done;
    clear(&s->next);
    s->place = 0;
    s->depth++;
}

static void free_layer(Layer *l)
{
    free(l->states.items);
    free(l->times.items);
    free(l->rivals.list.items);
    free(l->rivals.table);
}

void tools_layers_free(Search *s)
{
    if (!s)
        return;
    free_layer(&s->layer);
    free_layer(&s->next);
    free(s->links.items);
    free(s->first_place);
    free(s->first_call);
    free(s->waits);
    free(s->draft);
    free(s);
}

static int begin_layer(Layer *l, int32_t width)
{
    l->states.size = sizeof(State);
    l->times.size = (size_t)width * sizeof(int32_t);
    l->rivals.list.size = sizeof(Rivals);
    return rehash(&l->rivals, FIRST_SLOTS);
}

/* Read the pools: places, calls by latest end. */
static void read_pools(Search *s, const int64_t *places)
{
    for (int32_t k = 0; k < s->pools; k++) {
        s->first_place[k + 1] = s->first_place[k] + (int32_t)places[k];
        int32_t last = s->first_call[k];
        for (int32_t i = 0; i < s->calls; i++) {
            if (s->pool[i] != k)
                continue;
            int32_t at = last++;
            for (; at > s->first_call[k] && s->latest[s->by_latest[at - 1]] > s->latest[i]; at--)
                s->by_latest[at] = s->by_latest[at - 1];
            s->by_latest[at] = i;
        }
        s->first_call[k + 1] = last;
    }
    s->width = s->first_place[s->pools] + s->calls;
}

/* Read the calls: of each duration, pool, head, latest end, number of waits, then all waits. */
static int64_t read_calls(Search *s, const int64_t *calls)
{
    for (int32_t i = 0; i < s->calls; i++, calls += 5) {
        s->duration[i] = (int32_t)calls[0];
        s->pool[i] = (int32_t)calls[1];
        s->head[i] = (int32_t)calls[2];
        s->latest[i] = (int32_t)calls[3];
        s->first_wait[i + 1] = s->first_wait[i] + (int32_t)calls[4];
    }
    return s->first_wait[s->calls];
}

static void read_waits(Search *s, const int64_t *waits)
{
    for (int32_t i = 0; i < s->calls; i++)
        for (int32_t k = s->first_wait[i]; k < s->first_wait[i + 1]; k++) {
            s->waits[k] = (Wait){(int32_t)waits[2 * k], (int32_t)waits[2 * k + 1]};
            put(&s->before[i], s->waits[k].call);
        }
}

/* Make the first state, in which nothing is started; 0 if there is no memory. */
static int begin_search(Search *s)
{
    Mask none = {{0}};
    memcpy(s->draft + s->first_place[s->pools], s->head, (size_t)s->calls * sizeof *s->head);
    if (settle(s, &none, -1, 0) && !add(s, &none, START, 0, 0))
        return 0;
    descend(s);
    s->depth = 0;
    return 1;
}

/* A search; NULL if there is no memory.
 *
 * places: of each pool. calls: of each call duration, pool, head, latest end, number of waits; then
 * of each wait the earlier call, and the least time between the two starts.
 */
Search *tools_layers_new(int32_t calls, int32_t pools, const int64_t *places, const int64_t *rows)
{
    Search *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->calls = calls;
    s->pools = pools;
    s->links.size = sizeof(Link);
    int64_t waits = read_calls(s, rows);
    s->first_place = calloc((size_t)pools + 1, sizeof *s->first_place);
    s->first_call = calloc((size_t)pools + 1, sizeof *s->first_call);
    s->waits = calloc((size_t)waits + 1, sizeof *s->waits);
    if (s->first_place && s->first_call && s->waits) {
        read_pools(s, places);
        read_waits(s, rows + 5 * (int64_t)calls);
        s->draft = calloc((size_t)s->width + 1, sizeof *s->draft);
    }
    if (s->draft && begin_layer(&s->layer, s->width) && begin_layer(&s->next, s->width)
        && begin_search(s))
        return s;
    tools_layers_free(s);
    return NULL;
}

/* Make at least so many states more; MET or REFUTED at the end. */
int tools_layers_run(Search *s, int64_t children)
{
    int64_t last = s->children + children;
    while (s->layer.states.count && s->depth < s->calls) {
        for (; s->place < s->layer.states.count; s->place++) {
            if (state_at(&s->layer, s->place)->left_out)
                continue;
            if (s->children >= last)
                return PAUSED;
            if (!expand(s, s->place))
                return NO_MEMORY;
        }
        descend(s);
    }
    return s->layer.states.count ? MET : REFUTED;
}

int64_t tools_layers_children(const Search *s) { return s->children; }

/* The starts of a schedule that meets the target, after a search that did. */
void tools_layers_starts(const Search *s, int64_t *starts)
{
    const Link *links = s->links.items;
    for (int64_t k = state_at(&s->layer, 0)->link; links[k].before != START; k = links[k].before)
        starts[links[k].call] = links[k].start;
}
