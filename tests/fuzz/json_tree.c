/* The tree of JSON whose shape is not ours: every node is walked, and its text parses again. */
#include "fuzz/fuzz.h"
#include "util/json.h"

static void walk(const struct nima_json *node, int depth)
{
    int64_t whole;
    fuzz_must(depth <= 65);
    nima_str text = nima_json_str(node);
    fuzz_must(text.ptr == NULL || nima_utf8_valid(text));
    (void)nima_json_int(node, &whole);
    (void)nima_json_num(node, 0);
    (void)nima_json_bool(node, false);
    size_t count = nima_json_count(node);
    for (size_t i = 0; i < count && i < 2000; i++) {
        nima_str key = {"", 0};
        const struct nima_json *item = nima_json_at(node, i, &key);
        fuzz_must(item != NULL && nima_utf8_valid(key));
        walk(item, depth + 1);
    }
    fuzz_must(nima_json_at(node, count, NULL) == NULL);
    (void)nima_json_get(node, "a");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    const struct nima_json *root;
    nima_rc rc = nima_json_parse(&ctx, fuzz_str(data, size), &root);
    fuzz_check_error(&ctx, rc);
    if (rc == NIMA_OK) {
        walk(root, 1);
        nima_str text = nima_json_text(&ctx, root);
        fuzz_must(nima_json_parse(&ctx, text, &root) == NIMA_OK);
        fuzz_must(nima_str_eq(text, nima_json_text(&ctx, root)));
    }
    nima_ctx_done(&ctx);
    return 0;
}
