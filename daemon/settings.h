/* What the engine and the sources are told of the configuration, at the start and when it was read
 * again. */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include "daemon/config/config.h"
#include "daemon/core/engine.h"
#include "daemon/source.h"

/* Without a seed. */
struct engine_limits settings_engine(const struct config *config);

struct engine_app_limits settings_app(const struct app_config *app);

/* Sets config, times, and what may be held. */
void settings_sources(struct source_context *context, const struct config *config);

#endif
