/* nima migrate copy: one store into another. */
#include <stdio.h>
#include <unistd.h>

#include "app/app.h"
#include "store/copy.h"

static void tell(void *user, const char *what, int64_t done, int64_t total)
{
    (void)user;
    nima_command_progress(what, done, total);
}

static void print_report(const struct nima_copy_report *report)
{
    printf("%-16s %10s %10s %14s\n", "table", "rows", "vectors", "there before");
    for (size_t i = 0; i < report->count; i++) {
        const struct nima_copy_table *table = &report->items[i];
        printf("%-16s %10lld %10lld %14lld\n", table->name, (long long)table->rows,
               (long long)table->vectors, (long long)table->there);
    }
    printf("\ncopied and compared, row by row\n");
}

/* The source must be there: opening would make an empty one. */
static nima_rc open_source(struct nima_ctx *ctx, nima_str address, struct nima_store **out)
{
    struct nima_store_options options = {.address = address};
    struct nima_migration_states states;
    NIMA_TRY(nima_store_migrations(ctx, &options, &states));
    if (states.count > 0 && !states.items[0].applied) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "there is no store at " NIMA_FMT,
                         NIMA_ARG(nima_store_address_shown(ctx, address)));
    }
    return nima_store_open(ctx, &options, out);
}

static nima_rc copy(struct nima_ctx *ctx, nima_str from, nima_str to, bool force)
{
    struct nima_store *source = NULL, *target = NULL;
    struct nima_copy_report report;
    struct nima_copy_options options = {.force = force, .progress = tell};
    if (nima_str_eq(from, to)) {
        return nima_fail(ctx, NIMA_E_INVALID, "--from and --to name the same store");
    }
    nima_rc rc = open_source(ctx, from, &source);
    if (rc == NIMA_OK) {
        rc = nima_store_open(ctx, &(struct nima_store_options){.address = to}, &target);
    }
    if (rc == NIMA_OK && nima_store_notes(source) != NULL) {
        fprintf(stderr, "nima: %s\n", nima_store_notes(source));
    }
    if (rc == NIMA_OK) {
        rc = nima_store_copy(ctx, source, target, &options, &report);
        nima_command_progress_done();
    }
    nima_store_close(target);
    nima_store_close(source);
    if (rc == NIMA_OK) {
        print_report(&report);
    }
    return rc;
}

int nima_cmd_copy(int argc, char **argv)
{
    nima_str from = {0}, to = {0};
    bool both = nima_command_flag(&argc, argv, "--from", &from);
    both = nima_command_flag(&argc, argv, "--to", &to) && both;
    bool force = nima_command_switch(&argc, argv, "--force");
    if (!both || argc > 0) {
        return nima_command_usage("migrate");
    }
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_rc rc = copy(&ctx, from, to, force);
    int code = rc == NIMA_OK ? NIMA_EXIT_DONE : nima_command_fail(&ctx, rc);
    nima_ctx_done(&ctx);
    return code;
}
