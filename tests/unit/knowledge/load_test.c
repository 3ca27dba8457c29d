/* Packs are read, kept, read again when they change; what is wrong with them is said. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "knowledge/knowledge_int.h"
#include "knowledge/support_knowledge.h"
#include "util/file.h"

static struct nima_pack_info get(struct world *w, const char *id)
{
    struct nima_pack_info info;
    ASSERT_OK_CTX(&w->ctx, nima_knowledge_get(&w->ctx, w->knowledge, nima_str_of(id),
                                              (nima_str){NULL, 0}, &info));
    return info;
}

TEST(the_plans_file_is_a_pack)
{
    struct world w = world_open();
    write_pack_file(&w, "finances", "facts.json",
                    "{\"id\": \"finances\", \"name\": \"Personal Finance\", \"category\": \"life\","
                    " \"version\": \"1.0.0\", \"enabled\": true, \"facts\": [{\"fact\": "
                    "\"Emergency fund should be 3-6 months expenses\", \"category\": "
                    "\"budgeting\"}], \"rules\": {\"topics\": [\"finance\", \"money\"]}}");
    struct nima_pack_infos packs = list(&w);
    ASSERT_INT_EQ(packs.count, 1);
    ASSERT_STR_EQ(packs.items[0].name, "Personal Finance");
    struct nima_pack_info pack = get(&w, "finances");
    ASSERT_INT_EQ(pack.facts.count, 1);
    ASSERT_STR_EQ(pack.facts.items[0].category, "budgeting");
    ASSERT_INT_EQ(pack.facts.items[0].id.len, 12);
    ASSERT_INT_EQ(pack.rules.topics.count, 2);
    world_close(&w);
}

TEST(pack_json_may_stand_beside_its_facts_and_rules)
{
    struct world w = world_open();
    write_pack_file(&w, "a", "pack.json",
                    "{\"id\": \"a\", \"name\": \"A\", \"version\": \"1.0.0\"}");
    write_pack_file(&w, "a", "facts.json", "[{\"fact\": \"One.\"}, {\"fact\": \"Two.\"}]");
    write_pack_file(&w, "a", "rules.yaml",
                    "topics: [alpha]\nhints: [\"beta gamma\"]\n"
                    "tone: Calm.\nask_first: [\"Which one?\"]\n");
    struct nima_pack_info pack = get(&w, "a");
    ASSERT_INT_EQ(pack.facts.count, 2);
    ASSERT_STR_EQ(pack.rules.hints.items[0], "beta gamma");
    ASSERT_STR_EQ(pack.rules.tone, "Calm.");
    world_close(&w);
}

TEST(a_changed_a_new_and_a_removed_pack_are_noticed)
{
    struct world w = world_open();
    write_pack(&w, "a", "a", "1.0.0", "One.", "alpha");
    ASSERT_STR_EQ(get(&w, "a").facts.items[0].fact, "One.");
    write_pack(&w, "a", "a", "1.0.0", "Two!", "alpha"); /* of the same length, another inode */
    ASSERT_STR_EQ(get(&w, "a").facts.items[0].fact, "Two!");
    write_pack(&w, "b", "b", "1.0.0", "Three.", "beta");
    ASSERT_INT_EQ(list(&w).count, 2);
    assert_int_equal(unlink(path_of(&w, "packs/a/facts.json")), 0);
    assert_int_equal(rmdir(path_of(&w, "packs/a")), 0);
    ASSERT_INT_EQ(list(&w).count, 1);
    world_close(&w);
}

TEST(the_highest_enabled_version_is_served_and_another_on_request)
{
    struct world w = world_open();
    write_pack(&w, "a1", "a", "1.9.0", "Nine.", "alpha");
    write_pack(&w, "a2", "a", "1.10.0", "Ten.", "alpha");
    write_pack(&w, "a3", "a", "2.0.0-rc.1", "Soon.", "alpha");
    ASSERT_STR_EQ(list(&w).items[0].version, "2.0.0-rc.1");
    write_pack_file(&w, "a3", "facts.json",
                    "{\"id\": \"a\", \"name\": \"A\", \"version\": \"2.0.0-rc.1\", \"enabled\": "
                    "false, \"facts\": []}");
    struct nima_pack_infos packs = list(&w);
    ASSERT_INT_EQ(packs.count, 1);
    ASSERT_STR_EQ(packs.items[0].version, "1.10.0");
    ASSERT_INT_EQ(packs.items[0].versions.count, 3);
    ASSERT_STR_EQ(get(&w, "a@1.9.0").facts.items[0].fact, "Nine.");
    struct nima_pack_info none;
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_knowledge_get(&w.ctx, w.knowledge, NIMA_STR("a@3.0.0"),
                                                   (nima_str){NULL, 0}, &none));
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_knowledge_get(&w.ctx, w.knowledge, NIMA_STR("../a"),
                                                   (nima_str){NULL, 0}, &none));
    world_close(&w);
}

