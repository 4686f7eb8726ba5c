/* What the search of tardiness_kernel.c remembers: values of states, by set of jobs and start.
 *
 * States are many and sets are few: 500 jobs of the hardest cell have 4.5 million states and 26,000
 * sets. So each set is kept once, as a mask, and an entry names it by its number: 24 bytes an
 * entry, in chunks, and 5 to 11 of the open-addressing table that finds it, whatever the jobs.
 */

#ifndef TARDINESS_MEMORY_H
#define TARDINESS_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 8192, CHUNK_ENTRIES = 1 << 18, FIRST_SLOTS = 1 << 12, NO_SET = -1 };

/* A state and what was found of it. */
typedef struct {
    int64_t start, value;
    uint32_t set, split;
} Entry;

/* A set of jobs: its hash, how many jobs it has, and where its mask is in Sets.masks. */
typedef struct {
    uint64_t hash;
    uint32_t count, mask;
} JobSet;

/* All sets that were met; the last one is at most a candidate until it is named. */
typedef struct {
    JobSet *sets;
    uint64_t *masks;             /* `words` words a set */
    uint32_t *table;             /* 1 + the number of a set; 0 is free */
    uint64_t slots;
    uint32_t count, room;
    size_t words;
} Sets;

typedef struct {
    Sets sets;
    Entry *chunks[CHUNKS];
    uint32_t *table;             /* 1 + the number of an entry; 0 is free */
    uint64_t slots, entries;
} Memory;

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

/* What a job adds to the hash of a set: the order of the jobs does not matter. */
static uint64_t hash_of_job(int32_t job) { return mix(mix(1, (uint64_t)job), 2); }

static int memory_begin(Memory *m, int32_t jobs)
{
    Sets *s = &m->sets;
    s->words = (size_t)jobs / 64 + 1;
    s->room = 64;
    m->slots = s->slots = FIRST_SLOTS;
    m->table = calloc(m->slots, sizeof *m->table);
    s->table = calloc(s->slots, sizeof *s->table);
    s->sets = malloc(s->room * sizeof *s->sets);
    s->masks = malloc(s->room * s->words * sizeof *s->masks);
    return m->table && s->table && s->sets && s->masks;
}

static void memory_free(Memory *m)
{
    for (int i = 0; i < CHUNKS; i++)
        free(m->chunks[i]);
    free(m->table);
    free(m->sets.table);
    free(m->sets.sets);
    free(m->sets.masks);
}

/* Sets of jobs ------------------------------------------------------------------------------ */

static int has_job(const uint64_t *mask, int32_t job)
{
    return (int)(mask[job / 64] >> (job % 64) & 1);
}

/* Whether a set has these jobs, `stride` bytes apart; `hash` is the sum of theirs. */
static int is_set(const Sets *s, uint32_t set, uint64_t hash, const char *jobs, size_t stride,
                  uint32_t count)
{
    const JobSet *known = &s->sets[set];
    if (known->hash != hash || known->count != count)
        return 0;
    const uint64_t *mask = s->masks + known->mask * s->words;
    int all = 1;
    for (uint32_t i = 0; i < count; i++)
        all &= has_job(mask, *(const int32_t *)(jobs + i * stride));
    return all;
}

/* The number of the set of `count` jobs, or NO_SET; `*slot` is its place in the table. */
static int64_t find_set(const Sets *s, uint64_t hash, const char *jobs, size_t stride,
                        uint32_t count, uint64_t *slot)
{
    for (*slot = mix(hash, 0) & (s->slots - 1); s->table[*slot]; *slot = (*slot + 1) & (s->slots - 1))
        if (is_set(s, s->table[*slot] - 1, hash, jobs, stride, count))
            return s->table[*slot] - 1;
    return NO_SET;
}

