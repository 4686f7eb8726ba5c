/* Searches of the best turns of tool calls: the compiled twin of tools_lean.py.
 *
 * Both look at the same sets of done calls in the same order; read that file for the method. Sets
 * that were reached lie in rows, each once, and entries in buckets by bound and size say which to
 * look at next. The caller sees to it that times, and their products with places and counts, are
 * small. A search can be paused between two sets. All it owns hangs on one struct; a failed
 * allocation makes it return NO_MEMORY, after which it may only be freed.
 */

#include "tools_memory.h"

enum { MOST_CALLS = 64 * WORDS, FLOORS = 32, MOST_READY = 16 };
enum { NO_MEMORY = -1, PAUSED = 0, DONE = 1, EXHAUSTED = 2 };
#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

const char *const tools_digest = DIGEST;

#define NEVER INT32_MAX

/* What bounds the time that calls take: of each tool with few places the work with the tail behind
 * it and the work alone, the most of each; of each floor the longest chain. */
typedef struct {
    int32_t least, work;
    uint8_t longest[FLOORS];
} Rest;

/* A choice of one tool's ready calls: what turns of low <= length < end hold. `rest` is of the
 * tool's calls that it leaves, after the set that is looked at. */
typedef struct {
    int32_t low, end;
    Mask calls;
    Rest rest;
} Option;

/* The options of one set of ready calls of one tool. */
typedef struct {
    Mask ready;
    uint32_t first, count;
} Choices;

typedef struct {
    Mask done;
    int32_t spent;
    uint32_t previous;
    uint8_t closed;
} Row;

typedef struct { uint32_t row, next; } Entry;

typedef struct {
    int32_t calls, tools, overhead;
    int32_t duration[MOST_CALLS], tool[MOST_CALLS], tail[MOST_CALLS];
    Mask needs[MOST_CALLS], successors[MOST_CALLS], after[MOST_CALLS], full;
    int32_t *capacity;           /* of each tool */
    int32_t *first;              /* of each tool, and one past the last: its calls in `falling` */
    int32_t *falling;            /* the calls by tool and falling tail */
    int32_t *gains;              /* of each floor */
    uint8_t (*chains)[FLOORS];   /* of each call */
    Index rows, choices;
    List options, entries;
    uint32_t *buckets;           /* 1 + the newest entry, by bound - least, then size */
    int32_t least, limit;        /* a bound on all turns; one on those that are looked for */
    int32_t bound, size;         /* of the bucket that is looked at */
    int64_t width, left, steps, sets;
    uint32_t goal;
} Search;

/* Write the members of `full` that are not in `m`, from the lowest, and return how many. */
static int32_t others(const Search *s, const Mask *m, int32_t *members)
{
    int32_t count = 0;
    for (int k = 0; k < WORDS; k++)
        for (uint64_t word = s->full.word[k] & ~m->word[k]; word; word &= word - 1)
            members[count++] = 64 * k + lowest(word);
    return count;
}

/* Bounds ---------------------------------------------------------------------------------- */

static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

static int32_t quotient(int64_t work, int32_t places)
{
    return (int32_t)((work + places - 1) / places);
}

/* Raise counts to others; that they lie apart lets the compiler take many at once. */
static void lengthen(uint8_t *restrict longest, const uint8_t *restrict others)
{
    for (int f = 0; f < FLOORS; f++)
        longest[f] = others[f] > longest[f] ? others[f] : longest[f];
}


/* Add the work of a tool's calls that are not done. */
static void add_pool(const Search *s, int32_t tool, const Mask *done, Rest *rest)
{
    int32_t places = s->capacity[tool];
    int64_t work = 0, least = 0;
    if (s->first[tool + 1] - s->first[tool] <= places)
        return;
    for (int32_t k = s->first[tool]; k < s->first[tool + 1]; k++) {
        int32_t i = s->falling[k];
        if (!has(done, i)) {
            work += s->duration[i];
            int64_t end = work + (int64_t)places * s->tail[i];
            least = end > least ? end : least;
        }
    }
    rest->least = larger(rest->least, quotient(least, places));
    rest->work = larger(rest->work, quotient(work, places));
}

