/* The commands as rows, and what they have in common. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "app/app.h"
#include "util/buf.h"
#include "util/json.h"

extern char **environ;

enum { ARGS_MAX = 64 };

const struct nima_command nima_commands[] = {
    {"serve",
     "serve [--host HOST] [--port PORT] [--data FOLDER] [--store ADDRESS] [--llm ADDRESS]\n"
     "             [--embeddings ADDRESS] [--config FILE] [--log-level LEVEL]",
     "run the server and its page", nima_cmd_serve},
    {"chat", "chat [--url URL] [--conversation ID] [MESSAGE]", "talk in the terminal",
     nima_cmd_chat},
    {"doctor", "doctor [--json] [flags of serve]", "check configuration, store and models",
     nima_cmd_doctor},
    {"models", "models list [--json] | nima models pull NAME [--json]",
     "list or obtain language models", nima_cmd_models},
    {"migrate",
     "migrate status [flags of serve] | nima migrate up [flags of serve] |\n"
     "             nima migrate copy --from ADDRESS --to ADDRESS [--force]",
     "show or update the store's schema, or copy a store", nima_cmd_migrate},
    {"export", "export --user NAME [flags of serve]", "write all of one person to standard output",
     nima_cmd_export},
    {"import",
     "import [--user NAME] [--format nima|chatgpt|mem0] [--from NAME] [FILE]\n             [flags "
     "of serve]",
     "take in an export, of Nima, ChatGPT or mem0", nima_cmd_import},
    {"token",
     "token create --user NAME [--scopes \"chat memory tasks admin\"] | nima token list |\n"
     "             nima token revoke ID, each with [flags of serve]",
     "API tokens for other people and machines", nima_cmd_token},
    {"packs",
     "packs list | nima packs check [ID|FOLDER …] | nima packs build [ID|FOLDER …] |\n"
     "             nima packs new ID | nima packs export ID|FOLDER | nima packs install FILE |\n"
     "             nima packs import --id ID FILE|FOLDER, each with [flags of serve]",
     "knowledge packs: what there is, making and sharing them", nima_cmd_packs},
    {"audit", "audit verify [flags of serve]", "check that the record of tasks is whole",
     nima_cmd_audit},
    {"process", "process ORDER", "work on a file in the sandbox; the server starts it",
     nima_cmd_process},
    {"config", "config show [--origin] [flags of serve] | nima config example",
     "show the settings as a nima.yaml; --origin: a line each, and where it comes from",
     nima_cmd_config},
    {"openapi", "openapi", "print the OpenAPI document", nima_cmd_openapi},
    {0},
};

const struct nima_command *nima_command_find(nima_str name)
{
    for (const struct nima_command *c = nima_commands; c->name != NULL; c++) {
        if (nima_str_eq(name, nima_str_of(c->name))) {
            return c;
        }
    }
    return NULL;
}

void nima_command_help(const struct nima_command *command)
{
    printf("nima %s\n  %s\n", command->usage, command->summary);
    if (command->run == nima_cmd_serve) {
        for (size_t i = 0; i < nima_config_row_count; i++) {
            const struct nima_config_row *row = &nima_config_rows[i];
            if (row->flag != NULL) {
                printf("  %-14s %s (%s.%s, now by default: %s)\n", row->flag, row->doc,
                       row->section, row->key, row->preset);
            }
        }
    }
}

int nima_command_usage(const char *name)
{
    fprintf(stderr, "nima: usage: nima %s\n", nima_command_find(nima_str_of(name))->usage);
    return NIMA_EXIT_USAGE;
}

int nima_command_fail(const struct nima_ctx *ctx, nima_rc rc)
{
    const char *message = ctx->error.message[0] != '\0' ? ctx->error.message : nima_rc_text(rc);
    fprintf(stderr, "nima: %s\n", message);
    return rc == NIMA_E_INVALID ? NIMA_EXIT_USAGE : NIMA_EXIT_FAILED;
}

int nima_command_config(struct nima_ctx *ctx, int argc, char **argv, struct nima_config *out)
{
    nima_rc rc = nima_config_load(ctx, argc, argv, environ, out, NULL);
    return rc == NIMA_OK ? NIMA_EXIT_DONE : nima_command_fail(ctx, rc);
}

int nima_cmd_openapi(int argc, char **argv)
{
    (void)argv;
    if (argc > 0) {
        return nima_command_usage("openapi");
    }
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)4 << 20);
    nima_api_openapi(NIMA_VERSION, &buf);
    bool ok = fwrite(buf.ptr, 1, buf.len, stdout) == buf.len && fflush(stdout) == 0;
    nima_buf_done(&buf);
    return ok ? NIMA_EXIT_DONE : NIMA_EXIT_FAILED;
}

/* One line of a nima.yaml; what is secret in it stays out, as a comment. */
static void show_setting(struct nima_ctx *ctx, const struct nima_config *config,
                         const struct nima_config_row *row)
{
    nima_str shown = nima_config_value(ctx, config, row);
    if (row->kind != NIMA_CONFIG_STR) {
        printf("  %s: " NIMA_FMT "\n", row->key, NIMA_ARG(shown));
        return;
    }
    const nima_str *value = (const nima_str *)((const char *)config + row->offset);
    struct nima_buf quoted;
    nima_buf_init(&quoted, (size_t)1 << 20);
    nima_json_write_str(&quoted, shown);
    printf("  %s%s: " NIMA_FMT "%s\n", nima_str_eq(shown, *value) ? "" : "# ", row->key,
           NIMA_ARG(nima_buf_view(&quoted)),
           nima_str_eq(shown, *value) ? "" : " (the secret in it is not shown)");
    nima_buf_done(&quoted);
}

static int show_config(struct nima_ctx *ctx, int argc, char **argv, bool with_origin)
{
    struct nima_config config;
    struct nima_config_origins origins;
    nima_rc rc = nima_config_load(ctx, argc, argv, environ, &config, &origins);
    if (rc != NIMA_OK) {
        return nima_command_fail(ctx, rc);
    }
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        if (with_origin) {
            nima_str value = nima_config_value(ctx, &config, row);
            printf("%s.%s: " NIMA_FMT "  # " NIMA_FMT "\n", row->section, row->key, NIMA_ARG(value),
                   NIMA_ARG(origins.items[i]));
            continue;
        }
        if (i == 0 || strcmp(row->section, nima_config_rows[i - 1].section) != 0) {
            printf("%s%s:\n", i == 0 ? "" : "\n", row->section);
        }
        show_setting(ctx, &config, row);
    }
    return NIMA_EXIT_DONE;
}

static int print_example(void)
{
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)1 << 20);
    nima_config_example(&buf);
    fputs(buf.ptr, stdout);
    nima_buf_done(&buf);
    return NIMA_EXIT_DONE;
}

int nima_cmd_config(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "example") == 0) {
        return print_example();
    }
    if (argc == 0 || strcmp(argv[0], "show") != 0) {
        return nima_command_usage("config");
    }
    char *rest[ARGS_MAX];
    int count = 0;
    bool with_origin = false;
    for (int i = 1; i < argc && count < ARGS_MAX; i++) {
        if (strcmp(argv[i], "--origin") == 0) {
            with_origin = true;
        } else {
            rest[count++] = argv[i];
        }
    }
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    int code = show_config(&ctx, count, rest, with_origin);
    nima_ctx_done(&ctx);
    return code;
}
