/* Whether a project can end by a target: the compiled twin of rcpsp_layers.py.
 *
 * The search itself is in rcpsp_layers.h.
 */

#include "rcpsp_layers.h"

#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

#ifdef WIDE
const char *const rcpsp_wide_digest = DIGEST;
#else
const char *const rcpsp_digest = DIGEST;
#endif

void rcpsp_free(Search *s) { free_search(s); }

/* How many tasks a search may have. */
int32_t rcpsp_most_tasks(void) { return MOST_TASKS; }

/* A set of as many words as it has here, the lowest first. */
static Set set_of(const uint64_t *words)
{
    Set set = 0;
    for (int32_t word = 0; word < SET_WORDS; word++)
        set |= (Set)words[word] << 64 * word;
    return set;
}

static void fill(Search *s, const int64_t *times, const uint64_t *sets, const int64_t *pools,
                 const int64_t *units, int64_t span_count, const int64_t *spans)
{
    for (int32_t i = 0; i < s->tasks; i++) {
        s->duration[i] = times[3 * i];
        s->head[i] = times[3 * i + 1];
        s->latest[i] = times[3 * i + 2];
        s->predecessors[i] = set_of(sets + 2 * SET_WORDS * i);
        s->partners[i] = set_of(sets + 2 * SET_WORDS * i + SET_WORDS);
        for (int32_t r = 0; r < s->resources; r++)
            s->demands[i * s->resources + r] = units[r * s->tasks + i];
    }
    for (int64_t k = 0; k < span_count; k++)
        s->spans[k] = (Span){spans[2 * k], spans[2 * k + 1]};
    for (int32_t p = 0; p < s->pool_count; p++) {
        Pool *pool = &s->pools[p];
        pool->capacity = pools[3 * p];
        pool->downtimes = (Span){pools[3 * p + 1], pools[3 * p + 2]};
        for (int32_t i = 0; i < s->tasks; i++)
            if ((pool->units[i] = units[p * s->tasks + i]))
                pool->tasks |= only(i);
    }
}

/* A search; NULL if there is no memory.
 *
 * times: for each task duration, head, latest end. sets: for each task predecessors, partners,
 * SET_WORDS words each.
 * pools: for each pool capacity, and the first and one past the last of its downtimes; the first
 * `resources` are the resources. units: for each pool those of each task. spans: start, end.
 * width: the most states of a layer that are gone on from, 0 for all.
 */
Search *rcpsp_new(int32_t tasks, int32_t resources, int32_t pool_count, const int64_t *times,
                  const uint64_t *sets, const int64_t *pools, const int64_t *units,
                  int64_t span_count, const int64_t *spans, int64_t width)
{
    Search *s = new_search(tasks, resources, pool_count, span_count);
    if (!s)
        return NULL;
    s->width = width;
    fill(s, times, sets, pools, units, span_count, spans);
    if (!begin_search(s)) {
        rcpsp_free(s);
        return NULL;
    }
    return s;
}

/* Make at least so many states more; MET or REFUTED at the end. */
int rcpsp_run(Search *s, int64_t children) { return run_search(s, children); }

/* Whether states were left out for the width, so that nothing is refuted. */
int32_t rcpsp_is_narrowed(const Search *s) { return s->is_narrowed; }

int64_t rcpsp_children(const Search *s) { return s->children; }

/* The starts of the shortest schedule, after a search that met the target. */
void rcpsp_starts(const Search *s, int64_t *starts)
{
    int64_t shortest = INT64_MAX, link = NONE;
    for (size_t k = 0; k < s->layer.count; k++) {
        const State *state = &s->layer.states[k];
        int64_t end = state->moment;
        if (state->count)
            end = s->layer.runs[state->runs + (size_t)state->count - 1].end;
        if (!state->left_out && end < shortest) {
            shortest = end;
            link = state->link;
        }
    }
    for (; link != NONE && s->links[link].task != NONE; link = s->links[link].before)
        starts[s->links[link].task] = s->links[link].start;
}
