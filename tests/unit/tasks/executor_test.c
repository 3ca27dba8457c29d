/* Workers: nothing runs that was not allowed, nothing is lost with a process, nothing is done twice
 * to a file. */
#include "tasks/support_tasks.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct nima_task_row a_row(struct world *w, const char *action, const char *params)
{
    return (struct nima_task_row){
        .type = NIMA_STR("file"),
        .action = nima_str_of(action),
        .params = nima_str_of(params),
        .params_hash =
            nima_task_hash(&w->ctx, NIMA_STR("file"), nima_str_of(action), nima_str_of(params)),
        .status = NIMA_STR("pending"),
        .max_attempts = 3,
        .timeout_s = 60,
        .origin = NIMA_STR("api"),
    };
}

static nima_str add_row(struct world *w, const struct nima_task_row *task)
{
    struct nima_task_row row;
    ASSERT_OK_CTX(&w->ctx, nima_task_add(&w->ctx, w->store, task, NULL, &row));
    return row.id;
}

TEST(a_row_without_its_approval_does_not_run)
{
    struct world w = world_folder();
    struct nima_task_row write = a_row(&w, "write_file", "{\"path\":\"a\",\"content\":\"x\"}");
    nima_str unasked = add_row(&w, &write);
    struct nima_task_row read = a_row(&w, "read_file", "{\"path\":\"a\"}");
    read.params_hash = NIMA_STR("of something else");
    nima_str changed = add_row(&w, &read);
    read = a_row(&w, "no_such", "{}");
    nima_str unknown = add_row(&w, &read);
    world_start(&w);
    ASSERT_STR_EQ(world_wait(&w, unasked).error_code, "forbidden");
    ASSERT_STR_EQ(world_wait(&w, changed).error_code, "forbidden");
    ASSERT_STR_EQ(world_wait(&w, unknown).error_code, "invalid_request");
    ASSERT_TRUE(world_file(&w, "root/a").ptr == NULL);
    world_close(&w);
}

TEST(two_approvals_count_by_the_policies_of_now)
{
    struct world w = world_folder();
    struct nima_task_row row, task = a_row(&w, "make_dir", "{\"path\":\"d\"}");
    nima_str ids[2];
    task.status = NIMA_STR("awaiting_approval");
    task.expires_at = nima_ctx_now(&w.ctx) + 60000;
    for (size_t i = 0; i < 2; i++) {
        task.two_person = (int64_t)i; /* the first needed one when it was asked for */
        ids[i] = add_row(&w, &task);
        ASSERT_OK_CTX(&w.ctx, nima_task_approve(&w.ctx, w.store, ids[i], false, NULL, &row));
    }
    w.ctx.user_id = NIMA_STR("ben"); /* an approver then, but not now */
    ASSERT_OK_CTX(&w.ctx, nima_task_approve(&w.ctx, w.store, ids[1], true, NULL, &row));
    ASSERT_STR_EQ(row.status, "pending");
    w.ctx.user_id = NIMA_STR("ana");
    w.options.two_person = NIMA_STR("file.make_dir");
    w.options.approvers = NIMA_STR("cy, ana");
    world_start(&w);
    for (size_t i = 0; i < 2; i++) {
        ASSERT_STR_EQ(world_wait(&w, ids[i]).error_code, "forbidden");
    }
    world_close(&w);
}

TEST(what_was_allowed_once_is_asked_for_again_by_the_policies_of_now)
{
    struct world w = world_folder();
    world_put(&w, "root/a", "x");
    struct nima_task_row read = a_row(&w, "read_file", "{\"path\":\"a\"}");
    nima_str id = add_row(&w, &read);
    w.options.deny = NIMA_STR("file.read_file:a");
    world_start(&w);
    ASSERT_STR_EQ(world_wait(&w, id).error_code, "forbidden");
    world_close(&w);
}

/* As a process does that dies with the task in its hands. */
static void claim_and_die(struct world *w)
{
    struct nima_task_claim claim = {.owner = NIMA_STR("gone"), .lease_ms = 1};
    struct nima_task_row row;
    bool found, taken_up;
    ASSERT_OK_CTX(&w->ctx, nima_task_claim(&w->ctx, w->store, &claim, &found, &taken_up, &row));
    ASSERT_TRUE(found);
}

