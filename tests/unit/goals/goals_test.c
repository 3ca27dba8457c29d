/* Goals under a clock of the test's own: pace, where it leads, alerts, suggestions. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "goals/goals.h"
#include "llm/llm.h"
#include "support/test.h"
#include "util/clock.h"
#include "util/zone.h"

#define DAY (24 * 3600 * 1000LL)

struct world {
    struct nima_ctx ctx;
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_goals *goals;
    char folder[64];
    int64_t start;
};

static struct world world_open(void)
{
    struct world w = {.folder = "/tmp/nima-goals-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    nima_ctx_init(&w.ctx);
    w.ctx.user_id = NIMA_STR("ana");
    struct nima_store_options where = {.address = nima_fmt(&w.ctx, "sqlite:%s/nima.db", w.folder)};
    ASSERT_OK_CTX(&w.ctx, nima_store_open(&w.ctx, &where, &w.store));
    struct nima_llm_options models = {.chat = NIMA_STR("scripted:"),
                                      .embeddings = NIMA_STR("scripted:")};
    ASSERT_OK_CTX(&w.ctx, nima_llm_open(&w.ctx, &models, &w.llm));
    struct nima_llm_state state = {0};
    while (!state.embeddings_loaded) {
        nima_llm_state(w.llm, &state);
        usleep(1000);
    }
    w.goals = nima_goals_new(w.store, w.llm);
    assert_true(nima_time_read(NIMA_STR("2026-03-01T09:00:00Z"), &w.start));
    w.ctx.now_ms = w.start;
    return w;
}

static void world_close(struct world *w)
{
    nima_goals_free(w->goals);
    nima_llm_close(w->llm);
    nima_store_close(w->store);
    nima_ctx_done(&w->ctx);
    char path[96];
    const char *const files[] = {"nima.db", "nima.db-wal", "nima.db-shm"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", w->folder, files[i]);
        unlink(path);
    }
    rmdir(w->folder);
}

static void on_day(struct world *w, int day)
{
    w->ctx.now_ms = w->start + day * DAY;
}

static struct nima_goal set_goal(struct world *w, const char *title, int deadline_day,
                                 const char *const *steps)
{
    struct nima_milestone milestones[8];
    struct nima_goal goal = {.title = nima_str_of(title)}, made;
    goal.deadline = deadline_day > 0 ? w->start + deadline_day * DAY : 0;
    goal.milestones.items = milestones;
    for (; steps != NULL && steps[goal.milestones.count] != NULL; goal.milestones.count++) {
        milestones[goal.milestones.count] =
            (struct nima_milestone){.title = nima_str_of(steps[goal.milestones.count])};
    }
    ASSERT_OK_CTX(&w->ctx, nima_goals_add(&w->ctx, w->goals, &goal, &made));
    return made;
}

static void advance_to(struct world *w, const struct nima_goal *goal, double progress)
{
    struct nima_goal after;
    struct nima_goal_step step = {.has_progress = true, .progress = progress};
    ASSERT_OK_CTX(&w->ctx, nima_goals_advance(&w->ctx, w->goals, goal->id, &step, &after));
}

static void set_status(struct world *w, const struct nima_goal *goal, const char *status)
{
    struct nima_goal after;
    struct nima_goal_edit edit = {.status = nima_str_of(status)};
    ASSERT_OK_CTX(&w->ctx, nima_goals_edit(&w->ctx, w->goals, goal->id, &edit, &after));
}

static struct nima_goal_course course_of(struct world *w, const struct nima_goal *goal)
{
    struct nima_goal_course course;
    ASSERT_OK_CTX(&w->ctx, nima_goals_course(&w->ctx, w->goals, goal->id, &course));
    return course;
}

static struct nima_goal_alerts alerts(struct world *w)
{
    struct nima_goal_alerts found;
    const struct nima_zone *zone;
    ASSERT_OK_CTX(&w->ctx, nima_zone_load(&w->ctx, NIMA_STR("UTC"), &zone));
    ASSERT_OK_CTX(&w->ctx, nima_goals_alerts(&w->ctx, w->goals, zone, NULL, NULL, &found));
    return found;
}

TEST(the_pace_leads_to_a_day)
{
    struct world w = world_open();
    struct nima_goal goal = set_goal(&w, "Read twelve books", 100, NULL);
    on_day(&w, 10);
    advance_to(&w, &goal, 0.1);
    on_day(&w, 20);
    advance_to(&w, &goal, 0.2);
    struct nima_goal_course course = course_of(&w, &goal);
    assert_true(course.has_pace && course.has_needed);
    ASSERT_NEAR(course.pace_per_week, 0.07, 1e-9);
    ASSERT_NEAR((double)(course.projected - w.start) / DAY, 100, 0.01);
    ASSERT_NEAR(course.needed_per_week, 0.8 / (80 / 7.0), 1e-9);
    ASSERT_STR_EQ(course.state, "on_track");
    world_close(&w);
}

TEST(days_on_pause_do_not_count)
{
    struct world w = world_open();
    struct nima_goal goal = set_goal(&w, "Learn the cello", 0, NULL);
    on_day(&w, 7);
    advance_to(&w, &goal, 0.1);
    set_status(&w, &goal, "paused");
    ASSERT_STR_EQ(course_of(&w, &goal).state, "paused");
    on_day(&w, 60);
    set_status(&w, &goal, "active");
    on_day(&w, 67);
    struct nima_goal_course course = course_of(&w, &goal);
    ASSERT_NEAR(course.pace_per_week, 0.05, 1e-9); /* 0.1 in 14 days */
    ASSERT_STR_EQ(course.state, "open");
    world_close(&w);
}

