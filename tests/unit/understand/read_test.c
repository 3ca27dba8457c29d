/* Reading a message, with the weights of the build and by words alone. */
#include "understand/understand_int.h"

#include <string.h>

#include "support/test.h"
#include "util/buf.h"
#include "util/embed.h"

NIMA_EMBEDDED(understand);

struct world {
    struct nima_ctx ctx;
    struct nima_llm *llm;
    struct nima_understand *understand;
};

static void open_world(struct world *w)
{
    struct nima_llm_options options = {.chat = NIMA_STR("scripted:"),
                                       .embeddings = NIMA_STR("none:")};
    nima_ctx_init(&w->ctx);
    assert_int_equal(nima_llm_open(&w->ctx, &options, &w->llm), NIMA_OK);
    assert_int_equal(nima_understand_open(&w->ctx, w->llm, &w->understand), NIMA_OK);
    assert_string_equal(nima_understand_problem(w->understand), "");
}

static void close_world(struct world *w)
{
    nima_understand_close(w->understand);
    nima_llm_close(w->llm);
    nima_ctx_done(&w->ctx);
}

static struct nima_reading read_text(struct world *w, nima_str text)
{
    struct nima_read_query query = {.text = text};
    struct nima_reading reading;
    assert_int_equal(nima_understand_read(&w->ctx, w->understand, &query, &reading), NIMA_OK);
    return reading;
}

/* Everything that is told of an act stands in the message where it says. */
static void check_views(nima_str text, const struct nima_reading *reading)
{
    size_t acts = 0;
    for (size_t s = 0; s < reading->sentence_count; s++) {
        const struct nima_sentence *sentence = &reading->sentences[s];
        assert_true(sentence->from <= sentence->end && sentence->end <= text.len);
        assert_int_equal(sentence->act_from, acts);
        acts += sentence->act_count;
    }
    assert_int_equal(acts, reading->act_count);
    for (size_t i = 0; i < reading->act_count; i++) {
        const struct nima_act *act = &reading->acts[i];
        assert_true(act->kind != NIMA_KIND_NONE);
        assert_true(act->share >= 0 && act->share <= 1.000001);
        assert_true(nima_str_eq(act->text, nima_str_sub(text, act->from, act->end)));
        for (size_t s = 0; s < act->slot_count; s++) {
            const struct nima_slot_value *slot = &act->slots[s];
            assert_true(slot->from >= act->from && slot->end <= act->end && slot->from < slot->end);
            assert_true(nima_str_eq(slot->text, nima_str_sub(text, slot->from, slot->end)));
        }
    }
}

TEST(a_plain_request_is_read_with_its_slots)
{
    struct world w;
    open_world(&w);
    nima_str text = NIMA_STR("remind me to call the vet tomorrow at 3pm");
    struct nima_reading reading = read_text(&w, text);
    check_views(text, &reading);
    assert_int_equal(reading.act_count, 1);
    assert_int_equal(reading.acts[0].kind, NIMA_KIND_REMINDER_SET);
    assert_true(nima_act_counts(&reading.acts[0]));
    assert_true(
        nima_str_eq(nima_act_text(&reading.acts[0], NIMA_SLOT_TASK), NIMA_STR("call the vet")));
    assert_true(
        nima_str_eq(nima_act_text(&reading.acts[0], NIMA_SLOT_WHEN), NIMA_STR("tomorrow at 3pm")));
    assert_int_equal(reading.acts[0].missing_count, 0);
    close_world(&w);
}

TEST(what_was_not_said_is_missing)
{
    struct world w;
    open_world(&w);
    struct nima_reading reading = read_text(&w, NIMA_STR("set an alarm"));
    assert_int_equal(reading.act_count, 1);
    assert_int_equal(reading.acts[0].kind, NIMA_KIND_ALARM_SET);
    assert_int_equal(reading.acts[0].missing_count, 1);
    assert_int_equal(reading.acts[0].missing[0], NIMA_SLOT_WHEN);
    close_world(&w);
}

TEST(several_requests_are_several_acts_in_their_order)
{
    struct world w;
    open_world(&w);
    nima_str text = NIMA_STR("Set a timer for 20 minutes. Add milk and eggs to my shopping list.");
    struct nima_reading reading = read_text(&w, text);
    check_views(text, &reading);
    assert_int_equal(reading.act_count, 2);
    assert_int_equal(reading.acts[0].kind, NIMA_KIND_TIMER_SET);
    assert_int_equal(reading.acts[1].kind, NIMA_KIND_LIST_ADD);
    close_world(&w);
}

TEST(talk_does_nothing)
{
    static const char *const texts[] = {"how do reminders work?",
                                        "I hate alarms",
                                        "what is the capital of Peru",
                                        "hello",
                                        "x",
                                        "5"};
    struct world w;
    open_world(&w);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct nima_reading reading = read_text(&w, nima_str_of(texts[i]));
        for (size_t a = 0; a < reading.act_count; a++) {
            assert_false(nima_act_counts(&reading.acts[a]) && reading.acts[a].sure == NIMA_SURE_DO);
        }
    }
    close_world(&w);
}

TEST(nothing_and_pictures_are_no_acts)
{
    static const char *const texts[] = {"",    "   \n\t ", "🎉🎉👍🏽👩‍💻🇵🇹",
                                        "!!!", "…",        "---\n---"};
    struct world w;
    open_world(&w);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct nima_reading reading = read_text(&w, nima_str_of(texts[i]));
        for (size_t a = 0; a < reading.act_count; a++) {
            assert_true(reading.acts[a].sure != NIMA_SURE_DO || !nima_act_counts(&reading.acts[a]));
        }
    }
    close_world(&w);
}

