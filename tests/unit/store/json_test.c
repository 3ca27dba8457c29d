/* The JSON engine's files: what they look like, what people may do to them, and what a crash may
 * not. */
#include "store/support_store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"

static struct world json_world(void)
{
    world_only("json");
    return world_open();
}

static const char *path_of(struct world *w, const char *name)
{
    return nima_fmt(&w->ctx, "%s/data/%s", w->folder, name).ptr;
}

static nima_str file(struct world *w, const char *name)
{
    nima_str data;
    ASSERT_OK_CTX(&w->ctx, nima_file_read(&w->ctx, path_of(w, name), 1 << 24, &data));
    return data;
}

static void write_file(struct world *w, const char *name, nima_str data)
{
    ASSERT_OK_CTX(&w->ctx, nima_file_write(&w->ctx, path_of(w, name), data, 0600));
}

static void close_store(struct world *w)
{
    nima_store_close(w->store);
    w->store = NULL;
}

static const float vector[4] = {0.5F, 0.5F, 0.5F, 0.5F};

static struct nima_fact put_vector(struct world *w, const char *text, size_t dims)
{
    struct nima_fact fact = a_fact(text), row;
    bool created;
    int64_t change;
    fact.embedding = vector;
    fact.dims = dims;
    fact.embedding_model = NIMA_STR("tiny");
    ASSERT_OK_CTX(&w->ctx, nima_facts_put(&w->ctx, w->store, &fact, &row, &created, &change));
    return row;
}

static size_t with_vector(struct world *w)
{
    struct nima_fact_stats stats;
    ASSERT_OK_CTX(&w->ctx, nima_facts_stats(&w->ctx, w->store, &stats));
    return (size_t)stats.with_embedding;
}

TEST(the_files_are_for_people_and_numpy)
{
    struct world w = json_world();
    put_vector(&w, "Ana said \"hi\"\n日本", 4);
    nima_str facts = file(&w, "memory/facts.json");
    assert_non_null(strstr(facts.ptr, "\n    \"fact\": \"Ana said \\\"hi\\\"\\n日本\",\n"));
    assert_null(strstr(facts.ptr, "fact_hash"));
    nima_str npy = file(&w, "embeddings/facts.npy");
    ASSERT_INT_EQ(npy.len, 128 + 16);
    static const char start[] = "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, "
                                "'shape': (1, 4), }";
    assert_memory_equal(npy.ptr, start, sizeof(start) - 1);
    assert_memory_equal(npy.ptr + 128, vector, 16);
    struct stat info;
    assert_int_equal(stat(path_of(&w, "memory/facts.json"), &info), 0);
    ASSERT_INT_EQ(info.st_mode & 0777, 0600);
    world_close(&w);
}

TEST(vectors_of_two_lengths_are_kept_apart)
{
    struct world w = json_world();
    put_vector(&w, "a", 4);
    put_vector(&w, "b", 4);
    struct nima_fact c = put_vector(&w, "c", 3), found;
    int64_t change;
    file(&w, "embeddings/facts-3.npy");
    world_reopen(&w);
    ASSERT_INT_EQ(with_vector(&w), 3);
    ASSERT_OK(nima_facts_get(&w.ctx, w.store, c.id, &found));
    ASSERT_INT_EQ(found.dims, 3);
    ASSERT_OK_CTX(&w.ctx, nima_facts_delete(&w.ctx, w.store, c.id, &change));
    assert_int_equal(access(path_of(&w, "embeddings/facts-3.npy"), F_OK), -1);
    assert_null(nima_store_notes(w.store));
    world_close(&w);
}

TEST(a_fact_added_by_hand_is_taken_in)
{
    struct world w = json_world();
    put_vector(&w, "first", 4);
    close_store(&w);
    nima_str facts = file(&w, "memory/facts.json");
    nima_str end = NIMA_STR("\n]\n");
    ASSERT_TRUE(nima_str_ends(facts, end));
    write_file(&w, "memory/facts.json",
               nima_fmt(&w.ctx, NIMA_FMT ",\n{\"fact\": \"by hand\", \"user_id\": \"zoe\"}]",
                        NIMA_ARG(nima_str_sub(facts, 0, facts.len - end.len))));
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    ASSERT_INT_EQ(count_facts(&w), 1);
    w.ctx.user_id = NIMA_STR("zoe");
    ASSERT_INT_EQ(count_facts(&w), 1);
    int64_t change;
    ASSERT_OK(nima_facts_change(&w.ctx, w.store, &change));
    ASSERT_INT_EQ(change, 1);
    ASSERT_TRUE(strstr(file(&w, "memory/facts.json").ptr, "\"confidence\": 0.8") != NULL);
    facts = file(&w, "memory/facts.json");
    world_reopen(&w); /* nothing is made up a second time */
    ASSERT_TRUE(nima_str_eq(facts, file(&w, "memory/facts.json")));
    world_close(&w);
}

