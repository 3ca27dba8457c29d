/* Who speaks in a turn. */
#include "orchestrator/orchestrator_int.h"
#include "personality/personality.h"
#include "util/buf.h"

enum { METADATA_BYTES_MAX = 1 << 20 };

static nima_rc kept_persona(struct nima_ctx *ctx, nima_str metadata, nima_str *out)
{
    const struct nima_json *object;
    NIMA_TRY(nima_json_parse(ctx, metadata.len > 0 ? metadata : NIMA_STR("{}"), &object));
    *out = nima_json_str(nima_json_get(object, "persona"));
    return NIMA_OK;
}

nima_rc nima_voice_choose(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_turn *turn, nima_str metadata, nima_str *out)
{
    if (turn->persona.ptr != NULL) {
        struct nima_persona asked; /* one that is none is told with the names there are */
        NIMA_TRY(nima_personality_get(ctx, o->personality, turn->persona, &asked));
        *out = asked.id;
        return NIMA_OK;
    }
    nima_str kept;
    NIMA_TRY(kept_persona(ctx, metadata, &kept));
    /* A persona whose file went away gives way to the default one. */
    bool there = kept.ptr != NULL && nima_personality_has(o->personality, kept);
    *out = there ? kept : (nima_str){NULL, 0};
    return NIMA_OK;
}

nima_rc nima_voice_keep(struct nima_ctx *ctx, const struct nima_turn *turn, nima_str metadata,
                        nima_str *out)
{
    nima_str kept;
    NIMA_TRY(kept_persona(ctx, metadata, &kept));
    if (turn->persona.ptr == NULL || nima_str_eq(kept, turn->persona)) {
        return NIMA_OK;
    }
    const struct nima_json *object;
    NIMA_TRY(nima_json_parse(ctx, metadata.len > 0 ? metadata : NIMA_STR("{}"), &object));
    struct nima_buf buf;
    nima_buf_init(&buf, METADATA_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR("{\"persona\":"));
    nima_json_write_str(&buf, turn->persona);
    for (size_t i = 0; i < nima_json_count(object); i++) {
        nima_str key;
        const struct nima_json *value = nima_json_at(object, i, &key);
        if (!nima_str_eq(key, NIMA_STR("persona"))) {
            nima_buf_add_char(&buf, ',');
            nima_json_write_str(&buf, key);
            nima_buf_add_char(&buf, ':');
            nima_buf_add(&buf, nima_json_text(ctx, value));
        }
    }
    nima_buf_add_char(&buf, '}');
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}
