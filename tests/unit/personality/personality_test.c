#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "personality/personality.h"
#include "support/test.h"
#include "util/file.h"

static struct nima_ctx ctx;
static char path[] = "/tmp/nima-persona-XXXXXX";

/* Opens a persona file of this text. */
static nima_rc open_text(const char *text, struct nima_personality **out)
{
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    ASSERT_OK(nima_file_write(&ctx, path, nima_str_of(text), 0600));
    nima_rc rc = nima_personality_open(&ctx, nima_str_of(path), out);
    unlink(path);
    return rc;
}

static void refuse(const char *text, const char *where)
{
    struct nima_personality *persona = NULL;
    ASSERT_RC(NIMA_E_INVALID, open_text(text, &persona));
    assert_null(persona);
    if (strncmp(ctx.error.message, path, strlen(path)) != 0 ||
        strstr(ctx.error.message, where) == NULL) {
        fail_msg("\"%s\" does not say %s", ctx.error.message, where);
    }
}

TEST(without_a_file_there_is_the_zen_engineer)
{
    nima_ctx_init(&ctx);
    struct nima_personality *persona;
    ASSERT_OK_CTX(&ctx, nima_personality_open(&ctx, (nima_str){NULL, 0}, &persona));
    ASSERT_STR_EQ(nima_personality_name(persona), "zen_engineer");
    nima_str prompt = nima_personality_prompt(&ctx, persona);
    assert_true(nima_str_starts(prompt, NIMA_STR("You are Nima, a Zen engineer AI assistant.")));
    assert_true(nima_str_find(prompt, NIMA_STR("Answer in a few sentences"), 0) != SIZE_MAX);
    nima_personality_close(persona);
}

TEST(the_file_that_is_shipped_says_the_same_as_the_built_in_one)
{
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    struct nima_personality *builtin, *shipped;
    ASSERT_OK_CTX(&ctx, nima_personality_open(&ctx, (nima_str){NULL, 0}, &builtin));
    nima_str file = NIMA_STR(NIMA_SOURCE_DIR "/configs/personality.yaml");
    ASSERT_OK_CTX(&ctx, nima_personality_open(&ctx, file, &shipped));
    assert_true(nima_str_eq(nima_personality_prompt(&ctx, builtin),
                            nima_personality_prompt(&ctx, shipped)));
    nima_personality_close(builtin);
    nima_personality_close(shipped);
}

TEST(known_style_words_become_sentences_and_others_stay)
{
    struct nima_personality *persona;
    ASSERT_OK_CTX(&ctx, open_text("personality:\n"
                                  "  voice: bard\n"
                                  "  style: [be_concise, \"Rhyme now and then.\"]\n"
                                  "  system_prompt: |\n"
                                  "\n"
                                  "    You are a bard.\n",
                                  &persona));
    ASSERT_STR_EQ(nima_personality_name(persona), "bard");
    ASSERT_STR_EQ(nima_personality_prompt(&ctx, persona),
                  "You are a bard.\nAnswer in a few sentences; leave out filler and "
                  "apologies.\nRhyme now and then.");
    nima_personality_close(persona);
}

TEST(a_persona_without_voice_or_style_is_fine)
{
    struct nima_personality *persona;
    ASSERT_OK_CTX(&ctx, open_text("personality: {system_prompt: Hi.}\n", &persona));
    ASSERT_STR_EQ(nima_personality_name(persona), "nima");
    ASSERT_STR_EQ(nima_personality_prompt(&ctx, persona), "Hi.");
    nima_personality_close(persona);
    nima_personality_close(NULL);
}

TEST(what_does_not_fit_is_told_with_file_and_line)
{
    refuse("", ":1:1: the key personality");
    refuse("persona: {}\n", "the key personality");
    refuse("personality: x\n", "the key personality");
    refuse("personality:\n  voice: x\n", ":1:1: system_prompt is missing");
    refuse("personality:\n  system_prompt: ''\n", "system_prompt is missing or empty");
    refuse("personality:\n  system_prompt: '  '\n", "system_prompt is missing or empty");
    refuse("personality:\n  system_prompt: [x]\n", "system_prompt is missing");
    refuse("personality:\n  system_prompt: x\n  style: y\n", ":3:3: style must be a list");
    refuse("personality:\n  system_prompt: x\n  style:\n  - [y]\n", ":4:5: an entry of style");
    refuse("personality:\n  system_prompt: &a x\n", ":2:18: anchors");
}

TEST(a_persona_that_is_too_long_is_refused)
{
    char text[9000] = "personality: {system_prompt: ";
    size_t used = strlen(text);
    memset(text + used, 'x', 8200);
    memcpy(text + used + 8200, "}", 2);
    refuse(text, "over 8192 bytes");
}

TEST(a_missing_file_is_not_found)
{
    struct nima_personality *persona = NULL;
    ASSERT_RC(NIMA_E_NOT_FOUND,
              nima_personality_open(&ctx, NIMA_STR("/nonexistent/x.yaml"), &persona));
    assert_null(persona);
}

TEST_MAIN
