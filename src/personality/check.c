/* How well a text fits a persona: what the rules find in it, and how near it is to the examples. */
#include "personality/filter.h"
#include "personality/personality_int.h"

/* The rules say how a text is written, and that is a persona; the meaning of it is mostly the
 * question's. */
static const double closeness_share = 0.1;

/* To the nearest example's reply. Without examples, or a model to embed them, nothing is known. */
static nima_rc measure_closeness(struct nima_ctx *ctx, struct nima_llm *llm,
                                 const struct nima_persona *persona, nima_str text,
                                 struct nima_persona_check *out)
{
    size_t count = persona->examples.count;
    if (llm == NULL || count == 0 || nima_utf8_blank(text)) {
        return NIMA_OK;
    }
    nima_str *texts = NIMA_NEW(ctx->arena, nima_str, count + 1);
    texts[0] = text;
    for (size_t i = 0; i < count; i++) {
        texts[i + 1] = persona->examples.items[i].reply;
    }
    struct nima_vectors vectors;
    nima_rc rc = nima_llm_embed(ctx, llm, texts, count + 1, &vectors);
    if (rc == NIMA_E_UNAVAILABLE || rc == NIMA_E_MODEL || rc == NIMA_E_BUSY) {
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    for (size_t i = 1; i <= count; i++) {
        double cosine = 0;
        for (size_t d = 0; d < vectors.dims; d++) {
            cosine += (double)vectors.items[d] * (double)vectors.items[i * vectors.dims + d];
        }
        out->closeness = cosine > out->closeness ? cosine : out->closeness;
    }
    out->closeness = out->closeness < 1 ? out->closeness : 1;
    out->has_closeness = true;
    return NIMA_OK;
}

nima_rc nima_personality_check(struct nima_ctx *ctx, struct nima_personality *personality,
                               nima_str name, nima_str text, struct nima_persona_check *out)
{
    struct nima_persona persona;
    NIMA_TRY(nima_personality_get(ctx, personality, name, &persona));
    struct nima_filter *filter = nima_filter_new(&persona.forbidden);
    nima_filter_add(filter, text);
    nima_filter_end(filter);
    struct nima_persona_check check = {.persona = persona.id};
    check.text = nima_str_copy(ctx->arena, nima_filter_take(filter));
    struct nima_filter_report report;
    nima_filter_report(ctx, filter, &report);
    nima_filter_free(filter);
    check.changes.items = report.items;
    check.changes.count = report.count;
    check.rules = report.score;
    NIMA_TRY(measure_closeness(ctx, nima_personality_llm(personality), &persona, text, &check));
    double share = check.has_closeness ? closeness_share : 0;
    check.score = (1 - share) * check.rules + share * check.closeness;
    *out = check;
    return NIMA_OK;
}
