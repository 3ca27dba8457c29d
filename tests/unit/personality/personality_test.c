#include <string.h>

#include "personality/support_personality.h"
#include "util/file.h"

static const nima_str none = {NULL, 0};

static void refuse_bytes(nima_str text, const char *where)
{
    struct files f = files_open();
    files_write(&f, "personality.yaml", text);
    struct nima_personality *persona = NULL;
    ASSERT_RC(NIMA_E_INVALID, files_load(&f, &persona));
    assert_null(persona);
    ASSERT_SAYS(f.ctx.error.message, files_path(&f, "personality.yaml").ptr);
    ASSERT_SAYS(f.ctx.error.message, where);
    files_close(&f);
}

static void refuse(const char *text, const char *where)
{
    refuse_bytes(nima_str_of(text), where);
}

static struct nima_personality *load(struct files *f, const char *text)
{
    struct nima_personality *made;
    files_write(f, "personality.yaml", nima_str_of(text));
    ASSERT_OK_CTX(&f->ctx, files_load(f, &made));
    return made;
}

TEST(the_plans_file_works_as_it_is)
{
    struct files f = files_open();
    nima_str text;
    ASSERT_OK_CTX(&f.ctx,
                  nima_file_read(&f.ctx, NIMA_SOURCE_DIR "/tests/data/personality-plan.yaml",
                                 NIMA_PERSONA_FILE_BYTES_MAX, &text));
    struct nima_personality *made = load(&f, text.ptr);
    ASSERT_STR_EQ(prompt_of(&f, made, NULL),
                  "You are Nima, a Zen engineer AI assistant.\n"
                  "Core values: simplicity, directness, pragmatism.\n"
                  "Communication style: concise, objective, calm.\n"
                  "Be direct: the answer comes first, then the reason.\n"
                  "Answer in a few sentences; leave out filler and apologies.\n"
                  "Show a short code example only when the user asks about code.\n"
                  "When the user asks how to do something, give the steps as a short numbered "
                  "list.\n"
                  "You value: simplicity; pragmatism; shipping.");
    struct nima_persona persona;
    ASSERT_OK_CTX(&f.ctx, nima_personality_get(&f.ctx, made, NIMA_STR("Zen-Engineer"), &persona));
    ASSERT_STR_EQ(persona.id, "zen_engineer");
    ASSERT_STR_EQ(persona.tone, "direct");
    assert_int_equal(persona.values.count, 3);
    nima_personality_close(made);
    files_close(&f);
}

TEST(without_a_file_there_is_the_shipped_one)
{
    struct files f = files_open();
    struct nima_personality *builtin, *shipped;
    struct nima_personality_options options = {0};
    ASSERT_OK_CTX(&f.ctx, nima_personality_open(&f.ctx, &options, &builtin));
    options.file = NIMA_STR(NIMA_SOURCE_DIR "/configs/personality.yaml");
    options.folder = NIMA_STR(NIMA_SOURCE_DIR "/configs/personas");
    ASSERT_OK_CTX(&f.ctx, nima_personality_open(&f.ctx, &options, &shipped));
    assert_true(nima_str_eq(prompt_of(&f, builtin, NULL), prompt_of(&f, shipped, NULL)));
    assert_true(nima_personality_problem(&f.ctx, shipped).ptr == NULL);
    struct nima_texts names;
    nima_personality_names(&f.ctx, shipped, &names);
    assert_int_equal(names.count, 4);
    ASSERT_STR_EQ(names.items[0], "zen_engineer");
    for (size_t i = 0; i < names.count; i++) {
        struct nima_persona_prompt prompt;
        ASSERT_OK_CTX(&f.ctx, nima_personality_prompt(&f.ctx, shipped, names.items[i], &prompt));
        assert_int_equal(prompt.dropped.count, 0);
    }
    nima_personality_close(builtin);
    nima_personality_close(shipped);
    files_close(&f);
}

