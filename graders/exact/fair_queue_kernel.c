/* Runs of a cluster by an order of jobs, and its fluid machine: the compiled twin of `ends_by_rank`
 * and of fair_queue_fluid.py.
 *
 * Both give the same whole ms. The caller sees to it that no time reaches 2^61.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

const char *const fair_queue_digest = DIGEST;

#ifdef __SIZEOF_INT128__
typedef __int128 Wide;
#else
typedef int64_t Wide;
#endif

enum { WHOLE = 1000000, CHEAPEST = 1000, DEAREST = 10000 };

#define FINEST (INT64_C(1) << 61)

typedef struct {                     /* as Python packs it; stages and tasks are those of all jobs */
    int64_t user, at, first_stage, stages, first_task, work;
} Job;

typedef struct {                     /* of a job under way */
    int64_t at, stage, waiting, going, next, end;
} Progress;

typedef struct {
    int64_t at, job;
} Task;                              /* when it ends */

typedef struct {                     /* of the fluid machine: what each of its jobs has got */
    Wide level;
    int64_t jobs;
} User;

typedef struct {
    int64_t cores, jobs, users, bound;
    const Job *job;
    const int64_t *counts, *lengths; /* tasks of each stage, and ms of each task */
    Progress *progress;
    int64_t *by_rank, *alone;
    char *is_ready;                  /* by rank */
    Task *heap;
    int64_t going, free;             /* tasks that run, and cores that do not */
    int64_t ready, lowest;           /* jobs with a task to begin, none below this rank */
    User *user;
    Wide *due;                       /* the level of its user at which a job ends; 0 of others */
    int64_t first, coming;           /* jobs before and from there on have ended or not come */
} Cluster;

/* Runs ------------------------------------------------------------------------------------ */

static void push(Cluster *c, Task task)
{
    int64_t k = c->going++;
    for (; k && task.at < c->heap[(k - 1) / 2].at; k = (k - 1) / 2)
        c->heap[k] = c->heap[(k - 1) / 2];
    c->heap[k] = task;
}

static Task pop(Cluster *c)
{
    Task top = c->heap[0], task = c->heap[--c->going];
    int64_t k = 0, child;
    while ((child = 2 * k + 1) < c->going) {
        if (child + 1 < c->going && c->heap[child + 1].at < c->heap[child].at)
            child++;
        if (c->heap[child].at >= task.at)
            break;
        c->heap[k] = c->heap[child];
        k = child;
    }
    c->heap[k] = task;
    return top;
}

static void open_stage(Cluster *c, int64_t number, int64_t rank)
{
    Progress *job = &c->progress[number];
    job->waiting = c->counts[c->job[number].first_stage + job->stage++];
    c->is_ready[rank] = 1;
    if (!c->ready++ || rank < c->lowest)
        c->lowest = rank;
}

static void end_task(Cluster *c, Task task, const int64_t *ranks)
{
    Progress *job = &c->progress[task.job];
    c->free++;
    job->end = task.at;
    if (!--job->going && !job->waiting && job->stage < c->job[task.job].stages)
        open_stage(c, task.job, ranks ? ranks[task.job] : 0);
}

/* Give free cores to the jobs of the least ranks that have a task to begin. */
static void begin_tasks(Cluster *c, int64_t now)
{
    while (c->free && c->ready) {
        int64_t number = c->by_rank[c->lowest];
        Progress *job = &c->progress[number];
        if (!c->is_ready[c->lowest]) {
            c->lowest++;
            continue;
        }
        push(c, (Task){now + c->lengths[job->next++], number});
        job->going++;
        c->free--;
        if (!--job->waiting) {
            c->is_ready[c->lowest] = 0;
            c->ready--;
        }
    }
}

