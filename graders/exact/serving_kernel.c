/* Runs of a service under an order of jobs: the compiled twin of serving_simulator.py there.
 *
 * It knows one policy, `ranked` of serving_rules.py, and for a job alone `chunked`; so plans are
 * not checked, and contexts are never pinned. Events, queues and ties are those of the simulator,
 * and so is every nanosecond. The caller sees to it that no number reaches 2^62, and that every
 * context has room on every server. A run that would be refused returns -1.
 */

#include "serving_state.h"

#ifndef DIGEST /* of the sources, given by the build hook */
#define DIGEST ""
#endif

const char *const serving_digest = DIGEST;

enum { REFUSED = -1, TICK = 8, WHOLE = 1000000, CHEAPEST = 1000, DEAREST = 10000 };

#define LATEST INT64_C(1000000000000000)

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Calls and contexts ---------------------------------------------------------------------- */

/* Put a call where its rank belongs in a list, or where it is said to if there are no ranks. */
static void put(const Run *run, List *list, int64_t id, int64_t otherwise)
{
    int64_t k = list->count, rank = run->ranks ? run->ranks[run->requests[id].job] : 0;
    if (!run->ranks) {
        insert(list, otherwise, id);
        return;
    }
    for (; k; k--) {
        int64_t other = list->items[k - 1], its = run->ranks[run->requests[other].job];
        if (its < rank || (its == rank && other < id))
            break;
    }
    insert(list, k, id);
}

static int64_t room_of(const Server *server) { return server->spec->memory - server->used; }

static void begin_stage(Run *run, int64_t number, int64_t now)
{
    Progress *job = &run->progress[number];
    job->stage++;
    job->open = job->next_stage++->calls;
    for (int64_t k = 0; k < job->open; k++) {
        int64_t id = run->arrived++, reuse = run->job[number].reuse ? job->context : 0;
        const Call *call = job->next_call++;
        run->requests[id] = (Request){number, now, reuse, call->output, reuse + call->prompt,
                                      0, 0, NONE, 0, 0, NONE};
        put(run, &run->queue, id, run->queue.count);
    }
}

static int is_decoding(const Request *r) { return r->kv == r->need - 1; }

static int64_t unread(const Server *server, const Request *r)
{
    int64_t held = r->reuse ? least(server->contexts[r->job], r->need - 1) : 0;
    return r->need - (r->kv ? r->kv : held);
}

static void drop(Server *server, int64_t job)
{
    server->used -= server->contexts[job];
    server->held -= server->contexts[job];
    server->contexts[job] = 0;
}

/* Drop contexts, the oldest first, until so many tokens are free or none is left. */
static void drop_for(const Run *run, Server *server, int64_t tokens)
{
    while (server->held && room_of(server) < tokens) {
        int64_t oldest = NONE;
        for (int64_t job = 0; job < run->jobs; job++)
            if (server->contexts[job]
                && (oldest == NONE || server->since[job] < server->since[oldest]))
                oldest = job;
        drop(server, oldest);
    }
}

static void admit(Run *run, Server *server, int64_t id)
{
    Request *r = &run->requests[id];
    int64_t context = r->reuse && !r->kv ? server->contexts[r->job] : 0;
    if (context)
        drop(server, r->job);
    drop_for(run, server, r->need);
    if (room_of(server) < r->need)
        run->is_refused = 1;
    take(server->waiting, id);
    if (context)
        r->kv = least(context, r->need - 1);
    r->server = server - run->server;
    server->used += r->need;
    append(&server->running, id);
}

static void leave(Server *server, Request *r, int64_t id)
{
    take(&server->running, id);
    server->used -= r->need;
    r->server = NONE;
}

static void evict(Run *run, Server *server, int64_t id)
{
    leave(server, &run->requests[id], id);
    run->evictions++;
    run->recomputed += run->requests[id].kv;
    run->requests[id].kv = 0;
    put(run, server->waiting, id, 0);
}

/* Ends ------------------------------------------------------------------------------------ */