TEST(only_the_last_days_make_the_pace)
{
    struct world w = world_open();
    struct nima_goal goal = set_goal(&w, "Save money", 0, NULL);
    on_day(&w, 1);
    advance_to(&w, &goal, 0.5); /* a good start, long ago */
    on_day(&w, 90);
    advance_to(&w, &goal, 0.54);
    on_day(&w, 100);
    struct nima_goal_course course = course_of(&w, &goal);
    ASSERT_NEAR(course.pace_per_week, 0.01, 1e-9);
    world_close(&w);
}

TEST(slipping_and_overdue_are_told_once_for_each_deadline)
{
    struct world w = world_open();
    struct nima_goal goal = set_goal(&w, "Write the thesis", 40, NULL);
    set_goal(&w, "No date", 0, NULL);
    assert_int_equal(alerts(&w).count, 0);
    on_day(&w, 12);
    struct nima_goal_alerts found = alerts(&w);
    assert_int_equal(found.count, 1);
    ASSERT_STR_EQ(found.items[0].state, "slipping");
    ASSERT_STR_EQ(found.items[0].title, "Write the thesis");
    assert_int_equal(alerts(&w).count, 0);
    on_day(&w, 41);
    found = alerts(&w);
    assert_int_equal(found.count, 1);
    ASSERT_STR_EQ(found.items[0].state, "overdue");
    assert_int_equal(alerts(&w).count, 0);
    struct nima_goal after;
    struct nima_goal_edit later = {.has_deadline = true, .deadline = w.start + 60 * DAY};
    ASSERT_OK_CTX(&w.ctx, nima_goals_edit(&w.ctx, w.goals, goal.id, &later, &after));
    found = alerts(&w);
    assert_int_equal(found.count, 1); /* a new date that cannot be met either */
    ASSERT_STR_EQ(found.items[0].state, "slipping");
    set_status(&w, &goal, "paused");
    on_day(&w, 61);
    assert_int_equal(alerts(&w).count, 0);
    world_close(&w);
}

