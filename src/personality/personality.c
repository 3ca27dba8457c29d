/*
 * The persona file to a system prompt. Known style words have a sentence each; an unknown one is
 * put in as it is, so that a person can write their own.
 */
#include "personality/personality.h"

#include <stdlib.h>

#include "util/buf.h"
#include "util/yaml.h"

enum { PROMPT_BYTES_MAX = 8192 };

static const char builtin[] =
    "personality:\n"
    "  voice: \"zen_engineer\"\n"
    "  tone: \"direct\"\n"
    "  style: [\"be_concise\", \"show_code_examples\", \"think_step_by_step\"]\n"
    "  values: [\"simplicity\", \"pragmatism\", \"shipping\"]\n"
    "  system_prompt: |\n"
    "    You are Nima, a Zen engineer AI assistant.\n"
    "    Core values: simplicity, directness, pragmatism.\n"
    "    Communication style: concise, objective, calm.\n";

static const struct {
    const char *word;
    const char *sentence;
} sentences[] = {
    {"be_concise", "Answer in a few sentences; leave out filler and apologies."},
    {"show_code_examples", "Show a short code example only when the user asks about code."},
    {"think_step_by_step",
     "When the user asks how to do something, give the steps as a short numbered list."},
};

struct nima_personality {
    char *name;
    char *prompt;
};

static nima_rc wrong(struct nima_ctx *ctx, const char *file, const struct nima_yaml *node,
                     const char *what)
{
    return nima_fail(ctx, NIMA_E_INVALID, "%s:%d:%d: %s", file, node->line, node->column, what);
}

static nima_str sentence_of(nima_str word)
{
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        if (nima_str_eq(word, nima_str_of(sentences[i].word))) {
            return nima_str_of(sentences[i].sentence);
        }
    }
    return word;
}

static nima_rc add_style(struct nima_ctx *ctx, const char *file, const struct nima_yaml *style,
                         struct nima_buf *prompt)
{
    if (style == NULL) {
        return NIMA_OK;
    }
    if (style->kind != NIMA_YAML_LIST) {
        return wrong(ctx, file, style, "style must be a list");
    }
    for (const struct nima_yaml *item = style->first; item != NULL; item = item->next) {
        if (item->kind != NIMA_YAML_SCALAR) {
            return wrong(ctx, file, item, "an entry of style must be a text");
        }
        nima_str sentence = sentence_of(item->scalar);
        nima_buf_fmt(prompt, "\n" NIMA_FMT, NIMA_ARG(sentence));
    }
    return NIMA_OK;
}

static nima_rc write_prompt(struct nima_ctx *ctx, const char *file, const struct nima_yaml *root,
                            struct nima_buf *prompt)
{
    const struct nima_yaml *persona = nima_yaml_get(root, "personality");
    if (persona == NULL || persona->kind != NIMA_YAML_MAP) {
        return wrong(ctx, file, root, "the key personality with the persona below it is missing");
    }
    const struct nima_yaml *text = nima_yaml_get(persona, "system_prompt");
    if (nima_str_trim(nima_yaml_str(text)).len == 0) {
        return wrong(ctx, file, persona, "system_prompt is missing or empty");
    }
    nima_buf_add(prompt, nima_str_trim(text->scalar));
    NIMA_TRY(add_style(ctx, file, nima_yaml_get(persona, "style"), prompt));
    if (prompt->overflowed) {
        return wrong(ctx, file, persona, "the persona is over 8192 bytes; make it shorter");
    }
    return NIMA_OK;
}

nima_rc nima_personality_open(struct nima_ctx *ctx, nima_str path, struct nima_personality **out)
{
    const struct nima_yaml *root;
    const char *file = path.ptr != NULL ? nima_cstr(ctx, path) : "built-in persona";
    if (path.ptr != NULL) {
        NIMA_TRY(nima_yaml_load(ctx, file, &root));
    } else {
        NIMA_TRY(nima_yaml_parse(ctx, file, nima_str_of(builtin), &root));
    }
    struct nima_buf prompt;
    nima_buf_init(&prompt, PROMPT_BYTES_MAX);
    nima_rc rc = write_prompt(ctx, file, root, &prompt);
    if (rc == NIMA_OK) {
        struct nima_personality *made = NIMA_XNEW(struct nima_personality, 1);
        nima_str voice = nima_yaml_str(nima_yaml_get(nima_yaml_get(root, "personality"), "voice"));
        made->name = nima_xstrdup(voice.ptr != NULL ? voice : NIMA_STR("nima"));
        made->prompt = nima_xstrdup(nima_buf_view(&prompt));
        *out = made;
    }
    nima_buf_done(&prompt);
    return rc;
}

void nima_personality_close(struct nima_personality *personality)
{
    if (personality == NULL) {
        return;
    }
    free(personality->name);
    free(personality->prompt);
    free(personality);
}

nima_str nima_personality_name(struct nima_personality *personality)
{
    return nima_str_of(personality->name);
}

nima_str nima_personality_prompt(struct nima_ctx *ctx, struct nima_personality *personality)
{
    return nima_str_copy(ctx->arena, nima_str_of(personality->prompt));
}
