/* Total tardiness by decomposition with memory: the compiled twin of tardiness_search.py.
 *
 * Both walk the same states in the same order, so values, orders and node counts are equal; read
 * that file for the method. Jobs are ranks 0..n-1 by (due date, processing time). The caller sees
 * to it that n * (sum of p + largest |d|) stays below 2^62, so no sum here can overflow.
 *
 * A search can be paused after any number of nodes. All it owns hangs on one struct; a failed
 * allocation makes it return NO_MEMORY, after which it may only be freed.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tardiness_memory.h"

#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

const char *const tardiness_digest = DIGEST;

enum { PAUSED = 0, DONE = 1, NO_MEMORY = -1 };

/* A job of a set: its due date raised to its earliest end, its processing time, its rank. */
typedef struct {
    int64_t due, p;
    int32_t job;
} Item;

/* A state that is being expanded; its items lie in Search.items from `base` on. */
typedef struct {
    size_t base, top;            /* items of the state: [base, top) */
    int32_t longest, position;   /* index of the longest job; the position tried for it */
    int32_t split, half;         /* best position; 0: left half wanted, 1: right half wanted */
    int64_t start, cost;         /* start of the set; tardiness of what was stripped around it */
    int64_t finish;              /* when all work of the set is over */
    uint32_t set;                /* its number in the memory */
    int64_t end, needed;         /* end of the longest job; least end that its position allows */
    int64_t total, best;         /* tardiness of this position so far; of the best, or -1 */
} Frame;

typedef struct {
    int64_t *p, *d;              /* by job */
    uint64_t *hashes;            /* what a job adds to the hash of a set */
    Item *items;                 /* a stack: the items of all frames, then of the wanted child */
    size_t top, room;
    Frame *frames;
    int32_t depth;
    Memory memory;
    int64_t answer;              /* value of the state last finished, -1 if one is to be begun */
    int64_t nodes;
} Search;

/* One state ------------------------------------------------------------------------------- */

static int64_t lateness(int64_t end, int64_t due) { return end > due ? end - due : 0; }

static int before(const Item *a, const Item *b)
{
    if (a->due != b->due)
        return a->due < b->due;
    if (a->p != b->p)
        return a->p < b->p;
    return a->job < b->job;
}

/* Raise due dates to the earliest ends after `start` and sort; sets arrive nearly sorted. Dates
 * that were raised for a sooner start only rise further. */
static void raise_and_sort(Item *items, int32_t count, int64_t start)
{
    for (int32_t i = 0; i < count; i++) {
        int64_t soonest = start + items[i].p;
        if (items[i].due < soonest)
            items[i].due = soonest;
    }
    for (int32_t i = 1; i < count; i++) {
        if (!before(&items[i], &items[i - 1]))
            continue;
        Item item = items[i];
        int32_t k = i;
        for (; k && before(&item, &items[k - 1]); k--)
            items[k] = items[k - 1];
        items[k] = item;
    }
}

static int64_t longest_p(const Item *items, int32_t count)
{
    int64_t p = 0;
    for (int32_t i = 0; i < count; i++)
        p = items[i].p > p ? items[i].p : p;
    return p;
}

/* Take off jobs of the frame that are last for sure. */
static void strip_last(const Search *s, Frame *f)
{
    const Item *items = s->items + f->base;
    int32_t count = (int32_t)(f->top - f->base);
    int64_t longest = longest_p(items, count);
    while (count) {
        const Item *last = &items[count - 1];
        if (last->due < f->finish && last->p < longest)
            break;
        f->cost += lateness(f->finish, s->d[last->job]);
        f->finish -= last->p;
        count--;
        if (last->p == longest)
            longest = longest_p(items, count);
    }
    f->top = f->base + (size_t)count;
}

static int shortest_is_first(const Item *items, int32_t count)
{
    for (int32_t i = 1; i < count; i++)
        if (items[i].p < items[0].p)
            return 0;
    return 1;
}

/* Strip the frame's set at both ends, in place: items, start, finish and cost are its own
 * afterwards. `raised`: whether it is sorted by due dates raised for its start already. */