/* Run some jobs, one after another by number; without ranks it is one job. */
static void run(Cluster *c, int64_t first, int64_t jobs, const int64_t *ranks)
{
    int64_t coming = first, last = first + jobs;
    for (int64_t k = first; k < last; k++) {
        c->progress[k] = (Progress){.at = c->progress[k].at, .next = c->job[k].first_task};
        c->by_rank[ranks ? ranks[k] : 0] = k;
    }
    memset(c->is_ready, 0, (size_t)jobs);
    c->free = c->cores;
    c->ready = 0;
    while (coming < last || c->going) {
        int64_t now = c->going ? c->heap[0].at : c->progress[coming].at;
        if (coming < last && c->progress[coming].at < now)
            now = c->progress[coming].at;
        while (c->going && c->heap[0].at == now)
            end_task(c, pop(c), ranks);
        for (; coming < last && c->progress[coming].at == now; coming++)
            open_stage(c, coming, ranks ? ranks[coming] : 0);
        begin_tasks(c, now);
    }
}

static void come(Cluster *c, int64_t share)
{
    for (int64_t k = 0; k < c->jobs; k++)
        c->progress[k].at = c->job[k].at * share / WHOLE;
}

/* The ms that each job takes from its coming, by their ranks. */
void fair_queue_times(Cluster *c, const int64_t *ranks, int64_t *times)
{
    come(c, WHOLE);
    run(c, 0, c->jobs, ranks);
    for (int64_t k = 0; k < c->jobs; k++)
        times[k] = c->progress[k].end - c->progress[k].at;
}

/* What all jobs cost by their ranks, in thousandths, if they come at a share of their times, which
 * is in millionths. */
int64_t fair_queue_cost(Cluster *c, const int64_t *ranks, int64_t share, const int64_t *limits)
{
    int64_t sum = 0;
    come(c, share);
    run(c, 0, c->jobs, ranks);
    for (int64_t k = 0; k < c->jobs; k++) {
        int64_t time = c->progress[k].end - c->progress[k].at;
        int64_t cost = (1000 * time + limits[k] - 1) / limits[k];
        sum += cost < CHEAPEST ? CHEAPEST : cost > DEAREST ? DEAREST : cost;
    }
    return sum;
}

/* Fluid machine --------------------------------------------------------------------------- */

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* When the next job comes, in parts of a ms of a core. */
static Wide next_coming(const Cluster *c, Wide parts)
{
    return c->progress[c->coming].at * c->cores * parts;
}

/* The least work of a core until a job ends, in parts of a ms. */
static Wide until_end(const Cluster *c, int64_t active)
{
    Wide least = -1;
    for (int64_t k = c->first; k < c->coming; k++)
        if (c->due[k]) {
            const User *user = &c->user[c->job[k].user];
            Wide step = (c->due[k] - user->level) * active * user->jobs;
            if (least < 0 || step < least)
                least = step;
        }
    return least;
}

/* By how much parts of a ms must be finer, so that a step is whole for every user; 0 is too much. */
static int64_t refinement(const Cluster *c, int64_t active, Wide step)
{
    int64_t factor = 1;
    for (int64_t u = 0; u < c->users; u++)
        if (c->user[u].jobs) {
            int64_t rate = active * c->user[u].jobs;
            rate /= gcd(rate, (int64_t)(step % rate));
            rate /= gcd(rate, factor);
            if (factor > FINEST / rate)
                return 0;
            factor *= rate;
        }
    return factor;
}

static void refine(Cluster *c, int64_t factor)
{
    for (int64_t u = 0; u < c->users; u++)
        c->user[u].level *= factor;
    for (int64_t k = c->first; k < c->coming; k++)
        c->due[k] *= factor;
}

/* Let all users get their shares of a step, whose jobs may end by it; return how many users stay. */
static int64_t serve(Cluster *c, int64_t active, Wide step, int64_t end)
{
    int64_t stay = 0;
    for (int64_t u = 0; u < c->users; u++)
        if (c->user[u].jobs)
            c->user[u].level += step / (active * c->user[u].jobs);
    for (int64_t k = c->first; k < c->coming; k++) {
        User *user = &c->user[c->job[k].user];
        if (c->due[k] && c->due[k] <= user->level) {
            c->due[k] = 0;
            c->progress[k].end = end;
            if (!--user->jobs)
                user->level = 0;
        }
    }
    while (c->first < c->coming && !c->due[c->first])
        c->first++;
    for (int64_t u = 0; u < c->users; u++)
        stay += c->user[u].jobs > 0;
    return stay;
}