static size_t events_of(struct world *w, nima_str id, const char *event)
{
    struct nima_audit_filter filter = {.task_id = id, .limit = 100};
    struct nima_audit_rows rows;
    size_t count = 0;
    ASSERT_OK_CTX(&w->ctx, nima_audit_list(&w->ctx, w->store, &filter, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        count += nima_str_eq(rows.items[i].event, nima_str_of(event));
    }
    return count;
}

TEST(a_task_of_a_dead_process_is_taken_up_and_that_is_on_record)
{
    struct world w = world_folder();
    world_put(&w, "root/a", "x");
    struct nima_task_row task = a_row(&w, "read_file", "{\"path\":\"a\"}");
    w.ctx.now_ms = nima_ctx_now(&w.ctx) - 60000;
    nima_str id = add_row(&w, &task);
    claim_and_die(&w);
    task.max_attempts = 1;
    nima_str last = add_row(&w, &task);
    claim_and_die(&w);
    w.ctx.now_ms = 0;
    world_start(&w);
    struct nima_task_row row = world_wait(&w, id);
    ASSERT_STR_EQ(row.status, "completed");
    ASSERT_INT_EQ(row.attempts, 2);
    ASSERT_INT_EQ(events_of(&w, id, "taken_up"), 1);
    row = world_wait(&w, last);
    ASSERT_STR_EQ(row.status, "failed");
    ASSERT_INT_EQ(events_of(&w, last, "failed"), 1);
    world_close(&w);
}

static nima_rc run_now(struct world *w, const char *name, nima_str id, const char *json,
                       nima_str *result)
{
    const struct nima_integration *integration;
    const struct nima_action *action;
    void *params;
    NIMA_TRY(nima_action_find(&w->ctx, NULL, NIMA_STR("file"), nima_str_of(name), &integration,
                              &action));
    NIMA_TRY(nima_action_params(&w->ctx, action, nima_str_of(json), &params));
    struct nima_job job = {.tasks = w->tasks, .id = id, .params = params};
    return action->run(&w->ctx, &job, result);
}

#define ID "018f0000-0000-7000-8000-0000000000aa"

TEST(a_second_attempt_after_a_crash_changes_nothing_twice)
{
    static const struct {
        const char *action, *params, *after;
    } cases[] = {
        {"append_file", "{\"path\":\"a\",\"content\":\"2\"}", "12"},
        {"write_file", "{\"path\":\"a\",\"content\":\"new\"}", "new"},
        {"process", "{\"path\":\"a\",\"op\":\"replace\",\"find\":\"1\",\"with\":\"11\"}", "11"},
        {"delete", "{\"path\":\"a\"}", NULL},
        {"move", "{\"path\":\"a\",\"to\":\"b\"}", NULL},
        {"copy", "{\"path\":\"a\",\"to\":\"b\"}", "1"},
        {"delete", "{\"path\":\"d\"}", "1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world w = world_open();
        nima_str result;
        world_put(&w, "root/a", "1");
        assert_int_equal(mkdir(nima_fmt(&w.ctx, "%s/d", w.root).ptr, 0755), 0);
        for (int attempt = 0; attempt < 2; attempt++) {
            nima_rc rc = run_now(&w, cases[i].action, NIMA_STR(ID), cases[i].params, &result);
            if (rc != NIMA_OK) {
                fail_msg("%s, attempt %d: %s", cases[i].action, attempt + 1, w.ctx.error.message);
            }
        }
        nima_str after = world_file(&w, "root/a");
        ASSERT_TRUE(nima_str_eq(after, nima_str_of(cases[i].after)));
        world_close(&w);
    }
}

/* They look at the time before they begin to change anything. */
TEST(what_works_on_a_content_ends_when_its_time_is_over)
{
    static const struct {
        const char *action, *params;
    } cases[] = {
        {"read_file", "{\"path\":\"a\"}"},
        {"search", "{\"query\":\"x\"}"},
        {"process", "{\"path\":\"a\",\"op\":\"lines\"}"},
        {"process", "{\"path\":\"a\",\"op\":\"replace\",\"find\":\"1\",\"with\":\"2\"}"},
        {"write_file", "{\"path\":\"a\",\"content\":\"new\"}"},
        {"write_file", "{\"path\":\"b\",\"content\":\"new\"}"},
        {"append_file", "{\"path\":\"a\",\"content\":\"2\"}"},
        {"copy", "{\"path\":\"a\",\"to\":\"b\"}"},
        {"delete", "{\"path\":\"a\"}"},
        {"undo", NULL},
    };
    struct world w = world_open();
    nima_str result,
        done = world_do(&w, "file", "write_file", "{\"path\":\"a\",\"content\":\"1\"}").id;
    w.ctx.deadline_ms = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *params =
            cases[i].params != NULL
                ? cases[i].params
                : nima_fmt(&w.ctx, "{\"task_id\":\"" NIMA_FMT "\"}", NIMA_ARG(done)).ptr;
        ASSERT_RC(NIMA_E_TIMEOUT, run_now(&w, cases[i].action, NIMA_STR(ID), params, &result));
    }
    w.ctx.deadline_ms = 0;
    ASSERT_STR_EQ(world_file(&w, "root/a"), "1");
    ASSERT_TRUE(world_file(&w, "root/b").ptr == NULL);
    world_close(&w);
}

TEST(many_tasks_are_each_done_once)
{
    enum { TASKS = 120 };
    struct world w = world_folder();
    nima_str ids[TASKS];
    struct nima_audit_report report;
    world_put(&w, "root/a", "x");
    w.options.workers = 6;
    world_start(&w);
    for (int i = 0; i < TASKS; i++) {
        struct nima_task_row row;
        ASSERT_OK_CTX(&w.ctx, world_ask(&w, "file", "stat", "{\"path\":\"a\"}", &row));
        ids[i] = row.id;
    }
    for (int i = 0; i < TASKS; i++) {
        struct nima_task_row row = world_wait(&w, ids[i]);
        ASSERT_STR_EQ(row.status, "completed");
        ASSERT_INT_EQ(row.attempts, 1);
    }
    ASSERT_OK_CTX(&w.ctx, nima_audit_verify(&w.ctx, w.store, &report));
    ASSERT_INT_EQ(report.rows, 3 * TASKS);
    ASSERT_TRUE(report.problem.ptr == NULL);
    world_close(&w);
}

TEST(ten_thousand_at_once_are_bounded_and_none_is_lost)
{
    enum { ASKED = 10000, ROOM = 60 };
    struct world w = world_folder();
    nima_str taken[ROOM];
    size_t count = 0;
    struct nima_task_row row;
    w.options.waiting_max = ROOM;
    world_start(&w);
    for (int i = 0; i < ASKED; i++) {
        struct nima_arena_mark mark = nima_scratch(&w.ctx);
        nima_rc rc = world_ask(&w, "file", "make_dir", "{\"path\":\"d\"}", &row);
        ASSERT_TRUE(rc == NIMA_OK ? i < ROOM : rc == NIMA_E_RATE && i >= ROOM);
        if (rc != NIMA_OK) {
            nima_scratch_end(&w.ctx, mark);
            continue;
        }
        taken[count++] = row.id;
    }
    ASSERT_INT_EQ(count, ROOM);
    for (size_t i = 0; i < count; i++) {
        ASSERT_OK_CTX(&w.ctx, nima_tasks_reject(&w.ctx, w.tasks, taken[i], &row));
    }
    ASSERT_STR_EQ(world_do(&w, "file", "make_dir", "{\"path\":\"d\"}").status, "completed");
    world_close(&w);
}

struct growing {
    const char *path;
    atomic_bool stop;
};

static void *grow(void *arg)
{
    struct growing *file = arg;
    int fd = open(file->path, O_WRONLY | O_APPEND);
    for (int i = 0; fd >= 0 && i < 100000 && !atomic_load(&file->stop); i++) {
        if (write(fd, "one more line of it\n", 20) != 20) {
            break;
        }
    }
    close(fd);
    return NULL;
}

/* What is read is bounded by what may be read, not by how long the file was when it was opened. */
TEST(a_file_that_grows_while_it_is_read)
{
    static const struct {
        const char *action, *params;
    } cases[] = {
        {"read_file", "{\"path\":\"a\",\"max_bytes\":1000}"},
        {"stat", "{\"path\":\"a\"}"},
        {"search", "{\"query\":\"more\",\"limit\":5}"},
        {"copy", "{\"path\":\"a\",\"to\":\"b\",\"overwrite\":true}"},
        {"process", "{\"path\":\"a\",\"op\":\"lines\"}"},
        {"process", "{\"path\":\"a\",\"op\":\"tail\",\"lines\":3}"},
    };
    struct world w = world_open();
    struct growing file = {.path = nima_fmt(&w.ctx, "%s/a", w.root).ptr};
    pthread_t thread;
    atomic_init(&file.stop, false);
    world_put(&w, "root/a", "the first line\n");
    ASSERT_INT_EQ(pthread_create(&thread, NULL, grow, &file), 0);
    for (size_t i = 0; i < 5 * sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = i % (sizeof(cases) / sizeof(cases[0]));
        struct nima_task_row row = world_do(&w, "file", cases[n].action, cases[n].params);
        ASSERT_STR_EQ(row.status, "completed");
        ASSERT_TRUE(row.result.len < 8000);
    }
    atomic_store(&file.stop, true);
    pthread_join(thread, NULL);
    ASSERT_TRUE(nima_str_starts(world_file(&w, "root/b"), NIMA_STR("the first line\n")));
    world_close(&w);
}

TEST(mode_is_kept_and_what_was_replaced_is_kept_for_a_day)
{
    struct world w = world_open();
    struct stat info;
    const char *file = nima_fmt(&w.ctx, "%s/a", w.root).ptr;
    world_put(&w, "root/a", "old");
    ASSERT_INT_EQ(chmod(file, 0640), 0);
    struct nima_task_row row =
        world_do(&w, "file", "write_file", "{\"path\":\"a\",\"content\":\"new\"}");
    ASSERT_STR_EQ(row.status, "completed");
    ASSERT_INT_EQ(stat(file, &info), 0);
    ASSERT_INT_EQ(info.st_mode & 07777, 0640);
    const char *undo = nima_fmt(&w.ctx, "{\"task_id\":\"" NIMA_FMT "\"}", NIMA_ARG(row.id)).ptr;
    ASSERT_STR_EQ(world_do(&w, "file", "undo", undo).status, "completed");
    ASSERT_STR_EQ(world_file(&w, "root/a"), "old");
    nima_undo_clean(&w.ctx, w.tasks);
    ASSERT_STR_EQ(world_do(&w, "file", "undo", undo).status, "completed");
    w.ctx.now_ms = nima_ctx_now(&w.ctx) + INT64_C(25) * 3600 * 1000;
    nima_undo_clean(&w.ctx, w.tasks);
    w.ctx.now_ms = 0;
    ASSERT_STR_EQ(world_do(&w, "file", "undo", undo).error_code, "not_found");
    world_close(&w);
}

/* The limit of the system on a file's length stands for a full disk: write() fails in the middle.
 */
static int run_on_a_full_disk(struct world *w, const char *action, const char *params)
{
    pid_t child = fork();
    if (child == 0) {
        nima_str result;
        struct rlimit limit = {1000, 1000};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(run_now(w, action, NIMA_STR(ID), params, &result) == NIMA_E_STORE ? 0 : 1);
    }
    int status = 1;
    ASSERT_INT_EQ(waitpid(child, &status, 0), child);
    return status;
}

TEST(a_write_that_fails_in_the_middle_leaves_the_old_file)
{
    static const struct {
        const char *action, *params; /* %s: more than there is room for */
    } cases[] = {
        {"write_file", "{\"path\":\"a\",\"content\":\"%s\"}"},
        {"write_file", "{\"path\":\"new\",\"content\":\"%s\"}"},
        {"append_file", "{\"path\":\"a\",\"content\":\"%s\"}"},
        {"process", "{\"path\":\"a\",\"op\":\"replace\",\"find\":\"o\",\"with\":\"%s\"}"},
        {"copy", "{\"path\":\"big\",\"to\":\"b\"}"},
        {"delete", "{\"path\":\"big\"}"},
    };
    struct world w = world_open();
    char more[5001], json[6000];
    memset(more, 'x', sizeof(more) - 1);
    more[sizeof(more) - 1] = '\0';
    world_put(&w, "root/a", "old");
    world_put(&w, "root/big", more);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *at = strstr(cases[i].params, "%s");
        int head = at != NULL ? (int)(at - cases[i].params) : (int)strlen(cases[i].params);
        snprintf(json, sizeof(json), "%.*s%s%s", head, cases[i].params, at != NULL ? more : "",
                 at != NULL ? at + 2 : "");
        ASSERT_INT_EQ(run_on_a_full_disk(&w, cases[i].action, json), 0);
        ASSERT_STR_EQ(world_file(&w, "root/a"), "old");
        ASSERT_STR_EQ(world_file(&w, "root/big"), more);
        unlink(nima_fmt(&w.ctx, "%s/" ID ".json", w.tasks->undo).ptr);
        unlink(nima_fmt(&w.ctx, "%s/" ID, w.tasks->undo).ptr);
    }
    struct nima_task_row row = world_do(&w, "file", "search", "{\"pattern\":\"**\"}");
    ASSERT_TRUE(nima_str_find(row.result, NIMA_STR("\"files\":2"), 0) != SIZE_MAX);
    world_close(&w);
}

