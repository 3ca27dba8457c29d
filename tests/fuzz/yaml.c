/* YAML of configuration and packs. */
#include "util/yaml.h"
#include "fuzz/fuzz.h"

static void walk(const struct nima_yaml *node, int depth)
{
    bool flag;
    int64_t whole;
    double number;
    fuzz_must(depth <= 33 && node->line >= 1 && node->column >= 1);
    fuzz_must(node->scalar.ptr == NULL || nima_utf8_valid(node->scalar));
    (void)nima_yaml_bool(node, &flag);
    (void)nima_yaml_int(node, &whole);
    (void)nima_yaml_num(node, &number);
    (void)nima_yaml_is_null(node);
    (void)nima_yaml_get(node, "a");
    size_t count = 0;
    for (const struct nima_yaml *child = node->first; child != NULL; child = child->next) {
        walk(child, depth + 1);
        count++;
    }
    fuzz_must(count == node->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    const struct nima_yaml *root;
    nima_rc rc = nima_yaml_parse(&ctx, "fuzz.yaml", fuzz_str(data, size), &root);
    fuzz_check_error(&ctx, rc);
    if (rc == NIMA_OK) {
        walk(root, 1);
    }
    nima_ctx_done(&ctx);
    return 0;
}
