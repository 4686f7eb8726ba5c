/* Total tardiness by decomposition with memory: the compiled twin of tardiness_search.py.
 *
 * Both walk the same states in the same order, so values, orders and node counts are equal; read
 * that file for the method. Jobs are ranks 0..n-1 by (due date, processing time). The caller sees
 * to it that n * (sum of p + largest |d|) stays below 2^62, so no sum here can overflow.
 *
 * A search can be paused after any number of nodes. All its memory hangs on one struct; a failed
 * allocation makes it return NO_MEMORY, after which it may only be freed.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef DIGEST /* of this file's bytes, given by the build hook */
#define DIGEST ""
#endif

const char *const tardiness_digest = DIGEST;

enum { PAUSED = 0, DONE = 1, NO_MEMORY = -1 };
enum { CHUNKS = 4096, CHUNK_WORDS = 1 << 20, FIRST_SLOTS = 1 << 12 };

/* A job of a set: its due date raised to its earliest end, its processing time, its rank. */
typedef struct {
    int64_t due, p;
    int32_t job;
} Item;

/* What is remembered of a state: `count` mask words from word `first` on, and what was found. */
typedef struct {
    int64_t start, value;
    uint32_t split;
    uint16_t first, count;
    uint64_t words[];
} Entry;

enum { ENTRY_WORDS = sizeof(Entry) / sizeof(uint64_t) };

/* A state that is being expanded; its items lie in Search.items from `base` on. */
typedef struct {
    size_t base, top;            /* items of the state: [base, top) */
    int32_t longest, position;   /* index of the longest job; the position tried for it */
    int32_t split, half;         /* best position; 0: left half wanted, 1: right half wanted */
    int64_t start, cost;         /* start of the set; tardiness of what was stripped around it */
    int64_t end, needed;         /* end of the longest job; least end that its position allows */
    int64_t total, best;         /* tardiness of this position so far; of the best, or -1 */
} Frame;

typedef struct {
    int32_t n, words;
    int64_t *p, *d;
    uint64_t *mask;              /* scratch: the mask of the state that is looked up */
    int32_t first, count;        /* its words that are not 0 lie in [first, first + count) */
    Item *items;                 /* a stack: the items of all frames, then of the wanted child */
    size_t top, room;
    Frame *frames;
    int32_t depth;
    uint64_t *chunks[CHUNKS];    /* entries, addressed by word */
    uint64_t used;
    uint32_t *table;             /* open addressing; 0 is free */
    uint64_t slots, entries;
    int64_t answer;              /* value of the state last finished, -1 if one is to be begun */
    int64_t nodes;
} Search;

/* The memory ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

static uint64_t hash_of(int64_t start, int32_t first, int32_t count, const uint64_t *words)
{
    uint64_t hash = mix((uint64_t)first, (uint64_t)start);
    for (int32_t i = 0; i < count; i++)
        hash = mix(hash, words[i]);
    return hash;
}

static Entry *entry_at(const Search *s, uint64_t word)
{
    return (Entry *)&s->chunks[word / CHUNK_WORDS][word % CHUNK_WORDS];
}

/* Set the scratch mask to the state's jobs. */
static void set_mask(Search *s, const Item *items, int32_t count)
{
    int32_t low = s->words, high = -1;
    memset(s->mask, 0, (size_t)s->words * sizeof *s->mask);
    for (int32_t i = 0; i < count; i++) {
        int32_t word = items[i].job / 64;
        s->mask[word] |= UINT64_C(1) << (items[i].job % 64);
        if (word < low)
            low = word;
        if (word > high)
            high = word;
    }
    s->first = low;
    s->count = high - low + 1;
}

/* The entry of the masked state, or NULL. */
static Entry *find(const Search *s, int64_t start)
{
    const uint64_t *words = s->mask + s->first;
    uint64_t slot = hash_of(start, s->first, s->count, words) & (s->slots - 1);
    for (; s->table[slot]; slot = (slot + 1) & (s->slots - 1)) {
        Entry *e = entry_at(s, s->table[slot]);
        if (e->start == start && e->first == s->first && e->count == s->count
            && !memcmp(e->words, words, (size_t)s->count * sizeof *words))
            return e;
    }
    return NULL;
}

static void put(Search *s, uint32_t word)
{
    const Entry *e = entry_at(s, word);
    uint64_t slot = hash_of(e->start, e->first, e->count, e->words) & (s->slots - 1);
    while (s->table[slot])
        slot = (slot + 1) & (s->slots - 1);
    s->table[slot] = word;
}

static int grow_table(Search *s)
{
    uint32_t *old = s->table;
    uint64_t slots = s->slots;
    uint32_t *table = calloc(2 * slots, sizeof *table);
    if (!table)
        return 0;
    s->table = table;
    s->slots = 2 * slots;
    for (uint64_t i = 0; i < slots; i++)
        if (old[i])
            put(s, old[i]);
    free(old);
    return 1;
}

/* Words for one entry in the chunks; 0 if there is no memory. Word 0 is never given out. */
static uint64_t new_words(Search *s, uint64_t size)
{
    if (s->used % CHUNK_WORDS + size > CHUNK_WORDS)
        s->used += CHUNK_WORDS - s->used % CHUNK_WORDS;
    uint64_t chunk = s->used / CHUNK_WORDS;
    if (chunk >= CHUNKS)
        return 0;
    if (!s->chunks[chunk])
        s->chunks[chunk] = malloc(CHUNK_WORDS * sizeof(uint64_t));
    if (!s->chunks[chunk])
        return 0;
    uint64_t word = s->used;
    s->used += size;
    return word;
}

