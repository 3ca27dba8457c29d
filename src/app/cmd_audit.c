/* nima audit verify */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "store/tasks.h"

static nima_rc verify(struct nima_ctx *ctx, const struct nima_config *config,
                      struct nima_audit_report *report)
{
    struct nima_store_options options = {.address = config->store.address};
    struct nima_store *store = NULL;
    NIMA_TRY(nima_store_open(ctx, &options, &store));
    nima_rc rc = nima_audit_verify(ctx, store, report);
    nima_store_close(store);
    return rc;
}

static int audit(struct nima_ctx *ctx, int argc, char **argv)
{
    struct nima_config config;
    struct nima_audit_report report;
    int code = nima_command_config(ctx, argc, argv, &config);
    if (code != NIMA_EXIT_DONE) {
        return code;
    }
    nima_rc rc = verify(ctx, &config, &report);
    if (rc != NIMA_OK) {
        return nima_command_fail(ctx, rc);
    }
    if (report.problem.ptr != NULL) {
        fprintf(stderr, "nima: the record is not whole: " NIMA_FMT "\n", NIMA_ARG(report.problem));
        return NIMA_EXIT_FAILED;
    }
    printf("the record is whole: %lld rows of %lld people\n", (long long)report.rows,
           (long long)report.people);
    return NIMA_EXIT_DONE;
}

int nima_cmd_audit(int argc, char **argv)
{
    if (argc < 1 || strcmp(argv[0], "verify") != 0) {
        return nima_command_usage("audit");
    }
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    int code = audit(&ctx, argc - 1, argv + 1);
    nima_ctx_done(&ctx);
    return code;
}
