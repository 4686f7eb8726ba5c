/* Searches of the best turns of tool calls: the compiled twin of tools_lean.py.
 *
 * Both look at the same sets of done calls in the same order; read that file for the method. Sets
 * that were reached lie in rows, each once, and entries in buckets by bound and size say which to
 * look at next. The caller sees to it that times, and their products with places and counts, are
 * small. A search can be paused between two sets. All it owns hangs on one struct; a failed
 * allocation makes it return NO_MEMORY, after which it may only be freed.
 */

#include "tools_options.h"

#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

const char *const tools_digest = DIGEST;

/* Steps ------------------------------------------------------------------------------------ */

static uint32_t *bucket(const Search *s, int32_t bound, int32_t size)
{
    return s->buckets + (size_t)(bound - s->least) * (size_t)(s->calls + 1) + size;
}

static int enter(Search *s, uint32_t row, int32_t bound, int32_t size)
{
    Entry *entry = append(&s->entries);
    if (!entry)
        return NO_MEMORY;
    uint32_t *newest = bucket(s, bound, size);
    *entry = (Entry){row, *newest};
    *newest = (uint32_t)s->entries.count;
    return DONE;
}

/* Add what a turn leads to, if that is the shortest way so far; `left` bounds what is then left. */
static int push(Search *s, uint32_t from, const Mask *after, int32_t cost, int32_t left)
{
    uint32_t row = find(&s->rows, after, mixed(sum_of(after)));
    Row *rows = s->rows.list.items;
    if (row != NONE && rows[row].spent <= cost)
        return DONE;
    int32_t bound = larger(s->bound, cost + left);
    if (row == NONE) {
        if ((int64_t)s->rows.list.count >= s->sets)
            return EXHAUSTED;
        Row *added = insert(&s->rows, after);
        if (!added)
            return NO_MEMORY;
        row = (uint32_t)s->rows.list.count - 1;
        added->closed = 0;
        rows = s->rows.list.items;
    }
    rows[row].spent = cost;
    rows[row].previous = from;
    if (same(after, &s->full)) {
        s->limit = cost;
        s->goal = row;
        return DONE;
    }
    return enter(s, row, bound, size_of(after));
}

/* Return whether a set with these calls more, of a hash, was reached in no more time. */
static int is_reached(const Search *s, const Row *row, int32_t a, int32_t b, uint64_t h)
{
    Mask more = row->done;
    put(&more, a);
    put(&more, b);
    uint32_t other = find(&s->rows, &more, h);
    return other != NONE && ((const Row *)s->rows.list.items)[other].spent <= row->spent;
}

/* Return whether a larger set was reached in no more time: with one or two ready calls more.
 * The table is asked for all hashes of a round, which take their time to come, before any. */
static int is_needless(const Search *s, const Row *row, const int32_t *ready, int32_t count)
{
    uint64_t sum = sum_of(&row->done), hashes[MOST_CALLS];
    for (int32_t apart = 0; apart < count; apart++) {
        for (int32_t a = apart; a < count; a++) {
            uint64_t more = apart ? share(ready[a - apart]) : 0;
            hashes[a] = mixed(sum + share(ready[a]) + more);
            __builtin_prefetch(s->rows.table + (hashes[a] & (s->rows.slots - 1)));
        }
        for (int32_t a = apart; a < count; a++)
            if (is_reached(s, row, ready[a], ready[a - apart], hashes[a]))
                return 1;
    }
    return 0;
}

/* The turns worth looking at after a set: of each tool with ready calls an option. */
typedef struct {
    uint32_t from;
    Mask done;
    int32_t spent, tools;
    uint32_t choices[MOST_CALLS];
} Turns;

static Option *options_of(const Search *s, uint32_t choices, uint32_t *count)
{
    const Choices *c = (const Choices *)s->choices.list.items + choices;
    *count = c->count;
    return (Option *)s->options.items + c->first;
}

/* Go through the turns of a length, tool by tool, as long as what is left may end below the limit.
 * `left` bounds what is left of the turn so far; `reached` is whether a tool's calls are as long. */
static int take_tool(Search *s, const Turns *turns, int32_t tool, const Mask *after,
                     const Rest *rest, int32_t left, int32_t length, int reached)
{
    int32_t cost = turns->spent + s->overhead + length;
    if (tool == turns->tools)
        return reached ? push(s, turns->from, after, cost, left) : DONE;
    uint32_t count;
    const Option *options = options_of(s, turns->choices[tool], &count);
    for (uint32_t k = 0; k < count; k++) {
        const Option *o = options + k;
        if (o->low > length || length >= o->end)
            continue;
        if (--s->steps < 0)
            return EXHAUSTED;
        Rest more = *rest;
        join_rest(&more, &o->rest);
        int32_t bound = bound_of(s, &more);
        if (larger(s->bound, cost + bound) >= s->limit)
            continue;
        Mask joined = *after;
        join(&joined, &o->calls);
        int status = take_tool(s, turns, tool + 1, &joined, &more, bound, length,
                               reached || o->low == length);
        if (status != DONE)
            return status;
    }
    return DONE;
}

