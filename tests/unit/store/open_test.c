/* Opening: what stops a start, and that it says why and what to do. */
#include "store/support_store.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/migrate.h"
#include "util/clock.h"
#include "util/file.h"

static void expect_refusal(struct world *w, nima_rc rc, const char *word)
{
    nima_rc result = world_try_open(w);
    if (result != rc || strstr(w->ctx.error.message, word) == NULL) {
        fail_msg("%s: \"%s\" instead of \"%s\"", nima_rc_code(result), w->ctx.error.message, word);
    }
    assert_null(w->store);
}

static void write_file(struct world *w, nima_str data)
{
    ASSERT_OK_CTX(&w->ctx, nima_file_write(&w->ctx, w->path, data, 0600));
}

TEST(a_store_that_is_closed_and_opened_keeps_everything)
{
    struct world w = world_open();
    assert_string_equal(nima_store_kind(w.store), "sqlite");
    put_fact(&w, "kept");
    world_reopen(&w);
    ASSERT_OK_CTX(&w.ctx, nima_store_ping(&w.ctx, w.store));
    ASSERT_INT_EQ(count_facts(&w), 1);
    struct stat info;
    assert_int_equal(stat(w.path, &info), 0);
    ASSERT_INT_EQ(info.st_mode & 0777, 0600);
    world_close(&w);
}

TEST(missing_folders_are_made_and_a_bare_path_is_sqlite)
{
    struct world w = world_folder();
    struct nima_store_options options = {.address = nima_fmt(&w.ctx, "%s/a/b/nima.db", w.folder)};
    struct nima_store *store = NULL;
    ASSERT_OK_CTX(&w.ctx, nima_store_open(&w.ctx, &options, &store));
    nima_store_close(store);
    assert_int_equal(unlink(nima_cstr(&w.ctx, options.address)), 0);
    rmdir(nima_fmt(&w.ctx, "%s/a/b", w.folder).ptr);
    rmdir(nima_fmt(&w.ctx, "%s/a", w.folder).ptr);
    world_close(&w);
}

TEST(addresses_of_other_kinds_are_refused)
{
    struct world w = world_folder();
    const char *addresses[] = {"",
                               "sqlite:",
                               "postgres:nima",
                               "postgres://h/d?schema=Two%20Words",
                               "json:",
                               "mysql://local",
                               "postgres://u:p%zz@h/d",
                               "postgres://h:port/d?colour=blue",
                               "sqlite:a\xff"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct nima_store_options options = {.address = nima_str_of(addresses[i])};
        ASSERT_RC(NIMA_E_INVALID, nima_store_open(&w.ctx, &options, &w.store));
        assert_string_equal(w.ctx.error.field, "store");
    }
    world_close(&w);
}

TEST(a_folder_in_place_of_the_file_is_named)
{
    struct world w = world_folder();
    assert_int_equal(mkdir(w.path, 0700), 0);
    expect_refusal(&w, NIMA_E_STORE, "is a folder");
    rmdir(w.path);
    assert_int_equal(mkfifo(w.path, 0600), 0);
    expect_refusal(&w, NIMA_E_STORE, "not a regular file");
    world_close(&w);
}

