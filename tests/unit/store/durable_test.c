/* What an answer of NIMA_OK is worth: synced before it is given, there after kill -9, refused
 * when the disk is full; and many threads at once. */
#include "store/support_store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/clock.h"

/* SQLite's syncs come through here, since a program's own functions go before libc's. */
static atomic_int syncs;
static atomic_bool syncs_fail;

static int sync_with(long call, int fd)
{
    atomic_fetch_add(&syncs, 1);
    if (atomic_load(&syncs_fail)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fsync(int fd)
{
    return sync_with(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_with(SYS_fdatasync, fd);
}

TEST(a_write_is_synced_before_it_is_answered)
{
    if (world_is("postgres")) {
        skip();
    }
    struct world w = world_open();
    put_fact(&w, "warm");
    for (int i = 0; i < 5; i++) {
        int before = atomic_load(&syncs);
        put_fact(&w, nima_fmt(&w.ctx, "fact %d", i).ptr);
        ASSERT_TRUE(atomic_load(&syncs) > before);
    }
    world_close(&w);
}

TEST(a_sync_that_fails_is_no_success)
{
    if (world_is("postgres")) {
        skip();
    }
    struct world w = world_open();
    put_fact(&w, "kept");
    atomic_store(&syncs_fail, true);
    nima_rc rc = try_put_fact(&w, "not kept");
    atomic_store(&syncs_fail, false);
    ASSERT_INT_EQ(rc, NIMA_E_STORE);
    assert_non_null(strstr(w.ctx.error.message, "failed"));
    put_fact(&w, "kept, too");
    ASSERT_INT_EQ(count_facts(&w), 2);
    world_reopen(&w);
    ASSERT_INT_EQ(count_facts(&w), 2);
    world_close(&w);
}

/* A full disk, by SQLite's own way of replacing system calls. */
static ssize_t no_space(void)
{
    errno = ENOSPC;
    return -1;
}

static void set_disk_full(bool full)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    const char *calls[] = {"write", "pwrite", "pwrite64", "fallocate"};
    for (size_t i = 0; i < 4; i++) {
        vfs->xSetSystemCall(vfs, calls[i], full ? (sqlite3_syscall_ptr)no_space : NULL);
    }
}

TEST(a_full_disk_is_told_and_nothing_is_lost)
{
    world_only("sqlite");
    struct world w = world_open();
    put_fact(&w, "kept");
    set_disk_full(true);
    nima_rc rc = try_put_fact(&w, "not kept");
    set_disk_full(false);
    ASSERT_INT_EQ(rc, NIMA_E_STORE);
    assert_non_null(strstr(w.ctx.error.message, "disk is full"));
    ASSERT_INT_EQ(count_facts(&w), 1); /* reading goes on */
    put_fact(&w, "kept, too");
    world_reopen(&w);
    ASSERT_INT_EQ(count_facts(&w), 2);
    world_close(&w);
}

/* Writes facts 0, 1, 2 … and tells the pipe of each that was answered, until it is killed. */
static _Noreturn void write_until_killed(struct world *w, int round, int pipe_end)
{
    if (world_try_open(w) != NIMA_OK) {
        _exit(1);
    }
    for (int32_t i = 0;; i++) {
        struct nima_fact facts[3], rows[3];
        bool created[3];
        int64_t change;
        for (int k = 0; k < 3; k++) {
            facts[k] = a_fact(nima_fmt(&w->ctx, "round %d fact %d part %d", round, i, k).ptr);
        }
        nima_rc rc = nima_facts_put_many(&w->ctx, w->store, facts, 3, rows, created, &change);
        if (rc != NIMA_OK || write(pipe_end, &i, sizeof(i)) != sizeof(i)) {
            _exit(2);
        }
        if (i % 16 == 15) { /* some deletions, so that logs are wiped under way as well */
            (void)!nima_facts_delete(&w->ctx, w->store, rows[2].id, &change);
        }
        nima_ctx_reset(&w->ctx);
        w->ctx.user_id = NIMA_STR("ana");
    }
}

/* Returns the last fact that was answered, -1 for none. */
static int32_t kill_a_writer(struct world *w, int round, int after_ms)
{
    int ends[2];
    int32_t last = -1, seen;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        write_until_killed(w, round, ends[1]);
    }
    close(ends[1]);
    usleep((useconds_t)after_ms * 1000);
    kill(child, SIGKILL);
    while (read(ends[0], &seen, sizeof(seen)) == sizeof(seen)) {
        last = seen;
    }
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    return last;
}

TEST(kill_9_loses_nothing_that_was_answered)
{
    enum { ROUNDS = 20, START_MS_MAX = 2000 };
    struct world w = world_folder();
    int64_t answered = 0, slowest = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int32_t last = kill_a_writer(&w, round, 20 + (round * 37) % 180);
        int64_t start = nima_mono_ms();
        ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
        int64_t took = nima_mono_ms() - start;
        slowest = took > slowest ? took : slowest;
        answered += last + 1;
        const char *sql = nima_fmt(&w.ctx,
                                   "SELECT count(*) FROM facts WHERE fact LIKE 'round %d fact %%' "
                                   "AND fact LIKE '%%part 0'",
                                   round)
                              .ptr;
        int64_t kept = world_number(&w, sql);
        if (kept < last + 1 || kept > last + 2) { /* one may be done and not yet answered */
            fail_msg("round %d: %d were answered, %d are there", round, last + 1, (int)kept);
        }
        if (world_is("sqlite")) {
            ASSERT_INT_EQ(world_number(&w, "SELECT integrity_check = 'ok' FROM "
                                           "pragma_integrity_check"),
                          1);
            ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
        }
        nima_store_close(w.store);
        w.store = NULL;
    }
    print_message("%d kills, %d writes answered, slowest start %d ms\n", ROUNDS, (int)answered,
                  (int)slowest);
    ASSERT_TRUE(answered > 0 && slowest < START_MS_MAX);
    world_close(&w);
}