static int grow_set_table(Sets *s)
{
    uint32_t *table = calloc(2 * s->slots, sizeof *table);
    if (!table)
        return 0;
    free(s->table);
    s->table = table;
    s->slots *= 2;
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t slot = mix(s->sets[i].hash, 0) & (s->slots - 1);
        while (table[slot])
            slot = (slot + 1) & (s->slots - 1);
        table[slot] = i + 1;
    }
    return 1;
}

static int grow_sets(Sets *s)
{
    if (s->count < s->room)
        return 1;
    size_t room = 2 * (size_t)s->room;
    JobSet *sets = realloc(s->sets, room * sizeof *sets);
    if (sets)
        s->sets = sets;
    uint64_t *masks = realloc(s->masks, room * s->words * sizeof *masks);
    if (masks)
        s->masks = masks;
    if (!sets || !masks)
        return 0;
    s->room = (uint32_t)room;
    return 1;
}

/* The number of a set, which is new if it has to be; NO_SET if there is no memory. */
static int64_t name_set(Sets *s, uint64_t hash, const char *jobs, size_t stride, uint32_t count)
{
    uint64_t slot;
    int64_t set = find_set(s, hash, jobs, stride, count, &slot);
    if (set != NO_SET)
        return set;
    if (!grow_sets(s))
        return NO_SET;
    uint64_t *mask = s->masks + s->count * s->words;
    memset(mask, 0, s->words * sizeof *mask);
    for (uint32_t i = 0; i < count; i++) {
        int32_t job = *(const int32_t *)(jobs + i * stride);
        mask[job / 64] |= UINT64_C(1) << (job % 64);
    }
    s->sets[s->count] = (JobSet){hash, count, s->count};
    s->table[slot] = ++s->count;
    if (2 * (uint64_t)s->count > s->slots && !grow_set_table(s))
        return NO_SET;
    return s->count - 1;
}

/* States ------------------------------------------------------------------------------------ */

static Entry *entry_at(const Memory *m, uint32_t number)
{
    return &m->chunks[number / CHUNK_ENTRIES][number % CHUNK_ENTRIES];
}

static uint64_t first_slot(const Memory *m, uint32_t set, int64_t start)
{
    return mix(mix(mix(1, set), (uint64_t)start), 1) & (m->slots - 1);
}

/* The entry of a state, or NULL. */
static const Entry *find(const Memory *m, uint32_t set, int64_t start)
{
    for (uint64_t slot = first_slot(m, set, start); m->table[slot];
         slot = (slot + 1) & (m->slots - 1)) {
        const Entry *e = entry_at(m, m->table[slot] - 1);
        if (e->start == start && e->set == set)
            return e;
    }
    return NULL;
}

static void put(Memory *m, uint32_t number)
{
    const Entry *e = entry_at(m, number);
    uint64_t slot = first_slot(m, e->set, e->start);
    while (m->table[slot])
        slot = (slot + 1) & (m->slots - 1);
    m->table[slot] = number + 1;
}

/* A table of twice the size; the old one goes first, so that there is never more than one. */
static int grow_table(Memory *m)
{
    free(m->table);
    m->slots *= 2;
    m->table = calloc(m->slots, sizeof *m->table);
    if (!m->table)
        return 0;
    for (uint64_t i = 0; i < m->entries; i++)
        put(m, (uint32_t)i);
    return 1;
}

/* Remember a state that is not remembered; 0 if there is no memory. */
static int store(Memory *m, Entry entry)
{
    uint64_t chunk = m->entries / CHUNK_ENTRIES;
    if (chunk >= CHUNKS || (4 * (m->entries + 1) > 3 * m->slots && !grow_table(m)))
        return 0;
    if (!m->chunks[chunk])
        m->chunks[chunk] = malloc(CHUNK_ENTRIES * sizeof(Entry));
    if (!m->chunks[chunk])
        return 0;
    *entry_at(m, (uint32_t)m->entries) = entry;
    put(m, (uint32_t)m->entries++);
    return 1;
}

#endif