/* Runs as nobody, since root may write anywhere. Ends with 0 when `word` was in the refusal. */
static int refused_as_nobody(struct world *w, const char *word)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(3);
        }
        nima_rc rc = world_try_open(w);
        _exit(rc == NIMA_E_STORE && strstr(w->ctx.error.message, word) != NULL ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

TEST(a_folder_that_cannot_be_written_is_named)
{
    struct world w = world_folder();
    assert_int_equal(chmod(w.folder, 0555), 0);
    ASSERT_INT_EQ(refused_as_nobody(&w, "the right to write"), 0);
    chmod(w.folder, 0700);
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    nima_store_close(w.store);
    w.store = NULL;
    chmod(w.path, 0444);
    chmod(w.folder, 0755);
    ASSERT_INT_EQ(refused_as_nobody(&w, "cannot be written"), 0);
    world_close(&w);
}

TEST(a_file_that_is_no_database_is_left_as_it_is)
{
    struct world w = world_folder();
    const char *contents[] = {"hello", "{\"facts\": []}", "SQLite format 2"};
    for (size_t i = 0; i < 3; i++) {
        write_file(&w, nima_str_of(contents[i]));
        expect_refusal(&w, NIMA_E_STORE, "not a SQLite database");
        nima_str after;
        ASSERT_OK(nima_file_read(&w.ctx, w.path, 1000, &after));
        ASSERT_STR_EQ(after, contents[i]);
    }
    char noise[9000];
    memset(noise, 'x', sizeof(noise));
    write_file(&w, (nima_str){noise, sizeof(noise)});
    expect_refusal(&w, NIMA_E_STORE, "not a SQLite database");
    world_close(&w);
}

TEST(an_empty_file_becomes_a_store)
{
    struct world w = world_folder();
    write_file(&w, NIMA_STR(""));
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    world_close(&w);
}

TEST(a_database_of_another_program_is_left_alone)
{
    struct world w = world_folder();
    world_sql(&w, "CREATE TABLE theirs (id INTEGER)");
    expect_refusal(&w, NIMA_E_STORE, "another program");
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM sqlite_schema"), 1);
    world_close(&w);
}

TEST(a_file_cut_short_is_refused)
{
    struct world w = world_open();
    for (int i = 0; i < 200; i++) {
        put_fact(&w, nima_fmt(&w.ctx, "some fact, number %d", i).ptr);
    }
    nima_store_close(w.store);
    w.store = NULL;
    struct stat info;
    assert_int_equal(stat(w.path, &info), 0);
    const off_t sizes[] = {info.st_size - 1, info.st_size / 2, 4096, 100};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(truncate(w.path, sizes[i]), 0);
        nima_rc rc = world_try_open(&w);
        if (rc != NIMA_E_STORE) {
            fail_msg("cut to %ld: %s", (long)sizes[i], nima_rc_code(rc));
        }
        assert_non_null(strstr(w.ctx.error.message, "damaged"));
    }
    world_close(&w);
}

/* Any page may be hit: the answer is an error or the right rows, never a crash. */
TEST(flipped_bytes_are_an_error_or_harmless)
{
    struct world w = world_open();
    for (int i = 0; i < 60; i++) {
        put_fact(&w, nima_fmt(&w.ctx, "some fact, number %d", i).ptr);
    }
    nima_store_close(w.store);
    w.store = NULL;
    nima_str whole;
    ASSERT_OK(nima_file_read(&w.ctx, w.path, 1 << 24, &whole));
    char *copy = nima_cstr(&w.ctx, whole);
    for (size_t round = 0; round < 150; round++) {
        memcpy(copy, whole.ptr, whole.len);
        size_t at = (round * 7919) % whole.len;
        for (size_t i = 0; i < 16 && at + i < whole.len; i++) {
            copy[at + i] = (char)(copy[at + i] ^ (char)(round * 31 + i + 1));
        }
        write_file(&w, (nima_str){copy, whole.len});
        if (world_try_open(&w) == NIMA_OK) {
            struct nima_fact_filter filter = {.limit = 1000};
            struct nima_fact_rows rows;
            struct nima_fact fact = a_fact("one more"), row;
            bool created;
            int64_t change;
            nima_rc rc = nima_facts_list(&w.ctx, w.store, &filter, &rows);
            ASSERT_TRUE(rc == NIMA_OK || rc == NIMA_E_STORE);
            rc = nima_facts_put(&w.ctx, w.store, &fact, &row, &created, &change);
            ASSERT_TRUE(rc == NIMA_OK || w.ctx.error.message[0] != '\0');
            nima_store_close(w.store);
            w.store = NULL;
        }
    }
    world_close(&w);
}

/* Migrations */

static struct nima_migration_states states(struct world *w)
{
    struct nima_migration_states found = {0};
    struct nima_store_options options = {.address = nima_str_of(w->path)};
    ASSERT_OK_CTX(&w->ctx, nima_store_migrations(&w->ctx, &options, &found));
    return found;
}