TEST(versions_are_ordered_as_semver_says)
{
    static const char *const rising[] = {"0.9.9",         "1.0.0-alpha",  "1.0.0-alpha.1",
                                         "1.0.0-alpha.b", "1.0.0-beta.2", "1.0.0-beta.11",
                                         "1.0.0-rc.1",    "1.0.0",        "1.0.10"};
    static const char *const wrong[] = {"",       "1",      "1.0",        "1.0.0.0",  "v1.0.0",
                                        "01.0.0", "1.0.0-", "1.0.0-a..b", "1.0.0-01", "1.0.x",
                                        "1.0.0 ", "-1.0.0", "1.0.0+",     "latest"};
    struct nima_version a, b;
    for (size_t i = 0; i + 1 < sizeof(rising) / sizeof(rising[0]); i++) {
        ASSERT_TRUE(nima_version_read(nima_str_of(rising[i]), &a));
        ASSERT_TRUE(nima_version_read(nima_str_of(rising[i + 1]), &b));
        ASSERT_TRUE(nima_version_compare(&a, &b) < 0 && nima_version_compare(&b, &a) > 0);
    }
    ASSERT_TRUE(nima_version_read(NIMA_STR("1.0.0+build.5"), &a));
    ASSERT_TRUE(nima_version_read(NIMA_STR("1.0.0"), &b));
    ASSERT_INT_EQ(nima_version_compare(&a, &b), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ASSERT_TRUE(!nima_version_read(nima_str_of(wrong[i]), &a));
    }
}

