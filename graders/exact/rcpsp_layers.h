/* Whether a project can end by a target, in layers: what rcpsp_layers.py does.
 *
 * Both make the same states in the same order, so answers and counts are equal; read that file for
 * the method. The caller sees to it that no sum or product of times, units and capacities reaches
 * 2^62.
 *
 * A search can be paused between two states. All it owns hangs on one struct; a failed allocation
 * makes it return NO_MEMORY, after which it may only be freed.
 */

#ifndef RCPSP_LAYERS_H
#define RCPSP_LAYERS_H

#include "rcpsp_state.h"

enum { PAUSED = 0, MET = 1, REFUTED = 2, NO_MEMORY = -1 };
enum { FIRST_SLOTS = 1 << 6, NONE = -1 };

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
