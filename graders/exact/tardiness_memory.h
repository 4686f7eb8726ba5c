/* What the search of tardiness_kernel.c remembers: values of states, by set of jobs and start.
 *
 * Entries are packed one behind the other into chunks of memory, each with only those words of its
 * mask that are not 0 at both ends; an open-addressing table of word numbers finds them. 500 jobs
 * take at most 88 bytes an entry, and 8 to 16 of the table.
 */

#ifndef TARDINESS_MEMORY_H
#define TARDINESS_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 4096, CHUNK_WORDS = 1 << 20, FIRST_SLOTS = 1 << 12 };

/* What is remembered of a state: `count` mask words from word `first` on, and what was found. */
typedef struct {
    int64_t start, value;
    uint32_t split;
    uint16_t first, count;
    uint64_t words[];
} Entry;

enum { ENTRY_WORDS = sizeof(Entry) / sizeof(uint64_t) };

typedef struct {
    uint64_t *chunks[CHUNKS];    /* entries, addressed by word; word 0 is never given out */
    uint64_t used;               /* words given out */
    uint32_t *table;             /* the first word of entries; 0 is free */
    uint64_t slots, entries;
    uint64_t *mask;              /* the set that is looked up: `words` words, */
    int32_t words;
    int32_t first, count;        /* all 0 outside [first, first + count) */
} Memory;

static int memory_begin(Memory *m, int32_t jobs)
{
    m->words = jobs / 64 + 1;
    m->slots = FIRST_SLOTS;
    m->used = 1;
    m->mask = calloc((size_t)m->words, sizeof *m->mask);
    m->table = calloc(m->slots, sizeof *m->table);
    return m->mask && m->table;
}

static void memory_free(Memory *m)
{
    for (int i = 0; i < CHUNKS; i++)
        free(m->chunks[i]);
    free(m->mask);
    free(m->table);
}

/* Begin the set that is to be looked up or remembered. */
static void clear_mask(Memory *m)
{
    memset(m->mask, 0, (size_t)m->words * sizeof *m->mask);
}

static void add_to_mask(Memory *m, int32_t job)
{
    m->mask[job / 64] |= UINT64_C(1) << (job % 64);
}

/* End it; it is not empty. */
static void trim_mask(Memory *m)
{
    int32_t low = 0, high = m->words;
    while (!m->mask[low])
        low++;
    while (!m->mask[high - 1])
        high--;
    m->first = low;
    m->count = high - low;
}

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

static Entry *entry_at(const Memory *m, uint64_t word)
{
    return (Entry *)&m->chunks[word / CHUNK_WORDS][word % CHUNK_WORDS];
}

/* The entry of the masked state, or NULL. */
static Entry *find(const Memory *m, int64_t start)
{
    const uint64_t *words = m->mask + m->first;
    uint64_t slot = hash_of(start, m->first, m->count, words) & (m->slots - 1);
    for (; m->table[slot]; slot = (slot + 1) & (m->slots - 1)) {
        Entry *e = entry_at(m, m->table[slot]);
        if (e->start == start && e->first == m->first && e->count == m->count
            && !memcmp(e->words, words, (size_t)m->count * sizeof *words))
            return e;
    }
    return NULL;
}

static void put(Memory *m, uint32_t word)
{
    const Entry *e = entry_at(m, word);
    uint64_t slot = hash_of(e->start, e->first, e->count, e->words) & (m->slots - 1);
    while (m->table[slot])
        slot = (slot + 1) & (m->slots - 1);
    m->table[slot] = word;
}

static int grow_table(Memory *m)
{
    uint32_t *old = m->table;
    uint64_t slots = m->slots;
    uint32_t *table = calloc(2 * slots, sizeof *table);
    if (!table)
        return 0;
    m->table = table;
    m->slots = 2 * slots;
    for (uint64_t i = 0; i < slots; i++)
        if (old[i])
            put(m, old[i]);
    free(old);
    return 1;
}

/* Words for one entry in the chunks; 0 if there is no memory. */
static uint64_t new_words(Memory *m, uint64_t size)
{
    if (m->used % CHUNK_WORDS + size > CHUNK_WORDS)
        m->used += CHUNK_WORDS - m->used % CHUNK_WORDS;
    uint64_t chunk = m->used / CHUNK_WORDS;
    if (chunk >= CHUNKS)
        return 0;
    if (!m->chunks[chunk])
        m->chunks[chunk] = malloc(CHUNK_WORDS * sizeof(uint64_t));
    if (!m->chunks[chunk])
        return 0;
    uint64_t word = m->used;
    m->used += size;
    return word;
}

/* Remember the masked state. */
static int store(Memory *m, int64_t start, int64_t value, int32_t split)
{
    uint64_t word = new_words(m, ENTRY_WORDS + (uint64_t)m->count);
    if (!word || (2 * ++m->entries > m->slots && !grow_table(m)))
        return 0;
    Entry *e = entry_at(m, word);
    e->start = start;
    e->value = value;
    e->split = (uint32_t)split;
    e->first = (uint16_t)m->first;
    e->count = (uint16_t)m->count;
    memcpy(e->words, m->mask + m->first, (size_t)m->count * sizeof *m->mask);
    put(m, (uint32_t)word);
    return 1;
}

#endif
