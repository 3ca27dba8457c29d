/* Sentences that tell of acts: data/phrases.yaml, by language. */
#include <pthread.h>

#include "orchestrator/acts.h"
#include "util/buf.h"
#include "util/embed.h"
#include "util/log.h"
#include "util/yaml.h"

NIMA_EMBEDDED(orchestrator);

enum { PHRASE_BYTES_MAX = 64 * 1024 };

static const struct nima_yaml *phrases; /* language -> key -> sentence */

static void read_phrases(void)
{
    static struct nima_ctx ctx; /* its arena lives as long as the process */
    const struct nima_embedded *file =
        nima_embedded_find(nima_embedded_orchestrator, NIMA_STR("phrases.yaml"));
    nima_ctx_init(&ctx);
    if (nima_yaml_parse(&ctx, "phrases.yaml", nima_embedded_data(file), &phrases) != NIMA_OK) {
        nima_log_error("%s", ctx.error.message);
    }
    nima_assert(phrases != NULL);
}

static nima_str sentence_of(const char *language, const char *key)
{
    const struct nima_yaml *table = nima_yaml_get(phrases, language);
    return table != NULL ? nima_yaml_str(nima_yaml_get(table, key)) : (nima_str){NULL, 0};
}

static nima_str value_of(nima_str name, const struct nima_phrase_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nima_str_eq(name, nima_str_of(values[i].name))) {
            return values[i].value.ptr != NULL ? values[i].value : NIMA_STR("");
        }
    }
    return NIMA_STR("");
}

nima_str nima_phrase(struct nima_ctx *ctx, const struct nima_language *language, const char *key,
                     const struct nima_phrase_value *values, size_t count)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_phrases);
    const char *code = nima_cstr(ctx, nima_language_code(language));
    nima_str sentence = sentence_of(code, key);
    sentence = sentence.ptr != NULL ? sentence : sentence_of("en", key);
    nima_assert(sentence.ptr != NULL); /* every key has an English sentence */
    struct nima_buf buf;
    nima_buf_init(&buf, PHRASE_BYTES_MAX);
    while (sentence.len > 0) {
        size_t open = nima_str_find(sentence, NIMA_STR("{"), 0);
        size_t close = open != SIZE_MAX ? nima_str_find(sentence, NIMA_STR("}"), open) : SIZE_MAX;
        if (close == SIZE_MAX) {
            nima_buf_add(&buf, sentence);
            break;
        }
        nima_buf_add(&buf, nima_str_sub(sentence, 0, open));
        nima_buf_add(
            &buf, nima_utf8_prefix(value_of(nima_str_sub(sentence, open + 1, close), values, count),
                                   PHRASE_BYTES_MAX / 4));
        sentence = nima_str_sub(sentence, close + 1, sentence.len);
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}
