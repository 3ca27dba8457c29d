/* The queue: claimed by one at a time, never lost, never ended by who lost it; and its record, in
 * which nothing can be changed unseen. */
#include "store/support_store.h"

#include <pthread.h>
#include <string.h>

#include "store/store_int.h"
#include "util/uuid.h"

enum { LEASE_MS = 10000 };

static struct nima_task_row a_task(const char *type, int priority)
{
    return (struct nima_task_row){.type = nima_str_of(type),
                                  .action = NIMA_STR("read_file"),
                                  .params = NIMA_STR("{\"path\":\"notes.txt\"}"),
                                  .params_hash = NIMA_STR("abc"),
                                  .status = NIMA_STR("pending"),
                                  .max_attempts = 3,
                                  .timeout_s = 60,
                                  .priority = priority,
                                  .origin = NIMA_STR("api")};
}

static const struct nima_audit_row noted = {.actor = NIMA_STR_INIT("ana"),
                                            .event = NIMA_STR_INIT("requested"),
                                            .type = NIMA_STR_INIT("file"),
                                            .action = NIMA_STR_INIT("read_file"),
                                            .policy = NIMA_STR_INIT("reads are allowed"),
                                            .details = NIMA_STR_INIT("{\"b\":1.50,\"a\":[2]}")};

static struct nima_task_row add_task(struct world *w, const char *type, int priority)
{
    struct nima_task_row task = a_task(type, priority), row;
    ASSERT_OK_CTX(&w->ctx, nima_task_add(&w->ctx, w->store, &task, &noted, &row));
    return row;
}

static bool claim_as(struct world *w, const char *owner, const char *busy, bool *taken_up,
                     struct nima_task_row *out)
{
    bool found = false;
    struct nima_task_claim claim = {.owner = nima_str_of(owner), .lease_ms = LEASE_MS};
    claim.busy[0] = nima_str_of(busy);
    ASSERT_OK_CTX(&w->ctx, nima_task_claim(&w->ctx, w->store, &claim, &found, taken_up, out));
    return found;
}

static struct nima_task_row get_task(struct world *w, nima_str id)
{
    struct nima_task_row row;
    ASSERT_OK_CTX(&w->ctx, nima_task_get(&w->ctx, w->store, id, &row));
    return row;
}

TEST(the_urgent_come_first_then_the_oldest_and_each_once)
{
    struct world w = world_open();
    struct nima_task_row row;
    bool taken_up;
    nima_str first = add_task(&w, "file", 0).id, second = add_task(&w, "file", 0).id;
    nima_str urgent = add_task(&w, "api", 5).id;
    ASSERT_TRUE(claim_as(&w, "p1", NULL, &taken_up, &row));
    ASSERT_TRUE(nima_str_eq(row.id, urgent) && !taken_up);
    ASSERT_INT_EQ(row.attempts, 1);
    ASSERT_STR_EQ(row.status, "running");
    ASSERT_TRUE(row.started_at != 0 && row.next_attempt_at == 0);
    ASSERT_TRUE(claim_as(&w, "p2", NULL, &taken_up, &row));
    ASSERT_TRUE(nima_str_eq(row.id, first));
    ASSERT_TRUE(!claim_as(&w, "p3", "file", &taken_up, &row));
    ASSERT_TRUE(claim_as(&w, "p3", NULL, &taken_up, &row));
    ASSERT_TRUE(nima_str_eq(row.id, second));
    ASSERT_TRUE(!claim_as(&w, "p3", NULL, &taken_up, &row));
    world_close(&w);
}

