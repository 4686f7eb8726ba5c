/* What the searches of tools_kernel.c remember: sets of calls as masks, and items found by them. */

#ifndef TOOLS_MEMORY_H
#define TOOLS_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 4, FIRST_SLOTS = 1 << 10, FIRST_ROOM = 64 };
#define NONE UINT32_MAX

typedef struct { uint64_t word[WORDS]; } Mask;

static int has(const Mask *m, int32_t i) { return m->word[i >> 6] >> (i & 63) & 1; }
static void put(Mask *m, int32_t i) { m->word[i >> 6] |= UINT64_C(1) << (i & 63); }

static int same(const Mask *a, const Mask *b) { return !memcmp(a, b, sizeof *a); }

static int within(const Mask *a, const Mask *b)
{
    for (int k = 0; k < WORDS; k++)
        if (a->word[k] & ~b->word[k])
            return 0;
    return 1;
}

static void join(Mask *m, const Mask *more)
{
    for (int k = 0; k < WORDS; k++)
        m->word[k] |= more->word[k];
}

static int32_t lowest(uint64_t word) { return __builtin_ctzll(word); }

static int32_t size_of(const Mask *m)
{
    int32_t size = 0;
    for (int k = 0; k < WORDS; k++)
        for (uint64_t word = m->word[k]; word; word &= word - 1)
            size++;
    return size;
}

/* What a call adds to the sum of a mask. */
static uint64_t share(int32_t i)
{
    static const uint64_t weights[WORDS] = {
        UINT64_C(0x9E3779B97F4A7C15), UINT64_C(0xD1B54A32D192ED03),
        UINT64_C(0x8CB92BA72F3D8DD7), UINT64_C(0xABC98388FB8FAC03),
    };
    return weights[i >> 6] << (i & 63);
}

static uint64_t sum_of(const Mask *m)
{
    uint64_t sum = 0;
    for (int k = 0; k < WORDS; k++)
        sum += m->word[k] * share(64 * k);
    return sum;
}

/* Return the hash of a mask by its sum. */
static uint64_t mixed(uint64_t sum)
{
    sum = (sum ^ sum >> 32) * UINT64_C(0xBF58476D1CE4E5B9);
    sum = (sum ^ sum >> 29) * UINT64_C(0x94D049BB133111EB);
    return sum ^ sum >> 32;
}

typedef struct {
    void *items;
    size_t size, count, room;
} List;

typedef struct {
    List list;                   /* whose items begin with a mask */
    uint64_t *table;             /* upper half of the hash, 1 + number of an item; 0 is free */
    size_t slots;
} Index;

/* Lists that grow ------------------------------------------------------------------------- */

/* Return a new item, NULL if there is no memory. */
static void *append(List *list)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room + list->room / 2 + 1 : FIRST_ROOM;
        void *items = room < NONE ? realloc(list->items, room * list->size) : NULL;
        if (!items)
            return NULL;
        list->items = items;
        list->room = room;
    }
    return (char *)list->items + list->size * list->count++;
}

static const Mask *key_of(const Index *x, size_t k)
{
    return (const Mask *)((const char *)x->list.items + x->list.size * k);
}

/* Return the slot of a key; items are only looked at where the upper half of their hash agrees. */
static size_t slot_of(const Index *x, const Mask *key, uint64_t h)
{
    size_t slot = h & (x->slots - 1);
    for (; x->table[slot]; slot = (slot + 1) & (x->slots - 1))
        if (!((x->table[slot] ^ h) >> 32) && same(key_of(x, (uint32_t)x->table[slot] - 1), key))
            break;
    return slot;
}

static uint64_t entry_of(uint64_t h, size_t count) { return h >> 32 << 32 | count; }

/* Return the number of the item with a key of a hash, NONE if there is none. */
static uint32_t find(const Index *x, const Mask *key, uint64_t h)
{
    return (uint32_t)x->table[slot_of(x, key, h)] - 1;   /* 0 - 1 is NONE */
}

static int rehash(Index *x, size_t slots)
{
    uint64_t *table = calloc(slots, sizeof *table);
    if (!table)
        return 0;
    free(x->table);
    x->table = table;
    x->slots = slots;
    for (size_t k = 0; k < x->list.count; k++) {
        uint64_t h = mixed(sum_of(key_of(x, k)));
        table[slot_of(x, key_of(x, k), h)] = entry_of(h, k + 1);
    }
    return 1;
}

/* Return a new item with a key that no other has; NULL if there is no memory. */
static void *insert(Index *x, const Mask *key)
{
    if (2 * x->list.count >= x->slots && !rehash(x, 2 * x->slots))
        return NULL;
    void *item = append(&x->list);
    if (item) {
        uint64_t h = mixed(sum_of(key));
        x->table[slot_of(x, key, h)] = entry_of(h, x->list.count);
        memcpy(item, key, sizeof *key);
    }
    return item;
}

#endif
