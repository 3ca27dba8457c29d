/*
 * What a prompt was made of, kept in a few hundred bytes: the system message once for each text of
 * it, the window by positions, notes by the messages they stand before. context.c puts it together
 * again, and its hash says whether that is what the model got, byte for byte.
 */
#include "orchestrator/orchestrator_int.h"
#include "util/buf.h"
#include "util/digest.h"

enum { PROMPT_BYTES_MAX = 64 * 1024 * 1024 };

nima_str nima_record_hash(struct nima_ctx *ctx, const struct nima_prompt *prompt)
{
    struct nima_buf all;
    nima_buf_init(&all, PROMPT_BYTES_MAX);
    for (size_t i = 0; i < prompt->count; i++) {
        nima_buf_add(&all, prompt->items[i].role);
        nima_buf_fmt(&all, " %zu ", prompt->items[i].content.len);
        nima_buf_add(&all, prompt->items[i].content);
    }
    nima_str hash = nima_sha256_hex(ctx, nima_buf_view(&all));
    nima_buf_done(&all);
    return hash;
}

nima_rc nima_record_make(struct nima_ctx *ctx, const struct nima_prompt_texts *texts,
                         const struct nima_fit *fit, const struct nima_history *history,
                         const struct nima_prompt *prompt, int64_t to, struct nima_prompt_keep *out)
{
    struct nima_record record = {.system = fit->system_hash,
                                 .from = history->count > 0 ? history->items[0].position : to,
                                 .to = to,
                                 .hash = nima_record_hash(ctx, prompt)};
    record.sections.items = NIMA_NEW(ctx->arena, struct nima_record_section, NIMA_SECTIONS);
    for (int i = 0; i < NIMA_SECTIONS; i++) {
        if (nima_sections[i].place == NIMA_PLACE_SYSTEM && texts->of[i].len > 0) {
            record.sections.items[record.sections.count++] = (struct nima_record_section){
                nima_str_of(nima_sections[i].name), (int64_t)texts->of[i].len};
        }
    }
    record.without.items = history->without.items;
    record.without.count = history->without.count;
    out->hash = fit->system_hash;
    out->text = fit->system;
    return nima_meta_encode(ctx, &nima_record_shape, &record, &out->record);
}