static void finish(Run *run, Server *server, int64_t id)
{
    Request *r = &run->requests[id];
    Progress *job = &run->progress[r->job];
    leave(server, r, id);
    server->finished = 1;
    if (--job->open)
        return;
    if (job->stage + 1 == run->job[r->job].stages) {
        job->done = server->now;
        return;
    }
    if (run->job[r->job].reuse) {
        job->context = r->need;
        server->held += r->need - server->contexts[r->job];
        server->used += r->need;
        server->contexts[r->job] = r->need;
        server->since[r->job] = server->now;
    }
    int64_t pause = job->next_stage[-1].pause;
    job->pause += pause;
    push(run, server->now + pause, STAGE, r->job);
}

static void note_tokens(Request *r, int64_t now, int64_t first, int64_t last)
{
    if (r->first == NONE)
        r->first = r->last = first;
    r->gap = most(r->gap, most(first - r->last, now - last));
    r->last = now;
}

/* A call ends, or goes on at another server. */
static void end_request(Run *run, Server *server, int64_t id)
{
    Request *r = &run->requests[id];
    if (!is_decoding(r))
        return;
    if (r->out == r->output)
        finish(run, server, id);
    else if (server->spec->role == PREFILL && r->out) {
        leave(server, r, id);
        push(run, server->now + run->link * r->kv, ARRIVE, id);
    }
}

static void end_step(Run *run, Server *server, int64_t now)
{
    int64_t many = server->count > 1;
    server->busy = 0;
    server->now = now;
    server->used += server->count * server->decoding.count;
    for (int64_t k = 0; k < server->decoding.count; k++) {
        Request *r = &run->requests[server->decoding.items[k]];
        r->kv += server->count;
        r->need += server->count;
        r->out += server->count;
        note_tokens(r, now, many ? server->first : now, many ? server->last : now);
    }
    for (int64_t k = 0; k < server->reading.count; k++) {
        Request *r = &run->requests[server->reading.items[k]];
        r->kv += server->tokens[k];
        if (r->kv == r->need) {
            r->out++;
            r->need++;
            server->used++;
            note_tokens(r, now, now, now);
        }
    }
    for (int64_t k = 0; k < server->decoding.count; k++)
        end_request(run, server, server->decoding.items[k]);
    for (int64_t k = 0; k < server->reading.count; k++)
        end_request(run, server, server->reading.items[k]);
}

/* Decisions ------------------------------------------------------------------------------- */

static void find_decoding(const Run *run, Server *server)
{
    server->decoding.count = 0;
    for (int64_t k = 0; k < server->running.count; k++)
        if (is_decoding(&run->requests[server->running.items[k]]))
            append(&server->decoding, server->running.items[k]);
}

/* How many of the queue fit, up to the first that does not: `greedy` in Python. */
static int64_t count_admitted(const Run *run, const Server *server)
{
    int64_t spare = most(server->running.count, server->spec->memory / 100), k = 0;
    int64_t room = room_of(server) + server->held - spare;
    for (; k < server->waiting->count; k++) {
        int64_t need = run->requests[server->waiting->items[k]].need;
        if (need > room)
            break;
        room -= need;
    }
    return k;
}

static void read_later(const Run *run, Server *server, int64_t id)
{
    if (unread(server, &run->requests[id]) > 1)
        put(run, &server->reading, id, server->reading.count);
}

/* Share a budget among the prompts that are to be read, and keep those that get some. */
static void share_budget(const Run *run, Server *server, int64_t budget)
{
    List *reading = &server->reading;
    int64_t count = 0;
    for (int64_t k = 0; k < reading->count && budget > 0; k++) {
        server->tokens[k] = least(budget, unread(server, &run->requests[reading->items[k]]));
        budget -= server->tokens[k];
        count++;
    }
    reading->count = count;
}

/* Admit from the queue and choose prompts; a server for decoding has no say in which come first. */
static void decide(Run *run, Server *server)
{
    int64_t admitted = count_admitted(run, server);
    int64_t budget = run->budget ? run->budget : server->spec->budget;
    int is_own = run->ranks && server->spec->role == DECODE;
    if (run->asks++ > run->patience)
        run->is_refused = 1;
    server->finished = 0;
    if (!is_own) {
        for (int64_t k = 0; k < server->running.count; k++)
            read_later(run, server, server->running.items[k]);
        for (int64_t k = 0; k < admitted; k++)
            read_later(run, server, server->waiting->items[k]);
        share_budget(run, server, budget - server->decoding.count);
    }
    for (int64_t k = 0; k < admitted; k++)
        admit(run, server, server->waiting->items[0]);
    find_decoding(run, server);
    if (is_own) {
        for (int64_t k = 0; k < server->running.count; k++)
            if (!is_decoding(&run->requests[server->running.items[k]]))
                append(&server->reading, server->running.items[k]);
        share_budget(run, server, server->spec->budget - server->decoding.count);
    }
}

