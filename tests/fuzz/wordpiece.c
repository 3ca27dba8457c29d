/* Any text to the tokens of the embedding model. */
#include "fuzz/fuzz.h"
#include "llm/llm_int.h"

enum { IDS_MAX = 64 };

static struct nima_wordpiece *open_vocabulary(void)
{
    static const char *const starts[] = {"a", "the", "hello", "un", "1", ".", "é", "日", "ᄒ", "İ"};
    static const char *const others[] = {"a", "b", "ing", "able", "1", "ᅡ", "ß"};
    struct nima_wordpiece *made = nima_wordpiece_new(100);
    for (int i = 0; i < NIMA_WP_SPECIALS; i++) {
        nima_wordpiece_set_special(made, (enum nima_wordpiece_special)i, i);
    }
    int32_t id = NIMA_WP_SPECIALS;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        nima_wordpiece_add(made, nima_str_of(starts[i]), true, id++);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        nima_wordpiece_add(made, nima_str_of(others[i]), false, id++);
    }
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nima_wordpiece *vocabulary;
    if (vocabulary == NULL) {
        vocabulary = open_vocabulary(); /* read-only from here on, kept to the end */
    }
    size_t max = size > 0 ? 2 + data[0] % (IDS_MAX - 1) : 2;
    int32_t *ids = NIMA_XNEW(int32_t, max);
    size_t count = nima_wordpiece_encode(vocabulary, fuzz_str(data, size), ids, max);
    fuzz_must(count >= 2 && count <= max);
    fuzz_must(ids[0] == NIMA_WP_CLS && ids[count - 1] == NIMA_WP_SEP);
    free(ids);
    return 0;
}