/* The ms that each job may take if all come at a share of their times; 0 if parts of a ms become
 * too fine for the numbers here. */
int64_t fair_queue_limits(Cluster *c, int64_t share, int64_t *limits)
{
    Wide most = ((Wide)1 << (8 * sizeof(Wide) - 2)) / c->bound, parts = 1, now = 0;
    int64_t active = 0;
    come(c, share);
    c->first = c->coming = 0;
    while (c->coming < c->jobs || active) {
        if (!active) {
            parts = 1;
            now = next_coming(c, parts);
        }
        for (; c->coming < c->jobs && next_coming(c, parts) <= now; c->coming++) {
            User *user = &c->user[c->job[c->coming].user];
            active += !user->jobs++;
            c->due[c->coming] = user->level + c->job[c->coming].work * parts;
        }
        Wide step = until_end(c, active);
        if (c->coming < c->jobs && next_coming(c, parts) - now < step)
            step = next_coming(c, parts) - now;
        int64_t factor = refinement(c, active, step);
        if (!factor || parts > most / factor) {
            memset(c->due, 0, (size_t)c->jobs * sizeof *c->due);
            memset(c->user, 0, (size_t)c->users * sizeof *c->user);
            return 0;
        }
        refine(c, factor);
        parts *= factor;
        now = (now + step) * factor;
        Wide rate = c->cores * parts;
        active = serve(c, active, step * factor, (int64_t)((now + rate - 1) / rate));
    }
    for (int64_t k = 0; k < c->jobs; k++) {
        int64_t fluid = c->progress[k].end - c->progress[k].at, least = (3 * c->alone[k] + 1) / 2;
        limits[k] = fluid > least ? fluid : least;
    }
    return 1;
}

/* Memory ---------------------------------------------------------------------------------- */

void fair_queue_free(Cluster *c)
{
    free(c);
}

static void *carve(char **rest, int64_t count, size_t size)
{
    void *piece = *rest;
    *rest += (size_t)count * size;
    return piece;
}

/* Make a cluster of packed jobs, stages and tasks; fill in what each job takes alone; NULL if there
 * is no memory. */
Cluster *fair_queue_new(const int64_t *counts, const int64_t *row, int64_t *alone)
{
    int64_t jobs = counts[0], stages = counts[1], tasks = counts[2], users = counts[3];
    size_t packed = (size_t)jobs * sizeof(Job) + (size_t)(stages + tasks) * sizeof(int64_t);
    size_t size = sizeof(Cluster) + packed + (size_t)users * sizeof(User)
        + (size_t)jobs * (sizeof(Wide) + sizeof(Progress) + 2 * sizeof(int64_t) + 1)
        + (size_t)tasks * sizeof(Task);
    Cluster *c = calloc(1, size + 3 * sizeof(Wide));
    if (!c)
        return NULL;
    char *rest = (char *)(c + 1);
    rest += sizeof(Wide) - (uintptr_t)rest % sizeof(Wide);
    c->jobs = jobs, c->users = users, c->cores = counts[4], c->bound = counts[5];
    c->user = carve(&rest, users, sizeof(User));
    c->due = carve(&rest, jobs, sizeof(Wide));
    memcpy(rest, row, packed);
    c->job = carve(&rest, jobs, sizeof(Job));
    c->counts = carve(&rest, stages, sizeof(int64_t));
    c->lengths = carve(&rest, tasks, sizeof(int64_t));
    c->progress = carve(&rest, jobs, sizeof(Progress));
    c->by_rank = carve(&rest, jobs, sizeof(int64_t));
    c->alone = carve(&rest, jobs, sizeof(int64_t));
    c->heap = carve(&rest, tasks, sizeof(Task));
    c->is_ready = carve(&rest, jobs, 1);
    for (int64_t k = 0; k < jobs; k++) {
        run(c, k, 1, NULL);
        alone[k] = c->alone[k] = c->progress[k].end;
    }
    return c;
}