/* Drop contexts, then evict who came last; who was evicted takes no part in what follows. */
static void make_room(Run *run, Server *server)
{
    int64_t count = 0, index = server - run->server, decoding = server->decoding.count;
    drop_for(run, server, decoding);
    while (server->running.count > 1 && room_of(server) < decoding) {
        int64_t last = server->running.items[server->running.count - 1];
        decoding -= is_decoding(&run->requests[last]);
        evict(run, server, last);
    }
    for (int64_t k = 0; k < server->reading.count; k++)
        if (run->requests[server->reading.items[k]].server == index) {
            server->tokens[count] = server->tokens[k];
            server->reading.items[count++] = server->reading.items[k];
        }
    server->reading.count = count;
    find_decoding(run, server);
}

/* Iterations ------------------------------------------------------------------------------ */

static int64_t base(const Spec *spec, int64_t tokens)
{
    int64_t linear = spec->fixed + spec->token * tokens;
    if (spec->ramp != NONE)
        linear = least(linear, spec->ramp + spec->slope * tokens);
    return most(spec->floor, linear);
}

static int64_t total(int64_t count, int64_t once, int64_t more, int64_t speed)
{
    return (count * once + more * (count * (count - 1) / 2)) * 100 / speed;
}

/* The ns of so many iterations of nothing but decoding, or of those until something happens. */
static int64_t jump(const Run *run, Server *server, int64_t reads, int64_t count)
{
    const Spec *spec = server->spec;
    int64_t batch = server->decoding.count, speed = spec->speed;
    int64_t once = base(spec, batch) + spec->read * reads, more = spec->read * batch;
    if (run->coming && count > 1) {
        int64_t gap = run->events[0].at - server->now, low = 1;
        if (total(count, once, more, speed) > gap)
            while (low < count) {
                int64_t middle = (low + count) / 2;
                if (total(middle, once, more, speed) >= gap)
                    count = middle;
                else
                    low = middle + 1;
            }
    }
    server->count = count;
    server->first = server->now + total(1, once, more, speed);
    server->last = server->now + total(count - 1, once, more, speed);
    return total(count, once, more, speed);
}

static int64_t free_steps(const Run *run, const Server *server)
{
    int64_t room = room_of(server), batch = server->decoding.count;
    int64_t steps = room < batch ? 1 : room / batch;
    for (int64_t k = 0; k < batch; k++) {
        const Request *r = &run->requests[server->decoding.items[k]];
        steps = least(steps, r->output - r->out);
    }
    return server->waiting->count ? least(steps, TICK) : steps;
}

static void iterate(Run *run, Server *server)
{
    const Spec *spec = server->spec;
    int64_t reads = 0, pairs = 0, tokens = server->decoding.count, duration;
    for (int64_t k = 0; k < server->decoding.count; k++)
        reads += run->requests[server->decoding.items[k]].kv;
    if (server->reading.count) {
        for (int64_t k = 0; k < server->reading.count; k++) {
            int64_t advance = server->tokens[k];
            tokens += advance;
            pairs += advance * (run->requests[server->reading.items[k]].kv + advance / 2);
        }
        server->count = 1;
        duration = (base(spec, tokens) + spec->read * reads + spec->pair * pairs) * 100
            / spec->speed;
    } else
        duration = jump(run, server, reads, free_steps(run, server));
    server->busy = 1;
    push(run, server->now + most(duration, 1), STEP, server - run->server);
}

static void start(Run *run, Server *server)
{
    find_decoding(run, server);
    server->reading.count = 0;
    int64_t count = server->decoding.count, room = room_of(server);
    if (server->waiting->count || server->finished || count < server->running.count || room < count)
        decide(run, server);
    if (room_of(server) < server->decoding.count)
        make_room(run, server);
    if (server->decoding.count || server->reading.count)
        iterate(run, server);
    else if (server->running.count)
        run->is_refused = 1;
}

/* Runs ------------------------------------------------------------------------------------ */