/* Another program holds the lock: told as such once SQLite has waited (less long here). */
TEST(a_lock_held_elsewhere_is_busy_and_passes)
{
    world_only("sqlite");
    struct world w = world_open();
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(w.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_busy_timeout(w.store->writers.idle->engine, 50);
    ASSERT_RC(NIMA_E_BUSY, try_put_fact(&w, "refused"));
    assert_non_null(strstr(w.ctx.error.message, "locked by another program"));
    ASSERT_INT_EQ(w.ctx.error.retry_after_s, 1);
    ASSERT_INT_EQ(count_facts(&w), 0); /* readers are not held up */
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    put_fact(&w, "taken");
    ASSERT_INT_EQ(count_facts(&w), 1);
    world_close(&w);
}

/* Threads */

enum { THREADS = 8, EACH = 40 };

struct worker {
    struct nima_store *store;
    nima_str user;
    nima_str conversation;
    int number, failures;
};

static void work_once(struct nima_ctx *ctx, struct worker *me, int i)
{
    struct nima_fact fact = a_fact(nima_fmt(ctx, "fact %d of %d", i, me->number).ptr), row;
    struct nima_message_row message = {.role = NIMA_STR("user"), .content = fact.fact}, out;
    struct nima_fact_filter filter = {.limit = 20, .contains = NIMA_STR("of")};
    struct nima_fact_rows rows;
    struct nima_message_rows last;
    bool created;
    int64_t change;
    me->failures += nima_facts_put(ctx, me->store, &fact, &row, &created, &change) != NIMA_OK;
    me->failures += nima_facts_get(ctx, me->store, row.id, &row) != NIMA_OK;
    me->failures += nima_facts_list(ctx, me->store, &filter, &rows) != NIMA_OK;
    me->failures +=
        nima_messages_append(ctx, me->store, me->conversation, &message, 1, &out) != NIMA_OK;
    me->failures += nima_messages_last(ctx, me->store, me->conversation, 5, &last) != NIMA_OK;
    if (i % 8 == 7) {
        me->failures += nima_facts_delete(ctx, me->store, row.id, &change) != NIMA_OK;
    }
}

static void *work(void *arg)
{
    struct worker *me = arg;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (int i = 0; i < EACH; i++) {
        ctx.user_id = me->user;
        work_once(&ctx, me, i);
        nima_ctx_reset(&ctx);
    }
    nima_ctx_done(&ctx);
    return NULL;
}

TEST(many_threads_write_and_read)
{
    struct world w = world_open();
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    struct nima_conversation talk = {0}, rows[2];
    for (int i = 0; i < 2; i++) {
        w.ctx.user_id = i == 0 ? NIMA_STR("ana") : NIMA_STR("ben");
        ASSERT_OK_CTX(&w.ctx, nima_conversation_create(&w.ctx, w.store, &talk, NULL, 0, &rows[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.store = w.store,
                                     .user = i % 2 == 0 ? NIMA_STR("ana") : NIMA_STR("ben"),
                                     .conversation = rows[i % 2].id,
                                     .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ASSERT_INT_EQ(workers[i].failures, 0);
    }
    w.ctx.user_id = NIMA_STR("ana");
    struct nima_message_rows last;
    ASSERT_INT_EQ(count_facts(&w), THREADS / 2 * (EACH - EACH / 8));
    int64_t change;
    ASSERT_OK(nima_facts_change(&w.ctx, w.store, &change));
    ASSERT_INT_EQ(change, THREADS / 2 * (EACH + EACH / 8));
    ASSERT_OK(nima_messages_last(&w.ctx, w.store, rows[0].id, 0, &last));
    ASSERT_INT_EQ(last.count, THREADS / 2 * EACH);
    for (size_t i = 0; i < last.count; i++) {
        ASSERT_INT_EQ(last.items[i].position, i);
    }
    world_close(&w);
}

/* Forgetting needs the log to itself, and waits for those who read. */
static nima_rc linger(struct nima_ctx *ctx, void *user, const struct nima_fact *fact)
{
    (void)ctx;
    (void)fact;
    atomic_store((atomic_bool *)user, true);
    usleep(300 * 1000);
    return NIMA_OK;
}

struct reader {
    struct nima_store *store;
    atomic_bool reading;
    nima_rc rc;
};

static void *read_slowly(void *arg)
{
    struct reader *me = arg;
    struct nima_ctx ctx;
    int64_t change;
    nima_ctx_init(&ctx);
    ctx.user_id = NIMA_STR("ben");
    me->rc = nima_facts_scan(&ctx, me->store, linger, &me->reading, &change);
    nima_ctx_done(&ctx);
    return NULL;
}

TEST(forgetting_waits_for_readers)
{
    struct world w = world_open();
    put_fact(&w, "ANA-WORDS");
    w.ctx.user_id = NIMA_STR("ben");
    put_fact(&w, "something of Ben's");
    w.ctx.user_id = NIMA_STR("ana");
    struct reader reader = {.store = w.store};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
    while (!atomic_load(&reader.reading)) {
        usleep(1000);
    }
    int64_t change;
    ASSERT_OK_CTX(&w.ctx, nima_people_forget(&w.ctx, w.store, &change));
    ASSERT_TRUE(!world_has_bytes(&w, "ANA-WORDS"));
    pthread_join(thread, NULL);
    ASSERT_INT_EQ(reader.rc, NIMA_OK);
    world_close(&w);
}

TEST_MAIN