TEST(what_is_wrong_names_file_and_place)
{
    struct world w = world_open();
    static const struct {
        const char *file, *text, *says;
    } cases[] = {
        {"facts.json",
         "{\"id\": \"x\", \"name\": \"X\", \"version\": \"1.0.0\", \"facts\": "
         "[{\"fact\": \"A.\"}, {\"fact\": 7}]}",
         "packs/x/facts.json: facts[1].fact must be a text"},
        {"facts.json", "{\"id\": \"X y\", \"name\": \"X\", \"version\": \"1.0.0\", \"facts\": []}",
         "facts.json: id must be"},
        {"facts.json", "{\"id\": \"x\", \"name\": \"X\", \"version\": \"one\", \"facts\": []}",
         "facts.json: version must be a version"},
        {"facts.json", "{\"id\": \"x\", \"name\": \"X\", \"version\": \"1.0.0\"}",
         "facts.json: facts is required"},
        {"facts.json",
         "{\"id\": \"x\", \"name\": \"X\", \"version\": \"1.0.0\", \"facts\": [], "
         "\"facst\": []}",
         "facst is not a known field"},
        {"facts.json",
         "{\"id\": \"x\", \"name\": \"X\", \"version\": \"1.0.0\", \"facts\": "
         "[{\"fact\": \"A.\"}, {\"fact\": \"A.\"}]}",
         "facts[1] has the id or the text of facts[0]"},
        {"facts.json", "{\"id\": \"x\", \"name\": \"\xff\", \"version\": \"1.0.0\", \"facts\": []}",
         "packs/x/facts.json: this is not JSON"},
        {"facts.json",
         "{\"id\": \"x\", \"name\": \"X\", \"version\": \"1.0.0\", \"facts\": [], "
         "\"rules\": {\"topics\": [\"the\"]}}",
         "rules.topics[0] (\"the\") holds no word that counts"},
        {"rules.yaml", "topics: travel\n", "packs/x/rules.yaml:1:1: topics must be a list"},
        {"rules.yaml", "topic: [a]\n", "rules.yaml:1:1: topic is not a known key"},
        {"rules.yaml", "topics: [\xff\xfe]\n", "packs/x/rules.yaml"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_pack(&w, "x", "x", "1.0.0", "Fine.", "fine");
        write_pack_file(&w, "x", "rules.yaml", "topics: [fine]\n");
        if (strcmp(cases[i].file, "facts.json") == 0) {
            unlink(path_of(&w, "packs/x/rules.yaml"));
        }
        write_pack_file(&w, "x", cases[i].file, cases[i].text);
        if (!has_problem(&w, cases[i].says)) {
            fail_msg("no problem says: %s", cases[i].says);
        }
        ASSERT_INT_EQ(list(&w).count, 0);
    }
    world_close(&w);
}

TEST(too_many_facts_are_refused_and_many_are_read)
{
    struct world w = world_open();
    struct nima_buf text;
    nima_buf_init(&text, (size_t)64 << 20);
    for (int round = 0; round < 2; round++) {
        int count = round == 0 ? 100000 : 3000;
        nima_buf_clear(&text);
        nima_buf_add(&text, NIMA_STR("{\"id\": \"x\", \"name\": \"X\", \"version\": \"1.0.0\", "
                                     "\"facts\": ["));
        for (int i = 0; i < count; i++) {
            nima_buf_fmt(&text, "%s{\"fact\": \"Fact number %d.\"}", i > 0 ? "," : "", i);
        }
        nima_buf_add(&text, NIMA_STR("]}"));
        write_pack_file(&w, "x", "facts.json", text.ptr);
        if (round == 0) {
            ASSERT_TRUE(has_problem(&w, "facts must have 0 to 50000 items"));
        } else {
            ASSERT_INT_EQ(get(&w, "x").facts.count, count);
        }
    }
    nima_buf_done(&text);
    world_close(&w);
}

TEST(links_and_pipes_lead_nowhere)
{
    struct world w = world_open();
    write_pack(&w, "a", "a", "1.0.0", "One.", "alpha");
    assert_int_equal(symlink(".", path_of(&w, "packs/loop")), 0);
    assert_int_equal(symlink("/etc", path_of(&w, "packs/out")), 0);
    ASSERT_INT_EQ(list(&w).count, 1);
    ASSERT_TRUE(has_problem(&w, "packs/loop: is a link"));
    ASSERT_TRUE(has_problem(&w, "packs/out: is a link"));
    ASSERT_OK(nima_dir_make(&w.ctx, path_of(&w, "packs/b")));
    assert_int_equal(symlink("/etc/passwd", path_of(&w, "packs/b/facts.json")), 0);
    ASSERT_TRUE(has_problem(&w, "packs/b/facts.json: is a link"));
    ASSERT_OK(nima_dir_make(&w.ctx, path_of(&w, "packs/c")));
    assert_int_equal(mkfifo(path_of(&w, "packs/c/facts.json"), 0600), 0);
    ASSERT_TRUE(has_problem(&w, "packs/c/facts.json: must be a plain file"));
    world_close(&w);
}

TEST(a_folder_with_too_many_packs_says_so)
{
    struct world w = world_open();
    ASSERT_OK(nima_dir_make(&w.ctx, path_of(&w, "packs")));
    for (int i = 0; i < 257; i++) {
        ASSERT_OK(nima_dir_make(&w.ctx, nima_fmt(&w.ctx, "%s/packs/p%d", w.folder, i).ptr));
    }
    ASSERT_TRUE(has_problem(&w, "packs: holds more than 256 entries"));
    assert_int_equal(rmdir(path_of(&w, "packs/p7")), 0);
    ASSERT_TRUE(!has_problem(&w, "holds more than"));
    world_close(&w);
}

TEST(of_two_packs_with_one_id_and_version_one_is_served_and_the_other_named)
{
    struct world w = world_open();
    write_pack(&w, "a", "same", "1.0.0", "First.", "alpha");
    write_pack(&w, "b", "same", "1.0.0", "Second.", "alpha");
    ASSERT_STR_EQ(get(&w, "same").facts.items[0].fact, "First.");
    ASSERT_INT_EQ(list(&w).count, 1);
    ASSERT_TRUE(has_problem(&w, "packs/b: is same 1.0.0 again"));
    world_close(&w);
}

static int64_t file_bytes(struct world *w, const char *name)
{
    struct stat info;
    return stat(path_of(w, name), &info) == 0 ? info.st_size : -1;
}

TEST(vectors_are_built_into_the_folder_and_used_while_they_fit)
{
    struct world w = world_open();
    struct nima_pack_summary built;
    write_pack(&w, "a", "a", "1.0.0", "The tide turns twice a day.", "tide");
    ASSERT_OK_CTX(&w.ctx,
                  nima_pack_build(&w.ctx, w.llm, nima_str_of(path_of(&w, "packs/a")), &built));
    ASSERT_INT_EQ(file_bytes(&w, "packs/a/embeddings.npy"), 128 + 384 * 4);
    ASSERT_STR_EQ(list(&w).items[0].embeddings, "scripted");
    /* Another fact: what was built is out of date, and the server makes its own. */
    write_pack(&w, "a", "a", "1.0.0", "The moon makes the tide.", "tide");
    ASSERT_INT_EQ(list(&w).items[0].embeddings.len, 0);
    ASSERT_OK_CTX(&w.ctx, nima_knowledge_build(&w.ctx, w.knowledge));
    ASSERT_STR_EQ(list(&w).items[0].embeddings, "scripted");
    world_restart(&w); /* from the cache this time */
    ASSERT_STR_EQ(list(&w).items[0].embeddings, "scripted");
    world_close(&w);
}

/* A file of that header and `count` floats, the first of them `value`. */
static nima_str npy_of(struct world *w, const char *header, int count, float value)
{
    struct nima_buf file;
    nima_buf_init(&file, 1 << 16);
    nima_buf_add(&file, (nima_str){"\x93NUMPY\x01\0\x76\0", 10});
    nima_buf_fmt(&file, "%-117s\n", header);
    for (int i = 0; i < count; i++) {
        float number = i == 0 ? value : 0;
        nima_buf_add(&file, (nima_str){(const char *)&number, sizeof(number)});
    }
    nima_str copy = nima_str_copy(w->ctx.arena, nima_buf_view(&file));
    nima_buf_done(&file);
    return copy;
}

static void put_vectors(struct world *w, nima_str npy)
{
    ASSERT_OK(nima_file_write(&w->ctx, path_of(w, "packs/a/embeddings.npy"), npy, 0644));
}

TEST(vectors_of_a_wrong_shape_or_kind_are_made_anew)
{
    struct world w = world_open();
    struct nima_pack_summary built;
    write_pack(&w, "a", "a", "1.0.0", "The tide turns twice a day.", "tide");
    nima_str folder = nima_str_of(path_of(&w, "packs/a"));
    ASSERT_OK_CTX(&w.ctx, nima_pack_build(&w.ctx, w.llm, folder, &built));
    const char *good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 384), }";
    static const char *const headers[] = {
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 384), }",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (1, 384), }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 384), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (384,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (384, 1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 384, 1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 384), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 384), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
        "{'descr': '<f4'",
        "",
    };
    nima_str whole = npy_of(&w, good, 384, 1);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        put_vectors(&w, npy_of(&w, headers[i], 384, 1));
        if (list(&w).items[0].embeddings.len > 0) {
            fail_msg("taken for good: %s", headers[i]);
        }
    }
    nima_str wrong[] = {npy_of(&w, good, 384, 0),
                        npy_of(&w, good, 384, NAN),
                        npy_of(&w, good, 384, 9),
                        npy_of(&w, good, 383, 1),
                        npy_of(&w, good, 2 * 384, 1),
                        NIMA_STR("\x93NUMPY"),
                        NIMA_STR("")};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        put_vectors(&w, wrong[i]);
        ASSERT_INT_EQ(list(&w).items[0].embeddings.len, 0);
    }
    put_vectors(&w, whole); /* it was the header, or the values */
    ASSERT_STR_EQ(list(&w).items[0].embeddings, "scripted");
    put_vectors(&w, wrong[0]);
    ASSERT_INT_EQ(list(&w).items[0].embeddings.len, 0);
    ASSERT_OK_CTX(&w.ctx, nima_knowledge_build(&w.ctx, w.knowledge));
    ASSERT_STR_EQ(list(&w).items[0].embeddings, "scripted");
    world_close(&w);
}

TEST(without_a_model_packs_work_by_words)
{
    struct world w = world_with(NULL, "none:");
    nima_str said = NIMA_STR("How many times a day does the tide turn?");
    struct nima_pack_ask ask = {.texts = &said, .count = 1};
    struct nima_pack_turn turn;
    write_pack(&w, "a", "a", "1.0.0", "The tide turns twice a day.", "tide");
    ASSERT_OK_CTX(&w.ctx, nima_knowledge_turn(&w.ctx, w.knowledge, &ask, &turn));
    ASSERT_INT_EQ(turn.facts.count, 1); /* though in one fact no word is rarer than another */
    nima_knowledge_tick(&w.ctx, w.knowledge);
    ASSERT_INT_EQ(list(&w).count, 1);
    ASSERT_RC(NIMA_E_UNAVAILABLE, nima_knowledge_build(&w.ctx, w.knowledge));
    world_close(&w);
}

TEST_MAIN