static void strip(const Search *s, Frame *f, int raised)
{
    f->cost = 0;
    for (;;) {
        Item *items = s->items + f->base;
        if (!raised)
            raise_and_sort(items, (int32_t)(f->top - f->base), f->start);
        strip_last(s, f);
        int32_t count = (int32_t)(f->top - f->base);
        if (!count || !shortest_is_first(items, count))
            return;
        f->start += items[0].p;
        f->cost += lateness(f->start, s->d[items[0].job]);
        f->base++;
        raised = 0;
    }
}

/* Tardiness by due date if at most one job is late against the raised dates, else -1. */
static int64_t due_date_order(const Search *s, const Frame *f)
{
    int64_t end = f->start, cost = 0;
    int late = 0;
    for (size_t i = f->base; i < f->top; i++) {
        const Item *item = &s->items[i];
        end += item->p;
        if (end > item->due && ++late > 1)
            return -1;
        cost += lateness(end, s->d[item->job]);
    }
    return cost;
}

/* The search ------------------------------------------------------------------------------- */

/* Room for `count` more items on the stack. */
static int reserve(Search *s, size_t count)
{
    if (s->top + count <= s->room)
        return 1;
    size_t room = 2 * (s->top + count);
    Item *items = realloc(s->items, room * sizeof *items);
    if (!items)
        return 0;
    s->items = items;
    s->room = room;
    return 1;
}

/* Name the frame's set; 0 if there is no memory. */
static int name_frame(Search *s, Frame *f)
{
    const Item *items = s->items + f->base;
    uint32_t count = (uint32_t)(f->top - f->base);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < count; i++)
        hash += s->hashes[items[i].job];
    int64_t set = name_set(&s->memory.sets, hash, (const char *)&items->job, sizeof *items, count);
    f->set = (uint32_t)set;
    return set != NO_SET;
}

/* Value the set on top of the stack, [s->top, top), which fills the time from start to finish; if
 * it must be expanded, make it a frame. 0 if there is no memory. */
static int enter(Search *s, size_t top, int64_t start, int64_t finish, int raised)
{
    Frame *f = &s->frames[s->depth];
    f->base = s->top;
    f->top = top;
    f->start = start;
    f->finish = finish;
    strip(s, f, raised);
    s->answer = f->cost;
    if (f->top == f->base)
        return 1;
    int64_t simple = due_date_order(s, f);
    if (simple >= 0) {
        s->answer += simple;
        return 1;
    }
    if (!name_frame(s, f))
        return 0;
    const Entry *known = find(&s->memory, f->set, f->start);
    if (known) {
        s->answer += known->value;
        return 1;
    }
    s->answer = -1;
    s->top = f->top;
    s->depth++;
    return 1;
}

/* Begin a frame: the longest job (the last of equals) stands just before its own position. */
static void begin(const Search *s, Frame *f)
{
    const Item *items = s->items + f->base;
    int32_t count = (int32_t)(f->top - f->base);
    f->longest = 0;
    for (int32_t i = 1; i < count; i++)
        if (items[i].p >= items[f->longest].p)
            f->longest = i;
    f->end = f->start;
    for (int32_t i = 0; i < f->longest; i++)
        f->end += items[i].p;
    f->position = f->longest - 1;
    f->needed = INT64_MIN;
    f->best = -1;
}

/* Go to the next position that the rules allow; 0 if there is none. */
static int next_position(const Search *s, Frame *f)
{
    const Item *items = s->items + f->base;
    int32_t count = (int32_t)(f->top - f->base);
    while (++f->position < count) {
        const Item *item = &items[f->position];
        f->end += item->p;
        if (f->position > f->longest && item->due + item->p > f->needed)
            f->needed = item->due + item->p;
        if (f->end >= f->needed && (f->position + 1 == count || f->end < item[1].due))
            return 1;
    }
    return 0;
}

/* Copy one half of the frame's split to the top of the stack and value it. */
static int enter_half(Search *s, Frame *f, int half)
{
    size_t count = f->top - f->base, at = (size_t)f->position, longest = (size_t)f->longest;
    if (!reserve(s, count))
        return 0;
    const Item *items = s->items + f->base;
    Item *child = s->items + s->top;
    f->half = half;
    if (half) {
        memcpy(child, items + at + 1, (count - at - 1) * sizeof *child);
        return enter(s, s->top + count - at - 1, f->end, f->finish, 0);
    }
    memcpy(child, items, longest * sizeof *child);
    memcpy(child + longest, items + longest + 1, (at - longest) * sizeof *child);
    return enter(s, s->top + at, f->start, f->end - items[longest].p, 1);
}

