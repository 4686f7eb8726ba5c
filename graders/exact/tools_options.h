/* A search of tools_kernel.c: what bounds the time that calls take, and the options of turns.
 *
 * An option is a choice of one tool's ready calls; those of one set of ready calls are made once.
 */

#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include "tools_memory.h"

enum { MOST_CALLS = 64 * WORDS, FLOORS = 32, MOST_READY = 16 };
enum { NO_MEMORY = -1, PAUSED = 0, DONE = 1, EXHAUSTED = 2 };
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

#endif
