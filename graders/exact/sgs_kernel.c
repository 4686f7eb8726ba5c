/* List schedules and their justification: the compiled twin of `serial` and `justified` of sgs.py.
 *
 * Both give the same starts, also for random lists. The caller sees to it that no sum of times
 * reaches 2^61.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

const char *const sgs_digest = DIGEST;

#define NEVER (INT64_C(1) << 62) /* ends every profile */

/* Groups of numbers: those of k lie in items from first[k] to first[k + 1]. */
typedef struct {
    int64_t *first, *items;
} Groups;

/* The free capacity of a resource: free[k] units in [times[k], times[k + 1]). */
typedef struct {
    int64_t *times, *free;
    int64_t count;               /* of times, NEVER among them */
} Profile;

typedef struct {
    int64_t tasks, resources;
    int64_t *durations, *releases, *deadlines, *order, *capacities;
    Groups predecessors, successors, partners;
    Groups demands;              /* resource, amount, resource, amount, ... */
    Groups downtimes;            /* start, end, start, end, ... */
    Profile *profiles;
    int64_t *starts, *ends, *list, *mirrored, *waiting, *shortest;
} Scheduler;

/* Which way time runs: from 0, or backward from a length. */
typedef struct {
    int is_mirrored;
    int64_t length;
} Direction;

/* Profiles -------------------------------------------------------------------------------- */

static void add_step(Profile *p, int64_t time, int64_t free)
{
    p->times[p->count] = time;
    p->free[p->count++] = free;
}