/* Close the frame on top: remember it and hand its value down. */
static int leave(Search *s, Frame *f)
{
    if (!store(&s->memory, (Entry){f->start, f->best, f->set, (uint32_t)f->split}))
        return 0;
    s->answer = f->cost + f->best;
    s->depth--;
    s->top = s->depth ? s->frames[s->depth - 1].top : 0;
    return 1;
}

/* Carry the frame on top as far as it goes without another state's value; 0: no memory. */
static int advance(Search *s)
{
    Frame *f = &s->frames[s->depth - 1];
    if (s->answer < 0) {
        begin(s, f);
    } else {
        f->total += s->answer;
        if (f->best < 0 || f->total < f->best) {
            if (!f->half)
                return enter_half(s, f, 1);
            f->best = f->total;
            f->split = f->position;
        }
    }
    if (!next_position(s, f))
        return leave(s, f);
    f->total = lateness(f->end, s->d[s->items[f->base + (size_t)f->longest].job]);
    return enter_half(s, f, 0);
}

/* What Python calls ------------------------------------------------------------------------ */

void tardiness_free(Search *s)
{
    if (!s)
        return;
    memory_free(&s->memory);
    free(s->p);
    free(s->d);
    free(s->hashes);
    free(s->items);
    free(s->frames);
    free(s);
}

/* Put all jobs on the stack and value them; 0 if there is no memory. */
static int begin_search(Search *s, int32_t n, const int64_t *p, const int64_t *d)
{
    int64_t finish = 0;
    memcpy(s->p, p, (size_t)n * sizeof *p);
    memcpy(s->d, d, (size_t)n * sizeof *d);
    for (int32_t i = 0; i < n; i++) {
        s->hashes[i] = hash_of_job(i);
        s->items[i] = (Item){d[i], p[i], i};
        finish += p[i];
    }
    return enter(s, (size_t)n, 0, finish, 0);
}

/* A search over jobs that are sorted by (d, p); NULL if there is no memory. */
Search *tardiness_new(int32_t n, const int64_t *p, const int64_t *d)
{
    Search *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    size_t count = (size_t)n;
    s->p = malloc((count + 1) * sizeof *s->p);
    s->d = malloc((count + 1) * sizeof *s->d);
    s->hashes = malloc((count + 1) * sizeof *s->hashes);
    s->frames = malloc((count + 2) * sizeof *s->frames);
    if (!memory_begin(&s->memory, n) || !s->p || !s->d || !s->hashes || !s->frames
        || !reserve(s, count) || !begin_search(s, n, p, d)) {
        tardiness_free(s);
        return NULL;
    }
    return s;
}

/* Expand at most `nodes` states more; DONE once `*value` is the optimum. */
int tardiness_run(Search *s, int64_t nodes, int64_t *value)
{
    int64_t last = s->nodes + nodes;
    while (s->depth) {
        if (s->answer < 0) {
            if (s->nodes == last)
                return PAUSED;
            s->nodes++;
        }
        if (!advance(s))
            return NO_MEMORY;
    }
    *value = s->answer;
    return DONE;
}

int64_t tardiness_nodes(const Search *s) { return s->nodes; }

/* The best position of the longest job in a stripped state; -1 if the state is not known. */
int32_t tardiness_split(Search *s, const int32_t *jobs, int32_t count, int64_t start)
{
    if (count < 1)
        return -1;
    uint64_t hash = 0, slot;
    for (int32_t i = 0; i < count; i++)
        hash += s->hashes[jobs[i]];
    int64_t set = find_set(&s->memory.sets, hash, (const char *)jobs, sizeof *jobs,
                           (uint32_t)count, &slot);
    if (set == NO_SET)
        return -1;
    const Entry *known = find(&s->memory, (uint32_t)set, start);
    return known ? (int32_t)known->split : -1;
}