static void happen(Run *run, Event event)
{
    if (event.kind == STAGE)
        begin_stage(run, event.subject, event.at);
    else if (event.kind == ARRIVE)
        put(run, &run->moved, event.subject, run->moved.count);
    else
        end_step(run, &run->server[event.subject], event.at);
}

/* Run to the end; return whether no job is left over and nothing was refused. */
static int is_run(Run *run)
{
    while (run->coming && !run->is_refused) {
        int64_t now = run->events[0].at;
        if (now > LATEST)
            return 0;
        while (run->coming && run->events[0].at == now)
            happen(run, pop(run));
        for (int64_t k = 0; k < run->servers && !run->is_refused; k++) {
            run->server[k].now = now;
            if (!run->server[k].busy)
                start(run, &run->server[k]);
        }
    }
    return !run->is_refused;
}

static void reset(Run *run, const int64_t *ranks, int64_t budget)
{
    const Stage *stage = run->stage;
    const Call *call = run->call;
    for (int64_t k = 0; k < run->servers; k++) {
        Server *server = &run->server[k];
        server->now = server->used = server->held = server->busy = server->finished = 0;
        server->running.count = 0;
        memset(server->contexts, 0, (size_t)run->jobs * sizeof *server->contexts);
    }
    for (int64_t k = 0; k < run->jobs; k++) {
        run->progress[k] = (Progress){.stage = -1, .done = NONE, .cost = CHEAPEST,
                                      .next_stage = stage, .next_call = call};
        for (int64_t i = 0; i < run->job[k].stages; i++)
            call += stage++->calls;
    }
    run->queue.count = run->moved.count = 0;
    run->coming = run->numbered = run->arrived = run->asks = run->is_refused = 0;
    run->evictions = run->recomputed = 0;
    run->ranks = ranks;
    run->budget = budget;
}

static int64_t over_limit(int64_t time, int64_t limit)
{
    return limit ? (1000 * time + limit - 1) / limit : 0;
}

/* What all jobs cost by their ranks, in thousandths, if they come at a share of their times, which
 * is in millionths. */
int64_t serving_cost(Run *run, const int64_t *ranks, int64_t share)
{
    int64_t sum = 0;
    reset(run, ranks, 0);
    run->patience = 100 * run->calls + 10000;
    for (int64_t k = 0; k < run->jobs; k++) {
        int64_t at = run->job[k].at, arrived = at / WHOLE * share + at % WHOLE * share / WHOLE;
        run->progress[k].arrived = arrived;
        push(run, arrived, STAGE, k);
    }
    if (!is_run(run))
        return REFUSED;
    for (int64_t k = 0; k < run->arrived; k++) {
        const Request *r = &run->requests[k];
        const Job *job = &run->job[r->job];
        int64_t *cost = &run->progress[r->job].cost;
        *cost = most(*cost, over_limit(r->first - r->arrived, job->ttft));
        *cost = most(*cost, over_limit(r->gap, job->tpot));
    }
    for (int64_t k = 0; k < run->jobs; k++) {
        Progress *job = &run->progress[k];
        if (job->done == NONE)
            return REFUSED;
        int64_t time = job->done - job->arrived - job->pause;
        job->cost = least(DEAREST, most(job->cost, over_limit(time, run->job[k].deadline)));
        sum += job->cost;
    }
    return sum;
}

/* Of the run before: evictions and tokens lost, what each job cost, then waits and gaps of calls. */
void serving_measured(const Run *run, int64_t *row)
{
    *row++ = run->evictions;
    *row++ = run->recomputed;
    for (int64_t k = 0; k < run->jobs; k++)
        *row++ = run->progress[k].cost;
    for (int64_t k = 0; k < run->calls; k++) {
        row[k] = run->requests[k].first - run->requests[k].arrived;
        row[run->calls + k] = run->requests[k].gap;
    }
}

/* The ns that a job takes alone, its prompts read by so many tokens at a time. */
int64_t serving_alone(Run *run, int64_t number, int64_t budget)
{
    reset(run, NULL, budget);
    Progress *job = &run->progress[number];
    run->patience = 10000;
    for (int64_t k = 0; k < run->job[number].stages; k++)
        run->patience += 100 * job->next_stage[k].calls;
    push(run, 0, STAGE, number);
    return is_run(run) && job->done != NONE ? job->done - job->pause : REFUSED;
}
