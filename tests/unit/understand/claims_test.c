/* Claims: labelled sentences (tests/data/claims.jsonl), and the stream. */
#include "understand/claims.h"

#include <string.h>

#include "support/test.h"
#include "util/buf.h"
#include "util/json.h"

struct row {
    nima_str text, lang, half, why;
    bool claim, ordered;
};
static const struct nima_field row_fields[] = {
    NIMA_FIELD(STR, struct row, text, .required = true),
    NIMA_FIELD(STR, struct row, lang),
    NIMA_FIELD(STR, struct row, half),
    NIMA_FIELD(STR, struct row, why),
    NIMA_FIELD(BOOL, struct row, claim),
    NIMA_FIELD(BOOL, struct row, ordered),
};
static const struct nima_shape row_shape = NIMA_SHAPE("ClaimRow", struct row, row_fields);

static nima_str read_file(struct nima_ctx *ctx, const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = nima_alloc(ctx->arena, 1 << 20);
    size_t len = fread(text, 1, 1 << 20, file);
    fclose(file);
    return (nima_str){text, len};
}

TEST(labelled_sentences_are_claims_or_not)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str rest = read_file(&ctx, NIMA_SOURCE_DIR "/tests/data/claims.jsonl"), line;
    size_t count = 0;
    while (nima_str_next(&rest, '\n', &line)) {
        struct row row = {0};
        if (line.len == 0) {
            continue;
        }
        ASSERT_OK(nima_json_decode(&ctx, &row_shape, line, &row));
        const struct nima_language *language =
            nima_language_or_english(row.lang.len > 0 ? row.lang : NIMA_STR("en"));
        if (nima_claims_is(language, row.ordered, row.text) != row.claim) {
            fail_msg(NIMA_FMT, NIMA_ARG(row.text));
        }
        count++;
    }
    assert_true(count > 50);
    nima_ctx_done(&ctx);
}

/* The whole of what comes out when the text comes in pieces of so many bytes. */
static void stream(const char *text, size_t piece, bool ordered, char *out, size_t room)
{
    struct nima_claims_options options = {.ordered = ordered, .instead = NIMA_STR("(nothing)")};
    struct nima_claims *claims = nima_claims_new(&options);
    nima_str rest = nima_str_of(text);
    out[0] = '\0';
    while (rest.len > 0) {
        size_t bytes = rest.len < piece ? rest.len : piece;
        nima_claims_add(claims, nima_str_sub(rest, 0, bytes));
        nima_str ready = nima_claims_take(claims);
        assert_true(strlen(out) + ready.len < room);
        strncat(out, ready.ptr != NULL ? ready.ptr : "", ready.len);
        rest = nima_str_sub(rest, bytes, rest.len);
    }
    nima_claims_end(claims);
    nima_str ready = nima_claims_take(claims);
    strncat(out, ready.ptr != NULL ? ready.ptr : "", ready.len);
    nima_claims_free(claims);
}

static void streams_as(const char *text, bool ordered, const char *expected)
{
    char out[4096];
    for (size_t piece = 1; piece < 40; piece += 3) {
        stream(text, piece, ordered, out, sizeof(out));
        assert_string_equal(out, expected);
    }
}

TEST(a_claim_is_replaced_wherever_pieces_are_cut)
{
    streams_as("I've added milk, eggs and bread to your list.", false, "(nothing)");
    streams_as("Sounds good. Your alarm is set for 7. Sleep well.", false,
               "Sounds good. (nothing) Sleep well.");
    streams_as("That sounds good, I've added milk to your list. Anything else?", false,
               "That sounds good, (nothing) Anything else?");
}

TEST(what_is_true_is_said_once)
{
    streams_as("I booked a table. I ordered a taxi.\nBye.", false, "(nothing)\nBye.");
}

TEST(what_claims_nothing_passes_byte_for_byte)
{
    static const char *const texts[] = {
        "I'm sorry to hear that. How are you?",
        "Use `I've set the alarm.` here.\n```\nI've set the alarm.\n```\nI like it.",
        "- one\n- two\n\n**Bold** and 3.5 % of it.",
        "Can I remind you of something? I have no list.",
        "",
        "```c\nint x = 1; // done",
        "` unclosed",
        "He said: \"fine\"",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        streams_as(texts[i], false, texts[i]);
    }
}

TEST(a_word_alone_claims_only_where_something_was_asked)
{
    streams_as("Done.", true, "(nothing)");
    streams_as("Done.", false, "Done.");
}

TEST(little_is_held_back)
{
    struct nima_claims_options options = {0};
    struct nima_claims *claims = nima_claims_new(&options);
    nima_claims_add(claims, NIMA_STR("You are right"));
    assert_true(nima_claims_take(claims).len > 0);
    for (int i = 0; i < 10000; i++) {
        nima_claims_add(claims, NIMA_STR("i have a "));
        nima_claims_take(claims);
    }
    nima_claims_end(claims);
    assert_true(nima_claims_caught(claims) == 0);
    nima_claims_free(claims);
}

TEST_MAIN