TEST(settings_that_make_no_sense_stop_the_start)
{
    static const char *const rules[] = {"write_file", "file.no_such", "ftp.*", "file."};
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct world w = world_folder();
        struct nima_tasks *tasks = NULL;
        w.options.data = nima_str_of(w.folder);
        w.options.allow = nima_str_of(rules[i]);
        ASSERT_RC(NIMA_E_INVALID, nima_tasks_open(&w.ctx, &w.options, &tasks));
        w.options.allow = (nima_str){0};
        w.options.file_roots = NIMA_STR("/no/such/folder");
        ASSERT_RC(NIMA_E_INVALID, nima_tasks_open(&w.ctx, &w.options, &tasks));
        ASSERT_TRUE(tasks == NULL);
        world_close(&w);
    }
}

/* Content is worked on by another program, here one that behaves as a crafted file could make it.
 */
static struct nima_task_row process_with(struct world *w, const char *script, int64_t timeout_s)
{
    struct nima_task_row row;
    const char *path = nima_fmt(&w->ctx, "%s/processor", w->folder).ptr;
    signal(SIGPIPE, SIG_IGN); /* as main.c does */
    world_put(w, "processor", script);
    assert_int_equal(chmod(path, 0755), 0);
    world_put(w, "root/a.txt", "one\ntwo\n");
    w->options.processor = nima_str_of(path);
    world_start(w);
    struct nima_tasks_request request = {.type = NIMA_STR("file"),
                                         .action = NIMA_STR("process"),
                                         .params =
                                             NIMA_STR("{\"path\":\"a.txt\",\"op\":\"lines\"}"),
                                         .origin = NIMA_STR("api"),
                                         .max_attempts = 1,
                                         .timeout_s = timeout_s};
    ASSERT_OK_CTX(&w->ctx, nima_tasks_submit(&w->ctx, w->tasks, &request, &row));
    return world_wait(w, row.id);
}

TEST(work_on_content_that_crashes_fails_and_nothing_else_does)
{
    struct world w = world_folder();
    struct nima_task_row row = process_with(&w, "#!/bin/sh\nkill -SEGV $$\n", 60);
    ASSERT_STR_EQ(row.status, "failed");
    assert_true(nima_str_find(row.error, NIMA_STR("Segmentation fault"), 0) != SIZE_MAX);
    row = world_do(&w, "file", "stat", "{\"path\":\"a.txt\"}");
    ASSERT_STR_EQ(row.status, "completed");
    world_close(&w);
}

TEST(work_on_content_that_never_ends_is_ended)
{
    struct world w = world_folder();
    struct nima_task_row row = process_with(&w, "#!/bin/sh\nexec sleep 86400\n", 1);
    ASSERT_STR_EQ(row.status, "failed");
    ASSERT_STR_EQ(row.error_code, "timeout");
    world_close(&w);
}

TEST_MAIN
