/* RFC 3339 and ids: what was read is written and read again as the same. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "util/clock.h"
#include "util/uuid.h"

static void round_trip(int64_t ms)
{
    char text[NIMA_TIME_CHARS + 1];
    char again[NIMA_TIME_CHARS + 1];
    int64_t back;
    nima_time_write(ms, text);
    fuzz_must(strlen(text) == NIMA_TIME_CHARS);
    fuzz_must(nima_time_read(nima_str_of(text), &back));
    nima_time_write(back, again);
    fuzz_must(strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str text = fuzz_str(data, size);
    int64_t ms;
    double number;
    if (nima_time_read(text, &ms)) {
        round_trip(ms);
    }
    if (size >= sizeof(ms)) {
        memcpy(&ms, data, sizeof(ms));
        round_trip(ms);
    }
    (void)nima_str_to_i64(text, &ms);
    (void)nima_str_to_f64(text, &number);
    nima_str id;
    nima_rc rc = nima_uuid_read(&ctx, text, "id", &id);
    fuzz_check_error(&ctx, rc);
    fuzz_must(rc != NIMA_OK || nima_uuid_valid(id));
    nima_ctx_done(&ctx);
    return 0;
}
