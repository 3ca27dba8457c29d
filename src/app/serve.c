/* nima serve */
#include <stdio.h>
#include <stdlib.h>

#include "app/app.h"
#include "util/log.h"

static void set_log(struct nima_ctx *ctx, const struct nima_config *config)
{
    enum nima_log_level level;
    if (nima_log_level_of(nima_cstr(ctx, config->server.log_level), &level)) {
        nima_log_set_level(level);
    }
    nima_log_set_json(nima_str_eq(config->server.log_format, NIMA_STR("json")));
}

/* Set-up takes the small model when the large one cannot be had; the person must know. */
static void tell_fallback(void)
{
    const char *wanted = getenv("NIMA_LLM_FALLBACK_FROM");
    if (wanted != NULL && wanted[0] != '\0') {
        nima_log_warn("the model %s could not be had, so the tiny one answers, and not as well; "
                      "try again with: nima models pull %s",
                      wanted, wanted);
    }
}

static int serve(struct nima_ctx *ctx, struct nima_ctx *tick_ctx, int argc, char **argv)
{
    struct nima_config config;
    int code = nima_command_config(ctx, argc, argv, &config);
    if (code != NIMA_EXIT_DONE) {
        return code;
    }
    set_log(ctx, &config);
    tell_fallback();
    struct nima_app *app;
    nima_rc rc = nima_app_open(ctx, &config, &app);
    if (rc != NIMA_OK) {
        return nima_command_fail(ctx, rc);
    }
    bool v6 = nima_str_find(config.server.host, NIMA_STR(":"), 0) != SIZE_MAX;
    printf("Nima %s is at http://%s" NIMA_FMT "%s:%d  (Ctrl-C stops it)\n", NIMA_VERSION,
           v6 ? "[" : "", NIMA_ARG(config.server.host), v6 ? "]" : "", nima_app_port(app));
    fflush(stdout);
    nima_app_run(tick_ctx, app);
    nima_app_close(app);
    nima_log_info("stopped");
    return NIMA_EXIT_DONE;
}

int nima_cmd_serve(int argc, char **argv)
{
    struct nima_ctx ctx, tick_ctx;
    nima_ctx_init(&ctx);
    nima_ctx_init(&tick_ctx);
    int code = serve(&ctx, &tick_ctx, argc, argv);
    nima_ctx_done(&tick_ctx);
    nima_ctx_done(&ctx);
    return code;
}
