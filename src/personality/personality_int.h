#pragma once
/*
 * Private to src/personality.
 */
#include "llm/llm.h"
#include "personality/personality.h"

enum {
    NIMA_PERSONA_FILE_BYTES_MAX = 256 * 1024,
    NIMA_PERSONA_PROMPT_BYTES_MAX = 8192, /* of system_prompt */
    NIMA_PERSONA_ITEMS_MAX = 64,
    NIMA_PERSONA_EXAMPLES_MAX = 16,
    NIMA_PERSONA_TEXT_CHARS_MAX = 1000
};

/* persona.c: a file's text; `file` stands for it in messages. */
NIMA_MUST_USE nima_rc nima_persona_parse(struct nima_ctx *ctx, const char *file, nima_str text,
                                         struct nima_persona *out);

/* prompt.c: at most `tokens_max` tokens where the important part of it allows. `llm` may be NULL
 * or not loaded yet: tokens are estimated then. */
NIMA_MUST_USE nima_rc nima_persona_write(struct nima_ctx *ctx, const struct nima_persona *persona,
                                         struct nima_llm *llm, int tokens_max,
                                         struct nima_persona_prompt *out);

/* personality.c: the model that counts and embeds; NULL: none. */
struct nima_llm *nima_personality_llm(const struct nima_personality *personality);