TEST(what_a_crash_left_is_taken_up_after_its_lease_and_the_late_one_is_refused)
{
    struct world w = world_open();
    struct nima_task_row late, row;
    bool taken_up, cancel = true, due, overdue;
    w.ctx.now_ms = 1000000;
    nima_str id = add_task(&w, "file", 0).id;
    ASSERT_TRUE(claim_as(&w, "p1", NULL, &taken_up, &late));
    w.ctx.now_ms += LEASE_MS - 1;
    ASSERT_OK_CTX(&w.ctx, nima_task_due(&w.ctx, w.store, &due, &overdue));
    ASSERT_TRUE(!due && !overdue);
    ASSERT_TRUE(!claim_as(&w, "p2", NULL, &taken_up, &row));
    ASSERT_OK_CTX(&w.ctx, nima_task_heartbeat(&w.ctx, w.store, &late, LEASE_MS, &cancel));
    ASSERT_TRUE(!cancel);
    w.ctx.now_ms += LEASE_MS - 1;
    ASSERT_TRUE(!claim_as(&w, "p2", NULL, &taken_up, &row));
    w.ctx.now_ms += 2;
    ASSERT_OK_CTX(&w.ctx, nima_task_due(&w.ctx, w.store, &due, &overdue));
    ASSERT_TRUE(due);
    ASSERT_TRUE(claim_as(&w, "p1", NULL, &taken_up, &row));
    ASSERT_TRUE(taken_up && nima_str_eq(row.id, id));
    ASSERT_INT_EQ(row.attempts, 2);
    struct nima_task_end end = {.status = NIMA_STR("completed"), .result = NIMA_STR("{}")};
    ASSERT_RC(NIMA_E_CONFLICT, nima_task_heartbeat(&w.ctx, w.store, &late, LEASE_MS, &cancel));
    ASSERT_RC(NIMA_E_CONFLICT, nima_task_finish(&w.ctx, w.store, &late, &end, &noted));
    ASSERT_STR_EQ(get_task(&w, id).status, "running");
    ASSERT_OK_CTX(&w.ctx, nima_task_finish(&w.ctx, w.store, &row, &end, &noted));
    row = get_task(&w, id);
    ASSERT_STR_EQ(row.status, "completed");
    ASSERT_STR_EQ(row.result, "{}");
    ASSERT_INT_EQ(row.completed_at, w.ctx.now_ms);
    world_close(&w);
}

TEST(one_that_is_to_be_tried_again_waits_for_its_time)
{
    struct world w = world_open();
    struct nima_task_row row;
    bool taken_up;
    w.ctx.now_ms = 1000000;
    add_task(&w, "file", 0);
    ASSERT_TRUE(claim_as(&w, "p1", NULL, &taken_up, &row));
    struct nima_task_end end = {.status = NIMA_STR("pending"),
                                .error = NIMA_STR("no answer"),
                                .error_code = NIMA_STR("unavailable"),
                                .next_attempt_at = w.ctx.now_ms + 2000};
    ASSERT_OK_CTX(&w.ctx, nima_task_finish(&w.ctx, w.store, &row, &end, NULL));
    ASSERT_TRUE(!claim_as(&w, "p1", NULL, &taken_up, &row));
    w.ctx.now_ms += 2000;
    ASSERT_TRUE(claim_as(&w, "p1", NULL, &taken_up, &row));
    ASSERT_INT_EQ(row.attempts, 2);
    ASSERT_STR_EQ(row.error, "no answer");
    end.uncounted = true;
    ASSERT_OK_CTX(&w.ctx, nima_task_finish(&w.ctx, w.store, &row, &end, NULL));
    ASSERT_INT_EQ(get_task(&w, row.id).attempts, 1);
    world_close(&w);
}

static struct nima_task_row propose(struct world *w, int64_t expires_at)
{
    struct nima_task_row task = a_task("file", 0), row;
    task.status = NIMA_STR("awaiting_approval");
    task.expires_at = expires_at;
    ASSERT_OK_CTX(&w->ctx, nima_task_add(&w->ctx, w->store, &task, &noted, &row));
    return row;
}

