/* Packs out and in: export and install with a checksum, lorebooks, Markdown, a new one. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "knowledge/support_knowledge.h"
#include "util/buf.h"
#include "util/file.h"

static nima_str packs_of(struct world *w)
{
    return nima_str_of(path_of(w, "packs"));
}

static nima_str exported(struct world *w, const char *folder)
{
    nima_str bundle;
    ASSERT_OK_CTX(&w->ctx, nima_pack_export(&w->ctx, nima_str_of(path_of(w, folder)), &bundle));
    return bundle;
}

TEST(an_exported_pack_is_installed_and_what_was_there_is_kept)
{
    struct world w = world_open();
    struct nima_pack_summary pack;
    nima_str folder;
    write_pack(&w, "a", "a", "1.0.0", "One.", "alpha");
    write_pack_file(&w, "a", "rules.yaml", "topics: [beta]\n");
    nima_str bundle = exported(&w, "packs/a");
    ASSERT_OK_CTX(&w.ctx, nima_pack_install(&w.ctx, packs_of(&w), bundle, &pack, &folder));
    ASSERT_STR_EQ(folder, path_of(&w, "packs/a-1.0.0"));
    ASSERT_INT_EQ(access(path_of(&w, "packs/a-1.0.0/rules.yaml"), F_OK), 0);
    write_pack(&w, "a", "a", "1.0.0", "Another.", "alpha");
    bundle = exported(&w, "packs/a");
    ASSERT_OK_CTX(&w.ctx, nima_pack_install(&w.ctx, packs_of(&w), bundle, &pack, &folder));
    nima_str text;
    ASSERT_OK(nima_file_read(&w.ctx, path_of(&w, "packs/a-1.0.0/facts.json"), 1 << 20, &text));
    ASSERT_TRUE(nima_str_find(text, NIMA_STR("Another."), 0) != SIZE_MAX);
    struct stat info;
    ASSERT_INT_EQ(stat(path_of(&w, "packs/.old"), &info), 0);
    ASSERT_INT_EQ(info.st_nlink, 3); /* one folder in it */
    world_close(&w);
}

TEST(a_changed_or_strange_bundle_changes_nothing)
{
    struct world w = world_open();
    struct nima_pack_summary pack;
    nima_str folder;
    write_pack(&w, "a", "a", "1.0.0", "One.", "alpha");
    char *bundle = nima_cstr(&w.ctx, exported(&w, "packs/a"));
    *strstr(bundle, "One.") = 'T';
    static const char *const wrong[] = {
        "",
        "{",
        "[]",
        "{\"format\": \"nima-pack/2\"}",
        "{\"format\": \"nima-pack/1\", \"sha256\": \"\", \"files\": {}}",
        "{\"format\": \"nima-pack/1\", \"sha256\": \"\", \"files\": {\"../x\": \"\"}}",
        "{\"format\": \"nima-pack/1\", \"sha256\": \"00\", \"files\": {\"facts.json\": \"{}\"}}",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ASSERT_TRUE(nima_pack_install(&w.ctx, packs_of(&w), nima_str_of(wrong[i]), &pack,
                                      &folder) != NIMA_OK);
    }
    ASSERT_RC(NIMA_E_INVALID,
              nima_pack_install(&w.ctx, packs_of(&w), nima_str_of(bundle), &pack, &folder));
    ASSERT_INT_EQ(list(&w).count, 1);
    ASSERT_INT_EQ(access(path_of(&w, "packs/a-1.0.0"), F_OK), -1);
    world_close(&w);
}

TEST(a_lorebook_becomes_a_pack)
{
    struct world w = world_open();
    struct nima_pack_summary pack;
    nima_str folder;
    nima_str book = NIMA_STR(
        "{\"name\": \"Old Town\", \"entries\": {\"0\": {\"uid\": 0, \"key\": [\"Lamplighter\", "
        "\"/lamps?/i\"], \"content\": \"The lamplighter walks\\nat dusk.\", \"disable\": false}, "
        "\"1\": {\"key\": [\"Gate\"], \"content\": \"Shut.\", \"disable\": true}}}");
    ASSERT_OK_CTX(&w.ctx, nima_pack_import_lorebook(&w.ctx, packs_of(&w), NIMA_STR("old-town"),
                                                    book, &pack, &folder));
    ASSERT_STR_EQ(pack.name, "Old Town");
    ASSERT_INT_EQ(pack.fact_count, 1);
    nima_str said = NIMA_STR("Who is the lamplighter?");
    struct nima_pack_ask ask = {.texts = &said, .count = 1};
    struct nima_pack_turn got;
    list(&w);
    ASSERT_OK_CTX(&w.ctx, nima_knowledge_turn(&w.ctx, w.knowledge, &ask, &got));
    ASSERT_INT_EQ(got.facts.count, 1);
    ASSERT_STR_EQ(got.facts.items[0].fact, "The lamplighter walks at dusk.");
    ASSERT_RC(NIMA_E_INVALID,
              nima_pack_import_lorebook(&w.ctx, packs_of(&w), NIMA_STR("x"),
                                        NIMA_STR("{\"entries\": {}}"), &pack, &folder));
    ASSERT_RC(NIMA_E_INVALID, nima_pack_import_lorebook(&w.ctx, packs_of(&w), NIMA_STR("../x"),
                                                        book, &pack, &folder));
    ASSERT_TRUE(strstr(w.ctx.error.message, "the id must be") != NULL);
    world_close(&w);
}

