#pragma once
/*
 * support_personality: a folder of persona files of its own.
 */
#include "personality/personality_int.h"
#include "support/test.h"

struct files {
    struct nima_ctx ctx;
    char folder[64];
};
struct files files_open(void);
void files_close(struct files *f);
/* Writes FOLDER/NAME; "personality.yaml" is the main one, "personas/x.yaml" one more. */
void files_write(struct files *f, const char *name, nima_str text);
void files_remove(struct files *f, const char *name);
nima_str files_path(struct files *f, const char *name);
/* Opens what is there. */
NIMA_MUST_USE nima_rc files_load(struct files *f, struct nima_personality **out);
nima_str prompt_of(struct files *f, struct nima_personality *personality, const char *name);

#define ASSERT_SAYS(message, part)                                                                 \
    do {                                                                                           \
        const char *test_message = (message);                                                      \
        if (strstr(test_message, (part)) == NULL) {                                                \
            fail_msg("\"%s\" does not say \"%s\"", test_message, (part));                          \
        }                                                                                          \
    } while (0)
