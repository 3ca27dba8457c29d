/* The runner on a clock of the test's own: what is due, what was missed, clocks that jump, idle
 * conversations. */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "schedules/schedules_int.h"
#include "store/conversations.h"
#include "support/folder.h"
#include "support/test.h"
#include "util/clock.h"

enum { WAIT_MS = 60000, HOUR_MS = 3600000, IDLE_MS = 50 };

struct world {
    struct nima_ctx ctx;
    struct nima_store *store;
    struct nima_schedules *s;
    char folder[64];
    _Atomic int64_t now_ms;
};

static int64_t now(void *user)
{
    struct world *w = user;
    return atomic_load(&w->now_ms);
}

static nima_rc nothing(struct nima_ctx *ctx, void *user, const struct nima_schedule_run *run,
                       nima_str *conversation_id, nima_str *message_id)
{
    (void)user, (void)run, (void)conversation_id, (void)message_id;
    return nima_fail(ctx, NIMA_E_INVALID, "not in this test");
}

static void set_clock(struct world *w, const char *time)
{
    int64_t ms = 0;
    ASSERT_TRUE(nima_time_read(nima_str_of(time), &ms));
    atomic_store(&w->now_ms, ms);
    w->ctx.now_ms = ms;
    nima_schedules_wake(w->s);
}

static void world_open(struct world *w, const char *time)
{
    *w = (struct world){.folder = "/tmp/nima-runner-XXXXXX"};
    assert_non_null(mkdtemp(w->folder));
    nima_ctx_init(&w->ctx);
    w->ctx.user_id = NIMA_STR("ana");
    struct nima_store_options store = {.address =
                                           nima_fmt(&w->ctx, "sqlite:%s/nima.db", w->folder)};
    ASSERT_OK_CTX(&w->ctx, nima_store_open(&w->ctx, &store, &w->store));
    struct nima_schedules_options options = {
        .store = w->store, .now_ms = now, .now_user = w, .idle_ms = IDLE_MS};
    w->s = nima_schedules_new(&options);
    set_clock(w, time);
}

static void world_close(struct world *w)
{
    nima_schedules_free(w->s);
    nima_store_close(w->store);
    nima_ctx_done(&w->ctx);
    test_folder_remove(w->folder);
}

static nima_str add(struct world *w, struct nima_schedule_when when)
{
    struct nima_schedule_do what = {.remind = NIMA_STR("tea")};
    struct nima_schedule_wish wish = {.when = &when, .what = &what};
    struct nima_schedule_view view;
    when.timezone = NIMA_STR("UTC");
    ASSERT_OK_CTX(&w->ctx, nima_schedules_add(&w->ctx, w->s, &wish, false, &view));
    return view.id;
}

static struct nima_schedule_row row_of(struct world *w, nima_str id)
{
    struct nima_schedule_row row;
    ASSERT_OK_CTX(&w->ctx, nima_schedule_get(&w->ctx, w->store, id, &row));
    return row;
}

static size_t done_runs(struct world *w, nima_str id)
{
    struct nima_schedule_runs runs;
    size_t done = 0;
    ASSERT_OK_CTX(&w->ctx, nima_schedule_runs_list(&w->ctx, w->store, id, 0, 100, &runs));
    for (size_t i = 0; i < runs.count; i++) {
        done += nima_str_eq(runs.items[i].status, NIMA_STR("done"));
    }
    return done;
}

static void pause_a_little(void)
{
    nanosleep(&(struct timespec){0, 5000000}, NULL);
}

/* Until the schedule lies at that time, and has so many runs. */
static void wait_for(struct world *w, nima_str id, const char *next_at, size_t runs)
{
    int64_t until = nima_mono_ms() + WAIT_MS, next = 0;
    ASSERT_TRUE(next_at == NULL || nima_time_read(nima_str_of(next_at), &next));
    while ((row_of(w, id).next_at != next || done_runs(w, id) != runs) && nima_mono_ms() < until) {
        nima_schedules_wake(w->s);
        pause_a_little();
    }
    ASSERT_INT_EQ(row_of(w, id).next_at, next);
    ASSERT_INT_EQ(done_runs(w, id), runs);
}