TEST(all_that_is_in_the_file_comes_into_the_prompt_in_one_order)
{
    struct files f = files_open();
    struct nima_personality *made = load(&f, "personality:\n"
                                             "  examples:\n"
                                             "  - {user: Hi?, reply: Hm.}\n"
                                             "  - {reply: Yes., user: Now?}\n"
                                             "  forbidden: [\"Arr\", Aye]\n"
                                             "  format: [no lists]\n"
                                             "  values: [rum, {name: sea, description: blue}]\n"
                                             "  rules: [Talk of the sea.]\n"
                                             "  style: [be_concise, \"Rhyme now and then.\"]\n"
                                             "  tone: salty\n"
                                             "  name: Jack\n"
                                             "  system_prompt: |\n"
                                             "\n"
                                             "    You are Jack.\n"
                                             "    You sail.\n");
    const char *whole = "You are Jack.\nYou sail.\nTone: salty.\n"
                        "Answer in a few sentences; leave out filler and apologies.\n"
                        "Rhyme now and then.\nTalk of the sea.\nYou value: rum; sea (blue).\n"
                        "no lists\nNever say: \"Arr\"; \"Aye\".\nThis is how you sound:\n"
                        "Asked \"Hi?\", you say: Hm.\nAsked \"Now?\", you say: Yes.";
    ASSERT_STR_EQ(prompt_of(&f, made, NULL), whole);
    ASSERT_STR_EQ(prompt_of(&f, made, NULL), whole); /* kept */
    nima_personality_close(made);
    files_close(&f);
}

TEST(a_persona_of_one_sentence_is_fine)
{
    struct files f = files_open();
    struct nima_personality *made = load(&f, "personality: {system_prompt: Hi., style: }\n");
    ASSERT_STR_EQ(prompt_of(&f, made, "nima"), "Hi.");
    nima_personality_close(made);
    nima_personality_close(NULL);
    files_close(&f);
}

TEST(what_does_not_fit_is_told_with_file_line_and_key)
{
    refuse("", ":1:1: the key personality");
    refuse("persona: {}\n", "the key personality");
    refuse("personality: x\n", "the key personality");
    refuse("personality:\n  system_prompt: x\nmore: y\n", ":3:1: the key personality must be");
    refuse("personality:\n  voice: x\n", ":1:1: personality.system_prompt is missing");
    refuse("personality:\n  system_prompt: ''\n", ":2:3: personality.system_prompt is missing");
    refuse("personality:\n  system_prompt: '  '\n", "personality.system_prompt is missing");
    refuse("personality:\n  system_prompt: [x]\n", "personality.system_prompt is missing");
    refuse("personality:\n  system_prompt: x\n  style: y\n",
           ":3:3: personality.style must be a list");
    refuse("personality:\n  system_prompt: x\n  style:\n  - [y]\n",
           ":4:5: personality.style[0] must be a text");
    refuse("personality:\n  system_prompt: x\n  values: [a, [b]]\n",
           ":3:15: personality.values[1] must have the keys name and description");
    refuse("personality:\n  system_prompt: x\n  values: [{description: b}]\n",
           "personality.values[0] lacks name");
    refuse("personality:\n  system_prompt: x\n  values: [{name: b, colour: c}]\n",
           "personality.values[0] may have the keys name and description only");
    refuse("personality:\n  system_prompt: x\n  examples:\n  - user: y\n",
           ":4:5: personality.examples[0] lacks reply");
    refuse("personality:\n  system_prompt: x\n  tone: {a: b}\n", ":3:3: personality.tone must");
    refuse("personality:\n  system_prompt: x\n  tone: ' '\n", ":3:3: personality.tone is empty");
    refuse("personality:\n  system_prompt: x\n  sytle: [a]\n",
           ":3:3: personality.sytle is no key of a persona; there are: name, voice");
    refuse("personality:\n  system_prompt: &a x\n", ":2:18: anchors");
    refuse("personality:\n  system_prompt: x\n  tone: *a\n", ":3:9: ");
    refuse("personality:\n\tsystem_prompt: x\n", ":2:1: ");
    refuse("personality:\n  tone: a\n  tone: b\n", ":3:3: this key stands twice");
    refuse_bytes(NIMA_STR("personality:\n  system_prompt: \"a\xff\"\n"), ":2:");
    refuse_bytes(NIMA_STR("personality:\n  system_prompt: \"a\\0\"\n"), ":2:");
}

TEST(what_is_too_long_is_refused)
{
    static char text[20000];
    size_t used = (size_t)snprintf(text, sizeof(text), "personality: {system_prompt: ");
    memset(text + used, 'x', 8200);
    memcpy(text + used + 8200, "}", 2);
    refuse(text, "is over 8192 bytes");
    used = (size_t)snprintf(text, sizeof(text), "personality: {system_prompt: x, tone: ");
    memset(text + used, 'x', 1001);
    memcpy(text + used + 1001, "}", 2);
    refuse(text, "personality.tone is over 1000 characters");
    used = (size_t)snprintf(text, sizeof(text), "personality:\n  system_prompt: x\n  rules:\n");
    for (int i = 0; i < 65; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "  - rule\n");
    }
    refuse(text, ":3:3: personality.rules has over 64 entries");
}