static bool suggests(struct world *w, const struct nima_goal *goal, const char *text)
{
    struct nima_goal_suggestions found;
    ASSERT_OK_CTX(&w->ctx, nima_goals_suggest(&w->ctx, w->goals, goal->id, NULL, &found));
    bool has = false;
    for (size_t i = 0; i < found.count; i++) {
        assert_true(found.items[i].evidence.count > 0);
        has = has || nima_str_find(found.items[i].action, nima_str_of(text), 0) != SIZE_MAX;
    }
    return has;
}

TEST(finished_goals_teach)
{
    static const char *const steps[] = {"5 km without a break", "10 km", "15 km", NULL};
    struct world w = world_open();
    struct nima_goal goal = set_goal(&w, "Run the spring half marathon", 90, NULL);
    assert_true(suggests(&w, &goal, "three milestones"));
    struct nima_goal done = set_goal(&w, "Run the autumn half marathon", 0, steps);
    on_day(&w, 30);
    set_status(&w, &done, "completed");
    assert_true(suggests(&w, &goal, "10 km; 15 km"));
    assert_false(suggests(&w, &goal, "three milestones"));
    struct nima_goal other = set_goal(&w, "Pay back the loan", 0, NULL);
    assert_false(suggests(&w, &other, "10 km"));
    world_close(&w);
}

TEST(a_goal_that_stands_still_gets_a_small_step)
{
    static const char *const steps[] = {"Outline", "Draft", NULL};
    struct world w = world_open();
    struct nima_goal goal = set_goal(&w, "Write a book", 0, steps);
    assert_false(suggests(&w, &goal, "half an hour"));
    on_day(&w, 15);
    assert_true(suggests(&w, &goal, "Give \"Outline\" half an hour"));
    struct nima_goal_step note = {.note = NIMA_STR("thought about it")};
    struct nima_goal after;
    ASSERT_OK_CTX(&w.ctx, nima_goals_advance(&w.ctx, w.goals, goal.id, &note, &after));
    assert_false(suggests(&w, &goal, "half an hour"));
    world_close(&w);
}

/* What is advised, a key a line. */
static nima_str keys(struct world *w, const struct nima_goal *goal,
                     const struct nima_goals_known *known)
{
    struct nima_goal_suggestions found;
    nima_str lines = NIMA_STR("");
    ASSERT_OK_CTX(&w->ctx, nima_goals_suggest(&w->ctx, w->goals, goal->id, known, &found));
    for (size_t i = 0; i < found.count; i++) {
        assert_true(found.items[i].evidence.count > 0);
        lines = nima_fmt(&w->ctx, NIMA_FMT NIMA_FMT "\n", NIMA_ARG(lines),
                         NIMA_ARG(found.items[i].key));
    }
    return lines;
}

static bool has_key(struct world *w, const struct nima_goal *goal,
                    const struct nima_goals_known *known, const char *begins)
{
    return nima_str_find(keys(w, goal, known), nima_str_of(begins), 0) != SIZE_MAX;
}

static void dismiss(struct world *w, const struct nima_goal *goal,
                    const struct nima_goals_known *known, const char *begins)
{
    struct nima_goal_suggestions found;
    struct nima_goal after;
    ASSERT_OK_CTX(&w->ctx, nima_goals_suggest(&w->ctx, w->goals, goal->id, known, &found));
    for (size_t i = 0; i < found.count; i++) {
        if (nima_str_starts(found.items[i].key, nima_str_of(begins))) {
            ASSERT_OK_CTX(&w->ctx, nima_goals_settle(&w->ctx, w->goals, goal->id, &found.items[i],
                                                     false, &after));
            return;
        }
    }
    fail_msg("nothing to dismiss begins with %s", begins);
}

