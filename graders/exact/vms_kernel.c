/* The beam search for moves of machines: the compiled twin of `beam` of vms_search.py.
 *
 * Both keep the same states, so the moves are the same; read that file for the method. A place is a
 * number, 3 host + node, the node 2 for both. The caller sees to it that no sum reaches 2^61, nor
 * one of squares of what is free.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

const char *const vms_digest = DIGEST;

enum { NO_MEMORY = -1, BOTH = 2, NOWHERE = -1 };
#define NO_ROOM INT64_MAX

/* What a machine takes from each of its nodes, and from how many. */
typedef struct {
    int64_t cpu, memory, numas;
} Size;

typedef struct {
    int64_t vm, place;
} Move;

/* The cluster before any move; partners of vm lie in items from first[vm] to first[vm + 1]. */
typedef struct {
    int64_t hosts, vms, sizes, chunk;
    const Size *size;            /* that there are */
    const int64_t *size_of;      /* of each machine, its number */
    const int64_t *places;       /* of each machine, or NOWHERE */
    const int64_t *movable;
    const int64_t *first, *items;
} Cluster;

/* A state of the beam: its rank, what is free on nodes, where machines are, the moves to there. */
typedef struct {
    int64_t fragments, evenness;
    int64_t *cpu, *memory, *places;
    Move *moves;
} State;

/* A state with one move more. */
typedef struct {
    int64_t fragments, evenness;
    const State *before;
    Move move;
} Child;

/* A move, and by how many cores fragments change. */
typedef struct {
    int64_t change;
    Move move;
} Ranked;

typedef struct {
    Cluster c;
    int64_t most, width, depth;  /* depth: the moves made in each state */
    State *states, *next;        /* `width` of each */
    int64_t count;               /* of states */
    Child *children;
    int64_t child_count;
    Ranked *ranked;
    int64_t *taken, *least;      /* by size: how fragments change at each place, and the least */
    Move *best;                  /* the moves to the best state so far */
    int64_t best_count, fewest;
} Beam;

static int64_t mod(int64_t a, int64_t b) { return (a % b + b) % b; }

static int64_t square(int64_t a) { return a * a; }

/* The nodes of a place: from the first up to, but without, the end. */
static int64_t first_node(int64_t place)
{
    return 2 * (place / 3) + (place % 3 == BOTH ? 0 : place % 3);
}

static int64_t end_node(int64_t place) { return first_node(place) + 1 + (place % 3 == BOTH); }

/* Which moves change fragments most ------------------------------------------------------- */

static void rank_places(Beam *b, const State *s)
{
    int64_t nodes = 2 * b->c.hosts, chunk = b->c.chunk;
    for (int64_t k = 0; k < b->c.sizes; k++) {
        Size size = b->c.size[k];
        int64_t *taken = b->taken + k * nodes;
        b->least[k] = NO_ROOM;
        for (int64_t node = 0; node < nodes; node++) {
            int64_t free = s->cpu[node], has_room = free >= size.cpu && s->memory[node] >= size.memory;
            taken[node] = has_room ? mod(free - size.cpu, chunk) - mod(free, chunk) : NO_ROOM;
            if (size.numas == BOTH && node % 2) { /* a host's, in the place of its first node */
                int64_t *pair = &taken[node - 1];
                *pair = *pair == NO_ROOM || !has_room ? NO_ROOM : *pair + taken[node];
                taken[node] = NO_ROOM;
            }
        }
        for (int64_t node = 0; node < nodes; node++)
            if (taken[node] < b->least[k])
                b->least[k] = taken[node];
    }
}

static int64_t freed(const Beam *b, const State *s, int64_t vm)
{
    int64_t change = 0, cpu = b->c.size[b->c.size_of[vm]].cpu, place = s->places[vm];
    for (int64_t node = first_node(place); node < end_node(place); node++)
        change += mod(s->cpu[node] + cpu, b->c.chunk) - mod(s->cpu[node], b->c.chunk);
    return change;
}

static int has_partner(const Beam *b, const State *s, int64_t vm, int64_t host)
{
    for (int64_t k = b->c.first[vm]; k < b->c.first[vm + 1]; k++) {
        int64_t place = s->places[b->c.items[k]];
        if (place != NOWHERE && place / 3 == host)
            return 1;
    }
    return 0;
}

static int is_before(Ranked a, Ranked b)
{
    if (a.change != b.change)
        return a.change < b.change;
    return a.move.vm != b.move.vm ? a.move.vm < b.move.vm : a.move.place < b.move.place;
}

/* Put a move among the best of `count`, the last of which may fall out; return their count. */
static int64_t ranked_with(Beam *b, int64_t count, Ranked move)
{
    int64_t k = count < b->width ? count : b->width - 1;
    if (k < count && !is_before(move, b->ranked[k]))
        return count;
    for (; k > 0 && is_before(move, b->ranked[k - 1]); k--)
        b->ranked[k] = b->ranked[k - 1];
    b->ranked[k] = move;
    return count < b->width ? count + 1 : count;
}