/* A downtime from 0 on takes the place of the first step. */
static void add_downtime(Profile *p, int64_t start, int64_t end, int64_t capacity)
{
    if (start == 0)
        p->count = 0;
    add_step(p, start, 0);
    add_step(p, end, capacity);
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

static void reset_profile(const Scheduler *s, int64_t resource, Direction way)
{
    Profile *p = &s->profiles[resource];
    int64_t capacity = s->capacities[resource];
    const int64_t *spans = s->downtimes.items;
    int64_t from = s->downtimes.first[resource], to = s->downtimes.first[resource + 1];
    p->count = 0;
    add_step(p, 0, capacity);
    if (!way.is_mirrored)
        for (int64_t k = from; k < to; k += 2)
            add_downtime(p, spans[k], spans[k + 1], capacity);
    else
        for (int64_t k = to - 2; k >= from; k -= 2)
            if (spans[k] < way.length)
                add_downtime(p, later(0, way.length - spans[k + 1]), way.length - spans[k],
                             capacity);
    add_step(p, NEVER, 0);
}

/* The last step at or before a moment. */
static int64_t step_at(const Profile *p, int64_t moment)
{
    int64_t low = 0, high = p->count - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (p->times[middle] <= moment)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static int64_t first_room(const Profile *p, int64_t start, int64_t duration, int64_t amount)
{
    int64_t k = step_at(p, start), end = start + duration;
    while (p->times[k] < end) {
        if (p->free[k] < amount) {
            start = p->times[k + 1];
            end = start + duration;
        }
        k++;
    }
    return start;
}

/* The step that begins at a moment, which is made if there is none. */
static int64_t cut(Profile *p, int64_t moment)
{
    int64_t k = step_at(p, moment);
    if (p->times[k] == moment)
        return k;
    size_t behind = (size_t)(p->count - k - 1);
    memmove(p->times + k + 2, p->times + k + 1, behind * sizeof *p->times);
    memmove(p->free + k + 2, p->free + k + 1, behind * sizeof *p->free);
    p->times[k + 1] = moment;
    p->free[k + 1] = p->free[k];
    p->count++;
    return k + 1;
}

static void occupy(Profile *p, int64_t start, int64_t end, int64_t amount)
{
    int64_t first = cut(p, start), last = cut(p, end);
    for (int64_t k = first; k < last; k++)
        p->free[k] -= amount;
}

/* Schedules ------------------------------------------------------------------------------- */

/* The first moment from `start` on at which capacities and partners allow a task. */
static int64_t earliest_fit(const Scheduler *s, int64_t task, int64_t start)
{
    int64_t duration = s->durations[task], agreed = start - 1;
    const int64_t *demands = s->demands.items, *partners = s->partners.items;
    while (start != agreed) {
        agreed = start;
        for (int64_t k = s->demands.first[task]; k < s->demands.first[task + 1]; k += 2)
            start = first_room(&s->profiles[demands[k]], start, duration, demands[k + 1]);
        for (int64_t k = s->partners.first[task]; k < s->partners.first[task + 1]; k++)
            if (s->starts[partners[k]] < start + duration && start < s->ends[partners[k]])
                start = s->ends[partners[k]];
    }
    return start;
}

/* Place the tasks of s->list one by one; their starts are s->starts. */
static void place(const Scheduler *s, Direction way)
{
    const Groups *before = way.is_mirrored ? &s->successors : &s->predecessors;
    for (int64_t r = 0; r < s->resources; r++)
        reset_profile(s, r, way);
    for (int64_t i = 0; i < s->tasks; i++)
        s->starts[i] = s->ends[i] = -1;
    for (int64_t n = 0; n < s->tasks; n++) {
        int64_t i = s->list[n];
        int64_t start = way.is_mirrored ? later(0, way.length - s->deadlines[i]) : s->releases[i];
        for (int64_t k = before->first[i]; k < before->first[i + 1]; k++)
            start = later(start, s->ends[before->items[k]]);
        start = earliest_fit(s, i, start);
        s->starts[i] = start;
        s->ends[i] = start + s->durations[i];
        for (int64_t k = s->demands.first[i]; k < s->demands.first[i + 1]; k += 2)
            occupy(&s->profiles[s->demands.items[k]], start, s->ends[i], s->demands.items[k + 1]);
    }
}

/* Put the tasks into s->list by starts, ties as in the project's order (or against it). */
static void sort_by(const Scheduler *s, const int64_t *starts, Direction way)
{
    for (int64_t n = 0; n < s->tasks; n++) {
        int64_t i = s->order[way.is_mirrored ? s->tasks - 1 - n : n], k = n;
        while (k > 0 && starts[s->list[k - 1]] > starts[i]) {
            s->list[k] = s->list[k - 1];
            k--;
        }
        s->list[k] = i;
    }
}

void sgs_serial(const Scheduler *s, const int64_t *order, int64_t *starts)
{
    memcpy(s->list, order, (size_t)s->tasks * sizeof *order);
    place(s, (Direction){0, 0});
    memcpy(starts, s->starts, (size_t)s->tasks * sizeof *starts);
}

static int64_t makespan(const Scheduler *s, const int64_t *starts)
{
    int64_t end = 0;
    for (int64_t i = 0; i < s->tasks; i++)
        end = later(end, starts[i] + s->durations[i]);
    return end;
}

/* Push a schedule right within its makespan, then left; `starts` are changed. */
void sgs_justified(const Scheduler *s, int64_t *starts)
{
    Direction left = {0, 0}, right = {1, makespan(s, starts)};
    for (int64_t i = 0; i < s->tasks; i++)
        s->mirrored[i] = right.length - starts[i] - s->durations[i];
    sort_by(s, s->mirrored, right);
    place(s, right);
    for (int64_t i = 0; i < s->tasks; i++)
        s->mirrored[i] = right.length - s->starts[i] - s->durations[i];
    sort_by(s, s->mirrored, left);
    place(s, left);
    memcpy(starts, s->starts, (size_t)s->tasks * sizeof *starts);
}

/* Put the tasks into s->list, any ready one next: one is drawn and the last takes its place. */
static void draw_list(const Scheduler *s, const double *draws)
{
    int64_t *ready = s->mirrored, count = 0;
    for (int64_t i = 0; i < s->tasks; i++) {
        s->waiting[i] = s->predecessors.first[i + 1] - s->predecessors.first[i];
        if (!s->waiting[i])
            ready[count++] = i;
    }
    for (int64_t n = 0; count; n++) {
        int64_t k = (int64_t)(draws[n] * (double)count), i = ready[k];
        ready[k] = ready[--count];
        s->list[n] = i;
        for (int64_t j = s->successors.first[i]; j < s->successors.first[i + 1]; j++)
            if (!--s->waiting[s->successors.items[j]])
                ready[count++] = s->successors.items[j];
    }
}

/* Push a schedule right, then left, for as long as it gets shorter than before, and longer than a
 * bound; `starts` become the shortest. */
void sgs_shortened(const Scheduler *s, int64_t *starts, int64_t lower)
{
    int64_t shortest = NEVER, length = makespan(s, starts);
    while (length < shortest) {
        shortest = length;
        memcpy(s->shortest, starts, (size_t)s->tasks * sizeof *starts);
        if (shortest <= lower)
            return;
        sgs_justified(s, starts);
        length = makespan(s, starts);
    }
    memcpy(starts, s->shortest, (size_t)s->tasks * sizeof *starts);
}

/* Schedules of so many random lists, each by as many draws from [0, 1) as there are tasks; return
 * the number of the first that is shortest. */
int64_t sgs_random(const Scheduler *s, int64_t count, const double *draws, int64_t *starts)
{
    int64_t shortest = NEVER, best = 0;
    for (int64_t n = 0; n < count; n++) {
        draw_list(s, draws + n * s->tasks);
        place(s, (Direction){0, 0});
        memcpy(starts + n * s->tasks, s->starts, (size_t)s->tasks * sizeof *starts);
        if (makespan(s, s->starts) < shortest) {
            shortest = makespan(s, s->starts);
            best = n;
        }
    }
    return best;
}

/* Beginning and end ----------------------------------------------------------------------- */

void sgs_free(Scheduler *s)
{
    if (!s)
        return;
    if (s->profiles)
        for (int64_t r = 0; r < s->resources; r++) {
            free(s->profiles[r].times);
            free(s->profiles[r].free);
        }
    free(s->profiles);
    free(s->durations);
    free(s->starts);
    free(s);
}

static int64_t *taken(int64_t **from, int64_t count)
{
    int64_t *part = *from;
    *from += count;
    return part;
}

/* Groups of `count` keys, their first items before the items. */
static Groups taken_groups(int64_t **from, int64_t count)
{
    Groups groups = {taken(from, count + 1), NULL};
    groups.items = taken(from, groups.first[count]);
    return groups;
}

/* A project in one row of numbers: durations, releases, deadlines, order; capacities; then groups,
 * of predecessors, successors, partners, demands and downtimes. NULL if there is no memory. */
Scheduler *sgs_new(int64_t tasks, int64_t resources, const int64_t *numbers, int64_t count)
{
    Scheduler *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->tasks = tasks;
    s->resources = resources;
    s->durations = malloc(((size_t)count + 1) * sizeof *numbers);
    s->starts = malloc((6 * (size_t)tasks + 1) * sizeof *numbers);
    s->profiles = calloc((size_t)resources + 1, sizeof *s->profiles);
    if (!s->durations || !s->starts || !s->profiles) {
        sgs_free(s);
        return NULL;
    }
    memcpy(s->durations, numbers, (size_t)count * sizeof *numbers);
    int64_t *rest = s->durations, *work = s->starts;
    taken(&rest, tasks);
    s->releases = taken(&rest, tasks);
    s->deadlines = taken(&rest, tasks);
    s->order = taken(&rest, tasks);
    s->capacities = taken(&rest, resources);
    s->predecessors = taken_groups(&rest, tasks);
    s->successors = taken_groups(&rest, tasks);
    s->partners = taken_groups(&rest, tasks);
    s->demands = taken_groups(&rest, tasks);
    s->downtimes = taken_groups(&rest, resources);
    taken(&work, tasks);
    s->ends = taken(&work, tasks);
    s->list = taken(&work, tasks);
    s->mirrored = taken(&work, tasks);
    s->waiting = taken(&work, tasks);
    s->shortest = taken(&work, tasks);
    for (int64_t r = 0; r < resources; r++) {
        int64_t spans = s->downtimes.first[r + 1] - s->downtimes.first[r];
        size_t room = (size_t)(spans + 2 * tasks + 8);
        s->profiles[r].times = malloc(room * sizeof *numbers);
        s->profiles[r].free = malloc(room * sizeof *numbers);
        if (!s->profiles[r].times || !s->profiles[r].free) {
            sgs_free(s);
            return NULL;
        }
    }
    return s;
}