TEST(where_another_stopped_is_no_place_to_begin)
{
    static const char *const steps[] = {"5 km without a break", "10 km", NULL};
    struct world w = world_open();
    struct nima_goal old = set_goal(&w, "Run the autumn half marathon", 100, steps);
    struct nima_goal goal = set_goal(&w, "Run the spring half marathon", 0, NULL);
    on_day(&w, 26);
    assert_int_equal(alerts(&w).count, 1); /* it is slipping; that is no step forward */
    dismiss(&w, &old, NULL, "still:");     /* nor is that */
    assert_false(has_key(&w, &goal, NULL, "stuck:"));
    on_day(&w, 28);
    assert_true(has_key(&w, &goal, NULL, nima_fmt(&w.ctx, "stuck:%s", old.id.ptr).ptr));
    assert_true(suggests(&w, &goal, "with a piece that fits into one evening"));
    advance_to(&w, &old, 0.1);
    assert_false(has_key(&w, &goal, NULL, "stuck:"));
    on_day(&w, 55);
    assert_false(has_key(&w, &goal, NULL, "stuck:"));
    on_day(&w, 56);
    assert_true(has_key(&w, &goal, NULL, "stuck:"));
    advance_to(&w, &old, 0.2);
    set_status(&w, &old, "paused");
    assert_true(has_key(&w, &goal, NULL, "stuck:"));
    set_status(&w, &old, "active");
    on_day(&w, 101); /* overdue */
    advance_to(&w, &old, 0.3);
    assert_true(has_key(&w, &goal, NULL, "stuck:"));
    struct nima_goal other = set_goal(&w, "Pay back the loan", 0, NULL);
    assert_false(has_key(&w, &other, NULL, "stuck:"));
    world_close(&w);
}

TEST(what_was_dismissed_comes_back_only_after_a_step)
{
    static const char *const steps[] = {"Outline", "Draft", NULL};
    struct world w = world_open();
    struct nima_goal goal = set_goal(&w, "Write a book", 0, steps), after;
    on_day(&w, 15);
    dismiss(&w, &goal, NULL, "still:");
    on_day(&w, 60);
    assert_false(has_key(&w, &goal, NULL, "still:"));
    struct nima_goal_step step = {.note = NIMA_STR("half a page")};
    ASSERT_OK_CTX(&w.ctx, nima_goals_advance(&w.ctx, w.goals, goal.id, &step, &after));
    on_day(&w, 73);
    assert_false(has_key(&w, &goal, NULL, "still:"));
    on_day(&w, 74);
    assert_true(has_key(&w, &goal, NULL, "still:"));
    world_close(&w);
}

TEST(a_task_that_failed_is_to_be_looked_at)
{
    struct world w = world_open();
    struct nima_goal goal = set_goal(&w, "Build a shed", 60, NULL);
    struct nima_goal_hint hint = {.kind = NIMA_HINT_TASK,
                                  .id = NIMA_STR("0199a3c0-0000-7000-8000-000000000001"),
                                  .text = NIMA_STR("file.write_file plan.md"),
                                  .of = NIMA_STR("awaiting_approval")};
    struct nima_goals_known known = {.items = &hint, .count = 1};
    assert_true(has_key(&w, &goal, &known, "task:"));
    dismiss(&w, &goal, &known, "task:");
    assert_false(has_key(&w, &goal, &known, "task:"));
    hint.of = NIMA_STR("failed"); /* something else than what was dismissed */
    on_day(&w, 1);
    assert_true(has_key(&w, &goal, &known, "task:"));
    on_day(&w, 40);
    assert_true(has_key(&w, &goal, &known, "task:"));
    dismiss(&w, &goal, &known, "task:");
    on_day(&w, 50);
    assert_false(has_key(&w, &goal, &known, "task:"));
    hint.id = NIMA_STR("0199a3c0-0000-7000-8000-000000000002"); /* the next one fails, too */
    assert_true(has_key(&w, &goal, &known, "task:"));
    hint.of = NIMA_STR("completed");
    assert_false(has_key(&w, &goal, &known, "task:"));
    set_status(&w, &goal, "paused");
    hint.of = NIMA_STR("failed");
    ASSERT_STR_EQ(keys(&w, &goal, &known), "");
    world_close(&w);
}

TEST_MAIN