/* Rank the moves after which fragments are fewest; return how many there are. */
static int64_t rank_moves(Beam *b, const State *s)
{
    int64_t count = 0, nodes = 2 * b->c.hosts;
    rank_places(b, s);
    for (int64_t vm = 0; vm < b->c.vms; vm++) {
        int64_t size = b->c.size_of[vm], own = s->places[vm];
        if (!b->c.movable[vm] || own != b->c.places[vm] || b->least[size] == NO_ROOM)
            continue; /* the moved are elsewhere than at first: each is moved once */
        int64_t change = freed(b, s, vm), is_pair = b->c.size[size].numas == BOTH;
        if (count == b->width && change + b->least[size] > b->ranked[count - 1].change)
            continue;
        for (int64_t node = 0; node < nodes; node++) {
            int64_t taken = b->taken[size * nodes + node];
            int64_t place = 3 * (node / 2) + (is_pair ? BOTH : node % 2);
            if (taken != NO_ROOM && place != own && !has_partner(b, s, vm, node / 2))
                count = ranked_with(b, count, (Ranked){change + taken, {vm, place}});
        }
    }
    return count;
}

/* The states of the beam ------------------------------------------------------------------ */

static int64_t evened(const Beam *b, const State *s, Move move)
{
    int64_t even = 0, cpu = b->c.size[b->c.size_of[move.vm]].cpu, chunk = b->c.chunk;
    int64_t places[2] = {s->places[move.vm], move.place};
    for (int k = 0; k < 2; k++)
        for (int64_t node = first_node(places[k]); node < end_node(places[k]); node++) {
            int64_t after = s->cpu[node] + (k ? -cpu : cpu);
            even += square(mod(s->cpu[node], chunk)) - square(mod(after, chunk));
        }
    return even;
}

static Move last_but(const Beam *b, const Child *c, int64_t k)
{
    return k < b->depth ? c->before->moves[k] : c->move;
}

/* Whether a child comes first: by its rank, then by its moves. */
static int is_better(const Beam *b, const Child *x, const Child *y)
{
    if (x->fragments != y->fragments)
        return x->fragments < y->fragments;
    if (x->evenness != y->evenness)
        return x->evenness < y->evenness;
    for (int64_t k = 0; k <= b->depth; k++) {
        Move a = last_but(b, x, k), c = last_but(b, y, k);
        if (a.vm != c.vm || a.place != c.place)
            return a.vm != c.vm ? a.vm < c.vm : a.place < c.place;
    }
    return 0;
}

/* Whether two children have made the same moves, each machine's one, in whatever order. */
static int is_same(const Beam *b, const Child *x, const Child *y)
{
    if (x->fragments != y->fragments || x->evenness != y->evenness)
        return 0;
    for (int64_t k = 0; k <= b->depth; k++) {
        Move move = last_but(b, x, k);
        int64_t place = y->move.vm == move.vm ? y->move.place : y->before->places[move.vm];
        if (place != move.place)
            return 0;
    }
    return 1;
}

/* Put a child among the best of them, unless another has made the same moves. */
static void insert(Beam *b, Child child)
{
    for (int64_t k = 0; k < b->child_count; k++)
        if (is_same(b, &child, &b->children[k]))
            return;
    int64_t k = b->child_count++;
    for (; k > 0 && is_better(b, &child, &b->children[k - 1]); k--)
        b->children[k] = b->children[k - 1];
    b->children[k] = child;
}

/* Make the states with one move more; return whether one has few enough fragments, the last. */
static int expand(Beam *b, int64_t enough)
{
    b->child_count = 0;
    for (int64_t n = 0; n < b->count; n++) {
        const State *s = &b->states[n];
        int64_t count = rank_moves(b, s);
        for (int64_t k = 0; k < count; k++) {
            Move move = b->ranked[k].move;
            int64_t fragments = s->fragments + b->ranked[k].change;
            Child child = {fragments, s->evenness + evened(b, s, move), s, move};
            if (fragments <= enough) {
                b->children[0] = child;
                return 1;
            }
            insert(b, child);
        }
    }
    return 0;
}

static void take(State *s, Size size, int64_t place, int64_t sign)
{
    for (int64_t node = first_node(place); node < end_node(place); node++) {
        s->cpu[node] += sign * size.cpu;
        s->memory[node] += sign * size.memory;
    }
}

static void become(const Beam *b, State *s, const Child *child)
{
    const State *from = child->before;
    size_t nodes = 2 * (size_t)b->c.hosts, word = sizeof *s->cpu;
    Size size = b->c.size[b->c.size_of[child->move.vm]];
    s->fragments = child->fragments;
    s->evenness = child->evenness;
    memcpy(s->cpu, from->cpu, nodes * word);
    memcpy(s->memory, from->memory, nodes * word);
    memcpy(s->places, from->places, (size_t)b->c.vms * word);
    memcpy(s->moves, from->moves, (size_t)b->depth * sizeof *s->moves);
    s->moves[b->depth] = child->move;
    take(s, size, from->places[child->move.vm], 1);
    take(s, size, child->move.place, -1);
    s->places[child->move.vm] = child->move.place;
}

