/* "Use the travel pack", "please turn off the cars pack here": switches that are said in chat. */
#include <ctype.h>
#include <string.h>

#include "knowledge/knowledge_int.h"

enum { WISH_BYTES_MAX = 300 };

static const struct {
    const char *words;
    enum nima_pack_mode mode;
} verbs[] = {
    {"stop using", NIMA_PACK_OFF}, {"don't use", NIMA_PACK_OFF},  {"do not use", NIMA_PACK_OFF},
    {"switch off", NIMA_PACK_OFF}, {"turn off", NIMA_PACK_OFF},   {"deactivate", NIMA_PACK_OFF},
    {"disable", NIMA_PACK_OFF},    {"start using", NIMA_PACK_ON}, {"use", NIMA_PACK_ON},
    {"switch on", NIMA_PACK_ON},   {"turn on", NIMA_PACK_ON},     {"activate", NIMA_PACK_ON},
    {"enable", NIMA_PACK_ON},      {"load", NIMA_PACK_ON},        {"unload", NIMA_PACK_OFF},
};

/* Takes the words off the front when a word ends behind them. */
static bool take(nima_str *text, nima_str words)
{
    bool there = nima_str_starts_nocase(*text, words) &&
                 (text->len == words.len || !isalnum((unsigned char)text->ptr[words.len]));
    if (there && words.len > 0) {
        *text = nima_str_trim(nima_str_sub(*text, words.len, text->len));
    }
    return there && words.len > 0;
}

static bool take_word(nima_str *text, const char *word)
{
    return take(text, nima_str_of(word));
}

static void take_any(nima_str *text, const char *const *words)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; words[i] != NULL; i++) {
            again = again || take_word(text, words[i]);
        }
    }
}

static bool take_verb(nima_str *text, enum nima_pack_mode *mode)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (take_word(text, verbs[i].words)) {
            *mode = verbs[i].mode;
            return true;
        }
    }
    return false;
}

/* "turn the travel pack off": what the verb left to the end. */
static bool take_end(nima_str *text, enum nima_pack_mode *mode)
{
    bool on = take_word(text, "on"), off = !on && take_word(text, "off");
    *mode = on ? NIMA_PACK_ON : NIMA_PACK_OFF;
    return on || off;
}

static const struct nima_pack *take_pack(const struct nima_shelf *shelf, nima_str *text)
{
    size_t at = 0;
    for (const struct nima_pack *p; (p = nima_shelf_served(shelf, &at)) != NULL;) {
        nima_str names[] = {p->name, p->id};
        for (size_t i = 0; i < 2; i++) {
            nima_str rest = *text;
            if (take(&rest, names[i]) &&
                (take_word(&rest, "knowledge pack") || take_word(&rest, "pack"))) {
                *text = rest;
                return p;
            }
        }
    }
    return NULL;
}

static bool read_wish(const struct nima_shelf *shelf, nima_str text, struct nima_pack_wish *out,
                      const struct nima_pack **pack_out)
{
    static const char *const before[] = {"please", "can you", "could you", "ok", "okay", ",", NULL};
    static const char *const heres[] = {"in this conversation", "for this conversation", "here",
                                        "in this chat",         "for this chat",         NULL};
    static const char *const after[] = {"please",  "now",      "again", "from now on",
                                        "anymore", "any more", NULL};
    bool ends = false;
    take_any(&text, before);
    if (!take_verb(&text, &out->mode)) {
        ends = take_word(&text, "turn") || take_word(&text, "switch");
        if (!ends) {
            return false;
        }
    }
    if (!take_word(&text, "the")) {
        (void)take_word(&text, "my");
    }
    *pack_out = take_pack(shelf, &text);
    if (*pack_out == NULL || (ends && !take_end(&text, &out->mode))) {
        return false;
    }
    take_any(&text, after);
    for (size_t i = 0; heres[i] != NULL; i++) {
        out->here = out->here || take_word(&text, heres[i]);
    }
    take_any(&text, after);
    while (text.len > 0 && strchr(".!?", text.ptr[0]) != NULL) {
        text = nima_str_trim(nima_str_sub(text, 1, text.len));
    }
    out->only = text.len == 0;
    /* "use the travel pack list I wrote": the words go on, and mean something else. */
    return out->only || strchr(",;:", text.ptr[0]) != NULL || take_word(&text, "and") ||
           take_word(&text, "to");
}

nima_rc nima_knowledge_wish(struct nima_ctx *ctx, struct nima_knowledge *k, nima_str text,
                            struct nima_pack_wish *out)
{
    struct nima_pack_wish wish = {0};
    const struct nima_pack *pack = NULL;
    text = nima_str_trim(text);
    if (text.len > WISH_BYTES_MAX || nima_str_find_nocase(text, NIMA_STR("pack"), 0) == SIZE_MAX) {
        *out = wish;
        return NIMA_OK;
    }
    struct nima_shelf *shelf = nima_shelf_take(k, false);
    if (read_wish(shelf, text, &wish, &pack)) {
        wish.pack = nima_str_copy(ctx->arena, pack->id);
        wish.name = nima_pack_line(ctx, pack->name);
    }
    nima_shelf_release(shelf);
    *out = wish;
    return NIMA_OK;
}