TEST(a_text_edited_by_hand_loses_its_vector_only)
{
    struct world w = json_world();
    put_vector(&w, "Ana lives in Porto", 4);
    put_vector(&w, "other", 4);
    close_store(&w);
    nima_str facts = file(&w, "memory/facts.json");
    char *text = nima_cstr(&w.ctx, facts);
    memcpy(strstr(text, "Porto"), "Paris", 5);
    write_file(&w, "memory/facts.json", nima_str_of(text));
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    ASSERT_INT_EQ(count_facts(&w), 2);
    ASSERT_INT_EQ(with_vector(&w), 1);
    assert_non_null(strstr(nima_store_notes(w.store), "no vector for 1 texts"));
    world_close(&w);
}

TEST(broken_vectors_are_told_and_made_anew)
{
    struct world w = json_world();
    put_vector(&w, "a", 4);
    put_vector(&w, "b", 4);
    close_store(&w);
    nima_str good = file(&w, "embeddings/facts.npy");
    nima_str index = file(&w, "embeddings/facts.json"), facts = file(&w, "memory/facts.json");
    char *flipped = nima_cstr(&w.ctx, good);
    flipped[3] = 'x';
    char *wide = nima_cstr(&w.ctx, good);
    memcpy(strstr(wide + 10, "(2, 4)"), "(2, 9)", 6);
    nima_str broken[] = {nima_str_sub(good, 0, good.len - 5), nima_str_sub(good, 0, 7),
                         NIMA_STR(""), (nima_str){flipped, good.len}, (nima_str){wide, good.len}};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        write_file(&w, "embeddings/facts.json", index);
        write_file(&w, "memory/facts.json", facts);
        write_file(&w, "embeddings/facts.npy", broken[i]);
        ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
        ASSERT_INT_EQ(count_facts(&w), 2);
        ASSERT_INT_EQ(with_vector(&w), 0);
        assert_non_null(strstr(nima_store_notes(w.store), "made anew"));
        close_store(&w);
    }
    world_close(&w);
}

static void expect_refusal(struct world *w, nima_rc want, const char *word)
{
    nima_rc rc = world_try_open(w);
    if (rc != want || strstr(w->ctx.error.message, word) == NULL) {
        fail_msg("%s: \"%s\" instead of \"%s\"", nima_rc_code(rc), w->ctx.error.message, word);
    }
}

