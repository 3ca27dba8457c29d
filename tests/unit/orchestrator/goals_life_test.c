/*
 * Three months of a person with five goals, on whichever store NIMA_TEST_STORE names, under a clock
 * of the test's own: what was said in chat, what was raised, what is remembered, what is advised.
 * Day 0 is Monday 2 March 2026, nine o'clock; the scheduler looks once a day.
 */
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "goals/goals.h"
#include "orchestrator/support_orchestrator.h"
#include "store/db.h"
#include "store/schedules.h"
#include "util/clock.h"

#define DAY     (24 * 3600 * 1000LL)
#define DAY_ONE NIMA_STR("2026-03-02T09:00:00Z")

struct life {
    nima_str who;
    struct nima_ctx ctx;
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_memory *memory;
    struct nima_personality *personality;
    struct nima_goals *goals;
    struct nima_orchestrator *o;
    char folder[64];
    int64_t start;
    int day;
    nima_str talk;
};

static nima_str address(struct life *life)
{
    const char *kind = getenv("NIMA_TEST_STORE");
    if (kind != NULL && strcmp(kind, "postgres") == 0) {
        return nima_fmt(&life->ctx, "%s?schema=life%d", getenv("NIMA_TEST_POSTGRES"),
                        (int)getpid());
    }
    return kind != NULL && strcmp(kind, "json") == 0
               ? nima_fmt(&life->ctx, "json:%s/data", life->folder)
               : nima_fmt(&life->ctx, "sqlite:%s/nima.db", life->folder);
}

static void begin(struct life *life)
{
    *life = (struct life){.folder = "/tmp/nima-life-XXXXXX", .who = NIMA_STR("ana")};
    assert_non_null(mkdtemp(life->folder));
    nima_ctx_init(&life->ctx);
    assert_true(nima_time_read(DAY_ONE, &life->start));
    struct nima_store_options store = {.address = address(life)};
    struct nima_llm_options llm = {.chat = NIMA_STR("scripted:"),
                                   .embeddings = NIMA_STR("scripted:")};
    ASSERT_OK_CTX(&life->ctx, nima_store_open(&life->ctx, &store, &life->store));
    ASSERT_OK_CTX(&life->ctx, nima_llm_open(&life->ctx, &llm, &life->llm));
    struct nima_llm_state state = {0};
    while (!state.embeddings_loaded) {
        nima_llm_state(life->llm, &state);
        usleep(1000);
    }
    struct nima_memory_options memory;
    nima_memory_defaults(&memory);
    life->memory = nima_memory_new(life->store, life->llm, &memory);
    struct nima_personality_options persona = {.llm = life->llm, .rules = true};
    ASSERT_OK_CTX(&life->ctx, nima_personality_open(&life->ctx, &persona, &life->personality));
    life->goals = nima_goals_new(life->store, life->llm);
    struct nima_orchestrator_options options = {.store = life->store,
                                                .llm = life->llm,
                                                .memory = life->memory,
                                                .personality = life->personality,
                                                .goals = life->goals};
    life->o = nima_orchestrator_new(&options);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    return remove(path);
}