static nima_str repeated(struct nima_ctx *ctx, const char *piece, size_t bytes_max)
{
    size_t length = strlen(piece), count = bytes_max / length;
    char *out = nima_alloc(ctx->arena, count * length + 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(out + i * length, piece, length);
    }
    return (nima_str){out, count * length};
}

TEST(long_messages_are_read_in_part_and_soon)
{
    static const char *const pieces[] = {"a",
                                         "remind me ",
                                         "add milk, eggs and bread to my list, ",
                                         "call mum at 5. ",
                                         "ä🎉 日本 ",
                                         "\n",
                                         "set a timer and "};
    struct world w;
    open_world(&w);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        nima_str text = repeated(&w.ctx, pieces[i], 64000);
        struct nima_reading reading = read_text(&w, text);
        check_views(text, &reading);
        assert_true(reading.act_count <= NIMA_READ_PARTS_MAX);
        nima_ctx_reset(&w.ctx);
    }
    close_world(&w);
}

TEST(bad_input_is_refused_with_the_field)
{
    struct world w;
    open_world(&w);
    struct nima_reading reading;
    struct nima_read_query broken = {.text = NIMA_STR("remind me \xff\xfe")};
    assert_int_equal(nima_understand_read(&w.ctx, w.understand, &broken, &reading), NIMA_E_INVALID);
    assert_string_equal(w.ctx.error.field, "text");
    struct nima_read_query huge = {.text = repeated(&w.ctx, "a", NIMA_READ_BYTES_MAX + 1)};
    assert_int_equal(nima_understand_read(&w.ctx, w.understand, &huge, &reading), NIMA_E_INVALID);
    close_world(&w);
}

TEST(a_correction_is_heeded_at_the_next_message)
{
    struct world w;
    open_world(&w);
    nima_str text = NIMA_STR("put the kettle down as owed");
    struct nima_example example = {.text = text, .kind = NIMA_KIND_NOTE_ADD};
    struct nima_read_query query = {.text = text};
    struct nima_reading before, after;
    assert_int_equal(nima_understand_read(&w.ctx, w.understand, &query, &before), NIMA_OK);
    query.examples = &example;
    query.example_count = 1;
    assert_int_equal(nima_understand_read(&w.ctx, w.understand, &query, &after), NIMA_OK);
    double had = before.act_count > 0 && before.acts[0].kind == NIMA_KIND_NOTE_ADD
                     ? before.acts[0].share
                     : 0;
    assert_true(after.act_count > 0 && after.acts[0].kind == NIMA_KIND_NOTE_ADD);
    assert_true(after.acts[0].share > had);
    close_world(&w);
}

TEST(weights_that_do_not_fit_are_told_and_not_used)
{
    struct nima_arena *arena = nima_arena_new();
    const struct nima_embedded *file =
        nima_embedded_find(nima_embedded_understand, NIMA_STR("weights.bin"));
    assert_non_null(file);
    nima_str good = nima_embedded_data(file);
    char problem[256], *bytes = nima_alloc(arena, good.len);
    struct nima_weights weights;
    memcpy(bytes, good.ptr, good.len);
    assert_true(nima_weights_read(&weights, (nima_str){bytes, good.len}, problem, sizeof(problem)));
    for (size_t cut = 0; cut < good.len; cut += cut < 4096 ? 61 : good.len / 37) {
        char *part = nima_alloc(arena, cut + 1);
        memcpy(part, good.ptr, cut);
        problem[0] = '\0';
        assert_false(nima_weights_read(&weights, (nima_str){part, cut}, problem, sizeof(problem)));
        assert_true(problem[0] != '\0');
    }
    for (size_t at = 0; at < 12; at++) { /* magic and fingerprint */
        bytes[at] ^= 1;
        assert_false(
            nima_weights_read(&weights, (nima_str){bytes, good.len}, problem, sizeof(problem)));
        bytes[at] ^= 1;
    }
    nima_arena_free(arena);
}

TEST(names_of_the_table_find_their_rows)
{
    for (int kind = 0; kind < NIMA_KINDS; kind++) {
        enum nima_kind found;
        const struct nima_kind_row *row = nima_kind_row((enum nima_kind)kind);
        assert_true(nima_kind_by_name(row->name, &found));
        assert_int_equal(found, kind);
        assert_true(row->doc.len > 0);
    }
    enum nima_kind none;
    enum nima_slot slot;
    assert_false(nima_kind_by_name(NIMA_STR("reminder"), &none));
    assert_false(nima_kind_by_name(NIMA_STR(""), &none));
    assert_true(nima_slot_by_name(NIMA_STR("when"), &slot) && slot == NIMA_SLOT_WHEN);
    assert_false(nima_slot_by_name(NIMA_STR(""), &slot));
}

/* What is stored in weights: another hash here means that features.c makes others. Then the scheme
 * is raised and the weights are trained anew. */
TEST(features_hash_as_the_weights_were_trained)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_tokens tokens;
    struct nima_features features;
    nima_str text = NIMA_STR("Don't wake me at 7:30, Zoë!");
    nima_language_tokens(&ctx, text, &tokens);
    nima_understand_features(&ctx, &tokens, 0, tokens.count, &features);
    uint32_t sum = 2166136261U;
    for (size_t i = 0; i < features.count; i++) {
        sum = (sum ^ features.hashes[i]) * 16777619U;
    }
    assert_int_equal(features.count, 50);
    assert_int_equal(sum, 1198965650U);
    nima_ctx_done(&ctx);
}

TEST_MAIN
