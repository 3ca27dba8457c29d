/* nima models: hands over to scripts/models.py, which set-up uses too, so there is one way to
 * obtain a model. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/files.h"

enum { ARGS_MAX = 10 };

static int run(struct nima_ctx *ctx, int argc, char **argv)
{
    const char *script = nima_app_file(ctx, "scripts/models.py");
    const char *catalogue = nima_app_file(ctx, "configs/models.yaml");
    if (script == NULL || catalogue == NULL) {
        fprintf(stderr,
                "nima: %s is missing beside the program and in this folder: run this in the folder "
                "that Nima was cloned into\n",
                script == NULL ? "scripts/models.py" : "configs/models.yaml");
        return NIMA_EXIT_FAILED;
    }
    char *cache = nima_cstr(ctx, nima_cache_dir(ctx));
    char *words[ARGS_MAX] = {"python3",     nima_cstr(ctx, nima_str_of(script)),
                             "--catalogue", nima_cstr(ctx, nima_str_of(catalogue)),
                             "--cache",     cache};
    for (int i = 0; i < argc; i++) {
        words[6 + i] = argv[i];
    }
    /* Its exit code, its standard error and Ctrl-C are then those of this command. */
    execvp(words[0], words);
    fprintf(stderr, "nima: python3 cannot be run (%s): install it with: apt-get install python3\n",
            strerror(errno));
    return NIMA_EXIT_FAILED;
}

int nima_cmd_models(int argc, char **argv)
{
    bool json = argc > 0 && strcmp(argv[argc - 1], "--json") == 0;
    int words = argc - json;
    bool list = words == 1 && strcmp(argv[0], "list") == 0;
    bool pull = words == 2 && strcmp(argv[0], "pull") == 0 && argv[1][0] != '-';
    if (!list && !pull) {
        return nima_command_usage("models");
    }
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    int code = run(&ctx, argc, argv);
    nima_ctx_done(&ctx);
    return code;
}