TEST(what_was_missed_happens_once)
{
    struct world w;
    world_open(&w, "2026-11-25T08:00:00Z");
    nima_str daily = add(&w, (struct nima_schedule_when){.cron = NIMA_STR("0 9 * * *")});
    nima_str often = add(&w, (struct nima_schedule_when){.every = NIMA_STR("10m")});
    nima_str weekly = add(&w, (struct nima_schedule_when){.every = NIMA_STR("1w")});
    set_clock(&w, "2026-11-28T09:05:00Z");
    nima_schedules_start(w.s, nothing, NULL);
    wait_for(&w, daily, "2026-11-29T09:00:00Z", 1);
    wait_for(&w, often, "2026-11-28T09:10:00Z", 1);
    wait_for(&w, weekly, "2026-12-02T08:00:00Z", 0);
    set_clock(&w, "2026-11-28T09:10:00Z");
    wait_for(&w, often, "2026-11-28T09:20:00Z", 2);
    world_close(&w);
}

TEST(a_clock_that_is_set_back_repeats_nothing_and_delays_nothing)
{
    struct world w;
    world_open(&w, "2026-11-25T08:59:00Z");
    nima_str daily = add(&w, (struct nima_schedule_when){.cron = NIMA_STR("0 9 * * *")});
    nima_str hourly = add(&w, (struct nima_schedule_when){.every = NIMA_STR("1h")});
    nima_schedules_start(w.s, nothing, NULL);
    wait_for(&w, daily, "2026-11-25T09:00:00Z", 0);
    set_clock(&w, "2026-11-25T09:00:01Z");
    wait_for(&w, daily, "2026-11-26T09:00:00Z", 1);
    set_clock(&w, "2026-11-24T12:00:00Z");
    wait_for(&w, hourly, "2026-11-24T13:00:00Z", 0);
    wait_for(&w, daily, "2026-11-25T09:00:00Z", 1);
    set_clock(&w, "2026-11-25T09:00:02Z");
    wait_for(&w, daily, "2026-11-26T09:00:00Z", 1);
    wait_for(&w, hourly, "2026-11-25T10:00:00Z", 1);
    world_close(&w);
}

TEST(an_idle_conversation_is_an_event_once)
{
    struct world w;
    world_open(&w, "2026-11-25T08:00:00Z");
    nima_str idle = add(&w, (struct nima_schedule_when){.event = NIMA_STR("conversation.idle")});
    set_clock(&w, "2026-11-25T08:00:10Z");
    struct nima_conversation talk = {0}, row;
    struct nima_message_row message = {.role = NIMA_STR("user"), .content = NIMA_STR("hi")}, out;
    ASSERT_OK_CTX(&w.ctx, nima_conversation_create(&w.ctx, w.store, &talk, &message, 1, &row));
    nima_schedules_start(w.s, nothing, NULL);
    set_clock(&w, "2026-11-25T08:00:20Z");
    wait_for(&w, idle, NULL, 1);
    set_clock(&w, "2026-11-25T09:00:00Z");
    ASSERT_OK_CTX(&w.ctx, nima_messages_append(&w.ctx, w.store, row.id, &message, 1, &out));
    set_clock(&w, "2026-11-25T09:00:10Z");
    wait_for(&w, idle, NULL, 2);
    world_close(&w);
}

TEST(a_run_that_cannot_be_carried_out_is_written_off)
{
    struct world w;
    world_open(&w, "2026-11-25T08:00:00Z");
    struct nima_schedule_when when = {.event = NIMA_STR("goal.completed")};
    struct nima_schedule_do what = {.prompt = NIMA_STR("well?")};
    struct nima_schedule_wish wish = {.when = &when, .what = &what};
    struct nima_schedule_view view;
    struct nima_schedule_runs runs;
    int64_t until = nima_mono_ms() + WAIT_MS;
    ASSERT_OK_CTX(&w.ctx, nima_schedules_add(&w.ctx, w.s, &wish, false, &view));
    nima_schedules_start(w.s, nothing, NULL);
    ASSERT_OK_CTX(&w.ctx, nima_schedules_event(&w.ctx, w.s, NIMA_STR("goal.completed")));
    do {
        pause_a_little();
        ASSERT_OK_CTX(&w.ctx, nima_schedule_runs_list(&w.ctx, w.store, view.id, 0, 10, &runs));
        ASSERT_INT_EQ(runs.count, 1);
    } while (!nima_str_eq(runs.items[0].status, NIMA_STR("failed")) && nima_mono_ms() < until);
    ASSERT_STR_EQ(runs.items[0].status, "failed");
    ASSERT_STR_EQ(runs.items[0].error, "not in this test");
    world_close(&w);
}

TEST_MAIN