TEST(a_proposal_is_approved_once_and_in_time)
{
    struct world w = world_open();
    struct nima_task_row row;
    bool taken_up, found, due, overdue;
    w.ctx.now_ms = 1000000;
    nima_str id = propose(&w, w.ctx.now_ms + 10).id;
    ASSERT_TRUE(!claim_as(&w, "p1", NULL, &taken_up, &row));
    ASSERT_OK_CTX(&w.ctx, nima_task_approve(&w.ctx, w.store, id, false, &noted, &row));
    ASSERT_STR_EQ(row.status, "pending");
    ASSERT_STR_EQ(row.approved_hash, "abc");
    ASSERT_STR_EQ(row.approved_by, "ana");
    ASSERT_RC(NIMA_E_CONFLICT, nima_task_approve(&w.ctx, w.store, id, false, &noted, &row));
    ASSERT_TRUE(claim_as(&w, "p1", NULL, &taken_up, &row));
    id = propose(&w, w.ctx.now_ms + 10).id;
    w.ctx.now_ms += 10;
    ASSERT_RC(NIMA_E_CONFLICT, nima_task_approve(&w.ctx, w.store, id, false, &noted, &row));
    ASSERT_OK_CTX(&w.ctx, nima_task_due(&w.ctx, w.store, &due, &overdue));
    ASSERT_TRUE(!due && overdue);
    ASSERT_OK_CTX(&w.ctx, nima_task_expire(&w.ctx, w.store, &noted, &found));
    ASSERT_TRUE(found);
    ASSERT_STR_EQ(get_task(&w, id).status, "cancelled");
    ASSERT_OK_CTX(&w.ctx, nima_task_expire(&w.ctx, w.store, &noted, &found));
    ASSERT_TRUE(!found);
    id = propose(&w, w.ctx.now_ms + 10).id;
    ASSERT_OK_CTX(&w.ctx, nima_task_reject(&w.ctx, w.store, id, false, &noted, &row));
    ASSERT_STR_EQ(row.status, "cancelled");
    ASSERT_RC(NIMA_E_CONFLICT, nima_task_reject(&w.ctx, w.store, id, false, &noted, &row));
    world_close(&w);
}

static nima_rc change_it(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    return nima_db_run(ctx, db, "UPDATE tasks SET params_hash = 'def' WHERE id = $1",
                       NIMA_DB_ARGS(nima_db_text(*(nima_str *)arg)), NULL);
}

TEST(two_people_approve_the_same_or_nothing)
{
    struct world w = world_open();
    struct nima_task_row task = a_task("file", 0), row;
    bool taken_up;
    w.ctx.now_ms = 1000000;
    task.status = NIMA_STR("awaiting_approval");
    task.expires_at = w.ctx.now_ms + 10;
    task.two_person = 1;
    ASSERT_OK_CTX(&w.ctx, nima_task_add(&w.ctx, w.store, &task, &noted, &row));
    nima_str id = row.id;
    ASSERT_OK_CTX(&w.ctx, nima_task_approve(&w.ctx, w.store, id, false, &noted, &row));
    ASSERT_STR_EQ(row.status, "awaiting_approval");
    ASSERT_STR_EQ(row.first_hash, "abc");
    ASSERT_OK_CTX(&w.ctx, nima_db_write(&w.ctx, w.store, change_it, &id));
    w.ctx.user_id = NIMA_STR("ben");
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_task_approve(&w.ctx, w.store, id, false, &noted, &row));
    ASSERT_OK_CTX(&w.ctx, nima_task_approve(&w.ctx, w.store, id, true, &noted, &row));
    ASSERT_STR_EQ(row.status, "awaiting_approval");
    ASSERT_STR_EQ(row.first_by, "ben");
    ASSERT_RC(NIMA_E_CONFLICT, nima_task_approve(&w.ctx, w.store, id, true, &noted, &row));
    ASSERT_TRUE(!claim_as(&w, "p1", NULL, &taken_up, &row));
    w.ctx.user_id = NIMA_STR("ana");
    w.ctx.now_ms += 10;
    ASSERT_RC(NIMA_E_CONFLICT, nima_task_approve(&w.ctx, w.store, id, false, &noted, &row));
    w.ctx.now_ms -= 10;
    ASSERT_OK_CTX(&w.ctx, nima_task_approve(&w.ctx, w.store, id, false, &noted, &row));
    ASSERT_STR_EQ(row.status, "pending");
    ASSERT_STR_EQ(row.approved_hash, "def");
    ASSERT_TRUE(claim_as(&w, "p1", NULL, &taken_up, &row));
    world_close(&w);
}