/* Remember the masked state. */
static int store(Search *s, int64_t start, int64_t value, int32_t split)
{
    uint64_t word = new_words(s, ENTRY_WORDS + (uint64_t)s->count);
    if (!word || (2 * ++s->entries > s->slots && !grow_table(s)))
        return 0;
    Entry *e = entry_at(s, word);
    e->start = start;
    e->value = value;
    e->split = (uint32_t)split;
    e->first = (uint16_t)s->first;
    e->count = (uint16_t)s->count;
    memcpy(e->words, s->mask + s->first, (size_t)s->count * sizeof *s->mask);
    put(s, (uint32_t)word);
    return 1;
}

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

/* Raise due dates to the earliest ends and sort; sets arrive nearly sorted. */
static void raise_and_sort(const Search *s, Item *items, int32_t count, int64_t start)
{
    for (int32_t i = 0; i < count; i++) {
        int64_t due = s->d[items[i].job], soonest = start + items[i].p;
        items[i].due = due > soonest ? due : soonest;
    }
    for (int32_t i = 1; i < count; i++) {
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
        if (items[i].p > p)
            p = items[i].p;
    return p;
}

/* Take off jobs that are last for sure; returns the new count. */
static int32_t strip_last(const Search *s, Item *items, int32_t count, int64_t *end, int64_t *cost)
{
    int64_t longest = longest_p(items, count);
    while (count) {
        const Item *last = &items[count - 1];
        if (last->due < *end && last->p < longest)
            break;
        *cost += lateness(*end, s->d[last->job]);
        *end -= last->p;
        count--;
        if (last->p == longest)
            longest = longest_p(items, count);
    }
    return count;
}

static int shortest_is_first(const Item *items, int32_t count)
{
    for (int32_t i = 1; i < count; i++)
        if (items[i].p < items[0].p)
            return 0;
    return 1;
}

/* Strip the frame's set at both ends, in place: items, start and cost are its own afterwards. */
static void strip(const Search *s, Frame *f)
{
    int64_t end = f->start;
    f->cost = 0;
    for (size_t i = f->base; i < f->top; i++)
        end += s->items[i].p;
    for (;;) {
        Item *items = s->items + f->base;
        int32_t count = (int32_t)(f->top - f->base);
        raise_and_sort(s, items, count, f->start);
        count = strip_last(s, items, count, &end, &f->cost);
        f->top = f->base + (size_t)count;
        if (!count || !shortest_is_first(items, count))
            return;
        f->start += items[0].p;
        f->cost += lateness(f->start, s->d[items[0].job]);
        f->base++;
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

/* Value the set on top of the stack, [s->top, top); if it must be expanded, make it a frame. */
static void enter(Search *s, size_t top, int64_t start)
{
    Frame *f = &s->frames[s->depth];
    f->base = s->top;
    f->top = top;
    f->start = start;
    strip(s, f);
    s->answer = f->cost;
    if (f->top == f->base)
        return;
    int64_t simple = due_date_order(s, f);
    if (simple >= 0) {
        s->answer += simple;
        return;
    }
    set_mask(s, s->items + f->base, (int32_t)(f->top - f->base));
    const Entry *known = find(s, f->start);
    if (known) {
        s->answer += known->value;
        return;
    }
    s->answer = -1;
    s->top = f->top;
    s->depth++;
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
        enter(s, s->top + count - at - 1, f->end);
    } else {
        memcpy(child, items, longest * sizeof *child);
        memcpy(child + longest, items + longest + 1, (at - longest) * sizeof *child);
        enter(s, s->top + at, f->start);
    }
    return 1;
}

/* Close the frame on top: remember it and hand its value down. */
static int leave(Search *s, Frame *f)
{
    set_mask(s, s->items + f->base, (int32_t)(f->top - f->base));
    if (!store(s, f->start, f->best, f->split))
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
    for (int i = 0; i < CHUNKS; i++)
        free(s->chunks[i]);
    free(s->p);
    free(s->d);
    free(s->mask);
    free(s->items);
    free(s->frames);
    free(s->table);
    free(s);
}

/* A search over jobs that are sorted by (d, p); NULL if there is no memory. */
Search *tardiness_new(int32_t n, const int64_t *p, const int64_t *d)
{
    Search *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    size_t count = (size_t)n;
    s->n = n;
    s->words = n / 64 + 1;
    s->slots = FIRST_SLOTS;
    s->used = 1;
    s->p = malloc((count + 1) * sizeof *s->p);
    s->d = malloc((count + 1) * sizeof *s->d);
    s->mask = malloc((size_t)s->words * sizeof *s->mask);
    s->frames = malloc((count + 2) * sizeof *s->frames);
    s->table = calloc(s->slots, sizeof *s->table);
    if (!s->p || !s->d || !s->mask || !s->frames || !s->table || !reserve(s, count)) {
        tardiness_free(s);
        return NULL;
    }
    memcpy(s->p, p, count * sizeof *p);
    memcpy(s->d, d, count * sizeof *d);
    for (int32_t i = 0; i < n; i++)
        s->items[i] = (Item){0, p[i], i};
    enter(s, count, 0);
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
    for (int32_t i = 0; i < count; i++)
        s->items[i].job = jobs[i];
    set_mask(s, s->items, count);
    const Entry *known = find(s, start);
    return known ? (int32_t)known->split : -1;
}