static Rest rest_of(const Search *s, const Mask *done)
{
    Rest rest = {0};
    int32_t calls[MOST_CALLS], count = others(s, done, calls);
    for (int32_t k = 0; k < count; k++)
        lengthen(rest.longest, s->chains[calls[k]]);
    for (int32_t t = 0; t < s->tools; t++)
        add_pool(s, t, done, &rest);
    return rest;
}

static void join_rest(Rest *rest, const Rest *more)
{
    rest->least = larger(rest->least, more->least);
    rest->work = larger(rest->work, more->work);
    lengthen(rest->longest, more->longest);
}

/* Return a bound on the time that calls take. */
static int32_t bound_of(const Search *s, const Rest *rest)
{
    int32_t bound = 0, turns = rest->longest[0];
    if (!turns)
        return 0;
    for (int f = 0; f < FLOORS; f++)
        bound += s->gains[f] * rest->longest[f];
    bound = larger(bound, s->overhead + rest->least);
    return larger(bound, s->overhead * turns + rest->work);
}

/* Turns of one tool's calls ---------------------------------------------------------------- */

/* Give one call after the other to places with loads; return the least length, `best` at most. */
static int32_t packed(const int32_t *durations, int32_t count, int32_t *loads, int32_t places,
                      int32_t length, int32_t least, int32_t best)
{
    if (!count)
        return length < best ? length : best;
    for (int32_t p = 0; p < places && best > least; p++) {
        int32_t load = loads[p], q = 0;
        while (q < p && loads[q] != load)
            q++;
        if (q < p || load + durations[0] >= best)
            continue;
        loads[p] += durations[0];
        best = packed(durations + 1, count - 1, loads, places, larger(length, loads[p]), least,
                      best);
        loads[p] = load;
    }
    return best;
}

/* Return the least time of calls of falling durations on some places. */
static int32_t packed_length(const int32_t *durations, int32_t count, int32_t places)
{
    int32_t loads[MOST_READY] = {0}, work = 0;
    for (int32_t k = 0; k < count; k++)
        work += durations[k];
    if (places == 1 || !count)
        return work;
    if (count <= places)
        return durations[0];
    int32_t least = larger(durations[0], quotient(work, places)), best = 0;
    for (int32_t k = 0, p; k < count; k++) {
        for (int32_t q = p = 0; q < places; q++)
            p = loads[q] < loads[p] ? q : p;
        loads[p] += durations[k];
        best = larger(best, loads[p]);
    }
    memset(loads, 0, sizeof loads);
    return packed(durations, count, loads, places, 0, least, best);
}

/* Return whether b may give its place to a; of two that may for each other, the first. */
static int precedes(const Search *s, int32_t a, int32_t b)
{
    if (a == b || s->duration[a] < s->duration[b] || !within(&s->successors[b], &s->after[a]))
        return 0;
    return s->duration[a] > s->duration[b] || a < b || !within(&s->successors[a], &s->after[b]);
}

static int add_option(Search *s, Choices *choices, int32_t low, int32_t end, const Mask *calls)
{
    Option *option = append(&s->options);
    if (!option)
        return 0;
    *option = (Option){.low = low, .end = end, .calls = *calls};
    choices->count++;
    return 1;
}

/* With a place for each ready call, all that are short enough. */
static int add_nested(Search *s, Choices *choices, const int32_t *ready, int32_t count)
{
    for (int32_t low = 0; low != NEVER;) {
        Mask calls = {{0}};
        int32_t end = NEVER;
        for (int32_t k = 0; k < count; k++)
            if (s->duration[ready[k]] <= low)
                put(&calls, ready[k]);
            else if (s->duration[ready[k]] < end)
                end = s->duration[ready[k]];
        if (!add_option(s, choices, low, end, &calls))
            return 0;
        low = end;
    }
    return 1;
}

