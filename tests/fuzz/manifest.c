/* Manifests of integrations, and the params that they let through: first the manifest, then, behind
 * a NUL, the params of its actions. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "tasks/program/program_int.h"
#include "util/json.h"

enum { TEXT_BYTES_MAX = 64 * 1024 };

static void try_params(struct nima_ctx *ctx, const struct nima_action *action, nima_str text)
{
    static const struct nima_tasks tasks = {.options = {.sandbox = NIMA_STR_INIT("off")}};
    nima_str resources[NIMA_ACTION_RESOURCES] = {{0}}, written;
    const struct nima_json *schema;
    void *params;
    fuzz_must(nima_json_parse(ctx, nima_action_schema(ctx, action->params), &schema) == NIMA_OK);
    nima_rc rc = nima_action_params(ctx, action, text, &params);
    fuzz_check_error(ctx, rc);
    if (rc != NIMA_OK) {
        return;
    }
    fuzz_must(nima_json_encode_text(ctx, action->params, params, 8 * TEXT_BYTES_MAX, &written) ==
              NIMA_OK);
    fuzz_must(nima_action_params(ctx, action, written, &params) == NIMA_OK);
    fuzz_check_error(ctx, action->resources(ctx, &tasks, params, resources));
    for (size_t i = 0; i < NIMA_ACTION_RESOURCES && resources[i].ptr != NULL; i++) {
        fuzz_must(nima_utf8_valid(resources[i]));
    }
}

static void try_actions(struct nima_ctx *ctx, const struct nima_program *program, nima_str params)
{
    const struct nima_action *actions = program->integration.actions;
    size_t count = 0;
    fuzz_must(strcmp(program->integration.name, "lab") == 0 && program->integration.at_once >= 1);
    for (; actions[count].name != NULL; count++) {
        const struct nima_program_shape *shape = (const void *)actions[count].params;
        fuzz_must(nima_spot_is_name(nima_str_of(actions[count].name), NIMA_PROGRAM_NAME_CHARS_MAX));
        fuzz_must(shape->call.argv[0][0] == '/' && shape->call.memory_mib > 0);
        try_params(ctx, &actions[count], params);
    }
    fuzz_must(count >= 1 && count <= NIMA_PROGRAM_ACTIONS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    struct nima_program program = {.folder = "/nonexistent/integrations"};
    nima_str rest = fuzz_str(data, size < TEXT_BYTES_MAX ? size : TEXT_BYTES_MAX);
    nima_str text = fuzz_part(&rest);
    nima_ctx_init(&ctx);
    nima_rc rc = nima_program_read(&ctx, "lab.yaml", NIMA_STR("lab"), text, &program);
    fuzz_check_error(&ctx, rc);
    if (rc == NIMA_OK) {
        try_actions(&ctx, &program, fuzz_part(&rest));
    }
    nima_ctx_done(&ctx);
    return 0;
}