TEST(cancelling_and_beginning_anew)
{
    struct world w = world_open();
    struct nima_task_row row;
    bool taken_up, cancel = false;
    struct nima_task_row again = add_task(&w, "file", 0);
    nima_str id = again.id;
    ASSERT_OK_CTX(&w.ctx, nima_task_cancel(&w.ctx, w.store, id, &noted, &row));
    ASSERT_STR_EQ(row.status, "cancelled");
    ASSERT_TRUE(row.completed_at != 0);
    ASSERT_RC(NIMA_E_CONFLICT, nima_task_cancel(&w.ctx, w.store, id, &noted, &row));
    ASSERT_TRUE(!claim_as(&w, "p1", NULL, &taken_up, &row));
    ASSERT_OK_CTX(&w.ctx, nima_task_retry(&w.ctx, w.store, &again, &noted, 1, 0, false, &row));
    ASSERT_STR_EQ(row.status, "pending");
    ASSERT_TRUE(claim_as(&w, "p1", NULL, &taken_up, &row));
    struct nima_task_row held = row;
    ASSERT_OK_CTX(&w.ctx, nima_task_cancel(&w.ctx, w.store, id, &noted, &row));
    ASSERT_STR_EQ(row.status, "running");
    ASSERT_OK_CTX(&w.ctx, nima_task_heartbeat(&w.ctx, w.store, &held, LEASE_MS, &cancel));
    ASSERT_TRUE(cancel);
    struct nima_task_end end = {.status = NIMA_STR("failed"), .error = NIMA_STR("x")};
    ASSERT_OK_CTX(&w.ctx, nima_task_finish(&w.ctx, w.store, &held, &end, NULL));
    int64_t until = nima_ctx_now(&w.ctx) + 60000;
    ASSERT_OK_CTX(&w.ctx, nima_task_retry(&w.ctx, w.store, &again, &noted, 1, until, false, &row));
    ASSERT_STR_EQ(row.status, "awaiting_approval");
    ASSERT_INT_EQ(row.attempts, 0);
    ASSERT_INT_EQ(row.cancel_requested, 0);
    world_close(&w);
}

TEST(nobody_sees_or_decides_on_what_is_somebody_elses)
{
    struct world w = world_open();
    struct nima_task_row row = propose(&w, nima_ctx_now(&w.ctx) + 60000);
    struct nima_task_filter filter = {0};
    struct nima_task_rows rows;
    nima_str id = row.id;
    w.ctx.user_id = NIMA_STR("ben");
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_task_get(&w.ctx, w.store, id, &row));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_task_approve(&w.ctx, w.store, id, false, &noted, &row));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_task_cancel(&w.ctx, w.store, id, &noted, &row));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_task_get(&w.ctx, w.store, NIMA_STR("no-id"), &row));
    ASSERT_OK_CTX(&w.ctx, nima_task_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 0);
    world_close(&w);
}

TEST(the_history_has_filters_and_pages)
{
    struct world w = world_open();
    struct nima_task_rows rows;
    for (int i = 0; i < 7; i++) {
        add_task(&w, i % 2 == 0 ? "file" : "api", 0);
    }
    struct nima_task_filter filter = {.type = NIMA_STR("file"), .limit = 3};
    ASSERT_OK_CTX(&w.ctx, nima_task_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 3);
    ASSERT_TRUE(nima_str_cmp(rows.items[0].id, rows.items[1].id) > 0);
    filter.cursor = rows.next_cursor;
    ASSERT_OK_CTX(&w.ctx, nima_task_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 1);
    ASSERT_TRUE(rows.next_cursor.ptr == NULL);
    filter = (struct nima_task_filter){.status = NIMA_STR("completed")};
    ASSERT_OK_CTX(&w.ctx, nima_task_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 0);
    filter = (struct nima_task_filter){.since = nima_ctx_now(&w.ctx) + 60000};
    ASSERT_OK_CTX(&w.ctx, nima_task_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 0);
    filter = (struct nima_task_filter){.cursor = NIMA_STR("c1")};
    ASSERT_RC(NIMA_E_INVALID, nima_task_list(&w.ctx, w.store, &filter, &rows));
    world_close(&w);
}

