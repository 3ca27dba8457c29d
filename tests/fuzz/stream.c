/* A model's bytes, in pieces of any size, to whole characters without stop strings:
 * stop NUL stop NUL bytes. */
#include "fuzz/fuzz.h"
#include "llm/llm_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nima_str rest = fuzz_str(data, size);
    nima_str stops[2] = {fuzz_part(&rest), fuzz_part(&rest)};
    size_t stop_count = 0;
    for (size_t i = 0; i < 2; i++) {
        /* The door lets no other stop strings in. */
        if (stops[i].len > 0 && stops[i].len <= NIMA_LLM_STOP_BYTES_MAX &&
            nima_utf8_valid(stops[i])) {
            stops[stop_count++] = stops[i];
        }
    }
    struct nima_llm_stream stream;
    nima_llm_stream_init(&stream, stops, stop_count);
    size_t ready = 0;
    for (size_t at = 0; rest.ptr != NULL && at < rest.len;) {
        size_t piece = 1 + (size_t)((uint8_t)rest.ptr[at] % 7);
        nima_llm_stream_add(&stream, nima_str_sub(rest, at, at + piece));
        at += piece;
        size_t now = nima_llm_stream_ready(&stream);
        fuzz_must(now >= ready && now <= stream.text.len);
        ready = now;
    }
    nima_llm_stream_end(&stream);
    fuzz_must(nima_llm_stream_ready(&stream) >= ready);
    nima_str text = nima_str_sub(nima_buf_view(&stream.text), 0, nima_llm_stream_ready(&stream));
    fuzz_must(nima_utf8_valid(text));
    for (size_t i = 0; i < stop_count; i++) {
        fuzz_must(nima_str_find(text, stops[i], 0) == SIZE_MAX);
    }
    nima_llm_stream_done(&stream);
    return 0;
}
