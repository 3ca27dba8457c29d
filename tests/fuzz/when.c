/* Any text to tokens, numbers and times, in the language that its first byte picks. What is read
 * lies within the text, and the same text is read the same. */
#include "language/when.h"
#include "fuzz/fuzz.h"
#include "util/clock.h"
#include "util/zone.h"

enum { US_MAX = 2000000 };

static void check_spans(const struct nima_passages *spans, nima_str text)
{
    for (size_t i = 0; i < spans->count; i++) {
        fuzz_must(spans->items[i].from < spans->items[i].end && spans->items[i].end <= text.len);
        fuzz_must(i == 0 || spans->items[i].from >= spans->items[i - 1].end);
    }
}

static void check_tokens(struct nima_ctx *ctx, nima_str text)
{
    struct nima_tokens tokens;
    struct nima_passages passages;
    nima_language_tokens(ctx, text, &tokens);
    size_t at = 0;
    for (size_t i = 0; i < tokens.count; i++) {
        const struct nima_token *token = &tokens.items[i];
        fuzz_must(token->from >= at && token->end > token->from && token->end <= text.len);
        fuzz_must(nima_utf8_valid(token->fold) || !nima_utf8_valid(text));
        at = token->end;
    }
    nima_language_sentences(ctx, text, &passages);
    check_spans(&passages, text);
    nima_language_clauses(ctx, nima_language_get(NIMA_STR("en")), text, &passages);
    check_spans(&passages, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    if (size == 0) {
        return 0;
    }
    nima_ctx_init(&ctx);
    nima_str text = fuzz_str(data + 1, size - 1);
    struct nima_when_setting setting = {.now_ms = INT64_C(1795597200000)};
    setting.language =
        nima_language_get(nima_str_of(nima_language_codes[data[0] % NIMA_LANGUAGES]));
    nima_rc rc = nima_zone_load(&ctx, NIMA_STR("Europe/Berlin"), &setting.zone);
    fuzz_must(rc == NIMA_OK);
    int64_t start = nima_mono_us();
    struct nima_whens found;
    struct nima_when one, slot, again;
    struct nima_quantities quantities;
    check_tokens(&ctx, text);
    nima_when_find(&ctx, &setting, text, &found);
    for (size_t i = 0; i < found.count; i++) {
        check_spans(&found.items[i].spans, text);
        fuzz_must(found.items[i].kind != NIMA_WHEN_RECURRENCE || found.items[i].cron_count > 0 ||
                  found.items[i].every.ptr != NULL || !found.items[i].whole ||
                  found.items[i].problem.ptr != NULL);
        (void)nima_when_text(&ctx, &setting, &found.items[i]);
    }
    nima_when_find_one(&ctx, &setting, text, &one);
    check_spans(&one.spans, text);
    nima_when_read(&ctx, &setting, &text, 1, &slot);
    nima_when_read(&ctx, &setting, &text, 1, &again);
    fuzz_must(slot.kind == again.kind && slot.at_ms == again.at_ms && slot.whole == again.whole);
    nima_language_quantities(&ctx, setting.language, text, &quantities);
    (void)nima_language_identify(&ctx, text, NULL);
    (void)nima_when_zone_name(&ctx, text);
    fuzz_must(nima_mono_us() - start < US_MAX || size > 65536);
    nima_ctx_done(&ctx);
    return 0;
}