/* Write the least length of each subset of the ready calls. One with a call in the place of an
 * earlier one as long is as long as with that. */
static void write_lengths(const Search *s, const int32_t *ready, int32_t count, int32_t places,
                          int32_t *lengths)
{
    int32_t falling[MOST_READY];
    for (int32_t n = 0; n < count; n++) {
        int32_t k = n;
        for (; k > 0 && s->duration[ready[falling[k - 1]]] < s->duration[ready[n]]; k--)
            falling[k] = falling[k - 1];
        falling[k] = n;
    }
    for (uint32_t subset = 0; subset < UINT32_C(1) << count; subset++) {
        int32_t durations[MOST_READY], chosen = 0;
        uint32_t twin = subset;
        for (int32_t k = 0; k < count; k++) {
            if (!(subset >> falling[k] & 1))
                continue;
            durations[chosen++] = s->duration[ready[falling[k]]];
            if (k && !(subset >> falling[k - 1] & 1)
                && s->duration[ready[falling[k - 1]]] == durations[chosen - 1])
                twin = subset ^ UINT32_C(1) << falling[k] ^ UINT32_C(1) << falling[k - 1];
        }
        lengths[subset] = twin < subset ? lengths[twin]
                                        : packed_length(durations, chosen, places);
    }
}

/* The subsets that no turn as long could exchange for a better one: the empty one, then from all
 * of the ready calls down. */
static int add_subsets(Search *s, Choices *choices, const int32_t *ready, int32_t count,
                       int32_t places)
{
    uint32_t sets = UINT32_C(1) << count, better[MOST_READY] = {0};
    int32_t *lengths = malloc(sets * sizeof *lengths);
    if (!lengths)
        return 0;
    write_lengths(s, ready, count, places, lengths);
    for (int32_t b = 0; b < count; b++)
        for (int32_t a = 0; a < count; a++)
            if (precedes(s, ready[a], ready[b]))
                better[b] |= UINT32_C(1) << a;
    int holds = 1;
    for (uint32_t n = 0; n < sets && holds; n++) {
        uint32_t subset = n ? sets - n : 0;
        int32_t end = NEVER;
        Mask calls = {{0}};
        for (int32_t a = 0; a < count; a++) {
            uint32_t bit = UINT32_C(1) << a;
            if (!(subset & bit)) {
                end = lengths[subset | bit] < end ? lengths[subset | bit] : end;
                continue;
            }
            put(&calls, ready[a]);
            for (int32_t b = 0; b < count; b++) {
                uint32_t other = UINT32_C(1) << b;
                if (better[a] & other & ~subset && lengths[subset ^ bit ^ other] < end)
                    end = lengths[subset ^ bit ^ other];
            }
        }
        if (lengths[subset] < end)
            holds = add_option(s, choices, lengths[subset], end, &calls);
    }
    free(lengths);
    return holds;
}

/* Find or make the options of some ready calls of one tool. */
static int choose(Search *s, const int32_t *ready, int32_t count, uint32_t *number)
{
    int32_t places = s->capacity[s->tool[ready[0]]];
    Mask key = {{0}};
    for (int32_t k = 0; k < count; k++)
        put(&key, ready[k]);
    *number = find(&s->choices, &key, mixed(sum_of(&key)));
    if (*number != NONE)
        return DONE;
    if (count > places) {
        if (count > MOST_READY)
            return EXHAUSTED;
        s->steps -= INT64_C(1) << count;
        if (s->steps < 0)
            return EXHAUSTED;
    }
    Choices *choices = insert(&s->choices, &key);
    if (!choices)
        return NO_MEMORY;
    *number = (uint32_t)s->choices.list.count - 1;
    choices->first = (uint32_t)s->options.count;
    choices->count = 0;
    int holds = count > places ? add_subsets(s, choices, ready, count, places)
                               : add_nested(s, choices, ready, count);
    return holds ? DONE : NO_MEMORY;
}

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