TEST(a_goals_tasks_are_found_behind_all_others)
{
    enum { OTHERS = 120 };
    struct world w = world_open();
    struct nima_task_rows rows;
    struct nima_task_row first, other, task = a_task("file", 0);
    nima_str goal = nima_uuid_new(&w.ctx);
    task.goal_id = goal;
    ASSERT_OK_CTX(&w.ctx, nima_task_add(&w.ctx, w.store, &task, &noted, &first));
    for (int i = 0; i < OTHERS; i++) {
        task.goal_id = i % 2 == 0 ? nima_uuid_new(&w.ctx) : (nima_str){NULL, 0};
        ASSERT_OK_CTX(&w.ctx, nima_task_add(&w.ctx, w.store, &task, &noted, &other));
    }
    struct nima_task_filter filter = {.goal_id = goal, .status = NIMA_STR("pending")};
    ASSERT_OK_CTX(&w.ctx, nima_task_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 1);
    ASSERT_TRUE(nima_str_eq(rows.items[0].id, first.id));
    ASSERT_STR_EQ(rows.items[0].goal_id, goal.ptr);
    filter.status = NIMA_STR("failed");
    ASSERT_OK_CTX(&w.ctx, nima_task_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 0);
    filter.goal_id = NIMA_STR("none");
    ASSERT_RC(NIMA_E_INVALID, nima_task_list(&w.ctx, w.store, &filter, &rows));
    w.ctx.user_id = NIMA_STR("bob");
    filter = (struct nima_task_filter){.goal_id = goal};
    ASSERT_OK_CTX(&w.ctx, nima_task_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 0);
    world_close(&w);
}

/* Claimed by four at once */

enum { THREADS = 4, TASKS = 60 };
struct claimer {
    struct world *w;
    const char *name;
    int claimed;
    bool failed;
};

static void *claim_all(void *arg)
{
    struct claimer *c = arg;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_task_claim claim = {.owner = nima_str_of(c->name), .lease_ms = 600000};
    struct nima_task_end end = {.status = NIMA_STR("completed"), .result = NIMA_STR("{}")};
    bool found = true, taken_up;
    struct nima_task_row row;
    while (found && !c->failed) {
        nima_rc rc = nima_task_claim(&ctx, c->w->store, &claim, &found, &taken_up, &row);
        if (rc == NIMA_OK && found) {
            c->claimed++;
            rc = row.attempts == 1 ? nima_task_finish(&ctx, c->w->store, &row, &end, &noted)
                                   : NIMA_E_INTERNAL;
        }
        c->failed = rc != NIMA_OK;
        nima_ctx_reset(&ctx);
    }
    nima_ctx_done(&ctx);
    return NULL;
}

