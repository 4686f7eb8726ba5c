/* The scheduler of pods and random repackings: the compiled twin of pods_packing.py.
 *
 * Both place the same pods on the same nodes; read that file for the method. The caller sees to it
 * that no sum of requests, nor 200 times a product of cpu and memory, reaches 2^61.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

const char *const pods_digest = DIGEST;

enum { NO_MEMORY = -1, DONE = 1, WORSE = 1, BETTER = 2, WAITS = -1 };

/* What all placements of a cluster share: by node what it has, by pod what it asks for. */
typedef struct {
    int64_t pods, nodes;
    const int64_t *all_cpu, *all_memory, *cpu, *memory, *rank, *stays;
} Cluster;

/* Pods on nodes: where each is, and what is taken by node. */
typedef struct {
    int64_t *spots, *cpu, *memory;
} Packing;

static Cluster read_cluster(const int64_t *numbers)
{
    Cluster c = {.pods = numbers[0], .nodes = numbers[1]};
    c.all_cpu = numbers + 2;
    c.all_memory = c.all_cpu + c.nodes;
    c.cpu = c.all_memory + c.nodes;
    c.memory = c.cpu + c.pods;
    c.rank = c.memory + c.pods;
    c.stays = c.rank + c.pods;
    return c;
}

/* a / b of numbers that are not negative: most are short, and quicker then. */
static int64_t quotient(int64_t a, int64_t b)
{
    return (a | b) >> 32 ? a / b : (int64_t)((uint32_t)a / (uint32_t)b);
}

/* Packing --------------------------------------------------------------------------------- */

static void put(const Cluster *c, Packing *p, int64_t pod, int64_t node)
{
    p->spots[pod] = node;
    p->cpu[node] += c->cpu[pod];
    p->memory[node] += c->memory[pod];
}

static void let_wait(const Cluster *c, Packing *p, int64_t pod)
{
    p->cpu[p->spots[pod]] -= c->cpu[pod];
    p->memory[p->spots[pod]] -= c->memory[pod];
    p->spots[pod] = WAITS;
}

/* The node where the scheduler places a pod, or WAITS. */
static int64_t best_node(const Cluster *c, const Packing *p, int64_t pod, int64_t is_least)
{
    int64_t best = WAITS, most = -1;
    for (int64_t node = 0; node < c->nodes; node++) {
        int64_t all_cpu = c->all_cpu[node], all_memory = c->all_memory[node];
        int64_t cpu = p->cpu[node] + c->cpu[pod], memory = p->memory[node] + c->memory[pod];
        if (cpu > all_cpu || memory > all_memory)
            continue;
        int64_t apart = cpu * all_memory - memory * all_cpu, total = all_cpu * all_memory;
        if (apart < 0)
            apart = -apart;
        if (is_least) {
            cpu = all_cpu - cpu;
            memory = all_memory - memory;
        }
        int64_t allocated = (quotient(100 * cpu, all_cpu) + quotient(100 * memory, all_memory)) / 2;
        int64_t points = allocated + 100 - quotient(50 * apart + total - 1, total);
        if (points > most) {
            best = node;
            most = points;
        }
    }
    return best;
}

/* Preemption ------------------------------------------------------------------------------ */

/* Pods that go from a node, in their order, and what they ask for. */
typedef struct {
    int64_t *pods, count, cpu, memory;
} Gone;

static int fits(const Cluster *c, const Packing *p, int64_t pod, int64_t node, int64_t cpu,
                int64_t memory)
{
    return p->cpu[node] + c->cpu[pod] - cpu <= c->all_cpu[node]
           && p->memory[node] + c->memory[pod] - memory <= c->all_memory[node];
}

static void spare(const Cluster *c, Gone *gone, int64_t k)
{
    gone->cpu -= c->cpu[gone->pods[k]];
    gone->memory -= c->memory[gone->pods[k]];
    gone->count--;
    memmove(gone->pods + k, gone->pods + k + 1,
            (size_t)(gone->count - k) * sizeof *gone->pods);
}

/* Find the pods that must go from a node for another; none if that does not help. */
static void find_gone(const Cluster *c, const Packing *p, int64_t pod, int64_t node, Gone *gone)
{
    int64_t lowest = c->rank[pod];
    gone->count = gone->cpu = gone->memory = 0;
    for (int64_t other = 0; other < c->pods; other++)
        if (p->spots[other] == node && c->rank[other] > c->rank[pod] && !c->stays[other]) {
            gone->pods[gone->count++] = other;
            gone->cpu += c->cpu[other];
            gone->memory += c->memory[other];
            if (c->rank[other] > lowest)
                lowest = c->rank[other];
        }
    if (!fits(c, p, pod, node, gone->cpu, gone->memory))
        gone->count = 0;
    for (int64_t rank = c->rank[pod] + 1; rank <= lowest; rank++)
        for (int64_t k = 0; k < gone->count;) {
            int64_t other = gone->pods[k];
            int64_t cpu = gone->cpu - c->cpu[other], memory = gone->memory - c->memory[other];
            if (c->rank[other] == rank && fits(c, p, pod, node, cpu, memory))
                spare(c, gone, k);
            else
                k++;
        }
}

/* What it costs to let pods go: the highest rank, then the sum; less is less. */
typedef struct {
    int64_t highest, sum;
} Cost;

static Cost cost_of(const Cluster *c, const Gone *gone)
{
    Cost cost = {-c->rank[gone->pods[0]], 0};
    for (int64_t k = 0; k < gone->count; k++) {
        int64_t rank = -c->rank[gone->pods[k]];
        cost.sum += c->pods + rank;
        if (rank > cost.highest)
            cost.highest = rank;
    }
    return cost;
}