static void end(struct life *life)
{
    nima_orchestrator_free(life->o);
    nima_goals_free(life->goals);
    nima_personality_close(life->personality);
    nima_memory_free(life->memory);
    nima_llm_close(life->llm);
    nima_store_close(life->store);
    nima_ctx_done(&life->ctx);
    nftw(life->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void at_hour(struct life *life, int hour)
{
    life->ctx.user_id = life->who;
    life->ctx.now_ms = life->start + life->day * DAY + hour * (DAY / 24);
}

/* One message; the reply has to have done this. */
static void says(struct life *life, const char *message, const char *event)
{
    struct nima_llm_message said = {NIMA_STR("user"), nima_str_of(message)};
    struct nima_turn turn = {
        .messages = &said, .count = 1, .conversation_id = life->talk, .use_memory = true};
    struct nima_turn_out out = {0};
    ASSERT_OK_CTX(&life->ctx, nima_orchestrator_turn(&life->ctx, life->o, &turn, &out));
    life->talk = out.conversation_id;
    ASSERT_CONTAINS(out.actions.ptr != NULL ? out.actions : out.response,
                    nima_fmt(&life->ctx, "\"event\":\"%s\"", event).ptr);
}

static struct nima_goal goal_of(struct life *life, const char *title)
{
    struct nima_goal_rows rows;
    nima_str any = {NULL, 0};
    ASSERT_OK_CTX(&life->ctx, nima_goals_list(&life->ctx, life->goals, any, 0, any, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        if (nima_str_eq(rows.items[i].title, nima_str_of(title))) {
            return rows.items[i];
        }
    }
    return (struct nima_goal){0};
}

/* The actions that are advised for the goal, one line each. */
static nima_str advice(struct life *life, const char *title)
{
    struct nima_goal_suggestions found;
    struct nima_goal goal = goal_of(life, title);
    nima_str lines = NIMA_STR("");
    ASSERT_OK_CTX(&life->ctx, nima_goals_suggest(&life->ctx, life->goals, goal.id, NULL, &found));
    for (size_t i = 0; i < found.count; i++) {
        assert_true(found.items[i].evidence.count > 0);
        lines = nima_fmt(&life->ctx, NIMA_FMT NIMA_FMT "\n", NIMA_ARG(lines),
                         NIMA_ARG(found.items[i].action));
    }
    return lines;
}

struct line {
    int day;
    const char *message, *event;
};
static const struct line script[] = {
    {0, "my goal is to write the thesis by 2026-05-01", "created"},
    {0, "add a milestone \"Chapter 1\" to the thesis", "edited"},
    {0, "add a milestone \"Chapter 2\" to the thesis", "edited"},
    {0, "add a milestone \"Chapter 3\" to the thesis", "edited"},
    {0, "add a milestone \"Chapter 4\" to the thesis", "edited"},
    {0, "I want to save 3000 euros by 2026-04-01", "created"},
    {0, "add a milestone \"Open an account\" to the savings", "edited"},
    {0, "add a milestone \"Sell the old bike\" to the savings", "edited"},
    {1, "I want to run a half marathon by 2026-05-31", "created"},
    {1, "my goal is to learn Spanish", "created"},
    {1, "new goal: learn the cello", "created"},
    {5, "I opened an account", "milestone"},
    {8, "the half marathon is at 12 %", "progress"},
    {10, "I finished chapter 1", "milestone"},
    {15, "the half marathon is at 24 %", "progress"},
    {18, "Spanish is at 10 %", "progress"},
    {20, "the savings goal is due on 2026-05-21", "edited"},
    {20, "pause Spanish", "paused"},
    {22, "the half marathon is at 36 %", "progress"},
    {29, "the half marathon is at 48 %", "progress"},
    {35, "drop the cello", "deleted"},
    {35, "undo that", "undone"},
    {36, "the half marathon is at 60 %", "progress"},
    {36, "delete the cello", "deleted"},
    {40, "I sold the old bike", "milestone"},
    {43, "the half marathon is at 72 %", "progress"},
    {50, "the half marathon is at 84 %", "progress"},
    {50, "resume Spanish", "resumed"},
    {57, "the half marathon is at 95 %", "progress"},
    {64, "I finished the half marathon!", "completed"},
};

static void assert_history(struct life *life, const char *title, const char *kinds)
{
    struct nima_goal goal = goal_of(life, title);
    struct nima_goal_entries history;
    nima_str told = NIMA_STR("");
    ASSERT_OK_CTX(&life->ctx, nima_goal_history(&life->ctx, life->store, goal.id, 0, &history));
    for (size_t i = 0; i < history.count; i++) {
        told = nima_fmt(&life->ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(told), i > 0 ? " " : "",
                        NIMA_ARG(history.items[i].kind));
    }
    ASSERT_STR_EQ(told, kinds);
}

/* By hand: on day 16 half of the savings in 16 days leads to 3 April, two days late, and a quarter
 * of the thesis to 5 May; on day 33 nothing has been saved for 28 days. */
static void assert_raised(struct life *life)
{
    static const struct {
        int day;
        const char *begins;
    } expected[] = {
        {16, "Your goal \"Save 3000 euros\" is slipping: it is due 1 April 2026, stands at 50 %"},
        {16, "Your goal \"Write the thesis\" is slipping: it is due 1 May 2026, stands at 25 %"},
        {33,
         "Your goal \"Save 3000 euros\" is slipping: it is due 21 May 2026, stands at 50 %, and "
         "lately it has not moved."},
        {61, "Your goal \"Write the thesis\" was due 1 May 2026 and stands at 25 %."},
    };
    struct nima_message_rows rows;
    nima_str where = nima_schedule_conversation(&life->ctx, NIMA_STR("ana"));
    ASSERT_OK_CTX(&life->ctx, nima_messages_last(&life->ctx, life->store, where, 0, &rows));
    ASSERT_INT_EQ(rows.count, 4);
    for (size_t i = 0; i < 4; i++) {
        ASSERT_CONTAINS(rows.items[i].content, expected[i].begins);
        ASSERT_INT_EQ((rows.items[i].timestamp - life->start) / DAY, expected[i].day);
    }
}

static void assert_facts(struct life *life)
{
    static const char *const expected[] = {
        "The user has the goal \"Save 2000 euros\", 0 % done",
        "The user has the goal \"Learn Spanish\", 10 % done",
        "The user reached the goal \"Run a half marathon\" on 2026-05-05",
        "The user reached the goal \"Save 3000 euros\" on 2026-04-11",
        "The user has the goal \"Write the thesis\", 25 % done, due 2026-05-01"};
    struct nima_fact_rows rows;
    struct nima_fact_filter all = {.limit = 100, .status = NIMA_STR("active")};
    ASSERT_OK_CTX(&life->ctx, nima_facts_list(&life->ctx, life->store, &all, &rows));
    ASSERT_INT_EQ(rows.count, 5);
    for (size_t i = 0; i < 5; i++) {
        bool found = false;
        for (size_t n = 0; n < 5; n++) {
            found = found || nima_str_eq(rows.items[n].fact, nima_str_of(expected[i]));
        }
        if (!found) {
            fail_msg("no fact \"%s\", but \"" NIMA_FMT "\" …", expected[i],
                     NIMA_ARG(rows.items[i].fact));
        }
    }
}

/* Before its like was finished a new goal is to be split; afterwards what worked is advised. */
static void assert_taught(struct life *life)
{
    static const char *const second = "Save 2000 euros";
    if (life->day == 39) {
        says(life, "my goal is to save 2000 euros", "created");
        ASSERT_CONTAINS(advice(life, second), "Write down three milestones");
    } else if (life->day == 41) {
        ASSERT_CONTAINS(advice(life, second),
                        "as they worked before: Open an account; Sell the old");
    }
}

TEST(three_months_of_five_goals)
{
    struct life life;
    begin(&life);
    size_t next = 0, lines = sizeof(script) / sizeof(script[0]);
    for (life.day = 0; life.day <= 90; life.day++) {
        at_hour(&life, 0);
        for (; next < lines && script[next].day == life.day; next++) {
            life.ctx.now_ms += 1000;
            says(&life, script[next].message, script[next].event);
        }
        assert_taught(&life);
        at_hour(&life, 1);
        ASSERT_OK_CTX(&life.ctx, nima_orchestrator_look(&life.ctx, life.o));
        at_hour(&life, 2);
    }
    assert_raised(&life);
    assert_facts(&life);
    assert_null(goal_of(&life, "Learn the cello").id.ptr);
    assert_history(&life, "Write the thesis",
                   "created edited edited edited edited milestone alert alert");
    assert_history(&life, "Save 3000 euros",
                   "created edited edited milestone alert edited alert milestone");
    assert_history(&life, "Learn Spanish", "created progress status status");
    ASSERT_CONTAINS(advice(&life, "Write the thesis"), "Set a new date");
    ASSERT_CONTAINS(advice(&life, "Write the thesis"), "Do the next step: Chapter 2");
    ASSERT_CONTAINS(advice(&life, "Write the thesis"), "Give \"Chapter 2\" half an hour this week");
    ASSERT_STR_EQ(goal_of(&life, "Run a half marathon").status, "completed");
    end(&life);
}

enum { MANY = 10000, OVERDUE = 12, REPLY_BYTES_MAX = 8192 };

/* As an import puts them: at once. The first are overdue, a third has no day. */
static nima_rc put_many(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    const struct life *life = arg;
    for (int i = 0; i < MANY; i++) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        nima_str id = nima_fmt(ctx, "0199a3c0-0000-7000-8000-%012x", (unsigned)i);
        int64_t due = i < OVERDUE ? life->start + DAY : (i % 3 == 0 ? 0 : life->start + 400 * DAY);
        nima_str title = nima_fmt(ctx, "Visit lighthouse number %d", i);
        NIMA_TRY(nima_db_run(
            ctx, db,
            "INSERT INTO goals (id, user_id, title, status, deadline, progress, created_at, "
            "updated_at, metadata) VALUES ($1, $2, $3, 'active', $4, 0, $5, $5, $6)",
            NIMA_DB_ARGS(nima_db_text(id), nima_db_text(ctx->user_id), nima_db_text(title),
                         nima_db_time(due), nima_db_time(life->start),
                         nima_db_json(NIMA_STR("{}"))),
            NULL));
        NIMA_TRY(nima_db_run(ctx, db,
                             "INSERT INTO goal_progress (id, goal_id, recorded_at, event, "
                             "progress, status) VALUES ($1, $1, $2, 'created', 0, 'active')",
                             NIMA_DB_ARGS(nima_db_text(id), nima_db_time(life->start)), NULL));
        nima_scratch_end(ctx, mark);
    }
    return NIMA_OK;
}

static size_t raised(struct life *life)
{
    struct nima_goals_raised found;
    ASSERT_OK_CTX(&life->ctx, nima_orchestrator_look(&life->ctx, life->o));
    at_hour(life, 0);
    ASSERT_OK_CTX(&life->ctx, nima_orchestrator_raised(&life->ctx, life->o, 0, 1000, &found));
    return found.count;
}

TEST(ten_thousand_goals_stay_bounded)
{
    struct life life;
    struct nima_goal_rows page;
    nima_str any = {NULL, 0};
    begin(&life);
    life.who = NIMA_STR("bea"); /* on PostgreSQL what came before is still there */
    at_hour(&life, 0);
    ASSERT_OK_CTX(&life.ctx, nima_db_write(&life.ctx, life.store, put_many, &life));
    ASSERT_OK_CTX(&life.ctx, nima_goals_list(&life.ctx, life.goals, any, 0, any, &page));
    ASSERT_INT_EQ(page.count, 50);
    assert_non_null(page.next_cursor.ptr);
    life.day = 2;
    at_hour(&life, 0);
    ASSERT_INT_EQ(raised(&life), NIMA_GOAL_ALERTS_AT_ONCE);
    ASSERT_INT_EQ(raised(&life), OVERDUE);
    ASSERT_INT_EQ(raised(&life), OVERDUE);
    says(&life, "pause lighthouse number 9990", "paused");
    says(&life, "how am I doing?", "told");
    struct nima_llm_message said = {NIMA_STR("user"), NIMA_STR("I dreamt of lighthouse 9991.")};
    struct nima_turn turn = {
        .messages = &said, .count = 1, .conversation_id = life.talk, .use_memory = true};
    struct nima_turn_out out = {0};
    ASSERT_OK_CTX(&life.ctx, nima_orchestrator_turn(&life.ctx, life.o, &turn, &out));
    assert_true(out.context->goals.count >= 1 && out.context->goals.count <= 3);
    struct nima_message_rows rows;
    ASSERT_OK_CTX(&life.ctx, nima_messages_last(&life.ctx, life.store, life.talk, 3, &rows));
    assert_true(rows.items[0].content.len < REPLY_BYTES_MAX);
    ASSERT_CONTAINS(rows.items[0].content, "and ");
    end(&life);
}

TEST_MAIN