TEST(four_workers_take_each_task_once)
{
    struct world w = world_open();
    struct claimer claimers[THREADS];
    pthread_t threads[THREADS];
    static const char *const names[THREADS] = {"a", "b", "c", "d"};
    struct nima_audit_report report;
    int claimed = 0;
    for (int i = 0; i < TASKS; i++) {
        add_task(&w, "file", 0);
    }
    for (int i = 0; i < THREADS; i++) {
        claimers[i] = (struct claimer){.w = &w, .name = names[i]};
        pthread_create(&threads[i], NULL, claim_all, &claimers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ASSERT_TRUE(!claimers[i].failed);
        claimed += claimers[i].claimed;
    }
    ASSERT_INT_EQ(claimed, TASKS);
    struct nima_task_filter filter = {.status = NIMA_STR("completed"), .limit = 1000};
    struct nima_task_rows rows;
    ASSERT_OK_CTX(&w.ctx, nima_task_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, TASKS);
    ASSERT_OK_CTX(&w.ctx, nima_audit_verify(&w.ctx, w.store, &report));
    ASSERT_TRUE(report.problem.ptr == NULL);
    ASSERT_INT_EQ(report.rows, 2 * TASKS);
    world_close(&w);
}

/* The record */

static nima_str problem_of(struct world *w)
{
    struct nima_audit_report report;
    ASSERT_OK_CTX(&w->ctx, nima_audit_verify(&w->ctx, w->store, &report));
    return report.problem;
}

TEST(the_record_is_read_back_last_first)
{
    struct world w = world_open();
    struct nima_audit_filter filter = {.limit = 2};
    struct nima_audit_rows rows;
    nima_str id = add_task(&w, "file", 0).id;
    for (int i = 0; i < 3; i++) {
        ASSERT_OK_CTX(&w.ctx, nima_audit_add(&w.ctx, w.store, &noted));
    }
    ASSERT_OK_CTX(&w.ctx, nima_audit_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 2);
    ASSERT_INT_EQ(rows.items[0].seq, 4);
    ASSERT_TRUE(nima_str_eq(rows.items[0].previous_hash, rows.items[1].hash));
    filter.cursor = rows.next_cursor;
    ASSERT_OK_CTX(&w.ctx, nima_audit_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 2);
    ASSERT_INT_EQ(rows.items[1].seq, 1);
    ASSERT_STR_EQ(rows.items[1].previous_hash, "");
    filter = (struct nima_audit_filter){.task_id = id};
    ASSERT_OK_CTX(&w.ctx, nima_audit_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 1);
    w.ctx.user_id = NIMA_STR("ben");
    filter = (struct nima_audit_filter){0};
    ASSERT_OK_CTX(&w.ctx, nima_audit_list(&w.ctx, w.store, &filter, &rows));
    ASSERT_INT_EQ(rows.count, 0);
    world_close(&w);
}

TEST(a_changed_a_removed_and_a_moved_row_are_found)
{
    if (world_is("json")) {
        skip(); /* its tables are in memory: nothing changes them from outside */
    }
    static const char *const tampering[] = {
        "UPDATE task_audit SET actor = 'eve' WHERE seq = 2",
        "UPDATE task_audit SET details = '{\"b\":1.5,\"a\":[3]}' WHERE seq = 2",
        "UPDATE task_audit SET at = '2020-01-01T00:00:00.000Z' WHERE seq = 3",
        "DELETE FROM task_audit WHERE seq = 2",
        "DELETE FROM task_audit WHERE seq = 1",
        "DELETE FROM task_audit WHERE seq = 4",
        "DELETE FROM task_audit_heads WHERE user_id = 'ana'",
        "UPDATE task_audit SET seq = CASE seq WHEN 2 THEN 30 ELSE 20 END WHERE seq IN (2, 3); "
        "UPDATE task_audit SET seq = seq / 10 WHERE seq > 10",
    };
    for (size_t i = 0; i < sizeof(tampering) / sizeof(tampering[0]); i++) {
        struct world w = world_open();
        for (int n = 0; n < 4; n++) {
            ASSERT_OK_CTX(&w.ctx, nima_audit_add(&w.ctx, w.store, &noted));
        }
        w.ctx.user_id = NIMA_STR("ben");
        ASSERT_OK_CTX(&w.ctx, nima_audit_add(&w.ctx, w.store, &noted));
        ASSERT_TRUE(problem_of(&w).ptr == NULL);
        world_sql(&w, tampering[i]);
        if (problem_of(&w).ptr == NULL) {
            fail_msg("not found: %s", tampering[i]);
        }
        world_close(&w);
    }
}

TEST(who_is_forgotten_leaves_no_task_and_no_record)
{
    struct world w = world_open();
    struct nima_audit_report report;
    int64_t change;
    struct nima_task_row task = a_task("file", 0), row;
    task.params = NIMA_STR("{\"path\":\"quokka-diary.txt\"}");
    ASSERT_OK_CTX(&w.ctx, nima_task_add(&w.ctx, w.store, &task, &noted, &row));
    ASSERT_OK_CTX(&w.ctx, nima_people_forget(&w.ctx, w.store, &change));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_task_get(&w.ctx, w.store, row.id, &row));
    ASSERT_OK_CTX(&w.ctx, nima_audit_verify(&w.ctx, w.store, &report));
    ASSERT_INT_EQ(report.rows, 0);
    ASSERT_TRUE(report.problem.ptr == NULL);
    ASSERT_TRUE(!world_has_bytes(&w, "quokka-diary"));
    world_close(&w);
}

TEST(a_conversations_tasks_go_with_it)
{
    struct world w = world_open();
    struct nima_conversation conversation = {0}, talk;
    struct nima_task_row task = a_task("file", 0), row;
    ASSERT_OK_CTX(&w.ctx, nima_conversation_create(&w.ctx, w.store, &conversation, NULL, 0, &talk));
    task.conversation_id = talk.id;
    ASSERT_OK_CTX(&w.ctx, nima_task_add(&w.ctx, w.store, &task, &noted, &row));
    ASSERT_OK_CTX(&w.ctx, nima_conversation_delete(&w.ctx, w.store, talk.id));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_task_get(&w.ctx, w.store, row.id, &row));
    world_close(&w);
}

TEST_MAIN