/* Return the least length of an option above one, NEVER if there is none. */
static int32_t next_length(const Search *s, const Turns *turns, int32_t length)
{
    int32_t next = NEVER;
    for (int32_t t = 0; t < turns->tools; t++) {
        uint32_t count;
        const Option *options = options_of(s, turns->choices[t], &count);
        for (uint32_t k = 0; k < count; k++)
            if (options[k].low > length && options[k].low < next)
                next = options[k].low;
    }
    return next;
}

/* Write what each option leaves of its tool's calls. */
static void write_rests(Search *s, const Turns *turns, const int32_t *ready, int32_t ready_count)
{
    for (int32_t t = 0; t < turns->tools; t++) {
        uint32_t count;
        Option *options = options_of(s, turns->choices[t], &count);
        int32_t tool = NEVER;
        const Choices *c = (const Choices *)s->choices.list.items + turns->choices[t];
        for (uint32_t o = 0; o < count; o++) {
            Mask after = turns->done;
            join(&after, &options[o].calls);
            memset(&options[o].rest, 0, sizeof options[o].rest);
            for (int32_t k = 0; k < ready_count; k++)
                if (has(&c->ready, ready[k])) {
                    tool = s->tool[ready[k]];
                    if (!has(&after, ready[k]))
                        lengthen(options[o].rest.longest, s->chains[ready[k]]);
                }
            add_pool(s, tool, &after, &options[o].rest);
        }
    }
}

static int expand(Search *s, uint32_t row, const int32_t *ready, int32_t count)
{
    const Row *rows = s->rows.list.items;
    Turns turns = {.from = row, .done = rows[row].done, .spent = rows[row].spent, .tools = 0};
    Mask all = turns.done;
    for (int32_t k = 0; k < count; k++)
        put(&all, ready[k]);
    for (int32_t t = 0; t < s->tools; t++) {
        int32_t pool[MOST_CALLS], size = 0;
        for (int32_t k = 0; k < count; k++)
            if (s->tool[ready[k]] == t)
                pool[size++] = ready[k];
        if (!size)
            continue;
        int status = choose(s, pool, size, &turns.choices[turns.tools++]);
        if (status != DONE)
            return status;
    }
    write_rests(s, &turns, ready, count);
    Rest rest = rest_of(s, &all);
    int32_t left = bound_of(s, &rest);
    for (int32_t length = next_length(s, &turns, 0); length != NEVER;
         length = next_length(s, &turns, length)) {
        if (turns.spent + s->overhead + length >= s->limit)
            break;
        int status = take_tool(s, &turns, 0, &turns.done, &rest, left, length, 0);
        if (status != DONE)
            return status;
    }
    return DONE;
}

/* Look at the newest set of the bucket. */
static int look(Search *s)
{
    uint32_t *newest = bucket(s, s->bound, s->size);
    Entry entry = ((const Entry *)s->entries.items)[*newest - 1];
    Row *row = (Row *)s->rows.list.items + entry.row;
    *newest = entry.next;
    if (row->closed)
        return DONE;
    row->closed = 1;
    int32_t rest[MOST_CALLS], ready[MOST_CALLS], left = others(s, &row->done, rest), count = 0;
    for (int32_t k = 0; k < left; k++)
        if (within(&s->needs[rest[k]], &row->done))
            ready[count++] = rest[k];
    if (is_needless(s, row, ready, count))
        return DONE;
    s->left--;
    return expand(s, entry.row, ready, count);
}

/* Move to the bucket of the least bound, there the largest size; return whether there is one. */
static int next_best(Search *s)
{
    for (; s->bound < s->limit; s->bound++)
        for (s->size = s->calls; s->size >= 0; s->size--)
            if (*bucket(s, s->bound, s->size))
                return 1;
    return 0;
}

/* Move to the bucket of the least size with sets to look at, there the least bound. */
static int next_in_beam(Search *s)
{
    for (; s->size < s->calls; s->size++, s->bound = s->least, s->left = s->width)
        for (; s->left > 0 && s->bound < s->limit; s->bound++)
            if (*bucket(s, s->bound, s->size))
                return 1;
    return 0;
}

/* What is called --------------------------------------------------------------------------- */