TEST(a_file_of_ten_megabytes_is_not_read)
{
    struct files f = files_open();
    enum { BYTES = 10 << 20 };
    char *text = nima_alloc(f.ctx.arena, BYTES);
    memset(text, '#', BYTES);
    files_write(&f, "personality.yaml", (nima_str){text, BYTES});
    struct nima_personality *made;
    ASSERT_RC(NIMA_E_TOO_LARGE, files_load(&f, &made));
    ASSERT_SAYS(f.ctx.error.message, "personality.yaml");
    files_close(&f);
}

TEST(what_does_not_fit_the_budget_goes_by_importance)
{
    struct files f = files_open();
    files_write(
        &f, "personality.yaml",
        NIMA_STR("personality:\n"
                 "  rules: [Say what you mean and mean what you say., Count to ten first.]\n"
                 "  values: [a very long value of no great importance to anybody at all]\n"
                 "  examples: [{user: What is it?, reply: Nothing at all of any weight.}]\n"
                 "  system_prompt: |\n    You are Jo.\n    You are brief.\n"));
    struct nima_personality_options options = {.file = files_path(&f, "personality.yaml"),
                                               .prompt_tokens = 24};
    struct nima_personality *made;
    ASSERT_OK_CTX(&f.ctx, nima_personality_open(&f.ctx, &options, &made));
    struct nima_persona_prompt prompt;
    for (int again = 0; again < 2; again++) {
        ASSERT_OK_CTX(&f.ctx, nima_personality_prompt(&f.ctx, made, none, &prompt));
        ASSERT_STR_EQ(prompt.text, "You are Jo.\nYou are brief.\n"
                                   "Say what you mean and mean what you say.");
        assert_true(prompt.tokens <= 24 && prompt.tokens_max == 24 && !prompt.counted);
        assert_int_equal(prompt.dropped.count, 3);
        ASSERT_STR_EQ(prompt.dropped.items[0], "examples[0]");
        ASSERT_STR_EQ(prompt.dropped.items[1], "values[0]");
        ASSERT_STR_EQ(prompt.dropped.items[2], "rules[1]");
    }
    nima_personality_close(made);
    files_close(&f);
}

TEST(a_persona_longer_than_the_window_is_cut_and_the_cut_is_told)
{
    struct files f = files_open();
    static char text[16384];
    size_t used = (size_t)snprintf(text, sizeof(text), "personality:\n  system_prompt: |\n");
    for (int i = 0; i < 600; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "    Line %03d.\n", i);
    }
    struct nima_personality *made = load(&f, text);
    struct nima_persona_prompt prompt;
    ASSERT_OK_CTX(&f.ctx, nima_personality_prompt(&f.ctx, made, none, &prompt));
    assert_true(prompt.tokens <= NIMA_PERSONA_TOKENS_PRESET);
    assert_true(nima_str_starts(prompt.text, NIMA_STR("Line 000.\nLine 001.\n")));
    assert_true(prompt.dropped.count > 100);
    ASSERT_STR_EQ(prompt.dropped.items[0], "system_prompt, line 600");
    nima_personality_close(made);
    files_close(&f);
}

TEST(the_model_counts_and_its_window_bounds)
{
    struct files f = files_open();
    struct nima_llm_options llm_options = {.chat = NIMA_STR("scripted:"),
                                           .embeddings = NIMA_STR("scripted:")};
    struct nima_llm *llm;
    ASSERT_OK_CTX(&f.ctx, nima_llm_open(&f.ctx, &llm_options, &llm));
    struct nima_personality_options options = {.llm = llm, .prompt_tokens = 32768};
    struct nima_personality *made;
    ASSERT_OK_CTX(&f.ctx, nima_personality_open(&f.ctx, &options, &made));
    struct nima_persona_prompt prompt;
    ASSERT_OK_CTX(&f.ctx, nima_personality_prompt(&f.ctx, made, none, &prompt));
    int tokens;
    ASSERT_OK_CTX(&f.ctx, nima_llm_count_tokens(&f.ctx, llm, prompt.text, &tokens));
    assert_true(prompt.counted);
    assert_int_equal(prompt.tokens, tokens);
    assert_int_equal(prompt.tokens_max, 4096);
    nima_personality_close(made);
    nima_llm_close(llm);
    files_close(&f);
}

static bool tick(struct files *f, struct nima_personality *p)
{
    bool changed;
    ASSERT_OK_CTX(&f->ctx, nima_personality_tick(&f->ctx, p, &changed));
    return changed;
}

