/* Any text to the terms that keyword ranking counts: text NUL more text. */
#include "search/words.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nima_str rest = fuzz_str(data, size);
    nima_str text = fuzz_part(&rest);
    if (!nima_utf8_valid(text) || !nima_utf8_valid(rest)) {
        return 0; /* the door lets no such text in */
    }
    struct nima_words *words = nima_search_words_open();
    struct nima_terms terms = nima_search_words_of(words, text, rest);
    fuzz_must(terms.count <= (text.len + rest.len) * 4 + 2);
    uint64_t sum = 0;
    for (size_t i = 0; i < terms.count; i++) {
        sum += terms.items[i];
    }
    size_t count = terms.count;
    terms = nima_search_words_of(words, text, rest);
    fuzz_must(terms.count == count); /* nothing is left over from the text before */
    for (size_t i = 0; i < terms.count; i++) {
        sum -= terms.items[i];
    }
    fuzz_must(sum == 0);
    nima_search_words_close(words);
    return 0;
}