/* Remember the moves to a child. */
static void keep(Beam *b, const Child *child)
{
    memcpy(b->best, child->before->moves, (size_t)b->depth * sizeof *b->best);
    b->best[b->depth] = child->move;
    b->best_count = b->depth + 1;
    b->fewest = child->fragments;
}

static void search(Beam *b, int64_t enough)
{
    while (b->depth < b->most) {
        int is_enough = expand(b, enough);
        if (is_enough || (b->child_count && b->children[0].fragments < b->fewest))
            keep(b, &b->children[0]);
        if (is_enough || !b->child_count)
            return;
        b->count = b->child_count < b->width ? b->child_count : b->width;
        for (int64_t k = 0; k < b->count; k++)
            become(b, &b->next[k], &b->children[k]);
        State *done = b->states;
        b->states = b->next;
        b->next = done;
        b->depth++;
    }
}

/* Memory ---------------------------------------------------------------------------------- */

static int64_t *taken_from(int64_t **memory, int64_t count)
{
    int64_t *part = *memory;
    *memory += count;
    return part;
}

/* The words of a beam: its states, twice, what is ranked, and the best moves. */
static size_t words_of(const Beam *b)
{
    size_t nodes = 2 * (size_t)b->c.hosts, most = (size_t)b->most, width = (size_t)b->width;
    size_t state = 2 * nodes + (size_t)b->c.vms + 2 * most;
    return 2 * width * state + (nodes + 1) * (size_t)b->c.sizes + 2 * most;
}

static void lay_out(Beam *b, int64_t *memory)
{
    int64_t nodes = 2 * b->c.hosts;
    for (int64_t k = 0; k < 2 * b->width; k++) {
        State *s = &b->states[k];
        s->cpu = taken_from(&memory, nodes);
        s->memory = taken_from(&memory, nodes);
        s->places = taken_from(&memory, b->c.vms);
        s->moves = (Move *)taken_from(&memory, 2 * b->most);
    }
    b->taken = taken_from(&memory, nodes * b->c.sizes);
    b->least = taken_from(&memory, b->c.sizes);
    b->best = (Move *)memory;
}

/* Set the first state, in which nothing is moved. */
static void begin(Beam *b, const int64_t *cpu, const int64_t *memory)
{
    State *s = &b->states[0];
    for (int64_t node = 0; node < 2 * b->c.hosts; node++) {
        int64_t rest = mod(cpu[node], b->c.chunk);
        s->cpu[node] = cpu[node];
        s->memory[node] = memory[node];
        s->fragments += rest;
        s->evenness -= square(rest);
    }
    memcpy(s->places, b->c.places, (size_t)b->c.vms * sizeof *s->places);
    b->count = 1;
    b->fewest = s->fragments;
}

/* The moves of the best state, machine and place in turn: their count, or NO_MEMORY.
 *
 * numbers: hosts, machines, sizes, chunk; of all nodes the free cores, then the memory; of each
 * size cores, memory, nodes; of all machines the size, then the place, then whether it may be
 * moved; where each one's partners begin, and one past the last; the partners.
 */
int64_t vms_beam(const int64_t *numbers, int64_t most, int64_t width, int64_t enough,
                 int64_t *moves)
{
    Beam b = {.most = most, .width = width};
    Cluster *c = &b.c;
    c->hosts = numbers[0];
    c->vms = numbers[1];
    c->sizes = numbers[2];
    c->chunk = numbers[3];
    const int64_t *cpu = numbers + 4, *memory = cpu + 2 * c->hosts;
    c->size = (const Size *)(memory + 2 * c->hosts);
    c->size_of = (const int64_t *)(c->size + c->sizes);
    c->places = c->size_of + c->vms;
    c->movable = c->places + c->vms;
    c->first = c->movable + c->vms;
    c->items = c->first + c->vms + 1;
    State *states = calloc(2 * (size_t)width, sizeof *states);
    Child *children = malloc((size_t)width * (size_t)width * sizeof *children);
    Ranked *ranked = malloc((size_t)width * sizeof *ranked);
    int64_t *words = malloc((words_of(&b) + 1) * sizeof *words), count = NO_MEMORY;
    if (states && children && ranked && words) {
        b.states = states;
        b.next = states + width;
        b.children = children;
        b.ranked = ranked;
        lay_out(&b, words);
        begin(&b, cpu, memory);
        search(&b, enough);
        memcpy(moves, b.best, (size_t)b.best_count * sizeof *b.best);
        count = b.best_count;
    }
    free(states);
    free(children);
    free(ranked);
    free(words);
    return count;
}
