#include "memory/first.h"

#include <stdio.h>
#include <string.h>

#include "memory/ground.h"
#include "util/buf.h"

enum { TEXT_BYTES_MAX = 700 };

/* "works" is work, "studies" study, "has" have. */
static void base_form(const char *third, char *out, size_t room)
{
    static const char *const odd[][2] = {
        {"is", "am"},   {"has", "have"},     {"does", "do"},      {"was", "was"},
        {"goes", "go"}, {"speaks", "speak"}, {"isn't", "am not"}, {"doesn't", "do not"}};
    size_t len = strlen(third);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        if (strcmp(third, odd[i][0]) == 0) {
            snprintf(out, room, "%s", odd[i][1]);
            return;
        }
    }
    bool hissing = len > 4 && strcmp(third + len - 2, "es") == 0 &&
                   (strchr("sxz", third[len - 3]) != NULL ||
                    (third[len - 3] == 'h' && strchr("sc", third[len - 4]) != NULL));
    if (len > 4 && strcmp(third + len - 3, "ies") == 0) {
        snprintf(out, room, "%.*sy", (int)len - 3, third);
    } else if (hissing) {
        snprintf(out, room, "%.*s", (int)len - 2, third);
    } else if (len > 3 && third[len - 1] == 's' && third[len - 2] != 's') {
        snprintf(out, room, "%.*s", (int)len - 1, third);
    } else {
        snprintf(out, room, "%s", third);
    }
}

static nima_str own_word(const struct nima_said_word *t)
{
    return nima_memory_token_is(t, "their")        ? NIMA_STR("my")
           : nima_memory_token_is(t, "them")       ? NIMA_STR("me")
           : nima_memory_token_is(t, "themselves") ? NIMA_STR("myself")
           : nima_memory_token_is(t, "they")       ? NIMA_STR("I")
                                                   : t->raw;
}

nima_str nima_memory_first_person(struct nima_ctx *ctx, nima_str fact)
{
    nima_str rest = nima_str_trim(fact);
    if (fact.len > TEXT_BYTES_MAX / 2) {
        return NIMA_STR("");
    }
    if (nima_str_starts(rest, NIMA_STR("I ")) || nima_str_starts(rest, NIMA_STR("I'm ")) ||
        nima_str_starts(rest, NIMA_STR("My "))) {
        return rest;
    }
    size_t the = nima_str_starts_nocase(rest, NIMA_STR("The ")) ? strlen("The ") : 0;
    rest = nima_str_sub(rest, the, rest.len);
    bool of = nima_str_starts_nocase(rest, NIMA_STR("user's "));
    bool self = nima_str_starts_nocase(rest, NIMA_STR("user "));
    if (!of && !self) {
        return NIMA_STR("");
    }
    struct nima_said_word t[NIMA_TOKENS_MAX];
    rest = nima_str_sub(rest, of ? strlen("user's ") : strlen("user "), rest.len);
    size_t count = nima_memory_said_tokens(ctx, rest, t);
    struct nima_buf buf;
    nima_buf_init(&buf, TEXT_BYTES_MAX);
    nima_buf_add(&buf, of ? NIMA_STR("My") : NIMA_STR("I"));
    bool verb = self;
    for (size_t i = 0; i < count; i++) {
        char base[NIMA_TOKEN_CHARS + 8];
        bool adverb = verb && nima_memory_token_in(&t[i], " also currently still now usually often"
                                                          " always never mainly mostly ");
        nima_buf_add_char(&buf, ' ');
        if (verb && !adverb) {
            base_form(t[i].low, base, sizeof(base));
            nima_buf_add(&buf, nima_str_of(base));
            verb = false;
        } else {
            nima_buf_add(&buf, own_word(&t[i]));
        }
        nima_buf_add(&buf, t[i].comma ? NIMA_STR(",") : NIMA_STR(""));
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

nima_rc nima_memory_name_attribute(struct nima_ctx *ctx, struct nima_candidate *candidate)
{
    struct nima_candidates *found = NIMA_NEW(ctx->arena, struct nima_candidates, 1);
    nima_str said = nima_memory_first_person(ctx, candidate->text);
    if (said.len == 0) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_memory_extract(ctx, said, found));
    const struct nima_candidate *rule = &found->items[0];
    if (found->count != 1 || rule->attribute.ptr == NULL ||
        !nima_memory_says_already(rule->text, candidate->text)) {
        return NIMA_OK;
    }
    candidate->attribute = rule->attribute;
    candidate->value = rule->value;
    candidate->single = rule->single;
    candidate->ended = rule->ended;
    candidate->category = rule->category;
    return NIMA_OK;
}