void tools_free(Search *s)
{
    if (!s)
        return;
    free(s->capacity);
    free(s->chains);
    free(s->rows.list.items);
    free(s->rows.table);
    free(s->choices.list.items);
    free(s->choices.table);
    free(s->options.items);
    free(s->entries.items);
    free(s->buckets);
    free(s);
}

static Mask mask_of(const int64_t *numbers)
{
    Mask m;
    for (int k = 0; k < WORDS; k++)
        m.word[k] = (uint64_t)numbers[k];
    return m;
}

/* Calls in one row of numbers: capacities, the tools' first calls, the calls by falling tail, the
 * floors' gains; of each call its duration, tool, tail, masks of needs, successors and all that is
 * after it, and its chains. NULL if there is no memory. */
Search *tools_new(int32_t calls, int32_t tools, int32_t overhead, const int64_t *numbers)
{
    Search *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    int32_t count = 2 * tools + 1 + calls + FLOORS;
    s->calls = calls;
    s->tools = tools;
    s->overhead = overhead;
    s->capacity = malloc((size_t)count * sizeof *s->capacity);
    s->chains = malloc((size_t)calls * sizeof *s->chains);
    if (!s->capacity || !s->chains) {
        tools_free(s);
        return NULL;
    }
    for (int32_t k = 0; k < count; k++)
        s->capacity[k] = (int32_t)*numbers++;
    s->first = s->capacity + tools;
    s->falling = s->first + tools + 1;
    s->gains = s->falling + calls;
    for (int32_t i = 0; i < calls; i++) {
        put(&s->full, i);
        s->duration[i] = (int32_t)*numbers++;
        s->tool[i] = (int32_t)*numbers++;
        s->tail[i] = (int32_t)*numbers++;
        s->needs[i] = mask_of(numbers);
        s->successors[i] = mask_of(numbers + WORDS);
        s->after[i] = mask_of(numbers + 2 * WORDS);
        numbers += 3 * WORDS;
        for (int f = 0; f < FLOORS; f++)
            s->chains[i][f] = (uint8_t)*numbers++;
    }
    s->rows.list.size = sizeof(Row);
    s->choices.list.size = sizeof(Choices);
    s->options.size = sizeof(Option);
    s->entries.size = sizeof(Entry);
    return s;
}

/* Begin to look for turns shorter than a limit: a beam of a width, or if that is 0 the best first.
 * Options that were made stay. Returns NO_MEMORY, or PAUSED. */
int tools_begin(Search *s, int32_t limit, int64_t width, int64_t steps, int64_t sets)
{
    Mask none = {{0}};
    s->rows.list.count = s->entries.count = 0;
    Rest rest = rest_of(s, &none);
    s->least = s->bound = bound_of(s, &rest);
    s->limit = limit;
    s->size = 0;
    s->width = s->left = width;
    s->steps = steps;
    s->sets = sets;
    s->goal = NONE;
    if (!s->choices.table && !rehash(&s->choices, FIRST_SLOTS))
        return NO_MEMORY;
    free(s->buckets);
    s->buckets = NULL;
    if (limit <= s->least)
        return PAUSED;
    s->buckets = calloc((size_t)(limit - s->least) * (size_t)(s->calls + 1), sizeof *s->buckets);
    if (!s->buckets || !rehash(&s->rows, FIRST_SLOTS))
        return NO_MEMORY;
    Row *row = insert(&s->rows, &none);
    if (!row)
        return NO_MEMORY;
    *row = (Row){none, 0, NONE, 0};
    return enter(s, 0, s->least, 0) == DONE ? PAUSED : NO_MEMORY;
}

/* Look at so many sets more: PAUSED, DONE, EXHAUSTED or NO_MEMORY. */
int tools_run(Search *s, int64_t looks)
{
    while (looks-- > 0) {
        if (s->limit <= s->least || !(s->width ? next_in_beam(s) : next_best(s)))
            return DONE;
        int status = look(s);
        if (status != DONE)
            return status;
    }
    return PAUSED;
}

/* Write the bound and the turn of each call from 0; return whether there are turns so short. */
int tools_result(const Search *s, int64_t *bound, int64_t *turns)
{
    const Row *rows = s->rows.list.items;
    *bound = s->width ? s->least : s->bound;
    *bound = *bound < s->limit ? *bound : s->limit;
    if (s->goal == NONE)
        return 0;
    int32_t turn = 0;
    for (uint32_t row = s->goal; rows[row].previous != NONE; row = rows[row].previous, turn++) {
        const Mask *before = &rows[rows[row].previous].done;
        for (int32_t i = 0; i < s->calls; i++)
            if (has(&rows[row].done, i) && !has(before, i))
                turns[i] = turn;
    }
    for (int32_t i = 0; i < s->calls; i++)
        turns[i] = turn - 1 - turns[i];
    return 1;
}
