#include "tasks/support_heard.h"

static bool same(struct nima_ctx *ctx, const struct nima_json *wanted, const struct nima_json *got)
{
    nima_str text = nima_json_str(got);
    if (text.ptr == NULL) {
        return got != NULL && nima_str_eq(nima_json_text(ctx, wanted), nima_json_text(ctx, got));
    }
    if (nima_str_ends(text, NIMA_STR("\n"))) {
        text.len--;
    }
    return nima_str_eq(nima_json_str(wanted), text);
}

bool heard_is_right(struct nima_ctx *ctx, const struct nima_tasks_step *step,
                    const struct nima_json *row)
{
    const struct nima_json *params = nima_json_get(row, "params"), *tree;
    nima_str action = nima_json_str(nima_json_get(row, "action")), key;
    nima_str name =
        nima_fmt(ctx, NIMA_FMT "." NIMA_FMT, NIMA_ARG(step->type), NIMA_ARG(step->action));
    if (!nima_str_eq(action, name) || nima_json_parse(ctx, step->params, &tree) != NIMA_OK) {
        return false;
    }
    for (size_t i = 0; i < nima_json_count(params); i++) {
        const struct nima_json *wanted = nima_json_at(params, i, &key);
        bool none = nima_json_kind(wanted) == NIMA_JSON_STR && nima_json_str(wanted).len == 0;
        const struct nima_json *got = nima_json_get(tree, nima_cstr(ctx, key));
        if (!(none && got == NULL) && !same(ctx, wanted, got)) {
            return false;
        }
    }
    for (size_t i = 0; i < nima_json_count(tree); i++) {
        const struct nima_json *got = nima_json_at(tree, i, &key);
        bool extra = nima_json_get(params, nima_cstr(ctx, key)) == NULL;
        if (extra && !nima_str_eq(nima_json_str(got), NIMA_STR("GET")) &&
            !nima_str_eq(key, NIMA_STR("line"))) {
            return false;
        }
    }
    return true;
}
