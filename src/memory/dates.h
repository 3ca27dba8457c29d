#pragma once
/*
 * dates: days and years that stand on the day of the message, made to stand by themselves: "since
 * March" is "since March 2026", "in two weeks" is "around December 6, 2026". What is not sure
 * ("on Friday" of something that neither was nor will be, "next weekend") stays as it was said.
 */
#include "util/ctx.h"

/* `local_s`: when it was said, by the person's clock (util/zone.h). The text itself when nothing of
 * it changes. */
nima_str nima_memory_dates_absolute(struct nima_ctx *ctx, nima_str fact, int64_t local_s);