TEST(a_change_is_seen_and_a_broken_file_leaves_all_as_it_was)
{
    struct files f = files_open();
    struct nima_personality *p = load(&f, "personality: {system_prompt: One.}\n");
    ASSERT_STR_EQ(prompt_of(&f, p, NULL), "One.");
    assert_false(tick(&f, p));
    files_write(&f, "personality.yaml", NIMA_STR("personality: {system_prompt: Two., tone: x}\n"));
    assert_true(tick(&f, p));
    ASSERT_STR_EQ(prompt_of(&f, p, NULL), "Two.\nTone: x.");
    files_write(&f, "personality.yaml", NIMA_STR("personality:\n  tone: [broken\n"));
    bool changed;
    ASSERT_RC(NIMA_E_INVALID, nima_personality_tick(&f.ctx, p, &changed));
    assert_true(changed);
    ASSERT_SAYS(f.ctx.error.message, "personality.yaml:3:1");
    ASSERT_STR_EQ(prompt_of(&f, p, NULL), "Two.\nTone: x.");
    ASSERT_SAYS(nima_personality_problem(&f.ctx, p).ptr, "personality.yaml:3:1");
    assert_false(tick(&f, p)); /* told once */
    assert_true(nima_personality_problem(&f.ctx, p).ptr != NULL);
    files_write(&f, "personality.yaml", NIMA_STR("personality: {system_prompt: Three.}\n"));
    assert_true(tick(&f, p));
    ASSERT_STR_EQ(prompt_of(&f, p, NULL), "Three.");
    assert_true(nima_personality_problem(&f.ctx, p).ptr == NULL);
    files_remove(&f, "personality.yaml");
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_personality_tick(&f.ctx, p, &changed));
    ASSERT_STR_EQ(prompt_of(&f, p, NULL), "Three.");
    nima_personality_close(p);
    files_close(&f);
}

TEST(further_personas_come_change_break_and_go)
{
    struct files f = files_open();
    struct nima_personality *p = load(&f, "personality: {system_prompt: Main., voice: main}\n");
    assert_false(nima_personality_has(p, NIMA_STR("a")));
    struct nima_persona persona;
    ASSERT_RC(NIMA_E_INVALID, nima_personality_get(&f.ctx, p, NIMA_STR("a"), &persona));
    ASSERT_SAYS(f.ctx.error.message, "there is no persona \"a\"; there are: main");
    files_write(&f, "personas/b.yaml", NIMA_STR("personality: {system_prompt: I am B.}\n"));
    files_write(&f, "personas/a.yaml", NIMA_STR("personality: {system_prompt: I am A.}\n"));
    files_write(&f, "personas/no name.yaml", NIMA_STR("personality: {system_prompt: I am X.}\n"));
    assert_true(tick(&f, p));
    struct nima_texts names;
    nima_personality_names(&f.ctx, p, &names);
    assert_int_equal(names.count, 3);
    ASSERT_STR_EQ(names.items[1], "a");
    ASSERT_STR_EQ(prompt_of(&f, p, "B"), "I am B.");
    files_write(&f, "personas/a.yaml", NIMA_STR("nothing"));
    bool changed;
    ASSERT_RC(NIMA_E_INVALID, nima_personality_tick(&f.ctx, p, &changed));
    ASSERT_SAYS(f.ctx.error.message, "personas/a.yaml:1:1");
    ASSERT_STR_EQ(prompt_of(&f, p, "a"), "I am A.");
    files_remove(&f, "personas/a.yaml");
    assert_true(tick(&f, p));
    assert_false(nima_personality_has(p, NIMA_STR("a")));
    nima_personality_close(p);
    files_close(&f);
}

TEST(a_broken_further_persona_does_not_stop_the_start_and_an_unknown_default_does)
{
    struct files f = files_open();
    files_write(&f, "personas/a.yaml", NIMA_STR("personality: {}\n"));
    files_write(&f, "personas/b.yaml", NIMA_STR("personality: {system_prompt: I am B.}\n"));
    struct nima_personality *p;
    ASSERT_OK_CTX(&f.ctx, files_load(&f, &p));
    ASSERT_SAYS(nima_personality_problem(&f.ctx, p).ptr, "personas/a.yaml:1:1");
    nima_personality_close(p);
    struct nima_personality_options options = {.folder = files_path(&f, "personas"),
                                               .persona = NIMA_STR("b")};
    ASSERT_OK_CTX(&f.ctx, nima_personality_open(&f.ctx, &options, &p));
    ASSERT_STR_EQ(prompt_of(&f, p, NULL), "I am B.");
    nima_personality_close(p);
    options.persona = NIMA_STR("c");
    ASSERT_RC(NIMA_E_INVALID, nima_personality_open(&f.ctx, &options, &p));
    ASSERT_SAYS(f.ctx.error.message, "there are: zen_engineer, b");
    files_close(&f);
}

TEST_MAIN
