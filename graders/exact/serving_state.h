/* What a run of serving_kernel.c is in: a workload as Python packs it, and how far all has come.
 *
 * All of it lies in one piece of memory.
 */

#ifndef SERVING_STATE_H
#define SERVING_STATE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = -1 };
enum { BOTH, PREFILL, DECODE };      /* roles */
enum { STAGE, ARRIVE, STEP };        /* events: of a job, of a call, of a server */

typedef struct {
    int64_t at, number;              /* events of one moment happen in the order of numbers */
    int64_t kind, subject;
} Event;

typedef struct {                     /* these four as Python packs them; a limit of 0 is none */
    int64_t role, memory, speed, floor, fixed, token, read, pair, budget, ramp, slope;
} Spec;                              /* a ramp of NONE is none */

typedef struct {
    int64_t at, ttft, tpot, deadline, reuse, stages;
} Job;

typedef struct {
    int64_t pause, calls;
} Stage;

typedef struct {
    int64_t prompt, output;
} Call;

typedef struct {                     /* how far a job has come, and what comes next of the tables */
    int64_t stage, open, arrived, done, pause, context, cost;
    const Stage *next_stage;
    const Call *next_call;
} Progress;

typedef struct {                     /* a call that has arrived */
    int64_t job, arrived, reuse, output, need, out, kv, first, last, gap, server;
} Request;

typedef struct {
    int64_t *items, count;
} List;

typedef struct {
    const Spec *spec;
    int64_t now, used, held, busy, finished, count, first, last;
    List running, decoding, reading; /* requests; the last two of the iterations under way */
    int64_t *tokens;                 /* that each of `reading` advances by */
    int64_t *contexts, *since;       /* by job: tokens that lie here, 0 is none */
    List *waiting;
} Server;

typedef struct {
    int64_t servers, jobs, calls, link;
    Job *job;
    const Stage *stage;
    const Call *call;
    Server *server;
    Progress *progress;
    Request *requests;
    List queue, moved;
    Event *events;
    int64_t coming, numbered, arrived, asks, patience, is_refused;
    int64_t evictions, recomputed;   /* calls that lost their place, and their tokens */
    const int64_t *ranks;            /* of jobs; NULL where they come first that came first */
    int64_t budget;                  /* of all servers, unless it is 0 */
} Run;

/* Lists and events ------------------------------------------------------------------------ */

static void insert(List *list, int64_t place, int64_t item)
{
    int64_t *at = list->items + place;
    memmove(at + 1, at, (size_t)(list->count++ - place) * sizeof *at);
    *at = item;
}

static void append(List *list, int64_t item) { insert(list, list->count, item); }

static void take(List *list, int64_t item)
{
    int64_t *at = list->items;
    while (*at != item)
        at++;
    memmove(at, at + 1, (size_t)(list->items + --list->count - at) * sizeof *at);
}

static int is_sooner(const Event *a, const Event *b)
{
    return a->at < b->at || (a->at == b->at && a->number < b->number);
}

static void push(Run *run, int64_t at, int64_t kind, int64_t subject)
{
    Event *heap = run->events, event = {at, run->numbered++, kind, subject};
    int64_t k = run->coming++;
    for (; k && is_sooner(&event, &heap[(k - 1) / 2]); k = (k - 1) / 2)
        heap[k] = heap[(k - 1) / 2];
    heap[k] = event;
}

static Event pop(Run *run)
{
    Event *heap = run->events, top = heap[0], event = heap[--run->coming];
    int64_t k = 0, child;
    while ((child = 2 * k + 1) < run->coming) {
        if (child + 1 < run->coming && is_sooner(&heap[child + 1], &heap[child]))
            child++;
        if (!is_sooner(&heap[child], &event))
            break;
        heap[k] = heap[child];
        k = child;
    }
    heap[k] = event;
    return top;
}

/* Memory ---------------------------------------------------------------------------------- */

void serving_free(Run *run)
{
    free(run);
}

/* Take other times and limits of all jobs. */
void serving_set_jobs(Run *run, const int64_t *row)
{
    memcpy(run->job, row, (size_t)run->jobs * sizeof *run->job);
}

static void *carve(char **rest, int64_t count, size_t size)
{
    void *piece = *rest;
    *rest += (size_t)count * size;
    return piece;
}

/* Make a run of a packed workload: servers, jobs, stages and calls; NULL if there is no memory. */
Run *serving_new(const int64_t *counts, const int64_t *row)
{
    int64_t servers = counts[0], jobs = counts[1], stages = counts[2], calls = counts[3];
    size_t packed = (size_t)servers * sizeof(Spec) + (size_t)jobs * sizeof(Job)
        + (size_t)stages * sizeof(Stage) + (size_t)calls * sizeof(Call);
    size_t each = sizeof(Server) + (size_t)(4 * calls + 2 * jobs) * sizeof(int64_t);
    size_t size = sizeof(Run) + packed + (size_t)servers * each + (size_t)jobs * sizeof(Progress)
        + (size_t)calls * (sizeof(Request) + 2 * sizeof(int64_t))
        + (size_t)(jobs + servers + calls) * sizeof(Event);
    Run *run = calloc(1, size);
    if (!run)
        return NULL;
    char *rest = (char *)(run + 1);
    memcpy(rest, row, packed);
    Spec *specs = carve(&rest, servers, sizeof *specs);
    run->servers = servers, run->jobs = jobs, run->calls = calls, run->link = counts[4];
    run->job = carve(&rest, jobs, sizeof(Job));
    run->stage = carve(&rest, stages, sizeof(Stage));
    run->call = carve(&rest, calls, sizeof(Call));
    run->server = carve(&rest, servers, sizeof(Server));
    run->progress = carve(&rest, jobs, sizeof(Progress));
    run->requests = carve(&rest, calls, sizeof(Request));
    run->events = carve(&rest, jobs + servers + calls, sizeof(Event));
    run->queue.items = carve(&rest, calls, sizeof(int64_t));
    run->moved.items = carve(&rest, calls, sizeof(int64_t));
    for (int64_t k = 0; k < servers; k++) {
        Server *server = &run->server[k];
        server->spec = &specs[k];
        server->waiting = specs[k].role == DECODE ? &run->moved : &run->queue;
        server->running.items = carve(&rest, calls, sizeof(int64_t));
        server->decoding.items = carve(&rest, calls, sizeof(int64_t));
        server->reading.items = carve(&rest, calls, sizeof(int64_t));
        server->tokens = carve(&rest, calls, sizeof(int64_t));
        server->contexts = carve(&rest, jobs, sizeof(int64_t));
        server->since = carve(&rest, jobs, sizeof(int64_t));
    }
    return run;
}

#endif