TEST(migrations_are_told_without_being_made)
{
    struct world w = world_folder();
    struct nima_migration_states found = states(&w);
    ASSERT_TRUE(found.count >= 1);
    ASSERT_TRUE(!found.items[0].applied && found.items[0].applied_at.ptr == NULL);
    ASSERT_INT_EQ(found.items[0].version, 1);
    ASSERT_STR_EQ(found.items[0].name, "0001_people_facts_conversations.sql");
    assert_int_equal(access(w.path, F_OK), -1); /* asking makes nothing */
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    found = states(&w);
    ASSERT_TRUE(found.items[found.count - 1].applied);
    int64_t at;
    ASSERT_TRUE(nima_time_read(found.items[0].applied_at, &at));
    ASSERT_NEAR(at, nima_now_ms(), 5000);
    world_close(&w);
}

TEST(a_database_newer_than_the_binary_is_refused)
{
    struct world w = world_open();
    put_fact(&w, "precious");
    nima_store_close(w.store);
    w.store = NULL;
    world_sql(&w, "INSERT INTO schema_migrations VALUES (9999, '9999_future.sql', 'x', "
                  "'2030-01-01T00:00:00.000Z')");
    expect_refusal(&w, NIMA_E_STORE, "newer version");
    assert_non_null(strstr(w.ctx.error.message, "9999_future.sql"));
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM facts"), 1);
    world_close(&w);
}

TEST(an_edited_migration_is_refused)
{
    struct world w = world_open();
    nima_store_close(w.store);
    w.store = NULL;
    world_sql(&w, "UPDATE schema_migrations SET checksum = '00' WHERE version = 1");
    expect_refusal(&w, NIMA_E_STORE, "another text");
    assert_non_null(strstr(w.ctx.error.message, "0001_people_facts_conversations.sql"));
    world_close(&w);
}

TEST(a_migration_that_fails_leaves_nothing)
{
    struct world w = world_folder();
    world_sql(&w, "PRAGMA application_id = 0x4E494D41; CREATE TABLE messages (mine INTEGER)");
    expect_refusal(&w, NIMA_E_STORE, "messages");
    ASSERT_INT_EQ(world_number(&w, "SELECT count(*) FROM sqlite_schema WHERE name = 'facts' OR "
                                   "name = 'schema_migrations'"),
                  0);
    world_close(&w);
}

TEST(a_text_is_spelled_for_its_engine)
{
    struct world w = world_folder();
    nima_str out;
    nima_str text = NIMA_STR("-- a comment with @words\n"
                             "CREATE TABLE t (id @uuid, at @time) @strict;\n"
                             "-- @postgres\nonly there\n-- @end\n"
                             "-- @sqlite\nonly here\n-- @end\nboth\n");
    ASSERT_OK_CTX(&w.ctx, nima_store_render(&w.ctx, &nima_db_sqlite, text, &out));
    ASSERT_STR_EQ(out, "CREATE TABLE t (id TEXT, at TEXT) STRICT;\nonly here\nboth\n");
    ASSERT_RC(NIMA_E_INTERNAL,
              nima_store_render(&w.ctx, &nima_db_sqlite, NIMA_STR("a @guess"), &out));
    world_close(&w);
}

/* A second process may hold the lock: the answer is BUSY, and nothing is lost. */
TEST(two_stores_on_one_file_take_turns)
{
    struct world w = world_open();
    struct nima_store *first = w.store;
    w.store = NULL;
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    for (int i = 0; i < 20; i++) {
        put_fact(&w, nima_fmt(&w.ctx, "fact %d", i).ptr);
        struct nima_store *other = w.store;
        w.store = first;
        first = other;
    }
    ASSERT_INT_EQ(count_facts(&w), 20);
    nima_store_close(first);
    put_fact(&w, "one more");
    ASSERT_INT_EQ(count_facts(&w), 21);
    world_close(&w);
}

TEST_MAIN