TEST(a_folder_of_markdown_becomes_a_pack)
{
    struct world w = world_open();
    struct nima_pack_summary pack;
    nima_str folder;
    ASSERT_OK(nima_dir_make(&w.ctx, path_of(&w, "notes")));
    ASSERT_OK(
        nima_file_write(&w.ctx, path_of(&w, "notes/bees.md"),
                        NIMA_STR("# Bees\n\nA hive has\none queen.\n\n- Drones have no sting.\n"
                                 "* Honey keeps.\n```\ncode is left out\n```\n"
                                 "\n| a | table |\n|---|---|\n\n> Wax is\n> shaped.\n"),
                        0644));
    ASSERT_OK(nima_file_write(&w.ctx, path_of(&w, "notes/other.txt"), NIMA_STR("No."), 0644));
    nima_str notes = nima_str_of(path_of(&w, "notes"));
    ASSERT_OK_CTX(&w.ctx, nima_pack_import_markdown(&w.ctx, packs_of(&w), NIMA_STR("bees"), notes,
                                                    &pack, &folder));
    ASSERT_INT_EQ(pack.fact_count, 4);
    struct nima_pack_info info;
    ASSERT_OK_CTX(&w.ctx, nima_knowledge_get(&w.ctx, w.knowledge, NIMA_STR("bees"),
                                             (nima_str){NULL, 0}, &info));
    ASSERT_STR_EQ(info.facts.items[0].fact, "A hive has one queen.");
    ASSERT_STR_EQ(info.facts.items[0].source, "bees.md");
    ASSERT_STR_EQ(info.facts.items[3].fact, "Wax is shaped.");
    ASSERT_STR_EQ(info.rules.topics.items[0], "Bees");
    ASSERT_OK(nima_file_write(&w.ctx, path_of(&w, "notes/bees.md"), NIMA_STR("\xff\xfe"), 0644));
    ASSERT_RC(NIMA_E_INVALID, nima_pack_import_markdown(&w.ctx, packs_of(&w), NIMA_STR("bees"),
                                                        notes, &pack, &folder));
    world_close(&w);
}

TEST(what_is_too_much_for_a_pack_is_refused_and_not_cut)
{
    struct world w = world_open();
    struct nima_pack_summary pack;
    nima_str folder;
    struct nima_buf text;
    nima_buf_init(&text, (size_t)8 << 20);
    ASSERT_OK(nima_dir_make(&w.ctx, path_of(&w, "notes")));
    ASSERT_OK(nima_dir_make(&w.ctx, path_of(&w, "packs")));
    nima_str notes = nima_str_of(path_of(&w, "notes"));
    for (int i = 0; i <= NIMA_PACK_FACTS_MAX; i++) {
        nima_buf_fmt(&text, "- Lamp %d is lit.\n- Every lamp.\n", i);
    }
    ASSERT_OK(nima_file_write(&w.ctx, path_of(&w, "notes/lamps.md"), nima_buf_view(&text), 0644));
    ASSERT_RC(NIMA_E_TOO_LARGE, nima_pack_import_markdown(&w.ctx, packs_of(&w), NIMA_STR("lamps"),
                                                          notes, &pack, &folder));
    nima_str fewer = nima_str_sub(nima_buf_view(&text), 0, (size_t)200 << 10);
    ASSERT_OK(nima_file_write(&w.ctx, path_of(&w, "notes/lamps.md"), fewer, 0644));
    ASSERT_OK_CTX(&w.ctx, nima_pack_import_markdown(&w.ctx, packs_of(&w), NIMA_STR("lamps"), notes,
                                                    &pack, &folder));
    ASSERT_TRUE(pack.fact_count > 5000); /* each once, and "Every lamp." */
    nima_buf_done(&text);
    world_close(&w);
}

TEST(a_new_pack_passes_its_own_check)
{
    struct world w = world_open();
    nima_str folder;
    struct nima_pack_summary pack;
    ASSERT_OK_CTX(&w.ctx, nima_pack_new(&w.ctx, packs_of(&w), NIMA_STR("garden"), &folder));
    ASSERT_OK_CTX(&w.ctx, nima_pack_check(&w.ctx, folder, &pack));
    ASSERT_RC(NIMA_E_CONFLICT, nima_pack_new(&w.ctx, packs_of(&w), NIMA_STR("garden"), &folder));
    ASSERT_RC(NIMA_E_INVALID, nima_pack_new(&w.ctx, packs_of(&w), NIMA_STR("../x"), &folder));
    world_close(&w);
}

TEST(the_shipped_packs_are_whole)
{
    struct world w = world_open();
    static const char *const ids[] = {"career", "cars", "finances", "life", "technical", "travel"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct nima_pack_summary pack;
        nima_str folder = nima_fmt(&w.ctx, NIMA_SOURCE_DIR "/packs/%s", ids[i]);
        ASSERT_OK_CTX(&w.ctx, nima_pack_check(&w.ctx, folder, &pack));
        ASSERT_TRUE(pack.fact_count >= 40);
        for (size_t r = 0; r < pack.remarks.count; r++) {
            fail_msg("%s: " NIMA_FMT, ids[i], NIMA_ARG(pack.remarks.items[r]));
        }
    }
    world_close(&w);
}

TEST_MAIN