TEST(what_cannot_be_understood_stops_the_start_and_stays)
{
    struct world w = json_world();
    put_fact(&w, "precious");
    close_store(&w);
    nima_str good = file(&w, "memory/facts.json");
    struct {
        nima_str text;
        const char *word;
    } cases[] = {
        {nima_str_sub(good, 0, good.len / 2), "not JSON"},
        {NIMA_STR(""), "empty"},
        {NIMA_STR("{}"), "no list"},
        {NIMA_STR("[3]"), "row 1: it is no object"},
        {NIMA_STR("[{\"fact\": \"a\"}, {\"fact\": \"b\", \"categry\": \"x\"}]"),
         "row 2: \"categry\" is no field"},
        {NIMA_STR("[{\"category\": \"x\"}]"), "row 1: fact is missing"},
        {NIMA_STR("[{\"fact\": 7}]"), "fact must be a text"},
        {NIMA_STR("[{\"fact\": \"a\", \"id\": \"seven\"}]"), "id must be a UUID"},
        {NIMA_STR("[{\"fact\": \"a\", \"source\": \"gossip\"}]"), "not one that can be stored"},
        {NIMA_STR("[{\"fact\": \"a\", \"confidence\": 2}]"), "not one that can be stored"},
        {NIMA_STR("[{\"fact\": \"a\", \"created_at\": \"yesterday\"}]"), "must be a time"},
        {NIMA_STR("[{\"fact\": \"a\"}, {\"fact\": \"a\"}]"), "row 2: there is another"},
        {NIMA_STR("[{\"fact\": \"a\", \"fact\": \"b\"}]"), "stands twice"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(&w, "memory/facts.json", cases[i].text);
        expect_refusal(&w, NIMA_E_STORE, cases[i].word);
        ASSERT_TRUE(nima_str_eq(file(&w, "memory/facts.json"), cases[i].text));
    }
    write_file(&w, "memory/facts.json", good);
    write_file(&w, "tables/messages.json",
               NIMA_STR("[{\"conversation_id\": \"0190a000-0000-7000-8000-000000000001\", "
                        "\"position\": 0, \"role\": \"user\", \"content\": \"x\"}]"));
    expect_refusal(&w, NIMA_E_STORE, "belongs to nothing in conversations");
    unlink(path_of(&w, "tables/messages.json"));
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    ASSERT_INT_EQ(count_facts(&w), 1);
    world_close(&w);
}

TEST(a_second_process_is_refused)
{
    struct world w = json_world();
    struct nima_store *first = w.store;
    w.store = NULL;
    expect_refusal(&w, NIMA_E_BUSY, "in use by another process");
    nima_store_close(first);
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    world_close(&w);
}

TEST(a_file_edited_meanwhile_is_not_overwritten)
{
    struct world w = json_world();
    put_fact(&w, "before");
    nima_str edited = nima_fmt(&w.ctx, "[{\"fact\": \"by hand\", \"user_id\": \"ana\"}]");
    write_file(&w, "memory/facts.json", edited);
    ASSERT_RC(NIMA_E_STORE, try_put_fact(&w, "mine"));
    assert_non_null(strstr(w.ctx.error.message, "changed by somebody else"));
    ASSERT_TRUE(nima_str_eq(file(&w, "memory/facts.json"), edited));
    ASSERT_INT_EQ(count_facts(&w), 1);
    world_reopen(&w);
    put_fact(&w, "mine");
    ASSERT_INT_EQ(count_facts(&w), 2);
    world_close(&w);
}

/* As a crash leaves it between the journal and the renaming, and before the journal. */
TEST(a_commit_in_the_journal_is_finished_and_one_that_is_not_is_dropped)
{
    struct world w = json_world();
    put_fact(&w, "old");
    close_store(&w);
    nima_str facts = file(&w, "memory/facts.json"), users = file(&w, "tables/users.json");
    char *changed = nima_cstr(&w.ctx, facts);
    memcpy(strstr(changed, "old"), "new", 3);
    write_file(&w, ".commit/0", nima_str_of(changed));
    write_file(&w, ".commit/draft", NIMA_STR("0 memory/facts.json\n"));
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w));
    ASSERT_TRUE(nima_str_eq(file(&w, "memory/facts.json"), facts));
    assert_int_equal(access(path_of(&w, ".commit/0"), F_OK), -1);
    close_store(&w);
    write_file(&w, ".commit/0", nima_str_of(changed));
    write_file(&w, ".commit/journal", NIMA_STR("0 memory/facts.json\n1 tables/users.json\n"));
    ASSERT_OK_CTX(&w.ctx, world_try_open(&w)); /* the other was renamed before the crash */
    ASSERT_STR_EQ(file(&w, "memory/facts.json"), changed);
    ASSERT_TRUE(nima_str_eq(file(&w, "tables/users.json"), users));
    assert_int_equal(access(path_of(&w, ".commit/journal"), F_OK), -1);
    world_close(&w);
}

TEST(files_of_a_newer_version_are_left_alone)
{
    struct world w = json_world();
    put_fact(&w, "precious");
    close_store(&w);
    nima_str facts = file(&w, "memory/facts.json");
    write_file(
        &w, "tables/schema_migrations.json",
        NIMA_STR("[{\"version\": 9999, \"name\": \"9999_future.sql\", \"checksum\": \"x\"}]"));
    expect_refusal(&w, NIMA_E_STORE, "newer version");
    ASSERT_TRUE(nima_str_eq(file(&w, "memory/facts.json"), facts));
    world_close(&w);
}

TEST(migrations_are_told_beside_a_running_store)
{
    struct world w = json_world();
    struct nima_migration_states found = {0};
    struct nima_store_options options = {.address = nima_str_of(w.address)};
    ASSERT_OK_CTX(&w.ctx, nima_store_migrations(&w.ctx, &options, &found));
    ASSERT_TRUE(found.count >= 1 && found.items[0].applied);
    options.address = nima_fmt(&w.ctx, "json:%s/none", w.folder);
    ASSERT_OK_CTX(&w.ctx, nima_store_migrations(&w.ctx, &options, &found));
    ASSERT_TRUE(!found.items[0].applied);
    world_close(&w);
}

TEST_MAIN