/* The node where preemption for a pod costs least, WAITS if there is none; `best` go from it. */
static int64_t victims(const Cluster *c, const Packing *p, int64_t pod, Gone *gone, Gone *best)
{
    int64_t where = WAITS;
    Cost least = {0, 0};
    for (int64_t node = 0; node < c->nodes; node++) {
        find_gone(c, p, pod, node, gone);
        if (!gone->count)
            continue;
        Cost cost = cost_of(c, gone);
        if (where != WAITS
            && (cost.highest > least.highest
                || (cost.highest == least.highest && cost.sum >= least.sum)))
            continue;
        Gone done = *best;
        *best = *gone;
        *gone = done;
        least = cost;
        where = node;
    }
    return where;
}

/* Schedule pods one after another; `spots` are where pods are, and become where they are then.
 *
 * numbers: pods, nodes; by node cpu, memory; by pod cpu, memory, rank, whether it stays. queue: the
 * pods to place, each once. DONE or NO_MEMORY.
 */
int pods_schedule(const int64_t *numbers, int64_t *spots, const int64_t *queue, int64_t count,
                  int64_t is_least, int64_t preempts)
{
    Cluster c = read_cluster(numbers);
    size_t pods = (size_t)c.pods, nodes = (size_t)c.nodes;
    int64_t *memory = calloc(2 * nodes + 3 * pods + 1, sizeof *memory);
    if (!memory)
        return NO_MEMORY;
    Packing p = {spots, memory, memory + nodes};
    int64_t *ring = memory + 2 * nodes, first = 0; /* of those that are to be placed, each once */
    Gone gone = {.pods = ring + pods}, best = {.pods = ring + 2 * pods};
    for (int64_t pod = 0; pod < c.pods; pod++)
        if (spots[pod] != WAITS)
            put(&c, &p, pod, spots[pod]);
    memcpy(ring, queue, (size_t)count * sizeof *ring);
    while (count) {
        int64_t pod = ring[first], node = best_node(&c, &p, pod, is_least);
        first = (first + 1) % c.pods;
        count--;
        if (node == WAITS && preempts && (node = victims(&c, &p, pod, &gone, &best)) != WAITS)
            for (int64_t k = 0; k < best.count; k++) {
                let_wait(&c, &p, best.pods[k]);
                ring[(first + count++) % c.pods] = best.pods[k];
            }
        if (node != WAITS)
            put(&c, &p, pod, node);
    }
    free(memory);
    return DONE;
}

/* Repacking ------------------------------------------------------------------------------- */

/* Sort pods by rank, then by their keys, ties as they stood. */
static void sort_pods(const Cluster *c, const double *keys, const int64_t *pods, int64_t count,
                      int64_t *order)
{
    for (int64_t n = 0; n < count; n++) {
        int64_t pod = pods[n], k = n;
        for (; k > 0; k--) {
            int64_t other = order[k - 1];
            if (c->rank[other] < c->rank[pod]
                || (c->rank[other] == c->rank[pod] && keys[other] <= keys[pod]))
                break;
            order[k] = other;
        }
        order[k] = pod;
    }
}

/* Whether fewer pods wait, the highest tier first, once all of an order are placed. */
static int is_better(const Cluster *c, Packing *p, const int64_t *order, int64_t count,
                     int64_t is_least, const int64_t *waiting, int64_t tiers)
{
    int64_t tier = 0, waits = 0;
    for (int64_t k = 0; k < count; k++) {
        int64_t pod = order[k];
        for (; tier < c->rank[pod]; tier++)
            if (waits < waiting[tier])
                return 1;
        int64_t node = best_node(c, p, pod, is_least);
        if (node != WAITS)
            put(c, p, pod, node);
        else if (++waits > waiting[tier] || waits == waiting[tiers - 1])
            return 0;
    }
    return 1;
}

/* Whether one of so many random repackings lets fewer pods wait: BETTER, WORSE or NO_MEMORY.
 *
 * spots: where pods are, but those that are placed anew. keys: of each repacking one a pod, by
 * which those of a rank are placed, and one more: below a half the emptiest node is best.
 */
int pods_any_better(const int64_t *numbers, const int64_t *spots, const double *keys,
                    int64_t repackings, const int64_t *waiting, int64_t tiers)
{
    Cluster c = read_cluster(numbers);
    size_t pods = (size_t)c.pods, nodes = (size_t)c.nodes;
    int64_t *memory = calloc(4 * nodes + 4 * pods + 1, sizeof *memory), count = 0, better = 0;
    if (!memory)
        return NO_MEMORY;
    Packing empty = {memory, memory + pods, memory + pods + nodes};
    Packing p = {memory + pods + 2 * nodes, NULL, NULL};
    p.cpu = p.spots + pods;
    p.memory = p.cpu + nodes;
    int64_t *anew = p.memory + nodes, *order = anew + pods;
    memcpy(empty.spots, spots, pods * sizeof *spots);
    for (int64_t pod = 0; pod < c.pods; pod++) {
        if (spots[pod] != WAITS)
            put(&c, &empty, pod, spots[pod]);
        if (!c.stays[pod])
            anew[count++] = pod;
    }
    for (int64_t n = 0; n < repackings && !better; n++, keys += c.pods + 1) {
        memcpy(p.spots, empty.spots, (pods + 2 * nodes) * sizeof *memory);
        sort_pods(&c, keys, anew, count, order);
        better = is_better(&c, &p, order, count, keys[c.pods] < 0.5, waiting, tiers);
    }
    free(memory);
    return better ? BETTER : WORSE;
}
